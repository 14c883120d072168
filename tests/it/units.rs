//! Units: asked by a page, they look for instruments and answer over MQTT.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::command::{CommandState, Verb};
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::DeviceId;
use cellar::domain::secret::DeviceSecret;
use cellar::domain::user::Role;
use cellar::store::Store;
use serde_json::{Value, json};

use crate::support::lab;
use crate::support::mosquitto::{Mosquitto, SERVER_USER};
use crate::support::mqtt_client::{Answer, Client, Login, Version};
use crate::support::people::Browser;
use crate::support::server::Server;

const SECRET: &str = "a secret of the unit";
/// What has not happened after this time is not going to.
const PATIENCE: Duration = Duration::from_secs(20);

/// A unit as its firmware would be: it says what a test wants.
struct Unit {
    client: Client,
    name: String,
}

impl Unit {
    /// Registers the unit.
    async fn register(store: &Store, name: &str) -> DeviceId {
        let unit: DeviceId = name.parse().unwrap();
        let secret = DeviceSecret::sent(SECRET);
        store.register_device(&Actor::server("test"), &unit, DeviceKind::Unit, &secret, 1).await.unwrap();
        unit
    }

    async fn connect(port: u16, name: &str) -> Self {
        let mut client = Client::connect(port, Version::V3, &Login::of(name, SECRET)).await.unwrap();
        assert_eq!(client.subscribe(&format!("cellar/v1/{name}/down/#")).await, Answer::Done);
        let mut unit = Self { client, name: name.to_owned() };
        unit.say("hello", &json!({"boot": 1, "kind": "unit"})).await;
        unit
    }

    async fn say(&mut self, what: &str, message: &Value) {
        let topic = format!("cellar/v1/{}/up/{what}", self.name);
        let payload = serde_json::to_vec(message).unwrap();
        assert_eq!(self.client.publish(&topic, &payload, false).await, Answer::Done);
    }

    /// The next command.
    async fn told(&mut self) -> Value {
        let topic = format!("cellar/v1/{}/down/command", self.name);
        let message = self.client.messages_until(&topic).await.pop().unwrap();
        serde_json::from_slice(&message.payload).unwrap()
    }
}

/// Loads a page until it says something.
async fn until(browser: &mut Browser, path: &str, words: &str) -> String {
    let began = Instant::now();
    loop {
        let page = browser.get(path).await;
        assert_eq!(page.status, 200, "{}", page.body);
        if page.body.contains(words) {
            return page.body;
        }
        assert!(began.elapsed() < PATIENCE, "no “{words}” in {}", page.body);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn instrument(serial: &str) -> Value {
    json!({"model": "EPC-80", "serial": serial, "link": "can0:0x1a"})
}

/// A simulated laboratory; it ends with the test.
struct Simulation(Child);

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simulated_unit_is_asked_on_its_page_and_what_it_finds_is_shown() {
    let server = Server::start();
    let mut operator = Browser::signed_in(&server, Role::Operator).await;
    let url = format!("mqtt://{}", server.mqtt());
    let simulation = Command::new(env!("CARGO_BIN_EXE_cellar"))
        .args(["simulate", "--url", &url, "--scenario", "lab", "--seed", "7", "--duration", "120"])
        .args(["--database-url", &server.database_url(), "--journal"])
        .arg(server.data_dir().join("journal"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let _simulation = Simulation(simulation);
    let list = until(&mut operator, "/units", "Connected").await;
    let name = list.split("/units/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let page = operator.get(&format!("/units/{name}")).await.body;
    assert!(page.contains("Nobody has asked") && page.contains("No instruments yet."), "{page}");
    let asked = operator.post(&format!("/units/{name}/detect"), &[]).await;
    assert_eq!((asked.status, asked.location), (303, format!("/units/{name}#ask")));
    let page = until(&mut operator, &format!("/units/{name}"), &format!("{name} found ")).await;
    assert!(page.contains("simulated channel SIM-") && page.contains("data-label=\"Works in\">Free</td>"), "{page}");
    assert!(!page.contains("data-waiting") && page.contains("by operator"), "{page}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_unit_that_was_asked_can_answer() {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let asked = Unit::register(&store, "cu-01").await;
    Unit::register(&store, "cu-02").await;
    let mut browser = Browser::signed_in(&server, Role::Operator).await;
    let mut other = Unit::connect(server.mqtt_port(), "cu-02").await;
    let mut unit = Unit::connect(server.mqtt_port(), "cu-01").await;
    browser.get("/units/cu-01").await;
    assert_eq!(browser.post("/units/cu-01/detect", &[]).await.status, 303);
    assert_eq!(browser.post("/units/cu-01/detect", &[]).await.status, 303, "pressed twice");
    let command = unit.told().await;
    assert_eq!((&command["verb"], &command["epoch"]), (&json!("detect"), &json!(1)));
    let id = command["command_id"].as_i64().unwrap();
    // Another unit answers in its place.
    other.say("reply", &json!({"command_id": id, "result": "executed"})).await;
    other.say("devices", &json!({"command_id": id, "devices": [instrument("X9")]})).await;
    let page = browser.get("/units/cu-01").await.body;
    assert!(page.contains("data-waiting") && page.contains("Look again") && !page.contains("X9"), "{page}");
    let letters = store.newest_dead_letters(10).await.unwrap();
    assert_eq!((letters.len(), letters[0].device_id.as_str()), (1, "cu-02"));
    assert!(letters[0].reason.contains("was given no command"), "{}", letters[0].reason);
    // The one that was asked: more instruments than its predecessor's queue held.
    let list: Vec<Value> = (1..=9).map(|number| json!({"model": "EPC-80", "serial": number, "link": number})).collect();
    unit.say("devices", &json!({"command_id": id, "devices": list})).await;
    unit.say("reply", &json!({"command_id": id, "result": "executed"})).await;
    let page = browser.get("/units/cu-01").await.body;
    assert!(page.contains("cu-01 found 9 instruments: 9 new."), "{page}");
    let command = store.last_command(&asked, Verb::Detect).await.unwrap().unwrap();
    assert_eq!((command.state, command.command_id.0), (CommandState::Executed, id));
    // Nothing, which is not the end of anything.
    assert_eq!(browser.post("/units/cu-01/detect", &[]).await.status, 303);
    let id = unit.told().await["command_id"].clone();
    unit.say("devices", &json!({"command_id": id, "devices": []})).await;
    let page = browser.get("/units/cu-01").await.body;
    assert!(page.contains("found nothing new. What it found earlier stays."), "{page}");
    assert_eq!(page.matches("</svg>There</span>").count(), 9, "{page}");
    // A replaced instrument, told unasked.
    unit.say("devices", &json!({"devices": [{"model": "EPC-80", "serial": "new", "link": 1}]})).await;
    let page = browser.get("/units/cu-01").await.body;
    assert!(page.contains("EPC-80 new") && page.matches("</svg>Absent</span>").count() == 9, "{page}");
    // What makes no sense is set aside and ends nothing.
    unit.say("devices", &json!({"devices": [{"link": {"a": 1}}]})).await;
    unit.say("devices", &json!("nonsense")).await;
    unit.say("reply", &json!({"result": "executed"})).await;
    assert_eq!(store.newest_dead_letters(10).await.unwrap().len(), 4);
    assert_eq!(browser.get("/units/cu-01").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_refuses_or_is_away_is_told_from_one_that_waits() {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let unit = Unit::register(&store, "cu-01").await;
    let mut browser = Browser::signed_in(&server, Role::Operator).await;
    browser.get("/units/cu-01").await;
    assert!(browser.get("/units").await.body.contains("Never seen"));
    assert_eq!(browser.post("/units/cu-01/detect", &[]).await.status, 303);
    let page = browser.get("/units/cu-01").await.body;
    assert!(page.contains("cu-01 has 20 s to answer") && page.contains("href=\"/units/cu-01#ask\""), "{page}");
    let mut device = Unit::connect(server.mqtt_port(), "cu-01").await;
    let id = device.told().await["command_id"].clone();
    device.say("reply", &json!({"command_id": id, "result": "rejected", "reason": "<b>busy</b>"})).await;
    let page = browser.get("/units/cu-01").await.body;
    assert!(page.contains("cu-01 refuses to look: “&#60;b&#62;busy&#60;/b&#62;”."), "{page}");
    assert!(browser.get("/units").await.body.contains("1 of 1 connected"));
    store.disable_device(&Actor::server("test"), &unit, "", 5).await.unwrap();
    assert_eq!(browser.post("/units/cu-01/detect", &[]).await.status, 409);
    assert!(!browser.get("/units/cu-01").await.body.contains("id=\"detect\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_outlives_a_killed_server_and_is_repeated_until_it_is_answered() {
    let mut server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let unit = Unit::register(&store, "cu-01").await;
    let station = store.add_station("A1", &unit).await.unwrap();
    let mut browser = Browser::signed_in(&server, Role::Operator).await;
    let path = format!("/stations/{station}");
    browser.get(&path).await;
    let done = browser.post(&format!("{path}/relaunch"), &[]).await;
    assert_eq!(done.location, format!("{path}?done=relaunched"));
    assert!(browser.get(&path).await.body.contains("cu-01 has not been told its stations yet"));
    server.kill_9();
    server.restart();
    let mut device = Unit::connect(server.mqtt_port(), "cu-01").await;
    let first = device.told().await;
    assert_eq!((&first["verb"], &first["stations"][0]["name"]), (&json!("stations"), &json!("A1")));
    assert_eq!((first["epoch"].as_i64(), first.get("expires_at_us")), (Some(2), None));
    // No answer: said again, as the same command.
    assert_eq!(device.told().await["command_id"], first["command_id"]);
    device.say("reply", &json!({"command_id": first["command_id"], "result": "executed"})).await;
    let mut browser = Browser::signed_in(&server, Role::Operator).await;
    assert!(browser.get(&path).await.body.contains("cu-01 has confirmed its stations."));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_behind_a_broker_is_asked_and_answers_too() {
    let Some(broker) = Mosquitto::start(&[(SERVER_USER, "server-pw"), ("cu-01", SECRET)]) else { return };
    let server = Server::start_with(&["--broker-url", &broker.url(SERVER_USER, "server-pw")]);
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let unit = Unit::register(&store, "cu-01").await;
    let mut device = Unit::connect(broker.port(), "cu-01").await;
    store.ask_detect(&Actor::server("test"), &unit, cellar::clock::Clock::System.now_us()).await.unwrap();
    let id = device.told().await["command_id"].clone();
    device.say("reply", &json!({"command_id": id, "result": "executed"})).await;
    device.say("devices", &json!({"command_id": id, "devices": [instrument("A1")]})).await;
    let mut browser = Browser::signed_in(&server, Role::Viewer).await;
    // The broker's acknowledgement says nothing of the database.
    until(&mut browser, "/units/cu-01", "cu-01 found 1 instrument: 1 new.").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_is_away_after_fifteen_seconds_and_back_with_its_next_message() {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let unit = Unit::register(&store, "cu-01").await;
    let station = store.add_station("A1", &unit).await.unwrap();
    let mut browser = Browser::signed_in(&server, Role::Operator).await;
    let mut device = Unit::connect(server.mqtt_port(), "cu-01").await;
    device.say("state", &json!({"station": station, "state": "idle"})).await;
    let heard = Instant::now();
    until(&mut browser, "/units", "1 of 1 connected").await;
    until(&mut browser, "/units", "No message for 15 s").await;
    assert!(heard.elapsed() > Duration::from_secs(14), "{:?}", heard.elapsed());
    // What waits does not start, and says why.
    let waiting = lab::experiment(&store, "Patience", station).await;
    until(&mut browser, &format!("/experiments/{waiting}"), "No message from cu-01, which drives A1.").await;
    device.say("heartbeat", &json!({"boot": 1, "uptime_s": 20})).await;
    until(&mut browser, "/units", "1 of 1 connected").await;
    // Its profile has no steps: that is what stands in the way now.
    until(&mut browser, &format!("/experiments/{waiting}"), "no steps that can be read").await;
}
