//! The integration tests: the real program, real databases, a real broker. One binary, because linking costs more than
//! running. A test sends traffic only to 127.0.0.1 and sits in the module named after what it tests.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails at that line"
)]

#[macro_use]
mod support;

mod abuse;
mod accounts;
mod api_batteries;
mod api_profiles;
mod archive;
mod archive_job;
mod archive_killed;
mod archive_pages;
mod audit;
mod batteries;
mod chaos;
mod contest;
mod crash;
mod crash_edges;
mod dead_letters;
mod device_gate;
mod devices;
mod documentation;
mod experiments;
mod exports;
mod exports_open;
mod harness;
mod imports;
mod ingest;
mod mqtt_bridge;
mod mqtt_clients;
mod mqtt_matrix;
mod mqtt_node;
mod notices;
mod operation;
mod pages_batteries;
mod pages_experiments;
mod pages_people;
mod pages_profiles;
mod pages_stations;
mod people_verbs;
mod roles;
mod runs;
mod safety;
mod scheduler;
mod sealing;
mod sealing_killed;
mod secrets;
mod series;
mod sessions;
mod sign_in;
mod simulate;
mod stations;
mod store;
mod tls;
mod units;
mod ways;
