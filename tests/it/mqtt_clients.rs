//! The endpoint with the clients people use: mosquitto's, Python's, rumqttc, and the one of the firmware.

use std::process::{Output, Stdio};

use cellar::domain::ids::BatteryId;
use cellar::node::endpoint::Letter;
use cellar::store::Store;
use tokio::process::Command;

use crate::mqtt_node::{DEVICE, Node, PATIENCE, SECRET, prepare, samples, stored};
use crate::support::database::Database;
use crate::support::skip_unless_ci;
use crate::support::test_server::TestServer;

struct Lab {
    store: Store,
    battery: BatteryId,
    node: Node,
    _database: Database,
}

impl Lab {
    async fn start() -> Self {
        let database = Database::sqlite();
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        let battery = prepare(&store).await;
        let node = Node::endpoint(&store).await;
        Self { store, battery, node, _database: database }
    }

    /// A mosquitto client, logged in.
    fn mosquitto(&self, program: &str, version: &str, password: &str) -> Command {
        let mut command = Command::new(program);
        command.args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.node.port.to_string(),
            "-u",
            DEVICE,
            "-P",
            password,
            "-V",
            version,
        ]);
        command
    }

    async fn publish(&self, version: &str, password: &str, topic: &str, payload: &str) -> Output {
        let mut command = self.mosquitto("mosquitto_pub", version, password);
        finish(command.args(["-q", "1", "-t", topic, "-m", payload])).await
    }
}

async fn finish(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(PATIENCE, output).await.expect("it ends in time").expect("it runs")
}

const UP: &str = "cellar/v1/cu-1/up";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_ends_well_only_when_its_message_is_committed() {
    if !TestServer::is_installed("mosquitto_pub") {
        return;
    }
    let lab = Lab::start().await;
    for (index, version) in (0..).zip(["mqttv311", "mqttv5"]) {
        let sent = lab.publish(version, SECRET, &format!("{UP}/samples"), &samples(lab.battery, index * 10, 10)).await;
        assert!(sent.status.success(), "{sent:?}");
        assert_eq!(stored(&lab.store).await, [(0, index * 10 + 9)]);
        let refused = lab.publish(version, "wrong", &format!("{UP}/samples"), "{}").await;
        assert!(!refused.status.success());
    }
    let elsewhere = lab.publish("mqttv5", SECRET, "cellar/v1/cu-2/up/samples", "{}").await;
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("Not authorized"), "{elsewhere:?}");
    let lines = (2..102).map(|batch| samples(lab.battery, batch * 10, 10)).collect::<Vec<_>>().join("\n");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), lines).unwrap();
    let mut many = lab.mosquitto("mosquitto_pub", "mqttv311", SECRET);
    let many = many.args(["-q", "1", "-l", "-t", &format!("{UP}/samples")]);
    let sent = many.stdin(std::fs::File::open(file.path()).unwrap()).kill_on_drop(true).output();
    let sent = tokio::time::timeout(PATIENCE, sent).await.expect("it ends in time").unwrap();
    assert!(sent.status.success(), "{sent:?}");
    assert_eq!(stored(&lab.store).await, [(0, 1_019)]);
    lab.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_sub_gets_the_letters_of_its_device_and_no_other_subscription() {
    if !TestServer::is_installed("mosquitto_sub") {
        return;
    }
    let lab = Lab::start().await;
    for version in ["mqttv311", "mqttv5"] {
        let mut command = lab.mosquitto("mosquitto_sub", version, SECRET);
        let topic = format!("cellar/v1/{DEVICE}/down/command");
        command.args(["-q", "1", "-C", "2", "-W", "15", "-k", "5", "-t", &format!("cellar/v1/{DEVICE}/down/#")]);
        let subscriber = tokio::spawn(async move { finish(&mut command).await });
        let registry = lab.node.registry.clone().unwrap();
        // Letters before the subscription are dropped; from then on they come, each once and in order.
        let mut number = 0;
        while !subscriber.is_finished() {
            let letter = Letter { topic: topic.clone(), payload: number.to_string().into() };
            if registry.send(&DEVICE.parse().unwrap(), letter).is_ok() {
                number += 1;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let heard = subscriber.await.unwrap();
        let said = String::from_utf8_lossy(&heard.stdout);
        let numbers: Vec<u32> = said.lines().map(|line| line.parse().unwrap()).collect();
        assert!(matches!(numbers[..], [first, second] if second == first + 1), "{heard:?}");
        for filter in ["#", "cellar/v1/cu-2/down/#", "$share/g/cellar/v1/cu-1/down/#"] {
            let mut command = lab.mosquitto("mosquitto_sub", version, SECRET);
            let refused = finish(command.args(["-q", "1", "-W", "10", "-t", filter])).await;
            let said = String::from_utf8_lossy(&refused.stderr);
            assert!(said.contains("denied"), "{version} {filter} {refused:?}");
        }
    }
    lab.node.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paho_for_python_speaks_both_versions() {
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin/python");
    if !std::path::Path::new(python).exists() {
        return skip_unless_ci("target/venv is missing: run devops/test-setup.sh");
    }
    let lab = Lab::start().await;
    for (index, version) in (0..).zip(["3", "5"]) {
        let batches: Vec<_> = (0..200).map(|batch| samples(lab.battery, index * 2_000 + batch * 10, 10)).collect();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), batches.join("\n")).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/mqtt_paho.py");
        let mut command = Command::new(python);
        command.arg(script).args([version, &lab.node.port.to_string(), DEVICE, SECRET]).arg(file.path());
        let spoken = finish(&mut command).await;
        assert!(spoken.status.success(), "{}", String::from_utf8_lossy(&spoken.stderr));
        assert_eq!(stored(&lab.store).await, [(0, index * 2_000 + 1_999)]);
    }
    lab.node.stop().await;
}

mod rumqttc_client {
    use rumqttc::v5::mqttbytes::QoS;
    use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet, PubAckReason};
    use rumqttc::v5::{AsyncClient, ConnectionError, Event, MqttOptions};

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn rumqttc_keeps_a_window_full_and_pings() {
        let lab = Lab::start().await;
        let mut options = MqttOptions::new("any", "127.0.0.1", lab.node.port);
        options.set_credentials(DEVICE, SECRET).set_keep_alive(std::time::Duration::from_secs(5));
        let (client, mut events) = AsyncClient::new(options, 1_000);
        for batch in 0..500 {
            let payload = samples(lab.battery, batch * 10, 10);
            client.publish(format!("{UP}/samples"), QoS::AtLeastOnce, false, payload).await.unwrap();
        }
        let (mut acknowledged, mut pinged) = (0, false);
        let all = tokio::time::timeout(PATIENCE, async {
            while acknowledged < 500 || !pinged {
                match events.poll().await.unwrap() {
                    Event::Incoming(Packet::PubAck(ack)) => {
                        assert_eq!(ack.reason, PubAckReason::Success);
                        acknowledged += 1;
                    }
                    Event::Incoming(Packet::PingResp(_)) => pinged = true,
                    _ => {}
                }
            }
        });
        all.await.expect("all is acknowledged in time");
        assert_eq!(stored(&lab.store).await, [(0, 4_999)]);
        lab.node.stop().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn rumqttc_is_told_that_its_log_in_is_wrong() {
        let lab = Lab::start().await;
        let mut options = MqttOptions::new("any", "127.0.0.1", lab.node.port);
        options.set_credentials(DEVICE, "wrong");
        let (_client, mut events) = AsyncClient::new(options, 10);
        let refused = tokio::time::timeout(PATIENCE, events.poll()).await.expect("an answer in time");
        let expected = ConnectReturnCode::BadUserNamePassword;
        assert!(matches!(refused, Err(ConnectionError::ConnectionRefused(code)) if code == expected), "{refused:?}");
        lab.node.stop().await;
    }
}

mod firmware_client {
    use embedded_io_adapters::tokio_1::FromTokio;
    use rust_mqtt::Bytes;
    use rust_mqtt::buffer::AllocBuffer;
    use rust_mqtt::client::Client;
    use rust_mqtt::client::event::{Event, Suback};
    use rust_mqtt::client::options::{ConnectOptions, PublicationOptions, SubscriptionOptions, TopicReference};
    use rust_mqtt::types::{MqttBinary, MqttString, TopicFilter, TopicName};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_client_of_the_firmware_says_hello_and_sends_samples() {
        let lab = Lab::start().await;
        tokio::time::timeout(PATIENCE, talk(&lab)).await.expect("the talk ends in time");
        assert_eq!(stored(&lab.store).await, [(0, 199)]);
        lab.node.stop().await;
    }

    async fn talk(lab: &Lab) {
        let mut buffer = AllocBuffer;
        let mut client = Client::<'_, '_, _, _, 1, 1, 1, 1, 16, 0, 1>::new(&mut buffer);
        let stream = TcpStream::connect(("127.0.0.1", lab.node.port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let options = ConnectOptions::new()
            .clean_start()
            .user_name(MqttString::try_from(DEVICE).unwrap())
            .password(MqttBinary::try_from(SECRET).unwrap());
        client.connect(FromTokio::new(stream), &options, None).await.unwrap();
        let filter = MqttString::try_from("cellar/v1/cu-1/down/#").unwrap();
        let at_least_once = SubscriptionOptions::new().at_least_once();
        client.subscribe(TopicFilter::new(filter).unwrap(), &at_least_once).await.unwrap();
        assert!(matches!(client.poll().await.unwrap(), Event::Suback(Suback { .. })));
        client.ping().await.unwrap();
        assert!(matches!(client.poll().await.unwrap(), Event::Pingresp));
        let mut welcomed = false;
        let hello = r#"{"boot":7,"kind":"probe"}"#.to_owned();
        let batches = (0..20).map(|batch| ("samples", samples(lab.battery, batch * 10, 10)));
        for (word, payload) in std::iter::once(("hello", hello)).chain(batches) {
            let topic = format!("{UP}/{word}");
            let topic = TopicName::new(MqttString::try_from(topic.as_str()).unwrap()).unwrap();
            let options = PublicationOptions::new(TopicReference::Name(topic)).at_least_once();
            client.publish(&options, Bytes::from(payload.as_bytes())).await.unwrap();
            loop {
                match client.poll().await.unwrap() {
                    Event::PublishAcknowledged(_) => break,
                    Event::Publish(_) => welcomed = true,
                    other => panic!("{other:?}"),
                }
            }
        }
        assert!(welcomed);
    }
}
