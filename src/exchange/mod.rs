//! Files out of the database and into it: what the pages, the API and the command line have in common.

pub mod export;
pub mod import;
pub mod name;
pub mod report;
