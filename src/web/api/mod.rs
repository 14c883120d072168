//! The JSON API, version 1.

pub mod alarms;
pub mod batteries;
mod compact;
pub mod dead_letters;
pub mod emergency_stop;
pub mod experiments;
pub mod imports;
pub mod marks;
pub mod profiles;
pub mod series;
pub mod stations;
