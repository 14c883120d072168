//! The bridge with a real broker: what happens when one of them goes away.

use std::time::Duration;

use cellar::domain::ids::BatteryId;
use cellar::node::leader::Epoch;
use cellar::store::Store;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::Packet;
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use serde_json::Value;
use tokio::sync::watch;

use crate::mqtt_node::{
    DEVICE, Node, PATIENCE, SECRET, prepare, rows, samples, stored_once_there, stored_once_there_or,
};
use crate::support::database::Database;
use crate::support::mosquitto::{Mosquitto, SERVER_USER};

const SERVER_PASSWORD: &str = "server-pw";
/// A device the broker lets in and the server has never heard of.
const STRANGER: &str = "stranger";

struct Lab {
    store: Store,
    battery: BatteryId,
    broker: Mosquitto,
    _database: Database,
}

impl Lab {
    async fn start() -> Option<Self> {
        let users = [(SERVER_USER, SERVER_PASSWORD), (DEVICE, SECRET), (STRANGER, SECRET)];
        let broker = Mosquitto::start(&users)?;
        let database = Database::sqlite();
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        let battery = prepare(&store).await;
        Some(Self { store, battery, broker, _database: database })
    }

    async fn bridge(&self) -> Node {
        Node::bridge(&self.store, &self.broker.url(SERVER_USER, SERVER_PASSWORD)).await
    }

    /// A bridge, and a device whose first hundred rows are committed.
    async fn at_work(&self) -> (Node, Device) {
        let node = self.bridge().await;
        let mut device = self.device();
        device.be_welcomed().await;
        device.send(self.battery, 0..10).await;
        device.told_upto(99).await;
        (node, device)
    }

    fn device(&self) -> Device {
        let mut options = MqttOptions::new("device", "127.0.0.1", self.broker.port());
        options.set_credentials(DEVICE, SECRET).set_keep_alive(Duration::from_secs(5));
        let (client, events) = AsyncClient::new(options, 4_000);
        Device { client, events }
    }
}

struct Device {
    client: AsyncClient,
    events: EventLoop,
}

impl Device {
    async fn next(&mut self, mut wanted: impl FnMut(&Packet) -> bool) -> Packet {
        let arrived = tokio::time::timeout(PATIENCE, async {
            loop {
                match self.events.poll().await {
                    Ok(Event::Incoming(packet)) if wanted(&packet) => return packet,
                    Ok(_) => {}
                    Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
                }
            }
        });
        arrived.await.expect("the packet arrives")
    }

    async fn listen(&mut self) {
        self.client.subscribe(format!("cellar/v1/{DEVICE}/down/#"), QoS::AtLeastOnce).await.unwrap();
        self.next(|packet| matches!(packet, Packet::SubAck(_))).await;
    }

    async fn say(&mut self, word: &str, payload: String) {
        let topic = format!("cellar/v1/{DEVICE}/up/{word}");
        self.client.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
    }

    /// Sends batches of ten rows and waits until the broker has them.
    async fn send(&mut self, battery: BatteryId, batches: std::ops::Range<i64>) {
        let count = batches.clone().count();
        for batch in batches {
            self.say("samples", samples(battery, batch * 10, 10)).await;
        }
        for _ in 0..count {
            self.next(|packet| matches!(packet, Packet::PubAck(_))).await;
        }
    }

    /// Waits until everything up to a row is committed.
    async fn told_upto(&mut self, upto: i64) {
        let is_it = |packet: &Packet| match packet {
            Packet::Publish(publish) if publish.topic.ends_with(b"/down/ack") => {
                let ack: Value = serde_json::from_slice(&publish.payload).unwrap();
                ack["boot"] == 7 && ack["upto"] == upto
            }
            _ => false,
        };
        self.next(is_it).await;
    }

    /// Says hello and waits for the answer.
    async fn be_welcomed(&mut self) {
        self.listen().await;
        self.say("hello", r#"{"boot":7,"kind":"unit"}"#.to_owned()).await;
        self.next(|packet| matches!(packet, Packet::Publish(publish) if publish.topic.ends_with(b"/down/welcome")))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_while_the_server_was_away_is_stored_when_it_is_back() {
    let Some(lab) = Lab::start().await else { return };
    let (node, mut device) = lab.at_work().await;
    node.stop().await;
    // More than the receive maximum, so that acknowledgements must leave for the rest to come.
    device.send(lab.battery, 10..2_500).await;
    let node = lab.bridge().await;
    device.told_upto(24_999).await;
    assert_eq!(stored_once_there(&lab.store, 25_000).await, [(0, 24999)]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_crashed_server_had_not_committed_comes_again() {
    let Some(lab) = Lab::start().await else { return };
    let node = lab.bridge().await;
    let mut device = lab.device();
    device.be_welcomed().await;
    for batch in 0..500 {
        device.say("samples", samples(lab.battery, batch * 10, 10)).await;
    }
    let mut acknowledged = 0;
    device
        .next(|packet| {
            acknowledged += usize::from(matches!(packet, Packet::PubAck(_)));
            acknowledged == 250
        })
        .await;
    node.crash();
    for _ in 250..500 {
        device.next(|packet| matches!(packet, Packet::PubAck(_))).await;
    }
    let node = lab.bridge().await;
    assert_eq!(stored_once_there(&lab.store, 5_000).await, [(0, 4999)]);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_back_without_its_sessions_is_subscribed_anew() {
    let Some(mut lab) = Lab::start().await else { return };
    let (node, device) = lab.at_work().await;
    drop(device);
    lab.broker.kill_9();
    tokio::time::sleep(Duration::from_millis(500)).await;
    lab.broker.restart();
    let mut device = lab.device();
    device.listen().await;
    // What the broker gets before the server is back, nobody keeps: a device repeats what is not acknowledged.
    let began = std::time::Instant::now();
    while rows(&stored_once_there_or(&lab.store, 200, Duration::from_millis(300)).await) < 200 {
        assert!(began.elapsed() < PATIENCE);
        device.send(lab.battery, 10..20).await;
    }
    device.told_upto(199).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_is_told_again_on_a_new_connection() {
    let Some(lab) = Lab::start().await else { return };
    let (node, mut device) = lab.at_work().await;
    // Whoever takes the bridge's client id ends its connection.
    let mut options = MqttOptions::new("cellar-bridge", "127.0.0.1", lab.broker.port());
    options.set_credentials(SERVER_USER, SERVER_PASSWORD).set_clean_start(false);
    let (_client, mut events) = AsyncClient::new(options, 10);
    assert!(matches!(events.poll().await, Ok(Event::Incoming(Packet::ConnAck(_)))));
    drop(events);
    device.told_upto(99).await;
    device.send(lab.battery, 10..20).await;
    device.told_upto(199).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_servers_the_one_that_leads_is_connected_and_every_row_is_stored_once() {
    let Some(lab) = Lab::start().await else { return };
    let url = lab.broker.url(SERVER_USER, SERVER_PASSWORD);
    let epoch = Epoch::from(1);
    let (one_leads, one_told) = watch::channel(true);
    let (other_leads, other_told) = watch::channel(false);
    let (one, mut one_there) = Node::bridge_led(&lab.store, &url, &epoch, one_told);
    let (other, mut other_there) = Node::bridge_led(&lab.store, &url, &epoch, other_told);
    assert!(arrives(&mut one_there, true).await);
    let mut device = lab.device();
    device.be_welcomed().await;
    device.send(lab.battery, 0..10).await;
    device.told_upto(99).await;
    assert!(!*other_there.borrow());
    let terms = [(&other_leads, &mut other_there, &one_leads), (&one_leads, &mut one_there, &other_leads)];
    for (number, (leads, there, led)) in (2..).zip(terms) {
        epoch.shared().store(number, std::sync::atomic::Ordering::Relaxed);
        leads.send(true).unwrap();
        // The one before hears of it a little later, and what is sent meanwhile comes to one of them.
        device.send(lab.battery, number * 10 - 10..number * 10).await;
        led.send(false).unwrap();
        assert!(arrives(there, true).await);
        device.send(lab.battery, number * 10..number * 10 + 10).await;
        device.told_upto(number * 100 + 99).await;
    }
    // The one before stays away.
    assert!(arrives(&mut other_there, false).await && !arrives(&mut other_there, true).await);
    assert_eq!(stored_once_there(&lab.store, 400).await, [(0, 399)]);
    one.stop().await;
    other.stop().await;
}

/// Whether a bridge is connected, or not, within two seconds.
async fn arrives(there: &mut watch::Receiver<bool>, wanted: bool) -> bool {
    tokio::time::timeout(Duration::from_secs(2), there.wait_for(|there| *there == wanted)).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_gone_does_not_hinder_a_stop() {
    let Some(mut lab) = Lab::start().await else { return };
    let node = lab.bridge().await;
    lab.broker.kill_9();
    tokio::time::sleep(Duration::from_millis(300)).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_the_server_does_not_know_hinders_nobody() {
    let Some(lab) = Lab::start().await else { return };
    let node = lab.bridge().await;
    let mut options = MqttOptions::new("stranger", "127.0.0.1", lab.broker.port());
    options.set_credentials(STRANGER, SECRET);
    let (client, mut events) = AsyncClient::new(options, 10);
    let said = [("hello", r#"{"boot":1,"kind":"unit"}"#.to_owned()), ("samples", samples(lab.battery, 0, 10))];
    for (word, payload) in said {
        let topic = format!("cellar/v1/{STRANGER}/up/{word}");
        client.publish(topic, QoS::AtLeastOnce, false, payload).await.unwrap();
        let taken = tokio::time::timeout(PATIENCE, async {
            while !matches!(events.poll().await.unwrap(), Event::Incoming(Packet::PubAck(_))) {}
        });
        taken.await.expect("the broker takes it");
    }
    let mut device = lab.device();
    device.be_welcomed().await;
    device.send(lab.battery, 0..10).await;
    device.told_upto(99).await;
    assert_eq!(stored_once_there(&lab.store, 100).await, [(0, 99)]);
    // What the stranger said is not lost either.
    let letters = lab.store.newest_dead_letters(10).await.unwrap();
    let strange = lab.store.device_streams(&STRANGER.parse().unwrap()).await.unwrap();
    assert!(!strange.is_empty() || letters.iter().any(|letter| letter.topic.ends_with("/up/samples")), "{letters:?}");
    node.stop().await;
}
