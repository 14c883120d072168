//! Cellar: the server a battery lab runs its life on.
//!
//! `docs/architecture.md` says how the parts fit together and who may import whom.

pub mod analysis;
pub mod app;
pub mod archive;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod domain;
pub mod exchange;
pub mod import;
pub mod ingest;
pub mod node;
pub mod outbound;
pub mod report;
pub mod series;
pub mod sim;
pub mod store;
pub mod tls;
pub mod web;
