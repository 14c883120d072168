//! Files out of the database and into it: what the pages, the API and the command line have in common.

pub mod bundle;
pub mod export;
mod fingerprint;
pub mod format;
pub mod import;
pub mod name;
pub mod report;
mod ro_crate;
