//! What is handed on: charts and reports. Receives measurements, never queries.

pub mod chart;
pub mod csv;
pub mod experiment;
pub mod parquet;
pub mod spreadsheet;
pub mod sql;
pub mod zip;
