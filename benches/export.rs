//! How fast an experiment is written as CSV: ten million rows of eight columns in sealed chunks,
//! SQLite, times as ISO 8601; how much memory that takes; how long its report takes and how large it is.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at the first failure and prints")]
#![allow(dead_code, reason = "what is filled tells more than is asked here")]

#[path = "lab/battery.rs"]
mod battery;
#[path = "lab/filled.rs"]
mod filled;
#[path = "lab/fine.rs"]
mod fine;

use std::time::Instant;

use cellar::domain::ids::ExperimentId;
use cellar::exchange::export::TableExport;
use cellar::exchange::report::report;
use cellar::report::csv::Dialect;
use cellar::store::Store;

/// Samples of the experiment.
const ROWS: usize = 10_000_000;
const ROWS_PER_S_MIN: f64 = 5e6;
const PEAK_KB_MAX: u64 = 64 * 1024;

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bench.db");
    // `CELLAR_EXPORT_ONLY` is set by this program itself: the memory of an export is that of a process that does nothing else.
    if let Ok(file) = std::env::var("CELLAR_EXPORT_ONLY") {
        let store = Store::open_file(file.as_ref()).await.unwrap();
        export(&store, 1.into()).await;
        println!("peak memory of an export: {} MB (bound {} MB)", peak_kb() / 1024, PEAK_KB_MAX / 1024);
        return;
    }
    let store = Store::open_file(&file).await.unwrap();
    store.migrate().await.unwrap();
    let experiment = filled::experiment(&store, ROWS).await.experiment;
    for _ in 0..3 {
        let began = Instant::now();
        let (rows, bytes) = export(&store, experiment).await;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "CSV: {:.1} million rows/s, {:.0} MB/s (bound {:.0} million rows/s)",
            rows / seconds / 1e6,
            bytes / seconds / 1e6,
            ROWS_PER_S_MIN / 1e6
        );
    }
    let experiment = store.experiment(experiment).await.unwrap().unwrap();
    let began = Instant::now();
    let html = report(&store, &experiment, filled::START_US).await.unwrap().file().unwrap();
    println!("report: {:.2} s, {} kB (bounds 0.5 s, 500 kB)", began.elapsed().as_secs_f64(), html.len() / 1_000);
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
async fn export(store: &Store, experiment: ExperimentId) -> (f64, f64) {
    let experiment = store.experiment(experiment).await.unwrap().unwrap();
    let mut export = TableExport::csv(store, &experiment, Dialect::Cellar).await.unwrap();
    let mut bytes = 0;
    while let Some(piece) = export.next_piece().await.unwrap() {
        bytes += piece.len();
    }
    (export.row_count() as f64, bytes as f64)
}
