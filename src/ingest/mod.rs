//! From a device's message to a committed row: check, cut what is already there, commit, acknowledge.

pub mod archiver;
pub mod events;
pub mod follow;
mod group;
pub mod health;
pub mod intake;
mod known;
mod lane;
pub mod lookout;
mod overlap;
mod packed;
mod run;
pub mod sealer;
mod wire;
pub mod writer;
