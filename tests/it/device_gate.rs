//! Devices at the door: unknown ones are approved, those shut out are sent away, whichever process decides it.

use std::process::Output;
use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::DeviceId;
use cellar::domain::secret::DeviceSecret;
use cellar::store::Store;
use cellar::store::pending_devices::PendingDevice;
use serde_json::Value;

use crate::mqtt_node::{DEVICE, Node, PATIENCE, SECRET, prepare, samples, stored};
use crate::support::mqtt_client::{Answer, Client, Login, Version};
use crate::support::server::Server;

const NEW: &str = "probe-new";
const NEW_SECRET: &str = "a secret it was made with";

fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

/// The pending devices, once there are so many.
async fn pending(store: &Store, count: usize) -> Vec<PendingDevice> {
    let began = Instant::now();
    loop {
        let devices = store.pending_devices().await.unwrap();
        if devices.len() >= count || began.elapsed() > PATIENCE {
            return devices;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

both_engines! {
    async fn an_unknown_device_is_let_in_by_one_approval_with_the_secret_it_has(store: Store) {
        let battery = prepare(&store).await;
        let node = Node::endpoint(&store).await;
        for version in Version::BOTH {
            let refused = Client::connect(node.port, version, &Login::of(NEW, NEW_SECRET)).await;
            assert!(matches!(refused, Err(Answer::Refused(_))), "{refused:?}");
        }
        // Neither of these asks to be let in: a secret that can be guessed, a known device, a name that is none.
        for (user, password) in [(NEW, "short"), (DEVICE, "not the secret of this one"), ("Probe/New", NEW_SECRET)] {
            assert!(Client::connect(node.port, Version::V5, &Login::of(user, password)).await.is_err());
        }
        let waiting = pending(&store, 1).await.remove(0);
        assert_eq!((waiting.device.as_str(), waiting.address.as_str()), (NEW, "127.0.0.1"));
        assert_eq!(waiting.secret_sha256, DeviceSecret::sent(NEW_SECRET).sha256());

        let by = Actor::server("test");
        store.approve_pending(&by, &waiting.device, &waiting.secret_sha256, DeviceKind::Probe, 5).await.unwrap();
        for version in Version::BOTH {
            let mut client = Client::connect(node.port, version, &Login::of(NEW, NEW_SECRET)).await.unwrap();
            let rows = samples(battery, 0, 10);
            let sent = client.publish(&format!("cellar/v1/{NEW}/up/samples"), rows.as_bytes(), false).await;
            assert_eq!(sent, Answer::Done);
            assert!(Client::connect(node.port, version, &Login::of(NEW, "another secret, long too")).await.is_err());
        }
        assert_eq!(store.device_streams(&id(NEW)).await.unwrap().len(), 1);
        assert_eq!(store.pending_devices().await.unwrap(), []);
        node.stop().await;
    }

    async fn a_device_that_is_shut_out_or_renewed_elsewhere_loses_its_connection(database: Database) {
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        prepare(&store).await;
        let node = Node::endpoint(&store).await;
        let elsewhere = Store::open(database.url()).await.unwrap();
        let (by, other) = (Actor::server("test"), DeviceSecret::sent("of the other one"));
        elsewhere.register_device(&by, &id("cu-2"), DeviceKind::Unit, &other, 1).await.unwrap();
        let mut bystander = Client::connect(node.port, Version::V5, &Login::of("cu-2", other.reveal())).await.unwrap();

        for version in Version::BOTH {
            let mut client = Client::connect(node.port, version, &Login::of(DEVICE, SECRET)).await.unwrap();
            elsewhere.disable_device(&by, &id(DEVICE), "", 2).await.unwrap();
            let began = Instant::now();
            let goodbye = client.closed().await;
            eprintln!("{version:?}: closed {:?} after the device was shut out", began.elapsed());
            assert_eq!(goodbye, (version == Version::V5).then(|| (0xe0, vec![0x87])));
            assert!(Client::connect(node.port, version, &Login::of(DEVICE, SECRET)).await.is_err());
            elsewhere.enable_device(&by, &id(DEVICE), "", 3).await.unwrap();
        }

        let mut client = Client::connect(node.port, Version::V5, &Login::of(DEVICE, SECRET)).await.unwrap();
        let revision = elsewhere.device(&id(DEVICE)).await.unwrap().unwrap().revision;
        let secret = elsewhere.rotate_device(&by, &id(DEVICE), revision, 4).await.unwrap();
        assert_eq!(client.closed().await, Some((0xe0, vec![0x87])));
        assert!(Client::connect(node.port, Version::V5, &Login::of(DEVICE, SECRET)).await.is_err());
        let mut renewed = Client::connect(node.port, Version::V5, &Login::of(DEVICE, secret.reveal())).await.unwrap();
        // Two looks at the changes later, those whom nothing happened to are still there.
        tokio::time::sleep(Duration::from_millis(2_100)).await;
        assert_eq!((renewed.ping().await, bystander.ping().await), (Answer::Done, Answer::Done));
        node.stop().await;
    }

    async fn known_devices_get_in_while_unknown_ones_cannot_be_noted(database: Database) {
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        let battery = prepare(&store).await;
        let node = Node::endpoint(&store).await;
        database.run(&["ALTER TABLE pending_device RENAME TO away"]).await;
        for number in 0..100 {
            let secret = format!("{number:020}");
            assert!(Client::connect(node.port, Version::V3, &Login::of(NEW, &secret)).await.is_err());
        }
        let mut client = Client::connect(node.port, Version::V3, &Login::of(DEVICE, SECRET)).await.unwrap();
        let rows = samples(battery, 0, 10);
        let sent = client.publish(&format!("cellar/v1/{DEVICE}/up/samples"), rows.as_bytes(), false).await;
        assert_eq!((sent, stored(&store).await), (Answer::Done, vec![(0, 9)]));
        node.stop().await;
    }
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_str(printed(output).trim()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_decides_while_the_server_runs() {
    let server = Server::start();
    let port = server.mqtt_port();
    assert!(Client::connect(port, Version::V5, &Login::of(NEW, NEW_SECRET)).await.is_err());
    let began = Instant::now();
    let waiting = loop {
        let listed = printed(&server.cellar(&["device", "pending", "--json"]));
        match listed.lines().next() {
            Some(line) => break serde_json::from_str::<Value>(line).unwrap(),
            None => assert!(began.elapsed() < PATIENCE, "nobody is pending"),
        }
    };
    let code =
        DeviceSecret::sent(NEW_SECRET).sha256().iter().take(4).map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!((&waiting["device"], &waiting["code"]), (&NEW.into(), &code.clone().into()));
    let wrong = server.cellar(&["device", "approve", NEW, "--code", "00000000", "--kind", "probe"]);
    assert_eq!(wrong.status.code(), Some(1), "{wrong:?}");
    printed(&server.cellar(&["device", "approve", NEW, "--code", &code, "--kind", "probe"]));
    let mut client = Client::connect(port, Version::V5, &Login::of(NEW, NEW_SECRET)).await.unwrap();
    printed(&server.cellar(&["device", "disable", NEW, "--reason", "returned"]));
    assert_eq!(client.closed().await, Some((0xe0, vec![0x87])));
    assert!(printed(&server.cellar(&["device", "list"])).contains("shut out"));
    printed(&server.cellar(&["device", "enable", NEW]));
    let mut client = Client::connect(port, Version::V5, &Login::of(NEW, NEW_SECRET)).await.unwrap();
    let renewed = json(&server.cellar(&["device", "rotate", NEW, "--json"]));
    assert_eq!(client.closed().await, Some((0xe0, vec![0x87])));
    let secret = renewed["secret"].as_str().unwrap();
    Client::connect(port, Version::V5, &Login::of(NEW, secret)).await.unwrap();
    let listed = json(&server.cellar(&["device", "list", "--json"]));
    assert_eq!((&listed["device"], &listed["disabled"]), (&NEW.into(), &false.into()));

    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let log = store.audit_page(&cellar::store::audit::AuditFilter::default(), i64::MAX, 100).await.unwrap();
    let told: Vec<_> = log.iter().rev().map(|entry| (entry.route.as_str(), entry.role.as_str())).collect();
    assert_eq!(
        told,
        [
            ("cellar device approve", "shell"),
            ("cellar device disable", "shell"),
            ("cellar device enable", "shell"),
            ("cellar device rotate", "shell"),
        ]
    );
    assert_eq!(log[2].reason, "returned");
}
