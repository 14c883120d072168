//! `cellar doctor`: whether what this server stands on is well, and with `--deep` everything it stored.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use serde_json::json;

use super::flags::ServerFlags;
use super::print;
use crate::app;
use crate::store::Store;
use crate::store::verify::Verified;

/// Times a small write is made sure of.
const SYNCS: usize = 20;
/// A disk that takes longer to make a write sure holds up every reading.
const SYNC_SLOW: Duration = Duration::from_millis(50);

#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Read every block: checksums, row numbers, summaries and pyramid; stop the server first
    #[arg(long)]
    deep: bool,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerFlags,
}

/// One thing that was looked at.
struct Finding {
    what: &'static str,
    is_well: bool,
    words: String,
}

pub(super) async fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let config = args.server.settings()?;
    let store = app::open_store(&config).await?;
    let mut findings = vec![database(&store).await, disk(&config.data_dir)?];
    findings.extend(archive(&store).await);
    if args.deep {
        findings.extend(deep(&store).await?);
    }
    store.close().await;
    let is_well = findings.iter().all(|finding| finding.is_well);
    if args.json {
        let told = |finding: &Finding| json!({ "what": finding.what, "ok": finding.is_well, "words": finding.words });
        let findings: Vec<serde_json::Value> = findings.iter().map(told).collect();
        print(&json!({ "ok": is_well, "findings": findings }).to_string())?;
    } else {
        for finding in &findings {
            let mark = if finding.is_well { "ok   " } else { "FAULT" };
            print(&format!("{mark} {}: {}", finding.what, finding.words))?;
        }
    }
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

async fn database(store: &Store) -> Finding {
    let (is_well, words) = match store.ping().await {
        Ok(_) => (true, format!("{} answers", store.engine().name())),
        Err(error) => (false, error.to_string()),
    };
    Finding { what: "database", is_well, words }
}

/// Whether the archive of the settings takes files.
async fn archive(store: &Store) -> Option<Finding> {
    let archive = store.archive()?;
    let (is_well, words) = match archive.ping().await {
        Ok(()) => (true, format!("{} takes files", archive.words())),
        Err(error) => (false, error.to_string()),
    };
    Some(Finding { what: "archive", is_well, words })
}

/// How long it takes to make a small write sure in the folder where everything is kept.
fn disk(folder: &Path) -> anyhow::Result<Finding> {
    let path = folder.join("doctor.tmp");
    let whole = || format!("cannot write {}", path.display());
    let mut file = std::fs::File::create(&path).with_context(whole)?;
    let mut times = Vec::with_capacity(SYNCS);
    for _ in 0..SYNCS {
        file.write_all(&[0; 4_096]).with_context(whole)?;
        let began = Instant::now();
        file.sync_data().with_context(whole)?;
        times.push(began.elapsed());
    }
    drop(file);
    std::fs::remove_file(&path).with_context(whole)?;
    times.sort_unstable();
    let median = times[SYNCS / 2];
    let words = format!("a write is sure after {:.1} ms (median of {SYNCS})", median.as_secs_f64() * 1e3);
    Ok(Finding { what: "disk", is_well: median <= SYNC_SLOW, words })
}

/// Reads everything that was ever measured.
async fn deep(store: &Store) -> anyhow::Result<Vec<Finding>> {
    let streams = store.all_streams().await?;
    let mut all = Verified::default();
    for of_device in streams.chunk_by(|one, other| one.1 == other.1) {
        let Some((_, device)) = of_device.first() else { continue };
        let ids: Vec<_> = of_device.iter().map(|(stream, _)| *stream).collect();
        let verified = store.verify_device(device, &ids).await?;
        all.blocks += verified.blocks;
        all.rows += verified.rows;
        all.faults.extend(verified.faults);
        if std::io::stderr().is_terminal() {
            // Nothing can be done if it cannot be printed.
            let _ = writeln!(std::io::stderr(), "{} rows read", all.rows);
        }
    }
    let mut findings: Vec<Finding> = all
        .faults
        .into_iter()
        .map(|fault| Finding {
            what: "samples",
            is_well: false,
            words: format!("{}: {}; restore it from a backup", fault.place, fault.reason),
        })
        .collect();
    if findings.is_empty() {
        let words =
            format!("{} rows in {} blocks of {} streams are as they were written", all.rows, all.blocks, streams.len());
        findings.push(Finding { what: "samples", is_well: true, words });
    }
    Ok(findings)
}
