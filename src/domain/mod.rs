//! The words of the lab as types: no I/O, no async, no SQL, no HTTP.
//!
//! Values are SI `f64` (V, A, W, °C, Ah, s); charge current is positive. Times are `i64` microseconds
//! since the Unix epoch, UTC. A value of these types that exists is valid.

pub mod audit;
pub mod battery;
pub mod bdf;
pub mod cell;
pub mod command;
pub mod device;
pub mod experiment;
pub mod ids;
pub mod instrument;
pub mod limits;
pub mod measure;
pub mod message;
pub mod number;
pub mod profile;
pub mod run;
pub mod run_doubt;
pub mod run_state;
pub mod safety;
pub mod sample;
pub mod secret;
pub mod station;
pub mod text;
pub mod user;
