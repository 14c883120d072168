//! What follows from readings and models: pure functions, no queries.

pub mod cell_model;
pub mod cycling;
pub mod dry_run;
pub mod forecast;
pub mod run;
