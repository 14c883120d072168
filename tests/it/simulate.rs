//! Simulated devices behind a broker that dies.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::mosquitto::{Mosquitto, SERVER_USER};
use crate::support::server::Server;

/// How long the devices measure.
const RUN_S: &str = "8";
const RUN: Duration = Duration::from_secs(8);
/// How often the broker is killed meanwhile.
const KILLS: u32 = 2;
/// The run, a minute to deliver what is left, and a loaded machine.
const PATIENCE: Duration = Duration::from_secs(8 + 60 + 60);

/// A running `cellar simulate`; killed when a test fails.
struct Simulation {
    process: Child,
}

impl Simulation {
    fn start(url: &str, database_url: &str, journal: &Path, options: &[&str]) -> Self {
        let process = Command::new(env!("CARGO_BIN_EXE_cellar"))
            .args(["simulate", "--url", url, "--seed", "7", "--database-url", database_url])
            .arg("--journal")
            .arg(journal)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("cellar runs");
        Self { process }
    }

    /// Waits for its end and says whether everything was acknowledged.
    async fn ended(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait().expect("it is ours") {
                return status.success();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the simulation did not end in {PATIENCE:?}");
    }
}

impl Drop for Simulation {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What `cellar simulate check` prints, and whether it found nothing.
fn verdict(server: &Server, database_url: &str, journal: &Path) -> (serde_json::Value, bool) {
    let journal = journal.to_str().expect("a UTF-8 path");
    let done = server.cellar(&["simulate", "check", "--json", "--journal", journal, "--database-url", database_url]);
    let verdict = serde_json::from_slice(&done.stdout).unwrap_or_else(|_| panic!("{done:?}"));
    (verdict, done.status.success())
}

/// The broker keeps nothing that was not saved half a minute ago: only the devices' own buffers can carry the readings over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_reading_is_lost_behind_a_broker_that_forgets_everything() {
    let users = [(SERVER_USER, "server-pw"), ("sim-load-01", "pw-1"), ("sim-load-02", "pw-2")];
    let Some(mut broker) = Mosquitto::start(&users) else { return };
    let mut server = Server::start_with(&["--broker-url", &broker.url(SERVER_USER, "server-pw")]);
    let (journal, secrets) = (server.data_dir().join("journal"), server.data_dir().join("secrets"));
    let url = format!("mqtt://127.0.0.1:{}", broker.port());
    let database_url = server.sqlite_url();
    let scenario = ["--scenario", "load", "--devices", "2"];
    // This registers the devices and their batteries and measures nothing; at the broker they have passwords of their own.
    let register = [&scenario[..], &["--rate", "0.001", "--duration", "0"]].concat();
    let other_journal = server.data_dir().join("nothing");
    Simulation::start(&url, &database_url, &other_journal, &register).ended().await;
    let lines =
        users[1..].iter().map(|(device, secret)| format!("{{\"device\":\"{device}\",\"secret\":\"{secret}\"}}\n"));
    std::fs::write(&secrets, lines.collect::<String>()).expect("the folder is writable");

    let secrets = secrets.to_str().expect("a UTF-8 path");
    let options =
        [&scenario[..], &["--rate", "500", "--duration", RUN_S, "--end-to-end-ack", "--secrets", secrets]].concat();
    let mut devices = Simulation::start(&url, &database_url, &journal, &options);
    for _ in 0..KILLS {
        tokio::time::sleep(RUN / (KILLS + 1)).await;
        broker.kill_9();
        broker.restart();
    }
    assert!(devices.ended().await, "some readings were never acknowledged");
    assert!(server.stop());
    let (verdict, is_clean) = verdict(&server, &database_url, &journal);
    assert!(is_clean && verdict["created"].as_u64() > Some(4_000), "{verdict}");
}
