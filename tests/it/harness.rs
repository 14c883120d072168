//! The tests of what the tests stand on: fresh databases with the production settings, a broker that keeps devices apart.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use sqlx::Connection;

use crate::support::database::Database;
use crate::support::mosquitto::{Mosquitto, SERVER_USER};

/// A message that has not arrived after this time is not coming.
const SILENCE_MAX: Duration = Duration::from_secs(10);

#[tokio::test]
async fn mariadb_runs_with_the_durable_settings_of_production() {
    let Some(database) = Database::mariadb().await else { return };
    let mut connection = sqlx::MySqlConnection::connect(database.url()).await.unwrap();
    let settings: (i64, String, String) =
        sqlx::query_as("SELECT CAST(@@innodb_flush_log_at_trx_commit AS SIGNED), @@collation_database, @@sql_mode")
            .fetch_one(&mut connection)
            .await
            .unwrap();
    assert_eq!((settings.0, settings.1.as_str()), (1, "utf8mb4_bin"));
    assert!(settings.2.contains("STRICT_ALL_TABLES"), "{}", settings.2);
}

#[tokio::test]
async fn every_test_gets_a_database_of_its_own() {
    assert_ne!(Database::sqlite().url(), Database::sqlite().url());
    let (Some(one), Some(other)) = (Database::mariadb().await, Database::mariadb().await) else { return };
    assert_ne!(one.url(), other.url());
}

#[tokio::test]
async fn the_broker_hands_the_server_what_a_device_may_say_and_nothing_else() {
    let users = [(SERVER_USER, "server-pw"), ("unit-1", "unit-1-pw"), ("unit-2", "unit-2-pw")];
    let Some(broker) = Mosquitto::start(&users) else { return };
    let (server, mut events) = connect(&broker, SERVER_USER, "server-pw");
    server.subscribe("cellar/v1/+/up/#", QoS::AtLeastOnce).await.unwrap();
    next(&mut events, |packet| matches!(packet, Packet::SubAck(_))).await;

    let (device, mut device_events) = connect(&broker, "unit-1", "unit-1-pw");
    tokio::spawn(async move { while device_events.poll().await.is_ok() {} });
    device.publish("cellar/v1/unit-2/up/hello", QoS::AtLeastOnce, false, "forged").await.unwrap();
    device.publish("cellar/v1/unit-1/up/hello", QoS::AtLeastOnce, false, "own").await.unwrap();

    let Packet::Publish(first) = next(&mut events, |packet| matches!(packet, Packet::Publish(_))).await else {
        unreachable!("next() waits for a publish")
    };
    assert_eq!((first.topic.as_str(), &first.payload[..]), ("cellar/v1/unit-1/up/hello", &b"own"[..]));
}

#[tokio::test]
async fn the_broker_lets_nobody_in_without_a_password() {
    let Some(broker) = Mosquitto::start(&[("unit-1", "unit-1-pw")]) else { return };
    for (name, password) in [("unit-1", "wrong"), ("stranger", "unit-1-pw"), ("", "")] {
        let (_client, mut events) = connect(&broker, name, password);
        let answer = tokio::time::timeout(SILENCE_MAX, events.poll()).await.expect("the broker answers");
        assert!(answer.is_err(), "{name:?} got in: {answer:?}");
    }
}

#[tokio::test]
async fn a_killed_broker_comes_back_on_the_same_port() {
    let Some(mut broker) = Mosquitto::start(&[("unit-1", "unit-1-pw")]) else { return };
    let port = broker.port();
    broker.kill_9();
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
    broker.restart();
    let (_client, mut events) = connect(&broker, "unit-1", "unit-1-pw");
    next(&mut events, |packet| matches!(packet, Packet::ConnAck(_))).await;
    assert_eq!(broker.port(), port);
}

both_engines! {
    async fn a_fresh_database_has_a_url_of_its_engine(database: Database) {
        assert!(database.url().starts_with("sqlite://") || database.url().starts_with("mysql://"));
    }
}

fn connect(broker: &Mosquitto, name: &str, password: &str) -> (AsyncClient, rumqttc::EventLoop) {
    let mut options = MqttOptions::new(format!("harness-{name}"), "127.0.0.1", broker.port());
    if !name.is_empty() {
        options.set_credentials(name, password);
    }
    AsyncClient::new(options, 10)
}

async fn next(events: &mut rumqttc::EventLoop, wanted: fn(&Packet) -> bool) -> Packet {
    let search = async {
        loop {
            match events.poll().await.expect("the connection stays") {
                Event::Incoming(packet) if wanted(&packet) => return packet,
                _ => {}
            }
        }
    };
    tokio::time::timeout(SILENCE_MAX, search).await.expect("the broker answers in time")
}
