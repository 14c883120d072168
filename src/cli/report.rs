//! `cellar report`: an experiment as a file for people.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;

use super::flags::StoreFlags;
use super::user::open;
use super::{BadInput, print};
use crate::clock::Clock;
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::ExperimentId;
use crate::exchange::report::report;

#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    /// Number of the experiment
    experiment: i64,
    /// File to write; - for standard output
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,
    #[command(flatten)]
    server: StoreFlags,
}

pub(super) async fn run(args: &ReportArgs) -> anyhow::Result<()> {
    let store = open(&args.server).await?;
    let id = ExperimentId(args.experiment);
    let unknown = || BadInput(format!("there is no experiment {id}; the list is on the page Experiments"));
    let experiment = store.experiment(id).await?.ok_or_else(unknown)?;
    let now_us = Clock::System.now_us();
    let change = Change::new("export report", format!("experiment {id}"));
    store.audit(&Actor::shell("cellar report"), &change, now_us).await?;
    let html = report(&store, &experiment, now_us).await?.file()?;
    store.close().await;
    if args.output.as_os_str() == "-" {
        print(html.trim_end())?;
    } else {
        std::fs::write(&args.output, &html).with_context(|| format!("cannot write {}", args.output.display()))?;
        print(&format!("Wrote {}: {} kB.", args.output.display(), html.len().div_ceil(1_000)))?;
    }
    Ok(())
}
