//! A unit with one station, played by the test: it obeys what the test says and nothing else.

use std::time::{Duration, Instant};

use cellar::domain::ids::{ExperimentId, StationId};
use cellar::domain::secret::DeviceSecret;
use cellar::store::Store;
use serde_json::{Value, json};

use super::bench::{Bench, UNIT};
use super::mqtt_client::{Answer, Client, Login, Version};

/// Time after which the server has learnt what runs: it looks each second.
const LEARNT: Duration = Duration::from_millis(1_800);

/// The unit, its station and its experiment.
pub(crate) struct Cycler {
    pub(crate) client: Client,
    pub(crate) station: StationId,
    pub(crate) experiment: ExperimentId,
    seq: i64,
    at_us: i64,
}

impl Cycler {
    /// The secret the unit logs in with.
    pub(crate) fn secret() -> String {
        DeviceSecret::from_random([7; 16]).reveal().to_owned()
    }

    /// Connects, waits for its start, confirms it and runs; returns when the server watches the run.
    pub(crate) async fn running(store: &Store, port: u16) -> Self {
        let bench = Bench::in_store(store).await;
        let by = super::lab::tester();
        let experiment = store.queue_experiment(&by, &bench.experiment("Watched"), None, 1).await.unwrap();
        let login = Login::of(UNIT, &Self::secret()).user.map(str::to_owned);
        let secret = Self::secret();
        let login = Login::of(login.as_deref().unwrap_or(UNIT), &secret);
        let client = Client::connect(port, Version::V5, &login).await.expect("the unit is let in");
        let mut cycler = Self { client, station: bench.station, experiment, seq: 0, at_us: 1_790_000_000_000_000 };
        assert_eq!(cycler.client.subscribe(&format!("cellar/v1/{UNIT}/down/#")).await, Answer::Done);
        cycler.tell("hello", &json!({"boot": 1, "kind": "unit"})).await;
        cycler.tell("state", &json!({"station": bench.station, "state": "idle"})).await;
        let start = cycler.command("start").await;
        let reply = json!({"command_id": start["command_id"], "result": "executed", "limits": start["limits"]});
        cycler.tell("reply", &reply).await;
        cycler.report("running").await;
        tokio::time::sleep(LEARNT).await;
        cycler.measure(3.7, 25.0).await;
        cycler
    }

    /// Reports the state of its station.
    pub(crate) async fn report(&mut self, state: &str) {
        let report = json!({"station": self.station, "experiment": self.experiment, "state": state});
        self.tell("state", &report).await;
    }

    /// Says something and waits until it is stored.
    pub(crate) async fn tell(&mut self, what: &str, body: &Value) {
        let topic = format!("cellar/v1/{UNIT}/up/{what}");
        assert_eq!(self.client.publish(&topic, body.to_string().as_bytes(), false).await, Answer::Done, "{what}");
    }

    /// Sends a row without waiting for anything.
    pub(crate) async fn measure(&mut self, voltage_v: f64, temperature_c: f64) {
        self.rows(&[(voltage_v, -1.5, temperature_c)]).await;
    }

    /// Sends rows of voltage, current and temperature, a second apart, without waiting for anything.
    pub(crate) async fn rows(&mut self, rows: &[(f64, f64, f64)]) {
        let times: Vec<i64> = (0_i64..).take(rows.len()).map(|row| self.at_us + row * 1_000_000).collect();
        let batch = json!({
            "boot": 1, "seq": self.seq, "for": {"experiment": self.experiment}, "at_us": times,
            "columns": {
                "voltage_v": rows.iter().map(|row| row.0).collect::<Vec<_>>(),
                "current_a": rows.iter().map(|row| row.1).collect::<Vec<_>>(),
                "temperature_c": rows.iter().map(|row| row.2).collect::<Vec<_>>(),
            },
        });
        self.at_us = times.last().unwrap() + 1_000_000;
        self.seq += i64::try_from(rows.len()).unwrap();
        self.client.say(&format!("cellar/v1/{UNIT}/up/samples"), batch.to_string().as_bytes()).await;
    }

    /// The next command of a kind.
    pub(crate) async fn command(&mut self, verb: &str) -> Value {
        let topic = format!("cellar/v1/{UNIT}/down/command");
        loop {
            let messages = self.client.messages_until(&topic).await;
            let command: Value = serde_json::from_slice(&messages.last().unwrap().payload).unwrap();
            if command["verb"] == verb {
                return command;
            }
        }
    }

    /// The next stop, and how long it took to come.
    pub(crate) async fn stopped(&mut self) -> (Value, Duration) {
        let began = Instant::now();
        let stop = self.command("stop").await;
        (stop, began.elapsed())
    }

    /// Does what a stop asks.
    pub(crate) async fn obey(&mut self, stop: &Value) {
        self.tell("reply", &json!({"command_id": stop["command_id"], "result": "executed"})).await;
        self.report("stopped").await;
    }
}
