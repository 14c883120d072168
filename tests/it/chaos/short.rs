//! Killed, away, and badly sent: the cases of `make chaos` that need nothing of the machine, on both engines and transports.

use std::time::Duration;

use sqlx::{Connection, Executor};

use super::rig::{Engine, Rig, Transport, assert_within, block_on, now_us};

/// Kills of one case.
const KILLS: usize = 3;
/// Measuring before the first fault, and between faults: long enough for a window of messages to be on its way.
const BETWEEN: Duration = Duration::from_secs(2);
/// How long a database is away.
const AWAY: Duration = Duration::from_secs(60);
/// How soon something is committed again once what was killed is back, s.
const FIRST_COMMIT_MAX_S: f64 = 2.0;
/// Live data after an outage: how soon it is measured, and how long 99 % of it may wait for its acknowledgement, s.
const LIVE_AFTER: Duration = Duration::from_secs(10);
const LIVE_WAIT_MAX_S: f64 = 2.0;
/// Memory of a server while its database is away: what waits is bounded by the intake's 64 MiB.
const AWAY_MIB_MAX: u64 = 512;

pub(super) fn pause(time: Duration) {
    std::thread::sleep(time);
}

pub(super) fn server_killed(mut rig: Rig, kills: usize) {
    let lab = rig.lab(&[]);
    lab.wait_for_all(super::rig::DEVICES, Duration::from_secs(60));
    let mut backs_us = Vec::new();
    for _ in 0..kills {
        pause(BETWEEN);
        rig.server.kill_9();
        rig.server.restart();
        backs_us.push(now_us());
    }
    pause(BETWEEN);
    rig.finish(lab, &format!("server killed {kills} times"), |report| {
        let first_s = report.first_commit_s(&backs_us);
        assert_within("first commit after the server was back", first_s, FIRST_COMMIT_MAX_S);
        format!("first commit {first_s:.2} s after it was back")
    });
}

pub(super) fn database_killed(mut rig: Rig, kills: usize) {
    let lab = rig.lab(&[]);
    lab.wait_for_all(super::rig::DEVICES, Duration::from_secs(60));
    let (mut downs_us, mut backs_us) = (Vec::new(), Vec::new());
    for _ in 0..kills {
        pause(BETWEEN);
        let maria = rig.maria.as_mut().expect("it is of MariaDB");
        maria.kill_9();
        downs_us.push(now_us());
        pause(BETWEEN);
        maria.restart();
        backs_us.push(now_us());
    }
    pause(BETWEEN);
    rig.finish(lab, &format!("database killed {kills} times"), |report| {
        for (down_us, back_us) in downs_us.iter().zip(&backs_us) {
            // What was committed before may be on its way for a moment; MariaDB answers a moment before we know it.
            let early = report.timing.acks_between(down_us + 500_000, back_us - 1_000_000);
            assert_eq!(early, 0, "acknowledged while the database was dead");
        }
        let first_s = report.first_commit_s(&backs_us);
        assert_within("first commit after the database was back", first_s, FIRST_COMMIT_MAX_S);
        format!("first commit {first_s:.2} s after it was back, nothing acknowledged meanwhile")
    });
}

/// MariaDB is dead, or SQLite's file locked by another process.
pub(super) fn database_away(mut rig: Rig, away: Duration) {
    let lab = rig.lab(&[]);
    lab.wait_for_all(super::rig::DEVICES, Duration::from_secs(60));
    pause(BETWEEN);
    let down_us;
    if let Some(maria) = rig.maria.as_mut() {
        maria.kill_9();
        down_us = now_us();
        pause(away);
        maria.restart();
    } else {
        let url = rig.database_url().to_owned();
        down_us = block_on(async {
            let mut other = sqlx::SqliteConnection::connect(&url).await.expect("the file opens");
            other.execute("PRAGMA busy_timeout = 10000").await.expect("it is set");
            other.execute("BEGIN IMMEDIATE").await.expect("the lock is free in between");
            let down_us = now_us();
            tokio::time::sleep(away).await;
            other.execute("ROLLBACK").await.expect("it gives the lock up");
            down_us
        });
    }
    let back_us = now_us();
    pause(LIVE_AFTER + BETWEEN);
    let live_us = back_us + i64::try_from(LIVE_AFTER.as_micros()).unwrap_or(0);
    rig.finish(lab, &format!("database away for {} s", away.as_secs()), |report| {
        let early = report.timing.acks_between(down_us + 500_000, back_us - 2_000_000);
        assert_eq!(early, 0, "acknowledged while the database was away");
        let (first_s, live_s) = (report.first_commit_s(&[back_us]), report.p99_s(live_us, i64::MAX));
        assert_within("first commit after the database was back", first_s, FIRST_COMMIT_MAX_S);
        assert_within("live data after the outage", live_s, LIVE_WAIT_MAX_S);
        assert!(report.peak_mib <= AWAY_MIB_MAX, "{} MiB", report.peak_mib);
        format!(
            "first commit {first_s:.2} s after it was back, live p99 {live_s:.2} s after {} s, at most {} MiB",
            LIVE_AFTER.as_secs(),
            report.peak_mib
        )
    });
}

pub(super) fn broker_killed(mut rig: Rig, kills: usize) {
    let lab = rig.lab(&[]);
    lab.wait_for_all(super::rig::DEVICES, Duration::from_secs(60));
    let mut backs_us = Vec::new();
    for _ in 0..kills {
        pause(BETWEEN);
        let broker = rig.broker.as_mut().expect("it is behind a broker");
        broker.kill_9();
        broker.restart();
        backs_us.push(now_us());
    }
    pause(BETWEEN);
    rig.finish(lab, &format!("broker killed {kills} times, what it held forgotten"), |report| {
        let first_s = report.first_commit_s(&backs_us);
        assert_within("first commit after the broker was back", first_s, FIRST_COMMIT_MAX_S);
        format!("first commit {first_s:.2} s after it was back")
    });
}

/// Everything a device or a network can do to readings, at once.
fn badly_sent(rig: Rig) {
    let lab = rig.lab(&[
        "--dup",
        "10",
        "--shuffle",
        "1000",
        "--replay",
        "10",
        "--reboot",
        "6",
        "--reset",
        "3",
        "--clock",
        "mixed",
        "--devices",
        "7",
    ]);
    pause(Duration::from_secs(20));
    rig.finish(lab, "10 % twice, 10 % replayed, shuffled by 1,000, rebooted, reset, wrong clocks", |report| {
        format!("{} connections", report.summary["connections"])
    });
}

macro_rules! cases {
    ($($name:ident = $case:expr, on $engine:ident by $transport:ident;)*) => {
        $(
            #[test]
            #[ignore = "a case of `make chaos`"]
            fn $name() {
                let Some(rig) = Rig::start(Engine::$engine, Transport::$transport) else { return };
                let case: fn(Rig) = $case;
                case(rig);
            }
        )*
    };
}

// The long ones first: the others run beside them.
cases! {
    a_database_away_sqlite_endpoint = |rig| database_away(rig, AWAY), on Sqlite by Endpoint;
    a_database_away_mariadb_endpoint = |rig| database_away(rig, AWAY), on MariaDb by Endpoint;
    a_database_away_sqlite_broker = |rig| database_away(rig, AWAY), on Sqlite by Broker;
    a_database_away_mariadb_broker = |rig| database_away(rig, AWAY), on MariaDb by Broker;
    b_server_killed_sqlite_endpoint = |rig| server_killed(rig, KILLS), on Sqlite by Endpoint;
    b_server_killed_mariadb_endpoint = |rig| server_killed(rig, KILLS), on MariaDb by Endpoint;
    b_server_killed_sqlite_broker = |rig| server_killed(rig, KILLS), on Sqlite by Broker;
    b_server_killed_mariadb_broker = |rig| server_killed(rig, KILLS), on MariaDb by Broker;
    c_database_killed_mariadb_endpoint = |rig| database_killed(rig, KILLS), on MariaDb by Endpoint;
    c_database_killed_mariadb_broker = |rig| database_killed(rig, KILLS), on MariaDb by Broker;
    d_broker_killed_sqlite = |rig| broker_killed(rig, KILLS), on Sqlite by Broker;
    d_broker_killed_mariadb = |rig| broker_killed(rig, KILLS), on MariaDb by Broker;
    e_badly_sent_sqlite = badly_sent, on Sqlite by Endpoint;
    e_badly_sent_mariadb = badly_sent, on MariaDb by Endpoint;
}
