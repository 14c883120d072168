//! How fast an experiment is written as CSV and as Parquet: ten million rows of eight columns in sealed chunks,
//! SQLite, times as ISO 8601; how much memory that takes; how long its report takes and how large it is. Beside each the time
//! of processors it took, which other work on the machine changes less.
//!
//! November 2026, two cores: CSV 7.1 to 7.4 million rows/s, Parquet 6.2 to 6.6. On a slower day, by turns with a version whose
//! fingerprint was SHA-256: CSV 5.8 to 6.1 million rows/s, the report 0.55 to 0.69 s, and 0.76 to 0.85 s with SHA-256, for which
//! the quiet machine had taken 0.55 s.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first failure and prints"
)]
#![allow(dead_code, reason = "what is filled tells more than is asked here")]

#[path = "lab/battery.rs"]
mod battery;
#[path = "lab/filled.rs"]
mod filled;
#[path = "lab/fine.rs"]
mod fine;
#[path = "lab/servers.rs"]
mod servers;

use std::time::Instant;

use cellar::domain::ids::ExperimentId;
use cellar::exchange::export::TableExport;
use cellar::exchange::format::Format;
use cellar::exchange::report::report;
use cellar::report::csv::Dialect;
use cellar::store::Store;

/// That of the server.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Samples of the experiment.
const ROWS: usize = 10_000_000;
const CSV_ROWS_PER_S_MIN: f64 = 5e6;
const PARQUET_ROWS_PER_S_MIN: f64 = 2e6;
const CSV: Format = Format::Csv(Dialect::Cellar);
const PARQUET: Format = Format::Parquet(Dialect::Bdf);
const PEAK_KB_MAX: u64 = 64 * 1024;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.db");
    // `CELLAR_EXPORT_ONLY` is set by this program itself: the memory of an export is that of a process that does nothing else.
    if let Ok(file) = std::env::var("CELLAR_EXPORT_ONLY") {
        let store = Store::open_file(file.as_ref()).await.unwrap();
        export(&store, 1.into(), CSV).await;
        println!("peak memory of an export: {} MB (bound {} MB)", peak_kb() / 1024, PEAK_KB_MAX / 1024);
        return;
    }
    let store = Store::open_file(&file).await.unwrap();
    store.migrate().await.unwrap();
    let experiment = filled::experiment(&store, ROWS).await.experiment;
    for (name, format, least) in [("CSV", CSV, CSV_ROWS_PER_S_MIN), ("Parquet", PARQUET, PARQUET_ROWS_PER_S_MIN)] {
        for _ in 0..3 {
            let (began, cpu_s) = (Instant::now(), servers::cpu_s("self"));
            let (rows, bytes) = export(&store, experiment, format).await;
            let seconds = began.elapsed().as_secs_f64();
            println!(
                "{name}: {:.1} million rows/s, {:.0} MB/s, {:.2} s of processors (bound {:.0} million rows/s)",
                rows / seconds / 1e6,
                bytes / seconds / 1e6,
                servers::cpu_s("self") - cpu_s,
                least / 1e6
            );
        }
    }
    let experiment = store.experiment(experiment).await.unwrap().unwrap();
    for _ in 0..3 {
        let (began, cpu_s) = (Instant::now(), servers::cpu_s("self"));
        let html = report(&store, &experiment, filled::START_US).await.unwrap().file().unwrap();
        println!(
            "report: {:.2} s, {:.2} s of processors, {} kB (bounds 0.5 s, 500 kB)",
            began.elapsed().as_secs_f64(),
            servers::cpu_s("self") - cpu_s,
            html.len() / 1_000
        );
    }
    store.close().await;
    let child = std::process::Command::new(std::env::current_exe().unwrap()).env("CELLAR_EXPORT_ONLY", &file).status();
    assert!(child.unwrap().success());
}

fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[expect(clippy::cast_precision_loss, reason = "a benchmark counts less than 2^52")]
async fn export(store: &Store, experiment: ExperimentId, format: Format) -> (f64, f64) {
    let experiment = store.experiment(experiment).await.unwrap().unwrap();
    let mut export = TableExport::of(store, &experiment, format).await.unwrap().unwrap();
    let mut bytes = 0;
    while let Some(piece) = export.next_piece().await.unwrap() {
        bytes += piece.len();
    }
    (export.row_count() as f64, bytes as f64)
}
