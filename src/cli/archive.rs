//! `cellar archive`: moves the rows of finished experiments to the archive, brings them back, says where they are.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::flags::StoreFlags;
use super::{BadInput, print};
use crate::app;
use crate::archive::Archive;
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::audit::Actor;
use crate::domain::ids::{ExperimentId, StreamId};
use crate::domain::sample::Subject;
use crate::series::chunk::Packing;
use crate::store::Store;

/// A day, µs.
const DAY_US: i64 = 86_400_000_000;
/// How often a chunk that a running server changes meanwhile is tried again.
const DISTURBED_MAX: usize = 20;

#[derive(Debug, Subcommand)]
pub(super) enum ArchiveVerb {
    /// Move the rows of experiments to the archive: of these, or of all that ended long enough ago.
    Run {
        /// Numbers of experiments; none: all that ended archive.after_days ago
        experiments: Vec<i64>,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: StoreFlags,
    },
    /// Say what is in the archive, and whether it answers.
    Status {
        /// Number of an experiment; without one, of all
        experiment: Option<i64>,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: StoreFlags,
    },
    /// Bring the rows of experiments back into the database, where they stay.
    Restore {
        /// Numbers of experiments
        #[arg(required = true)]
        experiments: Vec<i64>,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: StoreFlags,
    },
}

pub(super) async fn run(verb: &ArchiveVerb) -> anyhow::Result<ExitCode> {
    match verb {
        ArchiveVerb::Run { experiments, json, server } => {
            let (config, store) = open(server).await?;
            let done = archive(&config, &store, experiments, *json).await;
            store.close().await;
            done
        }
        ArchiveVerb::Status { experiment, json, server } => {
            let (config, store) = open(server).await?;
            let done = status(&config, &store, *experiment, *json).await;
            store.close().await;
            done
        }
        ArchiveVerb::Restore { experiments, json, server } => {
            let (_, store) = open(server).await?;
            let done = restore(&store, experiments, *json).await;
            store.close().await;
            done
        }
    }
}

async fn open(server: &StoreFlags) -> anyhow::Result<(Config, Store)> {
    let config = server.settings()?;
    let store = app::open_store(&config).await?;
    store.migrate().await?;
    Ok((config, store))
}

fn needs_archive(store: &Store) -> anyhow::Result<()> {
    if store.archive().is_some() {
        return Ok(());
    }
    let words = "the settings name no archive: set archive.to (CELLAR__ARCHIVE__TO) to a folder or s3://bucket/prefix";
    Err(BadInput(words.to_owned()).into())
}

async fn archive(config: &Config, store: &Store, experiments: &[i64], json: bool) -> anyhow::Result<ExitCode> {
    needs_archive(store)?;
    let by = Actor::shell("cellar archive run");
    let now_us = Clock::System.now_us();
    store.remove_left_files(now_us).await?;
    if experiments.is_empty() && config.archive.after_days == 0 {
        return Err(BadInput("archive.after_days is 0: name the experiments".to_owned()).into());
    }
    let mut done = Moved::default();
    if experiments.is_empty() {
        let before_us = now_us.saturating_sub(i64::from(config.archive.after_days).saturating_mul(DAY_US));
        loop {
            // Some at a time: what is done is not among the next.
            let streams = store.streams_to_archive(before_us).await?;
            if streams.is_empty() {
                break;
            }
            for (experiment, stream) in streams {
                done.add_all_of(store, &by, experiment, stream).await?;
            }
        }
    } else {
        for (experiment, stream) in named(store, experiments, now_us).await? {
            done.add_all_of(store, &by, experiment, stream).await?;
        }
    }
    let Moved { rows, bytes, files } = done;
    print(&if json {
        json!({ "rows": rows, "files": files, "bytes": bytes }).to_string()
    } else if files == 0 {
        "Nothing to archive: what is old enough is in the archive.".to_owned()
    } else {
        format!("Archived {rows} rows in {files} files, {bytes} bytes.")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What was moved.
#[derive(Default)]
struct Moved {
    rows: i64,
    bytes: usize,
    files: usize,
}

impl Moved {
    /// Moves everything that is sealed of a stream.
    async fn add_all_of(
        &mut self,
        store: &Store,
        by: &Actor,
        experiment: ExperimentId,
        stream: StreamId,
    ) -> anyhow::Result<()> {
        let mut disturbed = 0;
        loop {
            let done = store.archive_part(by, experiment, stream, Clock::System.now_us()).await?;
            if done.is_disturbed {
                disturbed += 1;
                anyhow::ensure!(
                    disturbed < DISTURBED_MAX,
                    "the rows of experiment {experiment} change all the time; try again"
                );
                continue;
            }
            if done.chunks == 0 {
                return Ok(());
            }
            self.rows += done.rows;
            self.bytes += done.bytes;
            self.files += 1;
        }
    }
}

/// The streams of these experiments, everything in them sealed, and nobody's wish to keep them here any more.
async fn named(store: &Store, experiments: &[i64], now_us: i64) -> anyhow::Result<Vec<(ExperimentId, StreamId)>> {
    let mut all = Vec::new();
    for id in experiments {
        let id = existing(store, *id).await?;
        store.keep_no_more(id).await?;
        for stream in store.subject_streams(Subject::Experiment(id)).await? {
            while store.seal_stream(stream, Packing::Pco, true, now_us).await?.rows > 0 {}
            all.push((id, stream));
        }
    }
    Ok(all)
}

async fn existing(store: &Store, id: i64) -> anyhow::Result<ExperimentId> {
    let id = ExperimentId(id);
    let unknown = || BadInput(format!("there is no experiment {id}"));
    Ok(store.experiment(id).await?.ok_or_else(unknown)?.experiment)
}

async fn restore(store: &Store, experiments: &[i64], json: bool) -> anyhow::Result<ExitCode> {
    needs_archive(store)?;
    let by = Actor::shell("cellar archive restore");
    let mut rows = 0;
    for id in experiments {
        let id = existing(store, *id).await?;
        store.bring_back(&by, id, Clock::System.now_us()).await?;
        let mut disturbed = 0;
        loop {
            let done = store.restore_part(id, Clock::System.now_us()).await?;
            if done.is_disturbed && disturbed < DISTURBED_MAX {
                disturbed += 1;
                continue;
            }
            if done.chunks == 0 {
                break;
            }
            rows += done.rows;
        }
    }
    store.remove_left_files(Clock::System.now_us()).await?;
    print(&if json { json!({ "rows": rows }).to_string() } else { format!("Brought back {rows} rows.") })?;
    Ok(ExitCode::SUCCESS)
}

async fn status(config: &Config, store: &Store, experiment: Option<i64>, json: bool) -> anyhow::Result<ExitCode> {
    if let Some(id) = experiment {
        let id = existing(store, id).await?;
        let archived = store.archived(id).await?;
        let trouble = store.check_archived(Subject::Experiment(id)).await.err().map(|error| error.to_string());
        print(&match (&archived, json) {
            (None, true) => json!({ "experiment": id, "files": 0 }).to_string(),
            (None, false) => format!("Experiment {id}: all of it is in the database."),
            (Some(found), true) => json!({
                "experiment": id, "files": found.files, "chunks": found.chunks, "bytes": found.bytes,
                "place": found.place, "archived_at_us": found.at_us, "comes_back": found.is_coming_back,
                "trouble": trouble,
            })
            .to_string(),
            (Some(found), false) => format!(
                "Experiment {id}: {} chunks in {} files, {} bytes, in {}.{}",
                found.chunks,
                found.files,
                found.bytes,
                found.place,
                trouble.as_ref().map_or_else(String::new, |trouble| format!("\nTrouble: {trouble}"))
            ),
        })?;
        return Ok(if trouble.is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS });
    }
    let totals = store.archive_totals().await?;
    let place = store.archive().map(Archive::words);
    let days = config.archive.after_days;
    print(&if json {
        json!({
            "place": place, "after_days": days, "files": totals.files,
            "experiments": totals.experiments, "rows": totals.rows, "bytes": totals.bytes,
            "files_left": totals.files_left,
        })
        .to_string()
    } else {
        let when = match days {
            0 => "only when asked".to_owned(),
            days => format!("{days} days after the end of an experiment"),
        };
        format!(
            "Archive: {}, {when}.\n{} rows of {} experiments in {} files, {} bytes; {} files wait to be removed.",
            place.unwrap_or("none"),
            totals.rows,
            totals.experiments,
            totals.files,
            totals.bytes,
            totals.files_left
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
