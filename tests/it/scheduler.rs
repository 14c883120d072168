//! The scheduler with a simulated unit: what waits is started, and runs obey pages and programs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::experiment::ExperimentState;
use cellar::domain::ids::{ExperimentId, StationId};
use cellar::domain::profile::{Step, StepEnd, StepMode, Steps};
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::experiments::NewExperiment;
use cellar::store::run_orders::Asked;

use crate::support::people::Browser;
use crate::support::server::{Server, program};

/// What has not happened after this time is not going to.
const PATIENCE: Duration = Duration::from_secs(60);

/// A simulated laboratory in a process of its own, and what it said.
pub(crate) struct Simulation {
    process: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Simulation {
    /// One unit with two stations, which registers itself in the server's database.
    pub(crate) fn start(server: &Server) -> Self {
        let mut process = Command::new(program())
            .args(["simulate", "--url", &format!("mqtt://{}", server.mqtt())])
            .args(["--scenario", "lab", "--devices", "1", "--seed", "7", "--speed", "1"])
            .args(["--database-url", &server.database_url()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = Arc::new(Mutex::new(Vec::new()));
        let (stderr, heard) = (process.stderr.take().unwrap(), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                eprintln!("{line}");
                heard.lock().unwrap().push(line);
            }
        });
        Self { process, said }
    }

    /// How often it began an experiment.
    pub(crate) fn begun(&self, experiment: ExperimentId) -> usize {
        let name = format!("experiment={experiment}");
        let said = self.said.lock().unwrap();
        said.iter().filter(|line| line.contains("begins") && line.split_whitespace().any(|word| word == name)).count()
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server with a simulated unit.
pub(crate) struct Lab {
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) simulation: Simulation,
    pub(crate) operator: Browser,
    pub(crate) station: StationId,
    pub(crate) first: ExperimentId,
}

impl Lab {
    /// A server and a unit; the first experiment of its first station.
    pub(crate) async fn start(options: &[&str]) -> Self {
        Self::on(Server::start_with(options)).await
    }

    /// The same with a server that runs already.
    pub(crate) async fn on(server: Server) -> Self {
        let store = Store::open(&server.database_url()).await.unwrap();
        let operator = Browser::signed_in(&server, Role::Operator).await;
        let simulation = Simulation::start(&server);
        let station = found(async || store.station_named("sim-unit-01/1").await.unwrap()).await;
        let first = found(async || store.open_experiment(station).await.unwrap()).await;
        Self { server, store, simulation, operator, station, first }
    }

    pub(crate) async fn state(&self, experiment: ExperimentId) -> ExperimentState {
        self.store.experiment(experiment).await.unwrap().unwrap().state
    }

    pub(crate) async fn until(&self, experiment: ExperimentId, state: ExperimentState) {
        let began = Instant::now();
        while self.state(experiment).await != state {
            let found = self.store.experiment(experiment).await.unwrap().unwrap();
            let happened = self.store.transitions(experiment).await.unwrap();
            assert!(
                began.elapsed() < PATIENCE,
                "not {state:?} but {:?} ({}): {happened:?}",
                found.state,
                found.wait_reason
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Queues a run of a rest at the first station.
    pub(crate) async fn queue(&self, name: &str, seconds: f64) -> ExperimentId {
        let first = self.store.experiment(self.first).await.unwrap().unwrap();
        let steps =
            Steps { steps: vec![Step { mode: StepMode::Rest, until: vec![StepEnd::TimeS(seconds)] }], cycles: 1 };
        let new = NewExperiment {
            steps: Some(steps),
            ..NewExperiment::new(name, first.battery, self.station, first.profile)
        };
        self.store
            .queue_experiment(&Actor::server("test"), &new, None, cellar::clock::Clock::System.now_us())
            .await
            .unwrap()
    }
}

/// Asks until there is an answer.
async fn found<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(began.elapsed() < PATIENCE, "it never came");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_is_started_paused_resumed_and_stopped_from_pages() {
    let mut lab = Lab::start(&[]).await;
    let id = lab.first;
    lab.until(id, ExperimentState::Running).await;
    assert_eq!(lab.simulation.begun(id), 1);
    let path = format!("/experiments/{id}");
    let page = lab.operator.get(&path).await.body;
    assert!(page.contains(&format!("{path}/pause")) && page.contains(&format!("{path}/stop")), "{page}");
    let marks = lab.operator.get(&format!("/api/v1{path}/marks")).await.body;
    let marks: serde_json::Value = serde_json::from_str(&marks).expect("JSON");
    let limits = lab.store.run_terms(id).await.unwrap().expect("it was started").limits;
    let above = |column, value| serde_json::json!({ "column": column, "value": value, "side": "above" });
    for limit in [above("voltage_v", limits.voltage_max_v), above("current_a", limits.current_max_a)] {
        assert!(marks["limits"].as_array().is_some_and(|all| all.contains(&limit)), "{limit} is not in {marks}");
    }
    let monitor = lab.operator.get(&format!("/?station={}", lab.station)).await.body;
    assert!(monitor.contains(&format!("{path}/stop")), "{monitor}");

    let page = lab.operator.get(&format!("{path}/pause")).await.body;
    assert!(page.contains("Pause sim-unit-01/1") && page.contains("to remember the step"), "{page}");
    let done = lab.operator.post(&format!("{path}/pause"), &[("reason", "new probe")]).await;
    assert_eq!((done.status, done.location), (303, format!("{path}?done=pause")));
    lab.until(id, ExperimentState::Paused).await;
    lab.operator.get(&format!("{path}/resume")).await;
    assert_eq!(lab.operator.post(&format!("{path}/resume"), &[]).await.status, 303);
    lab.until(id, ExperimentState::Running).await;

    // The next one waits for its turn, and says why.
    let next = lab.queue("Next", 2.0).await;
    let queue = format!("/stations/{}/queue", lab.station);
    let words = "Waits: sim-unit-01/1 has another run.";
    let began = Instant::now();
    loop {
        let page = lab.operator.get(&queue).await.body;
        if page.contains(words) {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{page}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(lab.operator.get(&format!("/experiments/{next}")).await.body.contains("has another run"));
    assert_eq!(lab.operator.post(&format!("{queue}/hold"), &[("reason", "new cables")]).await.status, 303);

    lab.operator.get(&format!("{path}/stop")).await;
    assert_eq!(lab.operator.post(&format!("{path}/stop"), &[("reason", "seen enough")]).await.status, 303);
    lab.until(id, ExperimentState::Stopped).await;
    let page = lab.operator.get(&path).await.body;
    assert!(page.contains("seen enough") && !page.contains(&format!("{path}/stop")), "{page}");
    let nothing = lab.operator.get(&format!("{path}/stop")).await.body;
    assert!(nothing.contains("There is nothing to stop"), "{nothing}");

    // Held, it does not start although the station is free.
    let held = found(async || {
        let waiting = lab.store.experiment(next).await.unwrap().unwrap();
        waiting.wait_reason.contains("is held by operator: new cables").then_some(waiting)
    });
    assert_eq!(held.await.state, ExperimentState::Queued);
    let page = lab.operator.get(&queue).await.body;
    assert!(page.contains("The queue is held") && page.contains("Release queue"), "{page}");
    assert_eq!(lab.operator.post(&format!("{queue}/release"), &[]).await.status, 303);
    lab.until(next, ExperimentState::Finished).await;
    assert_eq!((lab.simulation.begun(id), lab.simulation.begun(next)), (1, 1));
    assert!(lab.server.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_killed_takes_up_its_runs_and_starts_none_again() {
    let mut lab = Lab::start(&[]).await;
    lab.until(lab.first, ExperimentState::Running).await;
    lab.server.kill_9();
    let asked = lab.store.ask_stop(&Actor::server("test"), lab.first, "while nobody was there", 1).await.unwrap();
    assert!(matches!(asked, Asked::Ordered(_)));
    lab.server.restart();
    lab.until(lab.first, ExperimentState::Stopped).await;
    assert_eq!(lab.simulation.begun(lab.first), 1);
}
