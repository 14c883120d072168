//! `cellar import`: files of finished experiments.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chrono::{DateTime, SecondsFormat};
use clap::Args;
use serde_json::json;

use super::flags::StoreFlags;
use super::user::open;
use super::{BadInput, print};
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId};
use crate::domain::text::hexadecimal;
use crate::domain::text::{line, lines};
use crate::exchange::import::{ImportError, Inspected, Reading, Wishes, inspect, load};
use crate::import::Evidence;
use crate::store::{Store, StoreError};

#[derive(Debug, Args)]
pub(super) struct ImportArgs {
    /// Files to import, each as an experiment of its own
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Number of the battery; without it a generic one is added, named after the file
    #[arg(long, value_name = "ID")]
    battery: Option<i64>,
    /// Number of the profile, if it is known here
    #[arg(long, value_name = "ID")]
    profile: Option<i64>,
    /// auto, csv, bdf-csv, wattrex-csv or wattrex-import-csv
    #[arg(long, value_name = "NAME", default_value = "auto")]
    format: String,
    /// Name of the experiment, one file only [default: that of the file]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// What a colleague should know
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// When the test began, for a file without dates, like 2026-11-21T08:00:00Z
    #[arg(long, value_name = "TIME")]
    start: Option<DateTime<chrono::FixedOffset>>,
    /// Import what was imported before a second time
    #[arg(long)]
    again: bool,
    /// Only say what the files are and hold
    #[arg(long)]
    dry_run: bool,
    /// Print the reports as JSON, one line for each file
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: StoreFlags,
}

pub(super) async fn run(args: &ImportArgs) -> anyhow::Result<ExitCode> {
    if args.name.is_some() && args.files.len() > 1 {
        return Err(BadInput("--name is for one file; leave it out and each is named after its file".to_owned()).into());
    }
    let reading = Reading { format: args.format.clone(), start_us: args.start.map(|start| start.timestamp_micros()) };
    let store = if args.dry_run { None } else { Some(open(&args.server).await?) };
    if let Some(store) = &store {
        // On a database that no server ran on: the station for what was measured elsewhere.
        store.seed(Clock::System.now_us()).await?;
    }
    let mut status = ExitCode::SUCCESS;
    for file in &args.files {
        match one(store.as_ref(), file, &reading, args).await {
            Ok((inspected, experiment)) => tell(file, &inspected, experiment, args.json)?,
            Err(error) => {
                let is_input = matches!(
                    error,
                    ImportError::Fault(_)
                        | ImportError::Again { .. }
                        | ImportError::Io(_)
                        | ImportError::Store(StoreError::Missing { .. } | StoreError::Duplicate { .. })
                );
                let told = format!("{}: {error}", file.display());
                if !is_input {
                    return Err(anyhow::Error::from(error).context(file.display().to_string()));
                }
                // The others may still be good.
                super::complain(&BadInput(told.clone()).into());
                if args.json {
                    print(&json!({ "file": file, "error": told }).to_string())?;
                }
                status = ExitCode::from(1);
            }
        }
    }
    if let Some(store) = store {
        store.close().await;
    }
    Ok(status)
}

async fn one(
    store: Option<&Store>,
    file: &Path,
    reading: &Reading,
    args: &ImportArgs,
) -> Result<(Inspected, Option<ExperimentId>), ImportError> {
    let inspected = inspect(file, reading, Clock::System.now_us())?;
    let Some(store) = store else { return Ok((inspected, None)) };
    let name: String = line(args.name.as_deref().unwrap_or_default());
    let wishes = Wishes {
        name: name.chars().take(crate::domain::experiment::NAME_MAX).collect(),
        description: lines(&args.description).chars().take(crate::domain::experiment::DESCRIPTION_MAX).collect(),
        battery: args.battery.map(BatteryId),
        profile: args.profile.map(ProfileId),
        again: args.again,
        once: None,
    };
    let file_name = file.file_name().unwrap_or_default().to_string_lossy();
    let experiment = load(store, &Actor::shell("cellar import"), (file, &file_name), &inspected, &wishes).await?;
    Ok((inspected, Some(experiment)))
}

fn tell(file: &Path, inspected: &Inspected, experiment: Option<ExperimentId>, json: bool) -> anyhow::Result<()> {
    let evidence = &inspected.evidence;
    if json {
        let sha256 = hexadecimal(&inspected.sha256);
        let mut report = serde_json::to_value(evidence)?;
        if let Some(report) = report.as_object_mut() {
            report.insert("file".to_owned(), json!(file));
            report.insert("bytes".to_owned(), json!(inspected.bytes));
            report.insert("sha256".to_owned(), json!(sha256));
            report.insert("experiment_id".to_owned(), json!(experiment));
        }
        return Ok(print(&report.to_string())?);
    }
    let (from, to) = (moment(evidence.first_at_us), moment(evidence.last_at_us));
    print(&format!("{}: {}, {} rows, {from} to {to}", file.display(), evidence.format_title, evidence.rows))?;
    words(evidence).iter().try_for_each(|line| print(&format!("  {line}")))?;
    match experiment {
        Some(experiment) => print(&format!("Imported as experiment {experiment}."))?,
        None => print("Nothing was stored.")?,
    }
    Ok(())
}

/// The report for people, a line each.
fn words(evidence: &Evidence) -> Vec<String> {
    let mut words = evidence.evidence.clone();
    for found in &evidence.columns {
        let range = match (found.lowest, found.highest) {
            (Some(lowest), Some(highest)) => format!(", {lowest} to {highest} {}", found.unit),
            _ => String::new(),
        };
        let column = found.column.as_ref().map_or_else(String::new, |column| format!(" is {column}{range}"));
        let note = if found.note.is_empty() { String::new() } else { format!(" ({})", found.note) };
        words.push(format!("{}{column}{note}", line(&found.header)));
    }
    words.extend(evidence.warnings.iter().map(|warning| format!("Look at this: {warning}")));
    words
}

fn moment(at_us: i64) -> String {
    DateTime::from_timestamp_micros(at_us)
        .map_or_else(|| at_us.to_string(), |at| at.to_rfc3339_opts(SecondsFormat::Micros, true))
}
