//! `cellar simulate check`: does the database hold exactly what simulated devices measured?

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;

use super::flags::ServerFlags;
use super::{BadInput, print};
use crate::app;
use crate::domain::ids::DeviceId;
use crate::sim::audit::{Audit, Verdict};
use crate::sim::timing::{Timing, quantile};
use crate::store::Store;

/// `cellar simulate check`
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The journal the simulation wrote
    #[arg(long, value_name = "FILE")]
    journal: PathBuf,
    /// The database of the server [default: SQLite in the data folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Folder of the server's data [default: ./cellar-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// Prints the four counts; 1 when one of them is not zero.
pub(super) async fn run(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    let unreadable = |error| BadInput(format!("{:#}", anyhow::Error::from(error)));
    let mut audit = Audit::read(&args.journal).map_err(unreadable)?;
    let flags = ServerFlags {
        data_dir: args.data_dir.clone(),
        database_url: args.database_url.clone(),
        ..ServerFlags::default()
    };
    let store = app::open_store(&flags.settings()?).await?;
    let mut devices: Vec<DeviceId> = audit.boots().into_iter().map(|(device, _)| device).collect();
    devices.dedup();
    for device in &devices {
        check_device(&store, device, &mut audit).await.with_context(|| format!("reading what {device} measured"))?;
    }
    store.close().await;
    let verdict = audit.verdict();
    let waits = Timing::read(&args.journal).map_err(unreadable)?.waits_us(i64::MIN, i64::MAX);
    print(&if args.json {
        let mut verdict = serde_json::to_value(&verdict)?;
        verdict["ack_us"] = ["p50", "p99", "max"].into_iter().zip(figures(&waits)).collect();
        verdict.to_string()
    } else {
        words(&verdict) + &waits_in_words(&waits)
    })?;
    Ok(if verdict.is_clean() { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// Compares every stored block of a device, page by page.
async fn check_device(store: &Store, device: &DeviceId, audit: &mut Audit) -> anyhow::Result<()> {
    for (stream, _) in store.device_streams(device).await? {
        let mut after = (0, -1);
        loop {
            let blocks = store.stream_batches(stream, after).await?;
            let Some(last) = blocks.last() else { break };
            after = (last.boot, last.last_seq());
            blocks.iter().for_each(|block| audit.check(device, block));
        }
    }
    Ok(())
}

fn words(verdict: &Verdict) -> String {
    let Verdict { created, missing, duplicate, altered, acked_missing, other_boots: _, examples } = verdict;
    let counts = format!("missing {missing} duplicate {duplicate} altered {altered} acked_missing {acked_missing}");
    let examples: String = examples.iter().map(|example| format!("\n  {example}")).collect();
    format!("{counts}\nof {created} rows created{examples}")
}

/// Median, 99th percentile and largest of sorted times.
fn figures(waits_us: &[i64]) -> [Option<i64>; 3] {
    [0.5, 0.99, 1.0].map(|share| quantile(waits_us, share))
}

fn waits_in_words(waits_us: &[i64]) -> String {
    let [Some(p50), Some(p99), Some(max)] = figures(waits_us).map(|us| us.map(|us| us as f64 / 1000.0)) else {
        return String::new();
    };
    format!("\nacknowledged after {p50:.1} ms (median), {p99:.1} ms (99 %), {max:.1} ms at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_come_first_in_the_order_scripts_expect() {
        let verdict = Verdict { created: 9, missing: 2, altered: 1, examples: vec!["x".into()], ..Verdict::default() };
        assert_eq!(words(&verdict), "missing 2 duplicate 0 altered 1 acked_missing 0\nof 9 rows created\n  x");
    }
}
