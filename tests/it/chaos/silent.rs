//! A run that falls silent while the server is in trouble: alarm within 30 s, a stop on the wire within a second after, and
//! none for a run that is heard.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cellar::domain::experiment::ExperimentState::{self, CommsLost, Running, Stopped};
use cellar::store::Store;
use cellar::store::alarm_list::{Alarm, AlarmFilter, Answered};

use super::machine::{Disk, SQLITE_DISK};
use super::rig::{DEVICES, Engine, Rig, Transport, assert_within, block_on, now_us, seconds};
use crate::support::cycler::Cycler;

/// A run whose unit says nothing is told as silent within this time, s, and its stop is on the wire a second later at most.
const ALARM_MAX_S: f64 = 30.0;
const STOP_AFTER_ALARM_MAX_S: f64 = 1.0;
/// Nothing stops a run earlier than this, s: then it was not for its silence.
const STOP_MIN_S: f64 = 27.5;
/// The trouble lasts for so long before the unit falls silent.
const TROUBLE_BEFORE: Duration = Duration::from_secs(3);
/// What has not come about after this time, with the trouble over, is not going to.
const PATIENCE: Duration = Duration::from_secs(60);

async fn alarms(store: &Store) -> Vec<Alarm> {
    let all = AlarmFilter { answered: Answered::All, ..AlarmFilter::default() };
    store.alarms(&all, 50).await.expect("the database answers")
}

async fn stands(store: &Store, cycler: &Cycler, wanted: ExperimentState) {
    let began = Instant::now();
    loop {
        // A database that is just back may answer one of these with an error.
        let found = store.experiment(cycler.experiment).await.ok().flatten().map(|found| found.state);
        if found == Some(wanted) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{found:?} is not {wanted:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// One row a second of a run that does nothing conspicuous.
async fn measure_a_second(cycler: &mut Cycler, row: u32) {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let wave = f64::from(row % 13) / 100.0;
    let current_a = if row % 600 < 300 { 2.5 } else { -2.5 };
    cycler.rows(&[(3.7 + wave / 10.0, current_a, 25.0 + wave)]).await;
}

/// A run that is measured once a second until it is asked for its end.
pub(super) struct Watched {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<String>,
}

impl Watched {
    pub(super) fn start(rig: &Rig) -> Self {
        let (url, port) = (rig.database_url().to_owned(), rig.server.mqtt_port());
        let is_over = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_over);
        let run = async move || {
            let store = Store::open(&url).await.expect("the database opens");
            let mut cycler = Cycler::running(&store, port).await;
            let mut rows = 0;
            while !asked.load(Ordering::Relaxed) {
                measure_a_second(&mut cycler, rows).await;
                rows += 1;
            }
            let told = alarms(&store).await;
            assert!(told.iter().all(|alarm| alarm.code == "late"), "{told:?}");
            let moves = store.transitions(cycler.experiment).await.expect("the database answers");
            stands(&store, &cycler, Running).await;
            assert!(moves.iter().all(|moved| moved.to != ExperimentState::Stopping), "{moves:?}");
            format!("a run of {rows} s never stopped, {} alarms of lateness", told.len())
        };
        Self { is_over, thread: std::thread::spawn(move || block_on(run())) }
    }

    /// Fails when the run was stopped or any alarm but of lateness was raised; else what to say of it.
    pub(super) fn finish(self) -> String {
        self.is_over.store(true, Ordering::Relaxed);
        self.thread.join().expect("the run was left alone")
    }
}

/// Lets a run fall silent between `begin` and `end` of some trouble; `options` are of the devices beside it.
fn falls_silent(mut rig: Rig, what: &str, options: &[&str], begin: impl FnOnce(&mut Rig), end: impl FnOnce(&mut Rig)) {
    let lab = rig.lab(options);
    lab.wait_for_all(DEVICES, Duration::from_secs(60));
    let url = rig.database_url().to_owned();
    let times = block_on(async {
        let store = Store::open(&url).await.expect("the database opens");
        let mut cycler = Cycler::running(&store, rig.server.mqtt_port()).await;
        begin(&mut rig);
        let began = Instant::now();
        let mut row = 0;
        while began.elapsed() < TROUBLE_BEFORE {
            measure_a_second(&mut cycler, row).await;
            row += 1;
        }
        let (silent_us, silent_since) = (now_us(), Instant::now());
        // The client gives up when it hears nothing for 20 s, so it does not listen at first.
        tokio::time::sleep(Duration::from_secs_f64(STOP_MIN_S - 3.0)).await;
        let stop = cycler.command("stop").await;
        let stop_s = silent_since.elapsed().as_secs_f64();
        // It is said again until it is answered.
        assert_eq!(cycler.command("stop").await["command_id"], stop["command_id"]);
        end(&mut rig);
        stands(&store, &cycler, CommsLost).await;
        let told = alarms(&store).await;
        let alarm = told.iter().find(|alarm| alarm.code == "silent").unwrap_or_else(|| panic!("no alarm: {told:?}"));
        let alarm_s = seconds(alarm.at_us - silent_us);
        cycler.obey(&stop).await;
        stands(&store, &cycler, Stopped).await;
        store.close().await;
        (alarm_s, stop_s)
    });
    let (alarm_s, stop_s) = times;
    rig.finish(lab, &format!("a run falls silent, {what}"), |_| {
        assert!(stop_s >= STOP_MIN_S, "stopped after {stop_s:.2} s, before it was silent");
        assert_within("the alarm of silence", alarm_s, ALARM_MAX_S);
        assert_within("the stop on the wire", stop_s, ALARM_MAX_S + STOP_AFTER_ALARM_MAX_S);
        assert_within("the stop after the alarm", stop_s - alarm_s, STOP_AFTER_ALARM_MAX_S);
        format!("alarm after {alarm_s:.2} s, stop on the wire after {stop_s:.2} s")
    });
}

#[test]
#[ignore = "a case of `make chaos`"]
fn silent_without_a_database_mariadb() {
    let Some(rig) = Rig::start(Engine::MariaDb, Transport::Endpoint) else { return };
    let kill = |rig: &mut Rig| rig.maria.as_mut().expect("it is of MariaDB").kill_9();
    let restart = |rig: &mut Rig| rig.maria.as_mut().expect("it is of MariaDB").restart();
    falls_silent(rig, "the database dead", &[], kill, restart);
}

#[test]
#[ignore = "a case of `make chaos`"]
fn silent_on_a_full_disk_sqlite() {
    let Some(disk) = Disk::mount(SQLITE_DISK) else { return };
    let Some(rig) = Rig::start_in(Engine::Sqlite, Transport::Endpoint, Some(disk.path()), &[]) else { return };
    falls_silent(rig, "the disk full", &[], |_| disk.fill(), |_| disk.empty());
}

/// As much as is acknowledged.
const STORM: [&str; 4] = ["--rate", "0", "--devices", "4"];

#[test]
#[ignore = "a case of `make chaos`"]
fn silent_in_a_storm_sqlite() {
    let Some(rig) = Rig::start(Engine::Sqlite, Transport::Endpoint) else { return };
    falls_silent(rig, "in a storm", &STORM, |_| {}, |_| {});
}

#[test]
#[ignore = "a case of `make chaos`"]
fn silent_in_a_storm_mariadb() {
    let Some(rig) = Rig::start(Engine::MariaDb, Transport::Endpoint) else { return };
    falls_silent(rig, "in a storm", &STORM, |_| {}, |_| {});
}
