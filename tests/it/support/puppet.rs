//! A unit with one station that does what units do, with the manners a test gives it: deaf, silent, ending by itself. It
//! connects again for ever, remembers what it was told, and counts how often it began something.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use cellar::domain::ids::{ExperimentId, StationId};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::bench::UNIT;
use super::cycler::Cycler;
use super::mqtt_client::{Answer, Client, Login, Version};

/// Pause before it tries to connect again, and between two rows.
const CONNECT_EVERY: Duration = Duration::from_millis(50);
const MEASURE_EVERY: Duration = Duration::from_millis(500);

/// How it behaves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manners {
    /// Whether it takes commands; what it does not take is lost on the way.
    pub(crate) hears: bool,
    /// Whether it answers and tells the state of its station.
    pub(crate) reports: bool,
    /// Whether it measures while it runs, and sends heartbeats.
    pub(crate) measures: bool,
    /// What its station does when it is told to start; `None`: the start is lost on the way.
    pub(crate) at_start: Option<&'static str>,
}

impl Manners {
    /// As a unit should be.
    pub(crate) const GOOD: Self = Self { hears: true, reports: true, measures: true, at_start: Some("running") };
}

/// What it does and remembers.
#[derive(Debug)]
pub(crate) struct Mind {
    pub(crate) manners: Manners,
    /// Word of the state of its station.
    pub(crate) state: &'static str,
    pub(crate) experiment: Option<ExperimentId>,
    begun: HashMap<ExperimentId, usize>,
    /// Answers by command.
    answered: HashMap<i64, Value>,
    /// Whether its station began something that it has not told of.
    has_news: bool,
    seq: i64,
}

impl Mind {
    /// It works on this since some time, by this command.
    pub(crate) fn has_begun(&mut self, experiment: ExperimentId, state: &'static str, start: Option<i64>) {
        *self.begun.entry(experiment).or_default() += 1;
        (self.experiment, self.state, self.has_news) = (Some(experiment), state, true);
        if let Some(command) = start {
            self.answered.insert(command, json!({"command_id": command, "result": "executed"}));
        }
    }

    /// How often it began an experiment.
    pub(crate) fn begun(&self, experiment: ExperimentId) -> usize {
        self.begun.get(&experiment).copied().unwrap_or(0)
    }

    /// Whether its output is off.
    pub(crate) fn rests(&self) -> bool {
        !matches!(self.state, "running" | "paused")
    }
}

/// The unit, as a task.
pub(crate) struct Puppet {
    mind: Arc<Mutex<Mind>>,
    task: JoinHandle<()>,
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Puppet {
    /// Begins to connect.
    pub(crate) fn start(port: u16, station: StationId) -> Self {
        let mind = Mind {
            manners: Manners::GOOD,
            state: "idle",
            experiment: None,
            begun: HashMap::new(),
            answered: HashMap::new(),
            has_news: false,
            seq: 0,
        };
        let mind = Arc::new(Mutex::new(mind));
        let life = Life { mind: Arc::clone(&mind), port, station };
        Self { mind, task: tokio::spawn(async move { life.live().await }) }
    }

    /// What it does and remembers, to be changed.
    pub(crate) fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }
}

struct Life {
    mind: Arc<Mutex<Mind>>,
    port: u16,
    station: StationId,
}

impl Life {
    async fn live(&self) {
        loop {
            let _ = self.connection().await;
            tokio::time::sleep(CONNECT_EVERY).await;
        }
    }

    fn mind(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap()
    }

    /// One connection to its end.
    async fn connection(&self) -> Option<()> {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.ok()?;
        let secret = Cycler::secret();
        let mut client = Client::over(stream, Version::V5, &Login::of(UNIT, &secret)).await.ok()?;
        done(client.subscribe(&format!("cellar/v1/{UNIT}/down/#")).await)?;
        self.tell(&mut client, "hello", &json!({"boot": 1, "kind": "unit"})).await?;
        self.report(&mut client).await?;
        let topic = format!("cellar/v1/{UNIT}/down/command");
        loop {
            match client.message_within(MEASURE_EVERY).await {
                Err(Answer::Closed) => return None,
                Err(_) => {
                    if std::mem::take(&mut self.mind().has_news) {
                        self.report(&mut client).await?;
                    }
                    self.measure(&mut client).await;
                }
                Ok(message) if message.topic == topic => {
                    let command: Value = serde_json::from_slice(&message.payload).ok()?;
                    self.obey(&mut client, &command).await?;
                }
                Ok(_) => {}
            }
        }
    }

    async fn tell(&self, client: &mut Client, what: &str, body: &Value) -> Option<()> {
        done(client.publish(&format!("cellar/v1/{UNIT}/up/{what}"), body.to_string().as_bytes(), false).await)
    }

    async fn report(&self, client: &mut Client) -> Option<()> {
        let report = {
            let mind = self.mind();
            if !mind.manners.reports {
                return Some(());
            }
            json!({"station": self.station, "experiment": mind.experiment, "state": mind.state})
        };
        self.tell(client, "state", &report).await
    }

    async fn measure(&self, client: &mut Client) {
        let row = {
            let mut mind = self.mind();
            if !mind.manners.measures {
                return;
            }
            let Some(experiment) = mind.experiment.filter(|_| mind.state == "running") else { return };
            mind.seq += 1;
            json!({"boot": 1, "seq": mind.seq, "for": {"experiment": experiment},
                "at_us": [1_790_000_000_000_000_i64 + mind.seq * 500_000],
                "columns": {"voltage_v": [3.7], "current_a": [-1.0]}})
        };
        client.say(&format!("cellar/v1/{UNIT}/up/samples"), row.to_string().as_bytes()).await;
    }

    async fn obey(&self, client: &mut Client, command: &Value) -> Option<()> {
        let reply = {
            let mut mind = self.mind();
            if !mind.manners.hears {
                return Some(());
            }
            let id = command["command_id"].as_i64()?;
            let experiment = command["experiment"].as_i64().map(ExperimentId);
            let reply = match command["verb"].as_str()? {
                _ if mind.answered.contains_key(&id) => mind.answered[&id].clone(),
                "start" => {
                    let state = mind.manners.at_start?;
                    if state == "refused" {
                        json!({"command_id": id, "result": "rejected", "reason": "no battery"})
                    } else {
                        mind.has_begun(experiment?, state, None);
                        json!({"command_id": id, "result": "executed", "limits": command["limits"]})
                    }
                }
                "stop" => {
                    let is_meant = experiment.is_none() || experiment == mind.experiment;
                    if is_meant && !mind.rests() {
                        mind.state = "stopped";
                    }
                    json!({"command_id": id, "result": "executed"})
                }
                _ => json!({"command_id": id, "result": "executed"}),
            };
            mind.answered.insert(id, reply.clone());
            if !mind.manners.reports {
                return Some(());
            }
            reply
        };
        self.tell(client, "reply", &reply).await?;
        self.report(client).await
    }
}

fn done(answer: Answer) -> Option<()> {
    (answer == Answer::Done).then_some(())
}
