//! How long the list of experiments takes: 100,000 experiments on 10,000 batteries, filters, search, counts, order and a
//! page, with the refresh from the database, while other changes are committed between the questions.
//!
//! `cargo bench --bench list` for SQLite; `CELLAR_BENCH_DATABASE_URL=mysql://… cargo bench --bench list` for an empty
//! MariaDB. Ends with status 1 when p95 is above the bound.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at the first failure and prints")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people, and positions in a short list"
)]

use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::battery::Technology;
use cellar::domain::experiment::ExperimentState;
use cellar::domain::ids::{BatteryId, DeviceId, ProfileId, StationId};
use cellar::domain::profile::{Step, StepEnd, StepMode, Steps};
use cellar::store::Store;
use cellar::store::experiment_index::{Ask, ExperimentIndex, Facet, Sort};
use cellar::store::experiments::NewExperiment;
use cellar::store::transitions::Move;
use sqlx::{Connection, Executor};

const BATTERIES: usize = 10_000;
const STATIONS: usize = 64;
const PROFILES: usize = 40;
const EXPERIMENTS: usize = 100_000;
/// Questions measured, each of another kind than the one before.
const QUESTIONS: usize = 400;
const P95_MAX: Duration = Duration::from_millis(25);
const START_US: i64 = 1_790_000_000_000_000;
/// Rows of one statement while the database is filled.
const ROWS: usize = 500;

struct Lab {
    store: Store,
    batteries: Vec<BatteryId>,
    stations: Vec<StationId>,
    profiles: Vec<ProfileId>,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let url = std::env::var("CELLAR_BENCH_DATABASE_URL")
        .unwrap_or_else(|_| format!("sqlite://{}", folder.path().join("bench.db").display()));
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    fastrand::seed(7);
    let began = Instant::now();
    let lab = fill(store, &url).await;
    println!("{}: filled in {:.0} s", lab.store.engine().name(), began.elapsed().as_secs_f64());

    let index = ExperimentIndex::default();
    let began = Instant::now();
    let first = index.answer(&lab.store, Ask { per_page: 50, ..Ask::default() }, START_US).await.unwrap();
    println!(
        "first answer, everything read: {:.0} ms, {} experiments, {:.0} MB",
        began.elapsed().as_secs_f64() * 1e3,
        first.all,
        index.bytes() as f64 / 1e6
    );
    let mut times = Vec::new();
    let mut processor = Vec::new();
    for number in 0..QUESTIONS {
        // Half of the questions come after a change by somebody else: an experiment queued, another one moved on.
        if number % 2 == 0 {
            change(&lab, number).await;
        }
        let ask = question(&lab, number);
        let words = format!("{:?} {:?}", ask.sort, ask.text);
        let (began, used) = (Instant::now(), processor_time());
        let answer = index.answer(&lab.store, ask, START_US).await.unwrap();
        times.push((began.elapsed(), answer.total, words));
        processor.push(processor_time().saturating_sub(used));
    }
    processor.sort_unstable();
    let at = |part: f64| processor[((processor.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!("processor time, all threads: p50 {:.1} ms, p95 {:.1} ms, max {:.1} ms", at(0.5), at(0.95), at(1.0));
    times.sort_by_key(|(time, ..)| *time);
    let at = |part: f64| &times[((times.len() - 1) as f64 * part) as usize];
    for (name, part) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)] {
        let (time, total, words) = at(part);
        println!("{name}: {:.1} ms ({total} fit, by {words})", time.as_secs_f64() * 1e3);
    }
    if at(0.95).0 > P95_MAX {
        println!("p95 is above {P95_MAX:?}");
        std::process::exit(1);
    }
}

/// The database past the store, which queues one experiment at a time.
enum Database {
    Sqlite(sqlx::SqliteConnection),
    MySql(sqlx::MySqlConnection),
}

impl Database {
    async fn open(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            Self::Sqlite(sqlx::SqliteConnection::connect(url).await.unwrap())
        } else {
            Self::MySql(sqlx::MySqlConnection::connect(url).await.unwrap())
        }
    }

    async fn run(&mut self, text: String) {
        let text = sqlx::AssertSqlSafe(text);
        match self {
            Self::Sqlite(connection) => drop(connection.execute(text).await.unwrap()),
            Self::MySql(connection) => drop(connection.execute(text).await.unwrap()),
        }
    }
}

/// Processor time this process used so far. On a machine with other work it says more than the clock does.
fn processor_time() -> Duration {
    let threads = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let used = threads.filter_map(|thread| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(used.sum())
}

fn by() -> Actor {
    Actor::server("bench")
}

async fn fill(store: Store, url: &str) -> Lab {
    let unit: DeviceId = "bench".parse().unwrap();
    let families = [(Technology::Lithium, "NMC"), (Technology::Lithium, "LFP"), (Technology::LeadAcid, "AGM")];
    let mut lab = Lab { store, batteries: Vec::new(), stations: Vec::new(), profiles: Vec::new() };
    let mut database = Database::open(url).await;
    for first in (0..BATTERIES).step_by(ROWS) {
        let row = |number: usize| {
            let (technology, chemistry) = families[number % families.len()];
            format!("('{chemistry}-{number:05}', '{}', '{chemistry}', 2.5, 4.2, 5, {START_US})", technology.as_str())
        };
        let rows: Vec<String> = (first..first + ROWS).map(row).collect();
        let columns = "name, technology, chemistry, voltage_min_v, voltage_max_v, capacity_ah, created_at_us";
        database.run(format!("INSERT INTO battery ({columns}) VALUES {}", rows.join(", "))).await;
    }
    for number in (0..BATTERIES).step_by(BATTERIES - 1) {
        let (_, chemistry) = families[number % families.len()];
        lab.batteries.push(lab.store.battery_named(&format!("{chemistry}-{number:05}")).await.unwrap().unwrap());
    }
    // Filled in one go, they have consecutive numbers.
    lab.batteries = (lab.batteries[0].0..=lab.batteries[1].0).map(BatteryId).collect();
    assert_eq!(lab.batteries.len(), BATTERIES);
    for number in 0..STATIONS {
        lab.stations.push(lab.store.add_station(&format!("A{number}"), &unit).await.unwrap());
    }
    for number in 0..PROFILES {
        let current_a = -1.0 - number as f64 / 100.0;
        let step = Step { mode: StepMode::Cc { current_a }, until: vec![StepEnd::VoltageV(2.5)] };
        let steps = Steps { steps: vec![step], cycles: 1 };
        lab.profiles.push(lab.store.add_profile(&format!("Cycle {number}"), &steps, START_US).await.unwrap());
    }
    let states = ["finished", "finished", "finished", "stopped", "fault", "aborted"];
    let names = ["Ageing 1C, 25 °C", "Pulse resistance", "Formation C/10", "Capacity check C/5", "GITT"];
    for first in (0..EXPERIMENTS).step_by(ROWS) {
        let rows: Vec<String> = (first..(first + ROWS).min(EXPERIMENTS))
            .map(|number| {
                let started = START_US - fastrand::i64(0..300 * 86_400) * 1_000_000;
                format!(
                    "('{} {}', 'Reference cycling, batch {}, warm chamber', '[\"{}\",\"b{}\"]', {}, {}, {}, '{}', {started}, {started}, {}, 1)",
                    names[fastrand::usize(..names.len())],
                    number % 3_000,
                    number % 97,
                    ["ageing", "formation", "pulse"][number % 3],
                    number % 50,
                    lab.batteries[fastrand::usize(..BATTERIES)],
                    lab.stations[fastrand::usize(..STATIONS)],
                    lab.profiles[fastrand::usize(..PROFILES)],
                    states[fastrand::usize(..states.len())],
                    started + fastrand::i64(1..14 * 86_400) * 1_000_000,
                )
            })
            .collect();
        let columns = "name, description, tags_json, battery_id, station_id, profile_id, state, created_at_us, \
            started_at_us, finished_at_us, change_seq";
        database.run(format!("INSERT INTO experiment ({columns}) VALUES {}", rows.join(", "))).await;
    }
    database.run("UPDATE experiment_change SET seq = 1".to_owned()).await;
    lab
}

async fn change(lab: &Lab, number: usize) {
    let station = lab.stations[number % STATIONS];
    let new = NewExperiment::new(
        format!("Ageing 2C {number}"),
        lab.batteries[fastrand::usize(..BATTERIES)],
        station,
        lab.profiles[number % PROFILES],
    );
    let id = lab.store.queue_experiment(&by(), &new, None, START_US).await.unwrap();
    let mut group = lab.store.begin_group().await.unwrap();
    let (from, to) = (ExperimentState::Queued, ExperimentState::Running);
    let moved = Move { experiment: id, version: 0, from, to, actor: "bench", reason: "" };
    assert!(group.move_experiment(moved, START_US).await.unwrap());
    group.commit().await.unwrap();
}

fn question(lab: &Lab, number: usize) -> Ask {
    let mut ask = Ask {
        sort: Sort::ALL[number % Sort::ALL.len()],
        descending: number.is_multiple_of(3),
        page: 1 + (number % 7) * (number % 11),
        per_page: 50,
        ..Ask::default()
    };
    let mut pick = |facet: Facet, keys: Vec<String>| ask.picked[facet as usize] = keys;
    match number % 6 {
        0 => {}
        1 => pick(Facet::Technology, vec!["lithium".into()]),
        2 => {
            pick(Facet::Status, vec!["finished".into(), "running".into()]);
            pick(Facet::Station, lab.stations.iter().take(8).map(ToString::to_string).collect());
        }
        3 => pick(Facet::Battery, lab.batteries.iter().take(20).map(ToString::to_string).collect()),
        4 => pick(Facet::Tag, vec!["ageing".into()]),
        _ => pick(Facet::Profile, vec![lab.profiles[number % PROFILES].to_string()]),
    }
    match number % 5 {
        0 => ask.text = "ageing 17".into(),
        1 => ask.text = "chamber".into(),
        2 => ask.since_us = Some(START_US - 90 * 86_400_000_000),
        3 => ask.find[Facet::Battery as usize] = "nmc-001".into(),
        _ => {}
    }
    ask
}
