//! What the guard stops, and how it goes on until it is off.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use super::*;
use crate::domain::audit::Actor;
use crate::domain::battery::{BatteryFacts, Technology};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::BatteryId;
use crate::domain::message::{Heartbeat, StationReport};
use crate::domain::run::{RunLimits, RunTerms};
use crate::domain::sample::{Column, TimeBase};
use crate::ingest::lookout::Off;
use crate::store::Store;
use crate::store::alarm_list::AlarmFilter;
use crate::store::runs::OpenRun;

/// What reached the devices.
#[derive(Clone, Default)]
struct Desk {
    sent: Arc<Mutex<Vec<(String, Value)>>>,
    is_away: Arc<AtomicBool>,
}

impl Post for Desk {
    fn send(&self, device: &DeviceId, payload: Vec<u8>) -> bool {
        let is_there = !self.is_away.load(Ordering::Relaxed);
        if is_there {
            let message = serde_json::from_slice(&payload).unwrap();
            self.sent.lock().unwrap().push((device.to_string(), message));
        }
        is_there
    }

    fn reaches_all(&self) -> bool {
        false
    }
}

const LIMITS: RunLimits = RunLimits {
    voltage_min_v: 2.5,
    voltage_max_v: 4.2,
    current_min_a: -10.0,
    current_max_a: 5.0,
    temperature_min_c: Some(0.0),
    temperature_max_c: Some(60.0),
    capacity_max_ah: None,
    time_max_s: None,
    voltage_rate_max_v_per_s: None,
    temperature_rate_max_c_per_min: None,
};

struct Bench {
    guard: Guard,
    desk: Desk,
    unit: DeviceId,
    seq: i64,
}

fn run(state: ExperimentState) -> OpenRun {
    OpenRun {
        experiment: ExperimentId(7),
        name: "Ageing".into(),
        state,
        version: 3,
        battery: BatteryId(9),
        station: StationId(4),
        station_name: "A4".into(),
        device: "cu-1".parse().unwrap(),
        terms: Some(RunTerms { limits: LIMITS, sample_period_ms: 1_000, lease_s: 60 }),
        started_at_us: Some(0),
    }
}

impl Bench {
    fn new() -> Self {
        let guard = Guard::new(Clock::Manual(Arc::new(1_000_000.into())), 5.into());
        let desk = Desk::default();
        guard.connect(desk.clone());
        let bench = Self { guard, desk, unit: "cu-1".parse().unwrap(), seq: 0 };
        bench.knows(vec![run(ExperimentState::Running)]);
        bench
    }

    fn knows(&self, runs: Vec<OpenRun>) {
        let now = self.guard.now();
        let mut state = self.guard.state();
        state.table.refresh(runs, now);
        let free = (StationId(5), "A5".to_owned(), self.unit.clone());
        state.table.set_places([(StationId(4), "A4".to_owned(), self.unit.clone()), free].into_iter());
    }

    fn rows(&mut self, subject: Subject, voltage_v: f64, temperature_c: f64) -> Message {
        let column = |name: &str, value| Column { name: name.into(), values: vec![value], nulls: vec![] };
        self.seq += 1;
        Message::samples(Batch {
            boot: 1,
            seq: self.seq,
            subject,
            base: TimeBase::Utc,
            times_us: vec![self.seq * 1_000_000],
            columns: vec![
                column("voltage_v", voltage_v),
                column("current_a", 1.0),
                column("temperature_c", temperature_c),
            ],
        })
    }

    fn measure(&mut self, voltage_v: f64, temperature_c: f64) {
        let message = self.rows(Subject::Experiment(ExperimentId(7)), voltage_v, temperature_c);
        self.guard.heard(&self.unit, &message);
    }

    fn sent(&self) -> Vec<Value> {
        self.desk.sent.lock().unwrap().drain(..).map(|(_, message)| message).collect()
    }

    fn codes(&self) -> Vec<String> {
        self.guard.unstored().into_iter().map(|alarm| alarm.code).collect()
    }

    /// Looks each second.
    fn wait(&self, seconds: u32) {
        for _ in 0..seconds {
            self.guard.skip(Duration::from_secs(1));
            self.guard.look(true, true);
        }
    }
}

impl Guard {
    /// Lets time pass without waiting for it.
    fn skip(&self, by: Duration) {
        let by_ms = u64::try_from(by.as_millis()).unwrap();
        self.inner.skipped_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

fn reply(command: i64, result: CommandResult) -> Message {
    Message::Reply(Reply { command_id: CommandId(command), result, reason: None, limits: None })
}

fn report(state: StationState, experiment: i64) -> Message {
    let experiment = Some(ExperimentId(experiment));
    Message::Station(StationReport { station: StationId(4), experiment, state, step: None, cycle: None, reason: None })
}

#[test]
fn a_breach_is_stopped_before_the_message_goes_on() {
    let mut bench = Bench::new();
    bench.measure(4.0, 25.0);
    assert!(bench.sent().is_empty());
    bench.measure(4.0, 70.0);
    let sent = bench.sent();
    assert_eq!(sent.len(), 1);
    let stop = &sent[0];
    assert_eq!(
        (stop["verb"].as_str(), stop["station"].as_i64(), stop["experiment"].as_i64()),
        (Some("stop"), Some(4), Some(7))
    );
    assert_eq!((stop["epoch"].as_i64(), stop.get("expires_at_us")), (Some(5), None));
    assert!(stop["command_id"].as_i64().unwrap() < 0);
    assert_eq!(bench.codes(), ["temperature_near", "temperature_high"]);
}

#[test]
fn a_stop_is_repeated_until_it_is_confirmed_and_then_no_more() {
    let mut bench = Bench::new();
    bench.measure(4.5, 25.0);
    let command = bench.sent()[0]["command_id"].as_i64().unwrap();
    bench.measure(4.6, 25.0);
    assert!(bench.sent().is_empty(), "it is on its way already");
    bench.wait(3);
    let again = bench.sent();
    assert!((2..=3).contains(&again.len()) && again.iter().all(|stop| stop["command_id"] == command), "{again:?}");
    let other: DeviceId = "cu-2".parse().unwrap();
    bench.guard.heard(&other, &reply(command, CommandResult::Executed));
    bench.guard.heard(&bench.unit, &reply(command - 1, CommandResult::Executed));
    bench.wait(2);
    assert!(!bench.sent().is_empty(), "the answers of others do not count");
    bench.guard.heard(&bench.unit, &reply(command, CommandResult::Executed));
    bench.wait(5);
    assert!(bench.sent().is_empty());
    let outputs = bench.guard.outputs();
    assert!(matches!(outputs[0].off, Off::Confirmed(_)) && outputs[1].off == Off::NotAsked, "{outputs:?}");
}

#[test]
fn a_station_that_reports_the_end_is_off_and_one_that_runs_is_not() {
    let mut bench = Bench::new();
    bench.measure(4.5, 25.0);
    for (told, is_off) in [
        (report(StationState::Running, 7), false),
        (report(StationState::Paused, 7), false),
        (report(StationState::Finished, 6), false),
        (report(StationState::Stopped, 7), true),
    ] {
        bench.guard.heard(&bench.unit, &told);
        assert_eq!(matches!(bench.guard.outputs()[0].off, Off::Confirmed(_)), is_off, "{told:?}");
    }
}

#[test]
fn a_stop_nobody_confirms_is_critical_and_the_page_says_when_it_rests() {
    let mut bench = Bench::new();
    bench.measure(4.0, 25.0);
    bench.desk.is_away.store(true, Ordering::Relaxed);
    bench.measure(4.5, 25.0);
    bench.wait(12);
    assert!(bench.codes().contains(&"stop_unconfirmed".to_owned()), "{:?}", bench.codes());
    let Off::NoAnswer(since, Some(rests_in)) = bench.guard.outputs()[0].off else {
        panic!("{:?}", bench.guard.outputs())
    };
    assert!(since >= Duration::from_secs(12) && (46..=48).contains(&rests_in.as_secs()), "{since:?} {rests_in:?}");
    // Back again: it is told at once.
    bench.desk.is_away.store(false, Ordering::Relaxed);
    bench.wait(2);
    let sent = bench.sent();
    let command = sent[0]["command_id"].as_i64().unwrap();
    bench.guard.heard(&bench.unit, &reply(command, CommandResult::Executed));
    assert!(!bench.codes().contains(&"stop_unconfirmed".to_owned()));
}

#[test]
fn a_silent_run_is_stopped_and_its_units_heartbeat_does_not_help() {
    let mut bench = Bench::new();
    bench.measure(4.0, 25.0);
    for _ in 0..28 {
        bench.guard.heard(&bench.unit, &Message::Heartbeat(Heartbeat { boot: 1, uptime_s: 0.0 }));
        bench.wait(1);
    }
    assert_eq!(bench.codes(), ["late"]);
    bench.wait(2);
    assert_eq!(bench.codes(), ["silent"]);
    assert_eq!(bench.sent()[0]["verb"], "stop");
}

#[test]
fn another_servers_run_is_judged_by_the_leader_alone() {
    let bench = Bench::new();
    for _ in 0..60 {
        bench.guard.skip(Duration::from_secs(1));
        bench.guard.look(true, false);
    }
    assert!(bench.codes().is_empty() && bench.sent().is_empty());
}

#[test]
fn a_run_whose_rows_another_server_stores_is_not_silent() {
    let bench = Bench::new();
    for second in 0..60 {
        bench.guard.skip(Duration::from_secs(1));
        let now = bench.guard.now();
        bench.guard.state().table.stored(vec![(ExperimentId(7), second)], now);
        bench.guard.look(true, true);
    }
    assert!(!bench.codes().contains(&"silent".to_owned()) && bench.sent().is_empty());
    bench.wait(33);
    assert!(bench.codes().contains(&"silent".to_owned()), "{:?}", bench.codes());
}

#[test]
fn a_probe_on_the_battery_is_believed_too() {
    let mut bench = Bench::new();
    let probe: DeviceId = "probe-1".parse().unwrap();
    let elsewhere = bench.rows(Subject::Battery(BatteryId(8)), 4.9, 90.0);
    bench.guard.heard(&probe, &elsewhere);
    assert!(bench.sent().is_empty());
    let here = bench.rows(Subject::Battery(BatteryId(9)), 3.9, 90.0);
    bench.guard.heard(&probe, &here);
    assert_eq!(bench.sent().len(), 1);
}

#[test]
fn rows_of_a_device_that_does_not_drive_the_run_stop_nothing() {
    let mut bench = Bench::new();
    let message = bench.rows(Subject::Experiment(ExperimentId(7)), 9.0, 90.0);
    bench.guard.heard(&"cu-2".parse().unwrap(), &message);
    assert!(bench.sent().is_empty() && bench.codes().is_empty());
}

#[test]
fn an_emergency_stop_reaches_every_station_of_its_scope_once() {
    let bench = Bench::new();
    let stopped = bench.guard.halt(&Scope::All, "m.okafor");
    assert_eq!(stopped.len(), 2);
    let sent = bench.sent();
    assert_eq!(sent.len(), 2);
    assert!(sent.iter().all(|stop| stop.get("experiment").is_none()), "whatever runs there");
    bench.guard.halt(&Scope::Station(StationId(4)), "m.okafor");
    assert!(bench.sent().is_empty(), "pressed twice, it is the same stop");
    assert!(bench.guard.halt(&Scope::Unit("cu-9".parse().unwrap()), "x").is_empty());
    assert_eq!(bench.guard.outputs().iter().filter(|output| output.off == Off::NotAsked).count(), 0);
}

#[test]
fn a_stop_that_comes_late_does_not_end_the_next_run() {
    let mut bench = Bench::new();
    bench.desk.is_away.store(true, Ordering::Relaxed);
    bench.measure(4.5, 25.0);
    bench.knows(vec![OpenRun { experiment: ExperimentId(8), ..run(ExperimentState::Running) }]);
    bench.desk.is_away.store(false, Ordering::Relaxed);
    bench.wait(3);
    assert!(bench.sent().iter().all(|message| message["verb"] != "stop"));
}

#[test]
fn leases_are_renewed_in_time_and_not_of_what_was_given_up() {
    let bench = Bench::new();
    let mut renewed = std::collections::HashMap::new();
    let mut told = Vec::new();
    for second in 0..60 {
        bench.guard.renew(true, &mut renewed);
        let renewals = bench.sent().into_iter().filter(|message| message["verb"] == "renew");
        told.extend(renewals.map(|message| (second, message["command_id"].as_i64())));
        bench.guard.skip(Duration::from_secs(1));
    }
    // A quarter of 60 s.
    let seconds: Vec<i32> = told.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [0, 15, 30, 45]);
    assert!(told.windows(2).all(|pair| pair[1].1 < pair[0].1), "{told:?}");
    bench.knows(vec![run(ExperimentState::CommsLost)]);
    renewed.clear();
    bench.guard.renew(true, &mut renewed);
    assert!(bench.sent().is_empty());
}

#[test]
fn what_is_known_outlives_a_database_that_is_away() {
    let mut bench = Bench::new();
    for seconds in 0..20 {
        bench.measure(4.0, 25.0 + f64::from(seconds));
        bench.guard.skip(Duration::from_secs(1));
        bench.guard.look(false, false);
    }
    bench.measure(4.5, 25.0);
    assert_eq!(bench.sent().len(), 1);
}

#[tokio::test]
async fn what_was_done_is_written_down_when_the_database_answers() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open_file(&folder.path().join("db")).await.unwrap();
    store.migrate().await.unwrap();
    let by = Actor::server("test");
    let facts = BatteryFacts::usual("B", Technology::Lithium, "NMC", 1, 5.0);
    let battery = store.add_battery(&by, &facts, None, 0).await.unwrap();
    let unit: DeviceId = "cu-1".parse().unwrap();
    let station = store.add_station("A4", &unit).await.unwrap();
    let profile =
        store.add_profile("P", &serde_json::from_str(r#"{"steps":[{"mode":"rest"}]}"#).unwrap(), 0).await.unwrap();
    let new = crate::store::experiments::NewExperiment::new("E", battery, station, profile);
    let experiment = store.queue_experiment(&by, &new, None, 0).await.unwrap();
    let mut group = store.begin_group().await.unwrap();
    let running = report_of(station, experiment, StationState::Running);
    group.station_report(&unit, &running, 1).await.unwrap();
    group.commit().await.unwrap();

    let mut bench = Bench::new();
    bench.guard.refresh(&store, true).await.unwrap();
    assert_eq!(bench.guard.outputs().len(), 1);
    let terms = run(ExperimentState::Running).terms;
    let open = store.open_runs().await.unwrap().into_iter().map(|run| OpenRun { terms, ..run }).collect();
    bench.guard.state().table.refresh(open, Duration::ZERO);
    let message = bench.rows(Subject::Experiment(experiment), 4.5, 25.0);
    bench.guard.heard(&unit, &message);
    let command = CommandId(bench.sent()[0]["command_id"].as_i64().unwrap());
    bench.guard.heard(&unit, &reply(command.0, CommandResult::Executed));

    bench.guard.write_once(&store).await.unwrap();
    let alarms = store.alarms(&AlarmFilter::default(), 10).await.unwrap();
    assert_eq!((alarms.len(), alarms[0].code.as_str(), alarms[0].value), (1, "voltage_high", Some(4.5)));
    assert_eq!(alarms[0].experiment.as_ref().map(|(id, _)| *id), Some(experiment));
    let known = store.experiment(experiment).await.unwrap().unwrap();
    assert_eq!(known.state, ExperimentState::Stopping);
    let stored = store.command(command).await.unwrap().unwrap();
    assert_eq!((stored.verb.as_str(), stored.state), ("stop", crate::domain::command::CommandState::Executed));
    assert!(bench.guard.unstored().is_empty());
}

fn report_of(station: StationId, experiment: ExperimentId, state: StationState) -> StationReport {
    StationReport { station, experiment: Some(experiment), state, step: Some(1), cycle: Some(1), reason: None }
}
