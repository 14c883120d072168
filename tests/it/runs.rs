//! Runs: started, stopped, paused and resumed by orders that are one transaction each, and moved by what units say.

use cellar::domain::command::{CommandResult, CommandState, Verb};
use cellar::domain::experiment::ExperimentState;
use cellar::domain::ids::{CommandId, DeviceId, ExperimentId, StationId};
use cellar::domain::message::{Reply, StationReport};
use cellar::domain::profile::{Step, StepEnd, StepMode, Steps};
use cellar::domain::run::{LEASE_S, RunLimits, RunTerms, SAMPLE_PERIOD_MS};
use cellar::domain::run_doubt::{self, Verdict};
use cellar::domain::run_state;
use cellar::domain::station::StationState;
use cellar::store::alarm_stops::StopRecord;
use cellar::store::run_orders::Asked;
use cellar::store::run_orders::reply::NOT_CONFIRMED;
use cellar::store::run_orders::start::{START_US, StartOrder};
use cellar::store::transitions::Move;
use cellar::store::{Store, StoreError};
use serde_json::{Value, json};

use crate::support::lab::{self, tester};

/// A unit with a station that has reported, and an experiment that waits for it.
struct Rig {
    store: Store,
    unit: DeviceId,
    station: StationId,
    experiment: ExperimentId,
}

fn terms() -> RunTerms {
    let limits = RunLimits {
        voltage_min_v: 2.5,
        voltage_max_v: 4.2,
        current_min_a: -10.0,
        current_max_a: 5.0,
        temperature_min_c: None,
        temperature_max_c: Some(60.0),
        capacity_max_ah: None,
        time_max_s: None,
        voltage_rate_max_v_per_s: None,
        temperature_rate_max_c_per_min: None,
    };
    RunTerms { limits, sample_period_ms: SAMPLE_PERIOD_MS, lease_s: LEASE_S }
}

impl Rig {
    async fn new(store: &Store) -> Self {
        let unit = lab::unit(store, "cu-01").await;
        let station = store.add_station("A1", &unit).await.unwrap();
        let experiment = lab::experiment(store, "E1", station).await;
        let rig = Self { store: store.clone(), unit, station, experiment };
        rig.report(None, StationState::Idle, 2).await;
        rig
    }

    async fn start(&self, experiment: ExperimentId, now_us: i64) -> Option<CommandId> {
        let version = self.store.experiment(experiment).await.unwrap().unwrap().version;
        self.start_at(experiment, version, now_us).await
    }

    async fn start_at(&self, experiment: ExperimentId, version: i64, now_us: i64) -> Option<CommandId> {
        let step = Step { mode: StepMode::Cc { current_a: -1.0 }, until: vec![StepEnd::VoltageV(3.0)] };
        let steps = Steps { steps: vec![step], cycles: 2 };
        let order = StartOrder { experiment, version, steps, terms: terms() };
        self.store.order_start(&tester(), &order, now_us).await.unwrap()
    }

    async fn report(&self, experiment: Option<ExperimentId>, state: StationState, now_us: i64) {
        let report = StationReport {
            station: self.station,
            experiment,
            state,
            step: None,
            cycle: None,
            reason: Some("by it".into()),
        };
        let mut group = self.store.begin_group().await.unwrap();
        group.devices_seen(std::slice::from_ref(&self.unit), now_us).await.unwrap();
        group.station_report(&self.unit, &report, now_us).await.unwrap();
        group.commit().await.unwrap();
    }

    async fn reply(&self, command_id: CommandId, result: CommandResult, limits: Option<Value>, now_us: i64) {
        let reply = Reply { command_id, result, reason: Some("no battery".into()), limits };
        let mut group = self.store.begin_group().await.unwrap();
        group.note_reply(&self.unit, &reply, now_us).await.unwrap();
        group.commit().await.unwrap();
    }

    /// State and reason.
    async fn stands(&self) -> (ExperimentState, String) {
        let experiment = self.store.experiment(self.experiment).await.unwrap().unwrap();
        (experiment.state, experiment.reason)
    }

    async fn command(&self, verb: Verb) -> cellar::store::outbox::Command {
        self.store.last_command(&self.unit, verb).await.unwrap().unwrap()
    }

    /// Runs the experiment.
    async fn running(store: &Store) -> Self {
        let rig = Self::new(store).await;
        let start = rig.start(rig.experiment, 10).await.unwrap();
        rig.reply(start, CommandResult::Executed, Some(json!(terms().limits)), 11).await;
        rig.report(Some(rig.experiment), StationState::Running, 12).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Running);
        rig
    }

    async fn verdict(&self, now_us: i64) -> Option<Verdict> {
        let runs = self.store.doubted_runs().await.unwrap();
        let run = runs.iter().find(|run| run.experiment == self.experiment)?;
        let verdict = run_doubt::judge(&run.facts, now_us);
        self.store.settle(&tester(), run, verdict, now_us).await.unwrap();
        Some(verdict)
    }
}

const S: i64 = 1_000_000;

both_engines! {
    async fn a_start_carries_the_whole_run_and_station_and_battery_have_one_at_a_time(store: Store) {
        let rig = Rig::new(&store).await;
        let other = lab::experiment(&store, "E2", rig.station).await;
        let version = store.experiment(rig.experiment).await.unwrap().unwrap().version;
        let start = rig.start_at(rig.experiment, version, 10).await.unwrap();
        assert_eq!(rig.stands().await.0, ExperimentState::Starting);
        let command = store.command(start).await.unwrap().unwrap();
        assert_eq!((command.verb.as_str(), command.expires_at_us), ("start", Some(10 + START_US)));
        let expected = json!({
            "experiment": rig.experiment, "station": rig.station, "cycles": 2,
            "steps": [{"mode": "cc", "current_a": -1.0, "until": [{"voltage_v": 3.0}]}],
            "limits": {"voltage_min_v": 2.5, "voltage_max_v": 4.2, "current_min_a": -10.0, "current_max_a": 5.0,
                "temperature_max_c": 60.0},
            "sample_period_ms": 1000, "lease_s": 60,
        });
        assert_eq!(command.payload, expected);
        let open = store.open_runs().await.unwrap();
        assert_eq!((open.len(), open[0].terms), (1, Some(terms())));
        assert_eq!(rig.start_at(rig.experiment, version, 11).await, None, "it was changed since");
        assert_eq!(rig.start(other, 12).await, None, "the station is taken");
        // The same battery at another station.
        let elsewhere = store.add_station("A2", &rig.unit).await.unwrap();
        let first = store.experiment(rig.experiment).await.unwrap().unwrap();
        let again = cellar::store::experiments::NewExperiment::new("E3", first.battery, elsewhere, first.profile);
        let again = store.queue_experiment(&tester(), &again, None, 13).await.unwrap();
        assert_eq!(rig.start(again, 14).await, None, "the battery is taken");
        rig.reply(start, CommandResult::Executed, Some(json!(terms().limits)), 15).await;
        rig.report(Some(rig.experiment), StationState::Finished, 16).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Finished);
        assert!(rig.start(again, 17).await.is_some(), "both are free again");
    }

    async fn a_stop_withdraws_the_start_is_one_command_and_says_why(store: Store) {
        let rig = Rig::new(&store).await;
        let early = store.ask_stop(&tester(), rig.experiment, "", 5).await.unwrap_err();
        assert!(early.to_string().contains("Cancel it instead"), "{early}");
        let start = rig.start(rig.experiment, 10).await.unwrap();
        let asked = store.ask_stop(&tester(), rig.experiment, "smoke", 20).await.unwrap();
        assert_eq!(rig.stands().await, (ExperimentState::Stopping, "smoke".to_owned()));
        assert_eq!(store.command(start).await.unwrap().unwrap().state, CommandState::Expired);
        let stop = rig.command(Verb::Stop).await;
        assert_eq!((asked, stop.expires_at_us), (Asked::Ordered(stop.command_id), None));
        assert_eq!(stop.payload, json!({"station": rig.station, "experiment": rig.experiment, "reason": "smoke"}));
        assert_eq!(store.ask_stop(&tester(), rig.experiment, "more smoke", 21).await.unwrap(), Asked::Already);
        // A report from before the stop changes nothing.
        rig.report(Some(rig.experiment), StationState::Running, 22).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Stopping);
        rig.report(Some(rig.experiment), StationState::Stopped, 23).await;
        assert_eq!(rig.stands().await, (ExperimentState::Stopped, "smoke".to_owned()));
        assert_eq!(rig.command(Verb::Stop).await.state, CommandState::Expired, "it must not end the next run");
        assert_eq!(store.ask_stop(&tester(), rig.experiment, "", 24).await.unwrap(), Asked::Already);
        let told: Vec<_> = store.audit_after(0).await.unwrap().into_iter().map(|entry| entry.action).collect();
        assert!(told.contains(&"stop experiment".to_owned()) && told.contains(&"start experiment".to_owned()), "{told:?}");
    }

    async fn a_start_that_is_refused_is_a_fault_with_the_units_words(store: Store) {
        let rig = Rig::new(&store).await;
        let start = rig.start(rig.experiment, 10).await.unwrap();
        rig.reply(start, CommandResult::Rejected, None, 11).await;
        assert_eq!(rig.stands().await, (ExperimentState::Fault, "cu-01 refused to start: no battery".to_owned()));
    }

    async fn a_unit_that_does_not_confirm_the_limits_is_stopped(store: Store) {
        let rig = Rig::new(&store).await;
        let start = rig.start(rig.experiment, 10).await.unwrap();
        rig.reply(start, CommandResult::Accepted, None, 11).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Starting);
        let mut wider = json!(terms().limits);
        wider["voltage_max_v"] = json!(4.3);
        rig.reply(start, CommandResult::Executed, Some(wider), 12).await;
        assert_eq!(rig.stands().await, (ExperimentState::Stopping, NOT_CONFIRMED.to_owned()));
        assert_eq!(rig.command(Verb::Stop).await.state, CommandState::Queued);
        rig.report(Some(rig.experiment), StationState::Stopped, 13).await;
        assert_eq!(rig.stands().await, (ExperimentState::Fault, NOT_CONFIRMED.to_owned()));
    }

    async fn a_run_is_paused_and_resumed_when_its_unit_says_so(store: Store) {
        let rig = Rig::running(&store).await;
        assert!(store.ask_resume(&tester(), rig.experiment, "", 19).await.is_ok_and(|asked| asked == Asked::Already));
        let asked = store.ask_pause(&tester(), rig.experiment, "lunch", 20).await.unwrap();
        let pause = rig.command(Verb::Pause).await;
        assert_eq!((asked, pause.state), (Asked::Ordered(pause.command_id), CommandState::Queued));
        assert_eq!(store.ask_pause(&tester(), rig.experiment, "lunch", 21).await.unwrap(), Asked::Already);
        assert_eq!(rig.stands().await.0, ExperimentState::Running, "nobody has seen it pause");
        rig.reply(pause.command_id, CommandResult::Executed, None, 22).await;
        rig.report(Some(rig.experiment), StationState::Paused, 22).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Paused);
        assert!(matches!(store.ask_resume(&tester(), rig.experiment, "", 23).await.unwrap(), Asked::Ordered(_)));
        rig.report(Some(rig.experiment), StationState::Running, 24).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Running);
        rig.report(Some(rig.experiment), StationState::Finished, 25).await;
        let late = store.ask_pause(&tester(), rig.experiment, "", 26).await.unwrap_err();
        assert!(matches!(late, StoreError::Conflict(_)), "{late:?}");
    }

    async fn a_start_nobody_answers_is_asked_about_before_it_waits_again(store: Store) {
        let rig = Rig::new(&store).await;
        rig.start(rig.experiment, 10 * S).await.unwrap();
        assert_eq!(rig.verdict(30 * S).await, Some(Verdict::Leave));
        store.expire_commands(41 * S).await.unwrap();
        rig.report(None, StationState::Idle, 42 * S).await;
        assert_eq!(rig.verdict(43 * S).await, Some(Verdict::Ask));
        let ask = rig.command(Verb::GetState).await;
        assert_eq!(rig.verdict(44 * S).await, Some(Verdict::Leave), "it is asked once");
        rig.reply(ask.command_id, CommandResult::Executed, None, 45 * S).await;
        rig.report(None, StationState::Idle, 45 * S).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Starting);
        assert_eq!(rig.verdict(47 * S).await, Some(Verdict::Queue));
        assert_eq!(rig.stands().await.0, ExperimentState::Queued);
        assert_eq!(rig.verdict(48 * S).await, None);
        assert!(rig.start(rig.experiment, 49 * S).await.is_some(), "its place is free again");
    }

    async fn a_run_its_unit_forgot_is_a_fault(store: Store) {
        let rig = Rig::running(&store).await;
        assert_eq!(rig.verdict(20 * S).await, None);
        rig.report(None, StationState::Idle, 20 * S).await;
        assert_eq!(rig.verdict(21 * S).await, Some(Verdict::Leave));
        assert_eq!(rig.verdict(23 * S).await, Some(Verdict::Lost));
        assert_eq!(rig.stands().await.0, ExperimentState::Fault);
    }

    // A start that was under way when the watch gave the run up: the unit hears the stop first, and begins after it.
    async fn a_lost_run_that_begins_after_its_stop_is_stopped_again(store: Store) {
        let rig = Rig::new(&store).await;
        let start = rig.start(rig.experiment, 10 * S).await.unwrap();
        assert_eq!(store.due_commands(CommandId(0), 11 * S, S, 10).await.unwrap().len(), 1);
        let lost = StopRecord {
            command: CommandId(-7),
            device: &rig.unit,
            station: rig.station,
            experiment: Some(rig.experiment),
            actor: "watch",
            reason: "silent",
            at_us: 12 * S,
            is_silence: true,
            is_fault: true,
        };
        let mut group = store.begin_group().await.unwrap();
        group.record_stop(&lost).await.unwrap();
        group.commit().await.unwrap();
        assert_eq!(rig.stands().await.0, ExperimentState::CommsLost);
        assert_eq!(store.due_commands(CommandId(0), 13 * S, S, 10).await.unwrap(), [], "no start after the stop");
        assert_eq!(store.command(start).await.unwrap().unwrap().state, CommandState::Expired);
        assert_eq!(rig.verdict(60 * S).await, Some(Verdict::Leave), "the stop is repeated until it is answered");
        let mut group = store.begin_group().await.unwrap();
        group.stop_answered(CommandId(-7), &rig.unit, 60 * S).await.unwrap();
        group.commit().await.unwrap();
        rig.report(Some(rig.experiment), StationState::Running, 61 * S).await;
        assert_eq!(rig.stands().await.0, ExperimentState::CommsLost);
        assert_eq!(rig.verdict(62 * S).await, Some(Verdict::Leave));
        assert_eq!(rig.verdict(64 * S).await, Some(Verdict::Ask));
        rig.reply(rig.command(Verb::GetState).await.command_id, CommandResult::Executed, None, 65 * S).await;
        rig.report(Some(rig.experiment), StationState::Running, 65 * S).await;
        assert_eq!(rig.verdict(67 * S).await, Some(Verdict::StopAgain));
        assert_eq!(rig.stands().await, (ExperimentState::Stopping, "silent".into()));
        let due = store.due_commands(CommandId(0), 68 * S, S, 10).await.unwrap();
        assert_eq!(due.iter().map(|command| command.verb.as_str()).collect::<Vec<_>>(), ["stop"]);
        rig.report(Some(rig.experiment), StationState::Stopped, 69 * S).await;
        assert_eq!(rig.stands().await.0, ExperimentState::Fault);
    }

    async fn a_unit_that_works_on_what_is_over_is_told_to_stop_until_it_rests(store: Store) {
        let rig = Rig::running(&store).await;
        assert_eq!(store.stray_runs(20 * S).await.unwrap(), []);
        rig.report(None, StationState::Idle, 20 * S).await;
        assert_eq!(rig.verdict(23 * S).await, Some(Verdict::Lost));
        rig.report(Some(rig.experiment), StationState::Running, 24 * S).await;
        let strays = store.stray_runs(25 * S).await.unwrap();
        let [stray] = &strays[..] else { panic!("{strays:?}") };
        assert_eq!((stray.station, &stray.unit, stray.experiment), (rig.station, &rig.unit, rig.experiment));
        store.stop_stray(&tester(), stray, 25 * S).await.unwrap();
        assert_eq!(store.stray_runs(60 * S).await.unwrap(), [], "it is told already");
        let stop = rig.command(Verb::Stop).await;
        assert_eq!(stop.payload["experiment"], json!(rig.experiment));
        rig.reply(stop.command_id, CommandResult::Executed, None, 61 * S).await;
        assert_eq!(store.stray_runs(62 * S).await.unwrap(), strays, "it says so and goes on");
        rig.report(Some(rig.experiment), StationState::Stopped, 63 * S).await;
        assert_eq!(store.stray_runs(64 * S).await.unwrap(), []);
        assert_eq!(rig.stands().await.0, ExperimentState::Fault);
    }

    // Whatever is ordered and reported in whatever order, only allowed changes are made, each told once.
    async fn random_orders_and_reports_make_only_allowed_changes(store: Store) {
        let rig = Rig::new(&store).await;
        let mut random = fastrand::Rng::with_seed(4);
        let mut experiments = vec![rig.experiment];
        for now_us in 100..400 {
            let experiment = experiments[random.usize(..experiments.len())];
            let states =
                [StationState::Idle, StationState::Running, StationState::Paused, StationState::Finished,
                    StationState::Stopped, StationState::Fault];
            match random.u8(..8) {
                0 => drop(rig.start(experiment, now_us).await),
                1 => drop(store.ask_stop(&tester(), experiment, "", now_us).await),
                2 => drop(store.ask_pause(&tester(), experiment, "", now_us).await),
                3 => drop(store.ask_resume(&tester(), experiment, "", now_us).await),
                4 if experiments.len() < 12 => {
                    experiments.push(lab::experiment(&store, &format!("R{now_us}"), rig.station).await);
                }
                5 => {
                    let run = store.last_command(&rig.unit, Verb::Start).await.unwrap();
                    let result = if random.bool() { CommandResult::Executed } else { CommandResult::Rejected };
                    let limits = random.bool().then(|| json!(terms().limits));
                    if let Some(run) = run {
                        rig.reply(run.command_id, result, limits, now_us).await;
                    }
                }
                _ => rig.report(Some(experiment), states[random.usize(..states.len())], now_us).await,
            }
        }
        let mut changes = 0;
        for experiment in experiments {
            let mut at = None;
            for told in store.transitions(experiment).await.unwrap().into_iter().rev() {
                assert_eq!(told.from, at, "{experiment}");
                if let Some(from) = told.from {
                    assert!(run_state::is_allowed(from, told.to), "{from:?} {:?}", told.to);
                    changes += 1;
                }
                at = Some(told.to);
            }
            assert_eq!(at, Some(store.experiment(experiment).await.unwrap().unwrap().state));
        }
        assert!(changes > 20, "{changes}");
    }

    async fn what_no_experiment_may_do_is_refused_where_it_is_stored(store: Store) {
        let rig = Rig::new(&store).await;
        let version = store.experiment(rig.experiment).await.unwrap().unwrap().version;
        let (from, to) = (ExperimentState::Queued, ExperimentState::Finished);
        let change = Move { experiment: rig.experiment, version, from, to, actor: "x", reason: "" };
        let mut group = store.begin_group().await.unwrap();
        let refused = group.move_experiment(change, 5).await.unwrap_err();
        assert!(refused.to_string().contains("cannot go from “Queued” to “Finished”"), "{refused}");
    }
}
