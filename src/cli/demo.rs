//! `cellar demo`: the real server with a simulated lab, whose devices connect to it over TCP like any others.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tokio::sync::{mpsc, watch};

use super::BadInput;
use super::demo_lab::DemoLab;
use super::flags::{ServerFlags, start_log};
use super::serve::{StopSignals, announce};
use super::tunnel;
use crate::clock::Clock;
use crate::config::Config;
use crate::sim::{self, AckMode, Broker, FINISHED_MAX, Surroundings};

/// Where `make real-data` puts the measured run that the fourth station plays.
const MEASURED_RUN: &str = "tests/data/real/cell-discharge-bitrode-1c.csv";
/// Batteries of the demo live this much faster: an hour's discharge takes a minute.
const SPEED: f64 = 60.0;

/// `cellar demo`
#[derive(Debug, clap::Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    server: ServerFlags,
    /// Seconds of a battery's time per second
    #[arg(long, value_name = "N", default_value_t = SPEED)]
    speed: f64,
    /// Measured run (CSV) that the fourth station plays [default: the Bitrode file of `make real-data`, if it is there]
    #[arg(long, value_name = "FILE")]
    replay: Option<PathBuf>,
    /// Empty the demo's data folder first
    #[arg(long)]
    fresh: bool,
}

pub(super) async fn run(args: &DemoArgs) -> anyhow::Result<ExitCode> {
    let mut config = args.server.settings()?;
    if args.server.data_dir.is_none() {
        config.data_dir = config.data_dir.join("demo");
    }
    if !config.broker.url.is_empty() {
        return Err(BadInput("the demo's devices use the built-in endpoint: leave out --broker-url".to_owned()).into());
    }
    if config.tls.has_own_files() {
        let reason = "the demo's devices trust the lab's own authority: use --tls without --tls-certificate";
        return Err(BadInput(reason.to_owned()).into());
    }
    if !(args.speed.is_finite() && (0.1..=10_000.0).contains(&args.speed)) {
        return Err(BadInput(format!("--speed {}: use 0.1 to 10000", args.speed)).into());
    }
    config.is_demo = true;
    start_log(&config)?;
    if args.fresh {
        empty(&config)?;
    }
    let measured = match &args.replay {
        Some(file) if !file.exists() => {
            return Err(BadInput(format!("--replay {}: there is no such file", file.display())).into());
        }
        Some(file) => Some(file.clone()),
        None => Some(PathBuf::from(MEASURED_RUN)).filter(|file| file.exists()),
    };

    let mut signals = StopSignals::listen()?;
    let Some(app) = signals.start(&config).await? else { return Ok(ExitCode::SUCCESS) };
    let mqtt = app.mqtt().context("the demo needs the built-in MQTT endpoint")?;
    let mut broker = Broker { host: mqtt.ip().to_string(), port: mqtt.port(), ack: AckMode::Puback };
    if let Some(authority) = app.tls().and_then(|tls| tls.authority.as_ref()) {
        broker = tunnel::open(&broker, &authority.certificate).await?;
    }
    let lab = DemoLab::new(app.store().clone(), args.speed, measured.as_deref())?;
    let plan = lab.plan().await?;
    let (stop, shutdown) = watch::channel(false);
    let surroundings =
        Surroundings { broker, journal: None, clock: Clock::System, mischief: sim::Mischief::default(), shutdown };
    let (finished, ended) = mpsc::channel(FINISHED_MAX);
    let devices = tokio::spawn(sim::run(plan, surroundings, finished));
    tokio::spawn(lab.keep_busy(ended));
    tokio::spawn(DemoLab::mind_the_stopped(app.store().clone(), args.speed));
    announce(&app, &config)?;
    if let Some(http) = app.http() {
        let scheme = if app.tls().is_some() { "https" } else { "http" };
        tracing::info!("the demo lab is at {scheme}://{http}");
    }
    let name = signals.wait().await;
    tracing::info!(signal = name, "stopping");
    stop.send_replace(true);
    // The devices deliver what they measured before the server goes.
    if let Err(error) = devices.await {
        tracing::error!(%error, "the simulated lab broke down");
    }
    app.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Deletes the demo's database files; nothing else in the folder is touched.
fn empty(config: &Config) -> anyhow::Result<()> {
    if !config.database.url.is_empty() {
        return Err(BadInput("--fresh empties the demo's own data folder: leave out --database-url".to_owned()).into());
    }
    for name in ["cellar.db", "cellar.db-wal", "cellar.db-shm"] {
        remove(&config.data_dir.join(name))?;
    }
    Ok(())
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot delete {}", file.display()))
        }
        _ => Ok(()),
    }
}
