//! The program as its operator meets it: starts, addresses, signals, exit statuses, what the verbs print.

use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::support::server::{Server, cellar};

/// What the contract allows a stop to take; the test waits longer, but does not let more pass.
const CLEAN_STOP_MAX: Duration = Duration::from_secs(10);
/// Starts in the test of a stop that comes at once: the moment in question is short.
const READY_STOPS: usize = 8;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn assert_fails(output: &Output, status: i32, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(words.iter().all(|word| said.contains(word)), "{words:?} not in: {said}");
    assert_eq!(text(&output.stdout), "", "standard output is for results");
}

#[tokio::test]
async fn the_server_says_where_it_listens_and_answers_there() {
    let server = Server::start();
    let alive = reqwest::get(server.url("/healthz")).await.unwrap();
    assert_eq!((alive.status().as_u16(), alive.text().await.unwrap().trim()), (200, "ok"));
    let ready = reqwest::get(server.url("/readyz")).await.unwrap();
    assert_eq!(ready.status(), 200, "{}", ready.text().await.unwrap());
    std::net::TcpStream::connect(server.mqtt()).expect("the endpoint listens");
    assert_eq!(reqwest::get(server.url("/no-such-page")).await.unwrap().status(), 404);
}

#[tokio::test]
async fn sigterm_stops_the_server_cleanly_and_it_starts_again_where_it_was() {
    let mut server = Server::start();
    let page = server.url("/healthz");
    let began = Instant::now();
    assert!(server.stop(), "the exit status is 0");
    assert!(began.elapsed() < CLEAN_STOP_MAX, "{:?}", began.elapsed());
    assert!(reqwest::get(&page).await.is_err());
    server.restart();
    assert_eq!(reqwest::get(&page).await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_killed_server_starts_again_on_its_data() {
    let mut server = Server::start();
    server.kill_9();
    server.restart();
    assert_eq!(reqwest::get(server.url("/readyz")).await.unwrap().status(), 200);
}

both_engines! {
    async fn a_second_server_runs_the_same_database_up_to_date(database: Database) {
        let options = ["--database-url", database.url()];
        for _ in 0..2 {
            let server = Server::start_with(&options);
            assert_eq!(reqwest::get(server.url("/readyz")).await.unwrap().status(), 200);
        }
    }
}

#[test]
fn bad_input_ends_with_status_1_and_names_the_remedy() {
    let folder = TempDir::new().unwrap();
    let run = |arguments: &[&str]| cellar(folder.path(), arguments);
    assert_fails(&run(&["serve", "--http", "0.0.0.0:0"]), 1, &["http.address", "--insecure-lan"]);
    assert_fails(&run(&["serve", "--role", "queen"]), 1, &["queen", "node"]);
    assert_fails(&run(&["serve", "--config", "no-such.toml"]), 1, &["no-such.toml"]);
    assert_fails(&run(&["device", "add", "CU/1", "--kind", "unit"]), 1, &["CU/1", "a-z"]);
    assert_fails(&run(&["no-such-verb"]), 1, &["no-such-verb"]);
}

#[test]
fn what_cannot_run_ends_with_status_2() {
    let folder = TempDir::new().unwrap();
    let port = free_port();
    let url = format!("mysql://cellar:secret-word@127.0.0.1:{port}/cellar");
    let output = cellar(folder.path(), &["migrate", "--database-url", &url]);
    assert_fails(&output, 2, &["cannot open the database", &port.to_string()]);
    assert!(!text(&output.stderr).contains("secret-word"), "{}", text(&output.stderr));
}

#[test]
fn an_occupied_port_is_named() {
    let folder = TempDir::new().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for flag in ["--http", "--mqtt"] {
        let others = if flag == "--http" { "--mqtt" } else { "--http" };
        let output = cellar(folder.path(), &["serve", flag, &address, others, "127.0.0.1:0"]);
        assert_fails(&output, 2, &[&address]);
    }
}

#[test]
fn a_new_device_gets_a_secret_once_and_a_new_one_when_it_is_added_again() {
    let folder = TempDir::new().unwrap();
    let secret = || {
        let output = cellar(folder.path(), &["device", "add", "cu-01", "--kind", "unit", "--json"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let device: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&device["device"], &device["kind"]), (&"cu-01".into(), &"unit".into()));
        device["secret"].as_str().unwrap().to_owned()
    };
    let (first, second) = (secret(), secret());
    assert!(first.len() >= 22, "128 bits need 22 characters: {first}");
    assert_ne!(first, second);
    assert!(!holds(folder.path(), &first) && !holds(folder.path(), &second), "a secret lies in the data folder");
}

fn holds(folder: &Path, words: &str) -> bool {
    std::fs::read_dir(folder).unwrap().any(|entry| {
        let content = std::fs::read(entry.unwrap().path()).unwrap();
        content.windows(words.len()).any(|window| window == words.as_bytes())
    })
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn a_server_stopped_the_moment_it_is_ready_ends_well() {
    for _ in 0..READY_STOPS {
        let mut server = Server::start();
        assert!(server.stop(), "what it holds is put away, not cut off");
    }
}
