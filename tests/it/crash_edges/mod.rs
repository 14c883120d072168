//! The server dies just before and just after the commit of every change in the table of `domain::run_state`. The run begins
//! once at most, and a stop that was ordered is done without anybody asking for it again.

mod table;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use cellar::clock::Clock;
use cellar::domain::command::{CommandResult, CommandState};
use cellar::domain::experiment::ExperimentState::{
    self, Aborted, CommsLost, Draft, Finishing, Paused, Queued, Running, Starting, Stopping,
};
use cellar::domain::ids::{CommandId, DeviceId, ExperimentId, StationId};
use cellar::domain::message::Reply;
use cellar::domain::run::{LEASE_S, RunTerms, SAMPLE_PERIOD_MS};
use cellar::domain::run_state::{EDGES, is_allowed};
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::alarm_stops::StopRecord;
use cellar::store::run_orders::start::StartOrder;
use cellar::store::transitions::Move;
use serde_json::json;

use table::{DEATHS, Death, WALKS, Way};

use crate::support::bench::{Bench, UNIT};
use crate::support::lab::tester;
use crate::support::people::Browser;
use crate::support::puppet::{Manners, Puppet};
use crate::support::server::Server;

/// What has not happened after this time is not going to: a run is silent after 30 s, a start too late after 30 s.
const PATIENCE: Duration = Duration::from_secs(90);
/// Tells [`moves_alone`] what to change: database, experiment, state before, state after, with blanks between them.
const MOVE: &str = "CELLAR_TEST_MOVE";

/// A server that dies, the unit that lives on, and somebody with a browser.
struct Theatre {
    server: Server,
    store: Store,
    bench: Bench,
    puppet: Puppet,
    operator: Browser,
    /// Numbers of stops that were sent before they were stored.
    last_command: i64,
}

impl Theatre {
    async fn open(url: &str) -> Self {
        let server = Server::start_with(&["--database-url", url]);
        let store = Store::open(url).await.unwrap();
        let bench = Bench::in_store(&store).await;
        let operator = Browser::signed_in(&server, Role::Operator).await;
        let puppet = Puppet::start(server.mqtt_port(), bench.station);
        Self { server, store, bench, puppet, operator, last_command: -1_000 }
    }

    async fn state(&self, id: ExperimentId) -> ExperimentState {
        self.store.experiment(id).await.unwrap().unwrap().state
    }

    async fn change(&self, experiment: ExperimentId, to: ExperimentState) {
        let found = self.store.experiment(experiment).await.unwrap().unwrap();
        let change = Move { experiment, version: found.version, from: found.state, to, actor: "test", reason: "" };
        let mut group = self.store.begin_group().await.unwrap();
        assert!(group.move_experiment(change, now_us()).await.unwrap());
        group.commit().await.unwrap();
    }

    /// Orders a start; `late_us` ago.
    async fn order_start(&self, experiment: ExperimentId, late_us: i64) -> CommandId {
        let found = self.store.experiment(experiment).await.unwrap().unwrap();
        let steps = crate::support::bench::discharge(-1.0);
        let limits = serde_json::from_value(json!({
            "voltage_min_v": 2.5, "voltage_max_v": 4.2, "current_min_a": -10.0, "current_max_a": 5.0
        }));
        let terms = RunTerms { limits: limits.unwrap(), sample_period_ms: SAMPLE_PERIOD_MS, lease_s: LEASE_S };
        let order = StartOrder { experiment, version: found.version, steps, terms };
        self.store.order_start(&tester(), &order, now_us() - late_us).await.unwrap().expect("it waits")
    }

    /// Brings a new experiment to the state from which the change is made, while no server runs.
    async fn stage(&mut self, death: &Death) -> ExperimentId {
        let name = format!("{} {:?}", death.place(), death.way);
        let id = self.store.queue_experiment(&tester(), &self.bench.experiment(&name), None, now_us()).await.unwrap();
        let good = Manners::GOOD;
        {
            let mut mind = self.puppet.mind();
            (mind.manners, mind.state, mind.experiment) = (good, "idle", None);
        }
        match death.from {
            Draft => {
                let text = format!("UPDATE experiment SET state = 'draft' WHERE experiment_id = {id}");
                let database = crate::support::database::Database::at(&self.server.database_url());
                assert_eq!(database.run(&[&text]).await, 1);
            }
            Queued => {}
            Starting => {
                let is_lost = death.way == Way::Scheduler;
                self.order_start(id, if is_lost { 60_000_000 } else { 0 }).await;
                let at_start = match death.way {
                    Way::Said(state) => Some(state),
                    Way::Refused => Some("refused"),
                    _ if is_lost => None,
                    _ => Some("running"),
                };
                self.puppet.mind().manners = Manners { at_start, reports: death.to != Stopping, ..good };
            }
            from => {
                let start = self.order_start(id, 0).await;
                let found = self.store.command(start).await.unwrap().unwrap();
                let limits = Some(found.payload["limits"].clone());
                let reply = Reply { command_id: start, result: CommandResult::Executed, reason: None, limits };
                let mut group = self.store.begin_group().await.unwrap();
                group.note_reply(&UNIT.parse().unwrap(), &reply, now_us()).await.unwrap();
                group.commit().await.unwrap();
                self.puppet.mind().has_begun(id, if from == Paused { "paused" } else { "running" }, Some(start.0));
                self.change(id, Running).await;
                match from {
                    Running => {}
                    Stopping => drop(self.store.ask_stop(&tester(), id, "", now_us()).await.unwrap()),
                    CommsLost => self.lose(id).await,
                    from => self.change(id, from).await,
                }
            }
        }
        let mut mind = self.puppet.mind();
        match death.way {
            Way::Said(state) if death.from == Queued => mind.has_begun(id, state, None),
            Way::Said(state) if death.from != Starting => mind.state = state,
            Way::Forgot => (mind.state, mind.experiment) = ("idle", None),
            Way::Silence => mind.manners.measures = false,
            _ => {}
        }
        // What it was told before is on its way to it until the process is dead.
        if death.from != Starting && death.is_told_to_stop() {
            mind.manners.hears = false;
        }
        drop(mind);
        id
    }

    /// Stores that a run was lost, and the stop that was sent, as the watch does.
    async fn lose(&mut self, experiment: ExperimentId) {
        self.last_command -= 1;
        let mut group = self.store.begin_group().await.unwrap();
        group.record_stop(&lost(CommandId(self.last_command), self.bench.station, experiment)).await.unwrap();
        group.commit().await.unwrap();
    }

    /// Lets a process live until it dies at its place.
    async fn die(&mut self, death: &Death, id: ExperimentId) {
        if death.way == Way::Alone {
            self.last_command -= 1;
            let words = [
                self.server.database_url(),
                id.to_string(),
                death.from.as_str().to_owned(),
                death.to.as_str().to_owned(),
                self.last_command.to_string(),
                self.bench.station.to_string(),
            ];
            let died = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "crash_edges::moves_alone", "--ignored"])
                .env(MOVE, words.join(" "))
                .env("CELLAR_FAILPOINT", death.place())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(died.code(), None, "nobody died at {}", death.place());
            return;
        }
        self.server.restart_in(&[("CELLAR_FAILPOINT", &death.place())]);
        let began = Instant::now();
        while !self.server.is_dead() {
            if let Way::Pressed(word) = death.way {
                // The unit has begun before it is told to stop, and does not hear that.
                let has_begun = self.puppet.mind().begun(id) == 1;
                if death.from == Starting && has_begun {
                    self.puppet.mind().manners.hears = false;
                }
                if death.from != Starting || has_begun {
                    self.press(id, word).await;
                }
            }
            let happened = self.store.transitions(id).await.unwrap();
            assert!(began.elapsed() < PATIENCE, "nobody died at {}: {happened:?}", death.place());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Presses a button; the server may die of it.
    async fn press(&mut self, id: ExperimentId, word: &str) {
        let version = self.store.experiment(id).await.unwrap().unwrap().version.to_string();
        let _ = self.operator.try_post(&format!("/experiments/{id}/{word}"), &[("version", &version)]).await;
    }

    /// Lets the server live and the run come to its end. Nobody presses a button that was heard the first time.
    async fn live(&mut self, death: &Death, id: ExperimentId) {
        self.puppet.mind().manners = Manners::GOOD;
        self.server.restart();
        let began = Instant::now();
        loop {
            let state = self.state(id).await;
            match state {
                state if state.is_over() => return,
                Draft => self.press(id, "cancel").await,
                Queued if death.to == Aborted => self.press(id, "cancel").await,
                Running | Paused | Finishing if !death.is_told_to_stop() => self.press(id, "stop").await,
                _ => {}
            }
            let happened = self.store.transitions(id).await.unwrap();
            assert!(began.elapsed() < PATIENCE, "{}: it stays {state:?}: {happened:?}", death.place());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// One death and what comes of it.
    async fn play(&mut self, death: Death) {
        self.server.end();
        let id = self.stage(&death).await;
        // Otherwise the scheduler comes first.
        let holds = death.from == Queued && death.way != Way::Scheduler;
        let station = self.bench.station;
        self.store.hold_queue(&tester(), station, holds, "", now_us()).await.unwrap();
        self.die(&death, id).await;
        let found = self.state(id).await;
        assert_eq!(found, if death.is_stored { death.to } else { death.from }, "{}", death.place());
        self.live(&death, id).await;
        self.check(&death, id).await;
    }

    async fn check(&self, death: &Death, id: ExperimentId) {
        let (state, happened) = (self.state(id).await, self.store.transitions(id).await.unwrap());
        let place = death.place();
        if death.to.is_over() {
            assert_eq!(state, death.to, "{place}: {happened:?}");
        }
        for change in &happened {
            assert!(change.from.is_none_or(|from| is_allowed(from, change.to)), "{place}: {happened:?}");
        }
        // The newest first: each begins where the one before ended.
        for pair in happened.windows(2) {
            assert!(pair[0].from == Some(pair[1].to) || death.from == Draft, "{place}: {happened:?}");
        }
        let mind = self.puppet.mind();
        let begins = state != Aborted && death.way != Way::Refused && death.to != Queued || mind.begun(id) > 0;
        // A start that nobody heard before the run was given up is withdrawn.
        let is_withdrawn = death.from == Starting && death.to == CommsLost && death.is_stored;
        let began = usize::from(begins && !is_withdrawn);
        assert_eq!(mind.begun(id), began, "{place}: {happened:?}");
        assert!(mind.experiment != Some(id) || mind.rests(), "{place}: the unit goes on: {happened:?}");
    }
}

fn now_us() -> i64 {
    Clock::System.now_us()
}

/// The stop of a run that fell silent.
fn lost(command: CommandId, station: StationId, experiment: ExperimentId) -> StopRecord<'static> {
    static DEVICE: std::sync::OnceLock<DeviceId> = std::sync::OnceLock::new();
    StopRecord {
        command,
        device: DEVICE.get_or_init(|| UNIT.parse().unwrap()),
        station,
        experiment: Some(experiment),
        actor: "watch",
        reason: "silent",
        at_us: now_us(),
        is_silence: true,
        is_fault: false,
    }
}

async fn walk(url: &str, from: &[ExperimentState]) {
    if !cfg!(debug_assertions) {
        return;
    }
    let mut theatre = Theatre::open(url).await;
    for (from, to, way) in DEATHS.iter().filter(|(has_from, ..)| from.contains(has_from)) {
        for is_stored in [false, true] {
            let began = Instant::now();
            theatre.play(Death { from: *from, to: *to, way: *way, is_stored }).await;
            eprintln!("{from:?} {to:?} {way:?} stored {is_stored}: {:?}", began.elapsed());
        }
    }
}

both_engines! {
    async fn whenever_the_server_dies_what_waits_begins_once(database: Database) {
        walk(database.url(), WALKS[0]).await;
    }

    async fn whenever_the_server_dies_what_starts_begins_once(database: Database) {
        walk(database.url(), WALKS[1]).await;
    }

    async fn whenever_the_server_dies_what_runs_can_be_stopped(database: Database) {
        walk(database.url(), WALKS[2]).await;
    }

    async fn whenever_the_server_dies_what_is_held_can_be_stopped(database: Database) {
        walk(database.url(), WALKS[3]).await;
    }

    async fn whenever_the_server_dies_a_stop_that_was_ordered_is_done(database: Database) {
        walk(database.url(), WALKS[4]).await;
    }
}

// A stop can overtake a start that is under way: the unit answers it at rest, and begins then.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_run_that_begins_after_its_stop_was_answered_is_stopped_by_the_server_alone() {
    let database = crate::support::database::Database::sqlite();
    let mut theatre = Theatre::open(database.url()).await;
    let name = "overtaken";
    theatre.store.hold_queue(&tester(), theatre.bench.station, true, "", now_us()).await.unwrap();
    let experiment = theatre.bench.experiment(name);
    let id = theatre.store.queue_experiment(&tester(), &experiment, None, now_us()).await.unwrap();
    theatre.puppet.mind().manners.at_start = None;
    theatre.order_start(id, 0).await;
    theatre.lose(id).await;
    let stop = CommandId(theatre.last_command);
    let began = Instant::now();
    while theatre.store.command(stop).await.unwrap().unwrap().state != CommandState::Executed {
        assert!(began.elapsed() < PATIENCE, "the stop is not answered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // First while it is lost, then when it is over.
    for round in 0..2 {
        let began = Instant::now();
        theatre.puppet.mind().has_begun(id, "running", None);
        while !(theatre.puppet.mind().rests() && theatre.state(id).await.is_over()) {
            let happened = theatre.store.transitions(id).await.unwrap();
            assert!(began.elapsed() < PATIENCE, "nobody stops it in round {round}: {happened:?}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[test]
fn every_change_of_the_table_has_its_deaths() {
    let words = |from: ExperimentState, to: ExperimentState| (from.as_str(), to.as_str());
    let table: BTreeSet<_> = EDGES.iter().map(|(from, to, _)| words(*from, *to)).collect();
    let walked = DEATHS.iter().filter(|(from, ..)| WALKS.iter().any(|walk| walk.contains(from)));
    assert_eq!(walked.map(|(from, to, _)| words(*from, *to)).collect::<BTreeSet<_>>(), table);
}

/// No test: the process of [`Way::Alone`], which dies in the middle of it.
#[tokio::test]
#[ignore = "started by other tests"]
async fn moves_alone() {
    let Ok(words) = std::env::var(MOVE) else { return };
    let words: Vec<&str> = words.split(' ').collect();
    let [url, experiment, from, to, command, station] = words[..] else { panic!("{words:?}") };
    let store = Store::open(url).await.unwrap();
    let experiment = ExperimentId(experiment.parse().unwrap());
    let state = |word: &str| ExperimentState::ALL.into_iter().find(|(state, _)| state.as_str() == word).unwrap().0;
    let mut group = store.begin_group().await.unwrap();
    if state(to) == CommsLost {
        let station = StationId(station.parse().unwrap());
        group.record_stop(&lost(CommandId(command.parse().unwrap()), station, experiment)).await.unwrap();
    } else {
        let version = store.experiment(experiment).await.unwrap().unwrap().version;
        let change = Move { experiment, version, from: state(from), to: state(to), actor: "test", reason: "" };
        assert!(group.move_experiment(change, now_us()).await.unwrap());
    }
    group.commit().await.unwrap();
}
