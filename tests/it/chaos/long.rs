//! The cases of `make chaos-long`: the same faults, many more of them and for longer. Hours; run before a release.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::crowd::crowd;
use super::rig::{Engine, Rig, Transport, assert_within, memory_mib, say};
use super::short::{broker_killed, database_away, database_killed, pause, server_killed};
use super::silent::Watched;

const SERVER_KILLS: usize = 100;
const OTHER_KILLS: usize = 50;
const AWAY: Duration = Duration::from_secs(600);
/// The soak: how long, which share of the packets is lost, and how much a server may grow meanwhile, MiB: it fills its caches.
const SOAK: Duration = Duration::from_secs(1_800);
const LOSS_PCT: &str = "5";
const GROWTH_MIB_MAX: u64 = 64;
/// 99 % of the acknowledgements over such a network, s: a few repeats of TCP.
const LOSSY_P99_MAX_S: f64 = 5.0;
/// How long connections are reset and stalled.
const ROUGH: Duration = Duration::from_secs(600);

/// Lost packets to and from a port of this machine; gone with it.
struct Loss {
    table: String,
}

impl Loss {
    fn on(port: u16) -> Option<Self> {
        let table = format!("cellar_chaos_{port}");
        let drop = format!("numgen random mod 100 < {LOSS_PCT} drop");
        let rules = format!(
            "table inet {table} {{ chain input {{ type filter hook input priority 0; tcp dport {port} {drop}; \
             tcp sport {port} {drop}; }}; }}"
        );
        let made = Command::new("nft").arg(rules).stderr(Stdio::null()).status();
        if !made.is_ok_and(|status| status.success()) {
            say("skipped: packets cannot be dropped here, that takes root and nftables");
            return None;
        }
        Some(Self { table })
    }
}

impl Drop for Loss {
    fn drop(&mut self) {
        let _ = Command::new("nft").args(["delete", "table", "inet", &self.table]).status();
    }
}

fn lossy(rig: Rig, time: Duration) {
    let Some(loss) = Loss::on(rig.server.mqtt_port()) else { return };
    let lab = rig.lab(&["--dup", "1", "--rate", "100", "--devices", "20"]);
    lab.wait_for_all(20, Duration::from_secs(120));
    let watched = Watched::start(&rig);
    pause(time / 10);
    let before_mib = memory_mib(rig.server.pid(), "VmRSS:");
    pause(time);
    let after_mib = memory_mib(rig.server.pid(), "VmRSS:");
    let watched = watched.finish();
    drop(loss);
    rig.finish(lab, &format!("{LOSS_PCT} % of all packets lost for {} s", time.as_secs()), |report| {
        let p99_s = report.p99_s(i64::MIN, i64::MAX);
        assert_within("99 % of the acknowledgements", p99_s, LOSSY_P99_MAX_S);
        assert!(after_mib <= before_mib + GROWTH_MIB_MAX, "grew from {before_mib} to {after_mib} MiB");
        let connections = &report.summary["connections"];
        format!(
            "ack p99 {p99_s:.2} s, {before_mib} to {after_mib} MiB, {connections} connections of 20 devices, {watched}"
        )
    });
}

fn rough(rig: Rig) {
    let lab = rig.lab(&["--reset", "5", "--stall", "60", "--dup", "5"]);
    pause(ROUGH);
    rig.finish(lab, "connections reset every 5 s, black holes of 30 s", |report| {
        format!("{} connections", report.summary["connections"])
    });
}

macro_rules! cases {
    ($($name:ident = $case:expr, on $engine:ident by $transport:ident;)*) => {
        $(
            #[test]
            #[ignore = "a case of `make chaos-long`"]
            fn $name() {
                let Some(rig) = Rig::start(Engine::$engine, Transport::$transport) else { return };
                let case: fn(Rig) = $case;
                case(rig);
            }
        )*
    };
}

cases! {
    crowd_of_10_000_sqlite = |rig| crowd(rig, 10_000, "0.1"), on Sqlite by Endpoint;
    crowd_of_10_000_mariadb = |rig| crowd(rig, 10_000, "0.1"), on MariaDb by Endpoint;
    crowd_of_1_000_over_tls = |rig| crowd(rig, 1_000, "1"), on Sqlite by EndpointTls;
    server_killed_sqlite_endpoint = |rig| server_killed(rig, SERVER_KILLS), on Sqlite by Endpoint;
    server_killed_mariadb_endpoint = |rig| server_killed(rig, SERVER_KILLS), on MariaDb by Endpoint;
    server_killed_mariadb_broker = |rig| server_killed(rig, SERVER_KILLS), on MariaDb by Broker;
    database_killed_mariadb_endpoint = |rig| database_killed(rig, OTHER_KILLS), on MariaDb by Endpoint;
    database_killed_mariadb_broker = |rig| database_killed(rig, OTHER_KILLS), on MariaDb by Broker;
    broker_killed_sqlite = |rig| broker_killed(rig, OTHER_KILLS), on Sqlite by Broker;
    broker_killed_mariadb = |rig| broker_killed(rig, OTHER_KILLS), on MariaDb by Broker;
    database_away_sqlite_endpoint = |rig| database_away(rig, AWAY), on Sqlite by Endpoint;
    database_away_mariadb_endpoint = |rig| database_away(rig, AWAY), on MariaDb by Endpoint;
    database_away_mariadb_broker = |rig| database_away(rig, AWAY), on MariaDb by Broker;
    rough_network_sqlite = rough, on Sqlite by Endpoint;
    rough_network_mariadb = rough, on MariaDb by Endpoint;
    soak_with_loss_sqlite = |rig| lossy(rig, SOAK), on Sqlite by Endpoint;
    soak_with_loss_mariadb = |rig| lossy(rig, SOAK), on MariaDb by Endpoint;
    soak_of_two_minutes_with_loss = |rig| lossy(rig, Duration::from_secs(120)), on Sqlite by Endpoint;
}
