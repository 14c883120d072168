//! Durable ingest, from a device's socket to a commit and back: `cargo bench --bench ingest [-- WORD …]`.
//!
//! Each line is one measurement beside its bound; words choose the lines that contain one of them, or the very line
//! they name. The server is the program itself, `cellar serve`; load, server and database share the machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first failure"
)]
#![allow(clippy::cast_precision_loss, reason = "rates are read by people")]

#[path = "lab/battery.rs"]
mod battery;
#[path = "ingest/devices.rs"]
mod devices;
#[expect(dead_code, reason = "how long messages wait is asked by another benchmark")]
#[path = "ingest/load.rs"]
mod load;
#[path = "lab/servers.rs"]
mod servers;

use std::path::Path;
use std::time::{Duration, Instant};

use cellar::node::codec::parse_batch;
use load::{DEVICES, Plan, Proof};
use servers::Process;

const WARM_UP: Duration = Duration::from_secs(1);
const TIME: Duration = Duration::from_secs(5);
/// Samples of 8 columns in a batch: the times and seven quantities, 3.2 kB of JSON.
const ROWS: usize = 50;
const WINDOW: usize = 200;
/// Behind a broker more is on its way at a time.
const BROKER_WINDOW: usize = 500;
/// The user that the broker's access list lets read everything.
const SERVER_USER: &str = "cellar_server";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    Sqlite,
    MariaDb,
}

#[derive(Debug, Clone, Copy)]
struct Case {
    name: &'static str,
    engine: Engine,
    rows: usize,
    broker: bool,
    slow_fsync: bool,
    /// Samples a second that are expected at least.
    bound: f64,
}

const CASE: Case =
    Case { name: "", engine: Engine::Sqlite, rows: ROWS, broker: false, slow_fsync: false, bound: 2_000_000.0 };

const CASES: [Case; 8] = [
    Case { name: "endpoint, SQLite, 50 rows", ..CASE },
    Case { name: "endpoint, MariaDB, 50 rows", engine: Engine::MariaDb, bound: 3_000_000.0, ..CASE },
    Case { name: "endpoint, SQLite, 1 row", rows: 1, bound: 200_000.0, ..CASE },
    Case { name: "endpoint, MariaDB, 1 row", engine: Engine::MariaDb, rows: 1, bound: 200_000.0, ..CASE },
    Case { name: "broker, SQLite, 50 rows", broker: true, bound: 1_500_000.0, ..CASE },
    Case { name: "broker, MariaDB, 50 rows", engine: Engine::MariaDb, broker: true, bound: 1_500_000.0, ..CASE },
    Case { name: "endpoint, SQLite, 50 rows, slow fsync", slow_fsync: true, bound: 500_000.0, ..CASE },
    Case {
        name: "endpoint, MariaDB, 50 rows, slow fsync",
        engine: Engine::MariaDb,
        slow_fsync: true,
        bound: 500_000.0,
        ..CASE
    },
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let is_name = |word: &str| CASES.iter().any(|case| case.name == word);
    let is_meant = |word: &str, name: &str| if is_name(word) { name == word } else { name.contains(word) };
    let is_wanted = |name: &str| words.is_empty() || words.iter().any(|word| is_meant(word, name));
    println!("{:40} {:>12} {:>12}        server  database  load (cores)", "", "samples/s", "bound");
    for rows in [ROWS, 1] {
        let name = format!("parse only, {rows} rows, two threads");
        if is_wanted(&name) {
            let bound = if rows == ROWS { 10_000_000.0 } else { 1_000_000.0 };
            line(&name, parse_only(rows), bound, "");
        }
    }
    for case in CASES.iter().filter(|case| is_wanted(case.name)) {
        measure(case);
    }
}

fn line(name: &str, rate: f64, bound: f64, more: &str) {
    let verdict = if rate >= bound { "ok" } else { "BELOW" };
    println!("{name:40} {rate:12.0} {bound:12.0} {verdict:6} {more}");
}

/// What two threads can decode and do nothing else.
fn parse_only(rows: usize) -> f64 {
    let payload = load::sample_payload(rows);
    let began = Instant::now();
    let threads = [0, 1].map(|_| {
        let payload = payload.clone();
        std::thread::spawn(move || {
            let mut batches = 0_u64;
            while began.elapsed() < Duration::from_secs(2) {
                for _ in 0..100 {
                    assert!(std::hint::black_box(parse_batch(std::hint::black_box(&payload))).is_ok());
                }
                batches += 100;
            }
            batches
        })
    });
    let batches: u64 = threads.map(|thread| thread.join().unwrap()).iter().sum();
    (batches * rows as u64) as f64 / began.elapsed().as_secs_f64()
}

fn measure(case: &Case) {
    let folder = tempfile::tempdir().unwrap();
    let preload = case.slow_fsync.then(|| servers::slow_fsync(folder.path()));
    let database = (case.engine == Engine::MariaDb).then(|| servers::mariadb(folder.path(), preload.as_deref()));
    let url = match &database {
        Some(mariadb) => servers::mariadb_url(mariadb.port),
        None => format!("sqlite://{}", folder.path().join("cellar.db").display()),
    };
    let battery = devices::prepare(&url);
    let broker = case.broker.then(|| {
        let devices = (0..DEVICES).map(load::device);
        servers::mosquitto(&made(folder.path(), "broker"), &devices.chain([SERVER_USER.to_owned()]).collect::<Vec<_>>())
    });
    let broker_url =
        broker.as_ref().map(|broker| format!("mqtt://{SERVER_USER}:{SERVER_USER}@127.0.0.1:{}", broker.port));
    let server =
        servers::cellar("node", &made(folder.path(), "server"), &url, broker_url.as_deref(), preload.as_deref());
    let (port, proof, window) = match &broker {
        Some(broker) => (broker.port, Proof::DownAck, BROKER_WINDOW),
        None => (server.port, Proof::Puback, WINDOW),
    };
    let cpu = || {
        let process = |process: &Option<Process>| process.as_ref().map_or(0.0, Process::cpu_s);
        [server.cpu_s(), process(&database) + process(&broker), servers::cpu_s("self")]
    };
    let (began, before) = (Instant::now(), cpu());
    let outcome = load::run(Plan { port, battery, rows: case.rows, window, proof, pace: None }, WARM_UP, TIME);
    let (seconds, after) = (began.elapsed().as_secs_f64(), cpu());
    let [server_cores, database_cores, load_cores] =
        [0, 1, 2].map(|index: usize| (after[index] - before[index]) / seconds);
    let more =
        format!("{server_cores:6.2} {database_cores:9.2} {load_cores:6.2}  {:.0} messages/s", outcome.messages_per_s);
    line(case.name, outcome.rows_per_s, case.bound, &more);
}

fn made(folder: &Path, name: &str) -> std::path::PathBuf {
    let folder = folder.join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
