//! The pages: one folder per entity, one file per view, templates of the same names.

pub mod health;
pub mod monitor;
pub mod theme;
