//! From a device's message to the database, on every way there is: both engines, built-in endpoint and broker.

use std::time::{Duration, Instant};

use cellar::app::App;
use cellar::config::Config;
use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::{BatteryId, DeviceId, StationId};
use cellar::domain::secret::DeviceSecret;
use cellar::store::Store;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use serde_json::{Value, json};

use crate::support::battery;
use crate::support::database::Database;
use crate::support::mosquitto::{Mosquitto, SERVER_USER};

const UNIT: &str = "cu-01";
const SECRET: &str = "secret-of-cu-01";
/// What has not happened after this time is not going to.
const PATIENCE: Duration = Duration::from_secs(20);

/// How devices reach the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transport {
    Endpoint,
    Broker,
}

/// A running server, and a unit connected to it.
struct Lab {
    store: Store,
    battery: BatteryId,
    station: StationId,
    unit: AsyncClient,
    events: EventLoop,
    app: App,
    _database: Database,
    _broker: Option<Mosquitto>,
}

impl Lab {
    async fn start(database: Database, transport: Transport) -> Option<Self> {
        let broker = match transport {
            Transport::Endpoint => None,
            Transport::Broker => Some(Mosquitto::start(&[(SERVER_USER, "server-pw"), (UNIT, SECRET), ("cu-02", "x")])?),
        };
        let mut config = Config::default();
        config.http.address = "127.0.0.1:0".parse().unwrap();
        config.mqtt.address = "127.0.0.1:0".parse().unwrap();
        config.database.url = database.url().to_owned();
        config.broker.url = broker.as_ref().map(|broker| broker.url(SERVER_USER, "server-pw")).unwrap_or_default();
        let app = App::start(&config).await.unwrap();
        let store = app.store().clone();
        let unit: DeviceId = UNIT.parse().unwrap();
        store
            .register_device(&Actor::server("test"), &unit, DeviceKind::Unit, &DeviceSecret::sent(SECRET), 1)
            .await
            .unwrap();
        let battery = store.add_battery(&Actor::server("test"), &battery::cell(battery::NAME), None, 1).await.unwrap();
        let station = store.add_station("A1", &unit).await.unwrap();
        let port = app.mqtt().map_or_else(|| broker.as_ref().unwrap().port(), |address| address.port());
        let mut options = MqttOptions::new("cu-01-client", "127.0.0.1", port);
        options.set_credentials(UNIT, SECRET).set_keep_alive(Duration::from_secs(5));
        let (unit, events) = AsyncClient::new(options, 500);
        let mut lab = Self { store, battery, station, unit, events, app, _database: database, _broker: broker };
        lab.unit.subscribe_many([Filter::new("cellar/v1/cu-01/down/#", QoS::AtLeastOnce)]).await.unwrap();
        lab.next(|packet| matches!(packet, Packet::SubAck(_))).await;
        // Behind a broker nobody tells a device that the server listens: the welcome does.
        lab.say("hello", &json!({"boot": 7, "kind": "unit", "model": "test", "firmware": "1", "serial": "s"})).await;
        lab.down("welcome").await;
        Some(lab)
    }

    async fn next(&mut self, wanted: impl Fn(&Packet) -> bool) -> Packet {
        let arrived = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Event::Incoming(packet) = self.events.poll().await.unwrap()
                    && wanted(&packet)
                {
                    return packet;
                }
            }
        });
        arrived.await.expect("the packet arrives")
    }

    /// The next message below `down/` of that name.
    async fn down(&mut self, name: &str) -> Value {
        let topic = format!("cellar/v1/cu-01/down/{name}");
        let packet = self.next(|packet| matches!(packet, Packet::Publish(publish) if publish.topic == topic)).await;
        let Packet::Publish(publish) = packet else { unreachable!("only publishes are wanted") };
        serde_json::from_slice(&publish.payload).unwrap()
    }

    async fn say(&mut self, name: &str, payload: &Value) {
        self.say_bytes(name, payload.to_string().into_bytes()).await;
    }

    async fn say_bytes(&mut self, name: &str, payload: Vec<u8>) {
        let topic = format!("cellar/v1/cu-01/up/{name}");
        self.unit.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
        self.next(|packet| matches!(packet, Packet::PubAck(_))).await;
    }

    fn samples(&self, seq: i64, count: i64) -> Value {
        let voltages: Vec<Value> = (seq..seq + count)
            .map(|seq| if seq % 10 == 3 { Value::Null } else { json!(3.0 + seq as f64 / 1e4) })
            .collect();
        json!({
            "boot": 7, "seq": seq, "for": {"battery": self.battery},
            "at_us": (seq..seq + count).map(|seq| 1_790_000_000_000_000 + seq * 100_000).collect::<Vec<_>>(),
            "columns": {"voltage_v": voltages, "current_a": (seq..seq + count).map(|seq| json!(-5e-9 * seq as f64)).collect::<Vec<_>>()},
            "step": vec![1; usize::try_from(count).unwrap()],
        })
    }

    /// Row numbers, voltages and steps of everything stored of the battery.
    async fn rows(&self) -> Vec<(i64, Option<f64>, Option<f64>)> {
        let mut rows = Vec::new();
        for (stream, _) in self.store.device_streams(&UNIT.parse().unwrap()).await.unwrap() {
            for batch in self.store.stream_batches(stream, (0, -1)).await.unwrap() {
                let column = |name: &str| batch.columns.iter().find(|column| column.name == name).unwrap();
                let (voltage, step) = (column("voltage_v"), column("step"));
                rows.extend(
                    (0..batch.rows())
                        .map(|row| (batch.seq + i64::try_from(row).unwrap(), voltage.get(row), step.get(row))),
                );
            }
        }
        rows
    }

    /// Waits until the database holds so many rows: behind a broker PUBACK comes before the commit.
    async fn rows_once_there(&self, count: usize) -> Vec<(i64, Option<f64>, Option<f64>)> {
        let began = Instant::now();
        loop {
            let rows = self.rows().await;
            if rows.len() >= count || began.elapsed() > PATIENCE {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for so many dead letters and returns topic and reason of each, oldest first.
    async fn letters_once_there(&self, count: usize) -> Vec<(String, String, Vec<u8>)> {
        let began = Instant::now();
        loop {
            let letters = self.store.newest_dead_letters(100).await.unwrap();
            if letters.len() >= count || began.elapsed() > PATIENCE {
                return letters.into_iter().rev().map(|letter| (letter.topic, letter.reason, letter.payload)).collect();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn expected(seqs: std::ops::Range<i64>) -> Vec<(i64, Option<f64>, Option<f64>)> {
    seqs.map(|seq| (seq, (seq % 10 != 3).then(|| 3.0 + seq as f64 / 1e4), Some(1.0))).collect()
}

/// Runs a test with a lab on both engines and both transports: four tests below a module of the test's name.
macro_rules! every_way {
    ($(async fn $name:ident($lab:ident: Lab, $transport:ident: Transport) $body:block)*) => {
        $(mod $name {
            use super::*;

            async fn check(database: Option<Database>, $transport: Transport) {
                let Some(database) = database else { return };
                #[allow(unused_mut, reason = "most tests poll the device's connection, some do not")]
                let Some(mut $lab) = Lab::start(database, $transport).await else { return };
                $body
                $lab.app.stop().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_endpoint() {
                check(Some(Database::sqlite()), Transport::Endpoint).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite_broker() {
                check(Some(Database::sqlite()), Transport::Broker).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb_endpoint() {
                check(Database::mariadb().await, Transport::Endpoint).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb_broker() {
                check(Database::mariadb().await, Transport::Broker).await;
            }
        })*
    };
}

every_way! {
    async fn what_a_device_measured_is_stored_as_it_was(lab: Lab, transport: Transport) {
        lab.say("samples", &lab.samples(0, 50)).await;
        if transport == Transport::Endpoint {
            // PUBACK means committed: no waiting.
            assert_eq!(lab.rows().await, expected(0..50));
        }
        assert_eq!(lab.rows_once_there(50).await, expected(0..50));
    }

    async fn a_batch_that_comes_again_or_cut_anew_is_stored_once(lab: Lab, _transport: Transport) {
        for (seq, count) in [(0, 20), (0, 20), (40, 20), (10, 40), (55, 30)] {
            lab.say("samples", &lab.samples(seq, count)).await;
        }
        assert_eq!(lab.rows_once_there(85).await, expected(0..85));
        assert_eq!(lab.letters_once_there(0).await, []);
    }

    async fn a_device_is_told_what_is_committed(lab: Lab, transport: Transport) {
        lab.say("samples", &lab.samples(0, 20)).await;
        lab.say("samples", &lab.samples(50, 10)).await;
        if transport == Transport::Broker {
            let mut ack = lab.down("ack").await;
            while ack["also"] == json!([]) {
                ack = lab.down("ack").await;
            }
            assert_eq!(ack, json!({"boot": 7, "upto": 19, "also": [[50, 59]]}));
        }
        lab.say("hello", &json!({"boot": 7, "kind": "unit"})).await;
        let welcome = lab.down("welcome").await;
        assert_eq!((&welcome["device"], &welcome["upto"]), (&json!(UNIT), &json!({"boot": 7, "seq": 19})));
        assert!(welcome["epoch"].as_i64() >= Some(1) && welcome["time_us"].as_i64() > Some(1_700_000_000_000_000));
    }

    async fn a_report_of_a_station_shows_on_the_monitor(lab: Lab, _transport: Transport) {
        lab.say("state", &json!({"station": lab.station, "state": "fault", "reason": "lid open"})).await;
        let began = Instant::now();
        loop {
            let line = lab.store.station_lines().await.unwrap().remove(0);
            if line.reason == "lid open" {
                assert_eq!(line.state, cellar::domain::station::StationState::Fault);
                break;
            }
            assert!(began.elapsed() < PATIENCE, "{line:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn nonsense_is_kept_in_dead_letters_and_stops_nothing(lab: Lab, _transport: Transport) {
        let mut unequal = lab.samples(0, 3);
        unequal["columns"]["current_a"] = json!([1.0]);
        let not_a_number = lab.samples(0, 1).to_string().replace("3.0", "NaN");
        let nonsense: Vec<(&str, Vec<u8>, &str)> = vec![
            ("samples", b"\xff\xfe{}".to_vec(), "UTF-8"),
            ("samples", b"{\"boot\":7}".to_vec(), ""),
            ("samples", b"[]".to_vec(), ""),
            ("samples", vec![], ""),
            ("samples", unequal.to_string().into_bytes(), "current_a"),
            ("samples", not_a_number.into_bytes(), "voltage_v"),
            ("samples", json!({"boot": 7, "seq": 0, "for": {"battery": 999}, "at_us": [1], "columns": {}}).to_string().into_bytes(), ""),
            ("hello", b"{\"boot\":-1,\"kind\":\"unit\"}".to_vec(), "boot"),
            ("state", json!({"station": 999, "state": "idle"}).to_string().into_bytes(), "no station 999"),
            ("nothing-of-that-name", b"{}".to_vec(), ""),
        ];
        for (name, payload, _) in &nonsense {
            lab.say_bytes(name, payload.clone()).await;
        }
        let letters = lab.letters_once_there(nonsense.len()).await;
        assert_eq!(letters.len(), nonsense.len(), "{letters:?}");
        for ((name, payload, word), (topic, reason, kept)) in nonsense.iter().zip(&letters) {
            assert_eq!(topic, &format!("cellar/v1/cu-01/up/{name}"));
            assert!(reason.contains(word) && !reason.is_empty(), "{name}: “{reason}” does not say {word}");
            // What was decoded before it was refused is written anew, the rest is kept byte for byte.
            assert!(kept == payload || serde_json::from_slice::<Value>(kept).is_ok(), "{name}");
        }
        lab.say("samples", &lab.samples(0, 50)).await;
        assert_eq!(lab.rows_once_there(50).await, expected(0..50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_megabyte_or_another_devices_topic_costs_the_sender_its_connection_and_nobody_else_anything() {
    let mut lab = Lab::start(Database::sqlite(), Transport::Endpoint).await.unwrap();
    let port = lab.app.mqtt().unwrap().port();
    let other: DeviceId = "cu-02".parse().unwrap();
    lab.store
        .register_device(&Actor::server("test"), &other, DeviceKind::Unit, &DeviceSecret::sent("x"), 1)
        .await
        .unwrap();
    for (topic, size) in [("cellar/v1/cu-02/up/samples", 1_000_000), ("cellar/v1/cu-01/up/samples", 10)] {
        // MQTT 3.1.1 has no way to refuse one message: the connection is closed.
        let mut options = rumqttc::MqttOptions::new("vandal", "127.0.0.1", port);
        options.set_credentials("cu-02", "x").set_max_packet_size(2_000_000, 2_000_000);
        let (client, mut events) = rumqttc::AsyncClient::new(options, 10);
        client.publish(topic, rumqttc::QoS::AtLeastOnce, false, vec![b' '; size]).await.unwrap();
        let ended = tokio::time::timeout(PATIENCE, async {
            loop {
                match events.poll().await {
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))) => break false,
                    Ok(_) => {}
                    Err(_) => break true,
                }
            }
        });
        assert!(ended.await.unwrap(), "{topic} with {size} bytes was acknowledged");
    }
    lab.say("samples", &lab.samples(0, 50)).await;
    assert_eq!(lab.rows().await, expected(0..50));
    lab.app.stop().await;
}
