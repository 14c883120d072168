//! A battery computed instead of measured: for dry runs of profiles and for the simulated lab.

pub mod cell;
pub mod ocv;
pub mod preset;
pub mod typical;
