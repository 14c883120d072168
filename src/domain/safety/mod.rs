//! Safety: how far a run may go, and the watch over it.
//!
//! The server is the last of four lines and not a safety device: the hardware's own limits, the unit with its limits and
//! its lease, and whatever the room has come first. What is here decides from values alone and does no I/O.
//!
//! | Part | |
//! |---|---|
//! | [`limits`] | the limits of a run, where nobody gave others |
//! | [`alarm`] | what can be wrong, and how bad it is |
//! | [`watch`] | the rules over the rows of one run |
//! | [`pulse`] | whether a run is heard at all |

pub mod alarm;
mod bound;
mod columns;
pub mod limits;
mod order;
pub mod pulse;
mod sensor;
mod slope;
pub mod watch;
mod words;

pub use alarm::{Breach, Code, Finding, Severity};
pub use limits::{limits_for, without_temperature};
pub use pulse::{Hearing, Phase, Pulse};
pub use watch::{Watch, Witness};
