//! Who may say and hear what over MQTT: one table, at the built-in endpoint and at a real Mosquitto that runs on the
//! files `cellar device export-mosquitto` writes.
//!
//! A leak is a message that reaches a client which must not have it, or that reaches the store under a device which did
//! not send it. What is allowed must get through, so that a door nailed shut fails as well.

mod table;

use std::path::Path;

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::{BatteryId, DeviceId};
use cellar::domain::secret::DeviceSecret;
use cellar::node::endpoint::Letter;
use cellar::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use self::table::Fate::{GetsThrough, GoesNowhere};
use self::table::{FILTERS, TOPICS};
use crate::mqtt_node::{DEVICE as ME, Node, SECRET, prepare, rows, samples, stored, stored_of, stored_once_there};
use crate::support::mosquitto::{Mosquitto, SERVER_USER};
use crate::support::mqtt_client::{Answer, Client, Login, Message, Version};
use crate::support::server::cellar;

const OTHER: &str = "cu-2";
const OTHER_SECRET: &str = "secret of the other";
/// Registered, then shut out.
const SHUT_OUT: &str = "cu-3";
const SERVER_PASSWORD: &str = "server-pw";

/// The server and, if there is one, the broker before it.
struct World {
    store: Store,
    battery: BatteryId,
    node: Node,
    port: u16,
    /// The broker, and a client of it with the rights of the server.
    broker: Option<(Mosquitto, Client)>,
    leaks: Vec<String>,
    /// How often something that is allowed got through.
    through: usize,
    next_row: i64,
    /// Rows of `cu-1` that must be stored.
    own_rows: Vec<i64>,
    folder: TempDir,
}

impl World {
    async fn prepare() -> (Store, BatteryId, TempDir) {
        let folder = TempDir::new().unwrap();
        let store = Store::open_file(&folder.path().join("cellar.db")).await.unwrap();
        store.migrate().await.unwrap();
        let battery = prepare(&store).await;
        let by = Actor::server("test");
        for (device, secret) in [(OTHER, OTHER_SECRET), (SHUT_OUT, SECRET)] {
            let (device, secret): (DeviceId, _) = (device.parse().unwrap(), DeviceSecret::sent(secret));
            store.register_device(&by, &device, DeviceKind::Unit, &secret, 1).await.unwrap();
        }
        store.disable_device(&by, &SHUT_OUT.parse().unwrap(), "", 2).await.unwrap();
        (store, battery, folder)
    }

    fn new(parts: (Store, BatteryId, TempDir), node: Node, port: u16, broker: Option<(Mosquitto, Client)>) -> Self {
        let (store, battery, folder) = parts;
        let (leaks, own_rows) = (Vec::new(), Vec::new());
        Self { store, battery, node, port, broker, leaks, through: 0, next_row: 0, own_rows, folder }
    }

    async fn endpoint() -> Self {
        let parts = Self::prepare().await;
        let node = Node::endpoint(&parts.0).await;
        let port = node.port;
        Self::new(parts, node, port, None)
    }

    /// `None` where Mosquitto is not installed and need not be.
    async fn mosquitto() -> Option<Self> {
        Self::mosquitto_with(None).await
    }

    /// A Mosquitto with another access list than the exported one.
    async fn mosquitto_with(access: Option<&str>) -> Option<Self> {
        let parts = Self::prepare().await;
        let exported = parts.2.path().join("export");
        export(parts.2.path());
        if let Some(access) = access {
            std::fs::write(exported.join("acl"), access).unwrap();
        }
        let broker = Mosquitto::start_on(&exported)?;
        let port = broker.port();
        let node = Node::bridge(&parts.0, &broker.url(SERVER_USER, SERVER_PASSWORD)).await;
        let server = Client::connect(port, Version::V5, &Login::of(SERVER_USER, SERVER_PASSWORD)).await;
        Some(Self::new(parts, node, port, Some((broker, server.unwrap()))))
    }

    async fn me(&self, version: Version) -> Client {
        Client::connect(self.port, version, &Login::of(ME, SECRET)).await.expect("cu-1 may come in")
    }

    /// `cu-2`, listening to all that it may hear.
    async fn other(&self, version: Version) -> Client {
        let other = Client::connect(self.port, version, &Login::of(OTHER, OTHER_SECRET)).await;
        let mut other = other.expect("cu-2 may come in");
        assert_eq!(other.subscribe("cellar/v1/cu-2/down/#").await, Answer::Done);
        other
    }

    /// The server tells a device something.
    async fn tell(&mut self, device: &str, word: &str) {
        let (topic, payload) = (format!("cellar/v1/{device}/down/{word}"), format!("for {device}").into_bytes());
        match (&mut self.broker, &self.node.registry) {
            (Some((_, server)), _) => assert_eq!(server.publish(&topic, &payload, false).await, Answer::Done),
            (None, Some(registry)) => drop(registry.send(&device.parse().unwrap(), Letter { topic, payload })),
            (None, None) => panic!("no way to a device"),
        }
    }

    /// What a device heard until now; all of it must have been meant for it.
    async fn heard(&mut self, client: &mut Client, device: &str, after: &str) -> Vec<Message> {
        self.tell(device, "end").await;
        let mut heard = client.messages_until(&format!("cellar/v1/{device}/down/end")).await;
        heard.pop();
        for message in &heard {
            let text = String::from_utf8_lossy(&message.payload);
            let is_own = message.topic.starts_with(&format!("cellar/v1/{device}/down/"));
            let from_server = text == format!("for {device}") || message.topic.ends_with("/down/ack");
            if !is_own || !from_server || text.contains("attack") {
                self.leaks.push(format!("{device} heard {} {text} after {after}", message.topic));
            }
        }
        heard
    }

    /// A batch of one new row that says it is an attack.
    fn batch(&mut self) -> (i64, Vec<u8>) {
        let row = self.next_row;
        self.next_row += 1;
        let mut batch: Value = serde_json::from_str(&samples(self.battery, row, 1)).unwrap();
        batch["attack"] = row.into();
        (row, batch.to_string().into_bytes())
    }

    async fn try_filters(&mut self, version: Version) {
        let mut other = self.other(version).await;
        let heartbeat = br#"{"boot":7,"uptime_s":1}"#;
        for (filter, fate) in FILTERS {
            let mut me = self.me(version).await;
            let answer = me.subscribe(filter).await;
            if answer == Answer::Closed {
                assert_eq!(*fate, GoesNowhere, "{filter} {version:?}");
                continue;
            }
            me.subscribe("cellar/v1/cu-1/down/end").await;
            for device in [ME, OTHER] {
                self.tell(device, "command").await;
            }
            for (client, device) in [(&mut me, ME), (&mut other, OTHER)] {
                let topic = format!("cellar/v1/{device}/up/heartbeat");
                assert_eq!(client.publish(&topic, heartbeat, false).await, Answer::Done);
            }
            let heard = self.heard(&mut me, ME, filter).await;
            let commands = heard.iter().filter(|message| message.topic == "cellar/v1/cu-1/down/command").count();
            if *fate == GetsThrough {
                assert_eq!((answer, commands), (Answer::Done, 1), "{filter} {version:?}");
                self.through += 1;
            }
            let heard = self.heard(&mut other, OTHER, filter).await;
            assert!(heard.iter().any(|message| message.topic == "cellar/v1/cu-2/down/command"), "{filter} {version:?}");
        }
    }

    async fn try_topics(&mut self, version: Version) {
        let mut other = self.other(version).await;
        for (topic, fate) in TOPICS {
            let (row, batch) = self.batch();
            let mut me = self.me(version).await;
            me.subscribe("cellar/v1/cu-1/down/#").await;
            let answer = me.publish(topic, &batch, false).await;
            if *fate == GetsThrough {
                assert_eq!(answer, Answer::Done, "{topic} {version:?}");
                self.own_rows.push(row);
                self.through += 1;
            }
            if answer != Answer::Closed {
                self.heard(&mut me, ME, topic).await;
            }
            self.heard(&mut other, OTHER, topic).await;
        }
    }

    async fn try_wills(&mut self, version: Version) {
        let mut other = self.other(version).await;
        for (topic, fate) in TOPICS {
            let (row, batch) = self.batch();
            let login = Login { will: Some((topic, &batch)), ..Login::of(ME, SECRET) };
            drop(Client::connect(self.port, version, &login).await);
            // Behind a broker the will of a device is a message of it like any other. The endpoint ignores wills.
            if *fate == GetsThrough && self.broker.is_some() {
                self.own_rows.push(row);
                self.through += 1;
            }
            // After two rounds with a later connection, the end of the earlier one was seen.
            let mut me = self.me(version).await;
            me.subscribe("cellar/v1/cu-1/down/#").await;
            me.ping().await;
            me.ping().await;
            self.heard(&mut me, ME, topic).await;
            self.heard(&mut other, OTHER, topic).await;
        }
    }

    /// A retained message may be taken like any other or refused, but nobody who comes later gets it.
    async fn try_retained(&mut self, version: Version) {
        for topic in ["cellar/v1/cu-1/up/samples", "cellar/v1/cu-1/down/command", "cellar/v1/cu-2/down/command"] {
            let (row, batch) = self.batch();
            let answer = self.me(version).await.publish(topic, &batch, true).await;
            if topic.ends_with("up/samples") && answer == Answer::Done {
                self.own_rows.push(row);
            }
        }
        let mut other = self.other(version).await;
        let heard = self.heard(&mut other, OTHER, "a retained message").await;
        assert_eq!(heard, [], "{version:?}");
        let mut me = self.me(version).await;
        me.subscribe("cellar/v1/cu-1/down/#").await;
        self.heard(&mut me, ME, "a retained message").await;
        if self.broker.is_some() {
            let server = Client::connect(self.port, version, &Login::of(SERVER_USER, SERVER_PASSWORD)).await;
            let mut server = server.unwrap();
            assert_eq!(server.subscribe("cellar/v1/+/up/#").await, Answer::Done);
            assert_eq!(other.publish("cellar/v1/cu-2/up/heartbeat", br#"{"boot":7}"#, false).await, Answer::Done);
            let late = server.messages_until("cellar/v1/cu-2/up/heartbeat").await;
            self.leaks.extend(late[..late.len() - 1].iter().map(|message| format!("kept: {message:?}")));
        }
    }

    async fn try_log_ins(&mut self, version: Version) {
        let logins = [
            Login::default(),
            Login { user: Some(ME), ..Login::default() },
            Login::of(ME, "wrong"),
            Login::of(ME, ""),
            Login::of(ME, OTHER_SECRET),
            Login::of(SHUT_OUT, SECRET),
            Login::of("cu-4", SECRET),
            Login::of("", SECRET),
            Login::of("+", SECRET),
            Login::of("#", SECRET),
            Login::of("cu-1/../cu-2", SECRET),
            Login::of("CU-1", SECRET),
            Login::of(SERVER_USER, SECRET),
        ];
        for login in logins {
            if Client::connect(self.port, version, &login).await.is_ok() {
                self.leaks.push(format!("{login:?} came in"));
            }
        }
    }

    /// Everything of the table; then looks into the store.
    async fn play(mut self) {
        for version in Version::BOTH {
            self.try_log_ins(version).await;
            self.try_filters(version).await;
            self.try_topics(version).await;
            self.try_wills(version).await;
            self.try_retained(version).await;
        }
        // The last rows of all: once they are stored, so is everything that was taken before them.
        let (row, batch) = self.batch();
        self.own_rows.push(row);
        let mut me = self.me(Version::V5).await;
        assert_eq!(me.publish("cellar/v1/cu-1/up/samples", &batch, false).await, Answer::Done);
        let of_other = samples(self.battery, 1_000_000, 10);
        let mut other = self.other(Version::V5).await;
        let topic = "cellar/v1/cu-2/up/samples";
        assert_eq!(other.publish(topic, of_other.as_bytes(), false).await, Answer::Done);
        stored_once_there(&self.store, i64::try_from(self.own_rows.len()).unwrap()).await;
        let began = std::time::Instant::now();
        while rows(&stored_of(&self.store, OTHER).await) < 10 && began.elapsed() < crate::mqtt_node::PATIENCE {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }

        assert_eq!(self.leaks, Vec::<String>::new());
        let of_me: Vec<i64> = stored(&self.store).await.into_iter().flat_map(|(from, to)| from..=to).collect();
        assert_eq!(of_me, self.own_rows, "cu-1 has its own rows and no others");
        assert_eq!(
            stored_of(&self.store, OTHER).await,
            [(1_000_000, 1_000_009)],
            "cu-2 has its own rows and no others"
        );
        let set_aside = self.store.newest_dead_letters(1_000).await.unwrap();
        let forged =
            set_aside.iter().filter(|letter| String::from_utf8_lossy(&letter.payload).contains("attack")).count();
        assert_eq!(forged, 0, "{set_aside:?}");
        let wills = usize::from(self.broker.is_some());
        assert_eq!(self.through, 2 * (3 + 1 + wills));
        eprintln!(
            "{}: {} filters, {} topics, {} wills tried in MQTT 3.1.1 and 5: {} leaks, {} allowed got through",
            if self.broker.is_some() { "Mosquitto" } else { "endpoint" },
            FILTERS.len(),
            TOPICS.len(),
            TOPICS.len(),
            self.leaks.len(),
            self.through
        );
        drop((me, other));
        self.node.stop().await;
    }
}

/// Writes the broker's files into `export` below the data folder.
fn export(folder: &Path) {
    let url = format!("mqtt://{SERVER_USER}:{SERVER_PASSWORD}@127.0.0.1:1");
    let done = cellar(folder, &["device", "export-mosquitto", "export", "--broker-url", &url, "--json"]);
    assert!(done.status.success(), "{done:?}");
    let written: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!((&written["server_user"], &written["left_out"]), (&SERVER_USER.into(), &Value::Array(Vec::new())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoint_leaks_nothing() {
    World::endpoint().await.play().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mosquitto_on_the_exported_files_leaks_nothing() {
    let Some(world) = World::mosquitto().await else { return };
    world.play().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_table_sees_the_leaks_of_a_broker_where_everybody_may_say_and_hear_everything() {
    let Some(mut world) = World::mosquitto_with(Some("pattern readwrite #\n")).await else { return };
    for version in Version::BOTH {
        world.try_filters(version).await;
        let heard = std::mem::take(&mut world.leaks);
        assert!(heard.len() >= 20, "{heard:?}");
        world.try_topics(version).await;
        let said = std::mem::take(&mut world.leaks);
        world.try_wills(version).await;
        let willed = std::mem::take(&mut world.leaks);
        assert!(said.len() >= 4 && willed.len() >= 3, "{said:?} {willed:?}");
    }
    world.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_shut_out_leaves_the_broker_when_it_reads_the_exported_files_again() {
    let Some(world) = World::mosquitto().await else { return };
    let (mut me, mut other) = (world.me(Version::V5).await, world.other(Version::V3).await);
    let shut_out = cellar(world.folder.path(), &["device", "disable", ME]);
    assert!(shut_out.status.success(), "{shut_out:?}");
    export(world.folder.path());
    let (broker, _) = world.broker.as_ref().unwrap();
    broker.reload(&world.folder.path().join("export"));
    me.closed().await;
    assert!(Client::connect(world.port, Version::V5, &Login::of(ME, SECRET)).await.is_err());
    assert_eq!(other.ping().await, Answer::Done);
    world.node.stop().await;
}

#[tokio::test]
async fn no_device_gets_a_name_that_means_something_in_a_topic() {
    let folder = TempDir::new().unwrap();
    for id in ["a/b", "+", "#", "a+", "a#", "$SYS", "a b", "", "cellar_server", "A", "..", "ä"] {
        let refused = cellar(folder.path(), &["device", "add", "--kind", "unit", id]);
        assert_eq!(refused.status.code(), Some(1), "{id}: {refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("is not a device id"), "{id}: {refused:?}");
    }
}
