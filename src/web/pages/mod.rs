//! The pages: one folder per entity, one file per view, templates of the same names.

pub mod account;
pub mod alarms;
pub mod audit;
pub mod batteries;
pub mod cells;
pub mod dead_letters;
pub mod devices;
pub mod emergency_stop;
pub mod experiments;
pub mod health;
pub mod monitor;
pub mod profiles;
pub mod session;
pub mod stations;
pub mod theme;
pub mod tokens;
pub mod units;
pub mod users;
pub mod wall;
