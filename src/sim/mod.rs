//! A simulated lab.

pub mod batch;
pub mod cell;
pub mod cycler;
pub mod instrument;
pub mod ocv;
pub mod preset;
