//! The JSON API, version 1.

pub mod series;
pub mod stations;
