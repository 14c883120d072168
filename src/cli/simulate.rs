//! `cellar simulate`: a simulated lab against a running server.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, Subcommand};
use tokio::sync::{mpsc, watch};

use super::flags::{ServerFlags, start_log};
use super::serve::StopSignals;
use super::simulate_check::{self, CheckArgs};
use super::simulate_mischief::MischiefArgs;
use super::{BadInput, print, simulate_register, tunnel};
use crate::clock::Clock;
use crate::sim::journal::Journal;
use crate::sim::scenario::{DEVICES_MAX, Pace, Scenario};
use crate::sim::{self, AckMode, Broker, FINISHED_MAX, Surroundings};

/// Port of MQTT where the address names none, plain and over TLS.
const MQTT_PORT: u16 = 1883;
const MQTTS_PORT: u16 = 8883;

/// `cellar simulate`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct SimulateArgs {
    #[command(subcommand)]
    verb: Option<SimulateVerb>,
    /// Address of the server or broker, mqtt://host:port, or mqtts://host:port over TLS
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// With mqtts://, the authority to trust (PEM) [default: tls/ca.pem in the data folder]
    #[arg(long, value_name = "FILE")]
    tls_ca: Option<PathBuf>,
    /// lab, probes, load or faults
    #[arg(long, value_name = "NAME", default_value = "lab")]
    scenario: Scenario,
    /// Decides everything but the time: the same seed measures the same values.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many devices; by default a few, as many as suit the scenario
    #[arg(long, value_name = "N")]
    devices: Option<usize>,
    /// Rows per second of each station or device; 0 for as many as are acknowledged (load, faults)
    #[arg(long, value_name = "HZ")]
    rate: Option<f64>,
    /// Seconds of a battery's time per second
    #[arg(long, value_name = "N", default_value_t = 60.0)]
    speed: f64,
    /// Stop after so many seconds; otherwise at SIGTERM or Ctrl-C
    #[arg(long, value_name = "S")]
    duration: Option<f64>,
    /// Note every row measured and every acknowledgement here, for `simulate check`
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Forget readings only when the server says so itself: for a broker in between
    #[arg(long)]
    end_to_end_ack: bool,
    /// Log in with the ids and secrets in this file instead of registering devices: lines of
    /// {"device","secret","battery"?,"station"?,"experiment"?}
    #[arg(long, value_name = "FILE")]
    secrets: Option<PathBuf>,
    /// Folder of the server's data, for registering devices [default: ./cellar-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The server's database, for registering devices [default: SQLite in the data folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    mischief: MischiefArgs,
}

#[derive(Debug, Subcommand)]
enum SimulateVerb {
    /// Compare a journal with the database.
    Check(CheckArgs),
}

/// Runs the scenario until its time is over or somebody stops it; 2 when readings stayed unacknowledged.
pub(super) async fn run(args: &SimulateArgs) -> anyhow::Result<ExitCode> {
    if let Some(SimulateVerb::Check(args)) = &args.verb {
        return simulate_check::run(args).await;
    }
    let (mut broker, over_tls) = broker(args)?;
    let (pace, mischief) = (pace(args)?, args.mischief.mischief()?);
    let devices = args.devices.unwrap_or(args.scenario.devices_default());
    if !(1..=DEVICES_MAX).contains(&devices) {
        return Err(BadInput(format!("--devices {devices}: use 1 to {DEVICES_MAX}")).into());
    }
    let flags = ServerFlags {
        data_dir: args.data_dir.clone(),
        database_url: args.database_url.clone(),
        ..ServerFlags::default()
    };
    let config = flags.settings()?;
    start_log(&config)?;
    if over_tls {
        let authority = args.tls_ca.clone().unwrap_or_else(|| config.data_dir.join("tls/ca.pem"));
        broker = tunnel::open(&broker, &authority).await?;
    }

    broker = sim::rough::relay(broker, &mischief, args.seed).await.context("no port for the rough network")?;

    let demands = args.scenario.demands(devices);
    let registered = match &args.secrets {
        Some(file) => simulate_register::from_file(file, demands)?,
        None => simulate_register::in_database(&config, demands).await?,
    };
    let plan = args.scenario.plan(&registered, pace);
    let (journal, journal_thread) = match &args.journal {
        Some(file) => Journal::open(file).map(|(journal, thread)| (Some(journal), Some(thread)))?,
        None => (None, None),
    };

    let mut signals = StopSignals::listen()?;
    let (stop, shutdown) = watch::channel(false);
    let surroundings = Surroundings { broker, journal, clock: Clock::System, mischief, shutdown };
    // Nobody here waits for an experiment to end: those of the scenarios go on for a thousand cycles.
    let (finished, _) = mpsc::channel(FINISHED_MAX);
    let lab = tokio::spawn(sim::run(plan, surroundings, finished));
    tokio::select! {
        _ = signals.wait() => {}
        () = over(args.duration) => {}
    }
    tracing::info!("delivering what is left");
    stop.send_replace(true);
    let summary = lab.await.context("the simulation broke down")?;
    if let Some(thread) = journal_thread
        && thread.join().is_err()
    {
        anyhow::bail!("the journal broke down");
    }
    print(&if args.json {
        serde_json::to_string(&summary)?
    } else {
        format!("created {} unacked {}", summary.created_rows, summary.unacked_rows)
    })?;
    Ok(if summary.unacked_rows == 0 { ExitCode::SUCCESS } else { ExitCode::from(2) })
}

async fn over(duration_s: Option<f64>) {
    match duration_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()) {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// Where to connect, and whether over TLS.
fn broker(args: &SimulateArgs) -> Result<(Broker, bool), BadInput> {
    let Some(url) = &args.url else { return Err(BadInput("--url mqtt://host:port is missing".to_owned())) };
    let bad = || BadInput(format!("--url {url}: use mqtt://host:port, or mqtts://host:port"));
    let (address, over_tls) = match (url.strip_prefix("mqtt://"), url.strip_prefix("mqtts://")) {
        (Some(address), _) => (address, false),
        (_, Some(address)) => (address, true),
        _ => return Err(bad()),
    };
    let address = address.strip_suffix('/').unwrap_or(address);
    let (host, port) = match address.rsplit_once(':') {
        // The colons of an IPv6 address stand in brackets.
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(|_| bad())?),
        _ => (address, if over_tls { MQTTS_PORT } else { MQTT_PORT }),
    };
    if host.is_empty() || host.contains(['/', '@']) {
        return Err(bad());
    }
    let ack = if args.end_to_end_ack { AckMode::EndToEnd } else { AckMode::Puback };
    Ok((Broker { host: host.to_owned(), port, ack }, over_tls))
}

fn pace(args: &SimulateArgs) -> Result<Pace, BadInput> {
    let is_ok = |value: f64| value.is_finite() && value >= 0.0;
    if !args.rate.is_none_or(is_ok) {
        return Err(BadInput("--rate must be a number of rows per second, or 0".to_owned()));
    }
    if !(is_ok(args.speed) && args.speed > 0.0 && args.speed <= 100_000.0) {
        return Err(BadInput("--speed must be above 0 and at most 100000".to_owned()));
    }
    Ok(Pace { seed: args.seed, rows_per_s: args.rate, speed: args.speed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        simulate: SimulateArgs,
    }

    fn parse(words: &[&str]) -> SimulateArgs {
        Cli::try_parse_from(std::iter::once(&"cellar").chain(words)).unwrap().simulate
    }

    #[test]
    fn the_address_is_a_host_and_a_port() {
        let address = |url: &str| {
            broker(&parse(&["--url", url])).map(|(broker, over_tls)| (broker.host, broker.port, over_tls)).ok()
        };
        assert_eq!(address("mqtt://127.0.0.1:18830"), Some(("127.0.0.1".into(), 18830, false)));
        assert_eq!(address("mqtt://lab/"), Some(("lab".into(), 1883, false)));
        assert_eq!(address("mqtts://lab"), Some(("lab".into(), 8883, true)));
        assert_eq!(address("mqtt://[::1]"), Some(("[::1]".into(), 1883, false)));
        for bad in ["127.0.0.1:1883", "mqtt://", "mqtt://lab:high", "mqtt://user@lab:1883"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_check_needs_no_address_and_the_run_no_journal() {
        let check = parse(&["check", "--journal", "j", "--database-url", "sqlite:///tmp/x.db"]);
        assert!(matches!(check.verb, Some(SimulateVerb::Check(_))));
        let run = parse(&["--url", "mqtt://lab", "--scenario", "load", "--rate", "0"]);
        assert!(run.verb.is_none() && run.scenario == Scenario::Load && run.journal.is_none());
        assert!(pace(&run).is_ok() && pace(&SimulateArgs { rate: Some(-1.0), ..run }).is_err());
    }
}
