//! How long a sign-in and the check of a form take. A sign-in is meant to cost something: too cheap is as wrong as too
//! dear.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first failure and prints"
)]

#[expect(dead_code, reason = "the servers of another benchmark, of which this one needs the database")]
#[path = "lab/servers.rs"]
mod servers;

use std::hint::black_box;
use std::time::Instant;

use cellar::auth::csrf::{csrf_token, matches};
use cellar::auth::password::{AT_ONCE_MAX, Hasher, Password, Verdict};
use cellar::auth::token::SessionToken;
use cellar::auth::weak;
use cellar::domain::audit::Actor;
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::sessions::NewSession;
use cellar::store::users::NewUser;

const RUNS: usize = 101;
const STORM: u32 = 100;
const FORMS: u32 = 100_000;
/// Open sessions while one is looked up: more than a large lab has.
const SESSIONS: usize = 1_000;
const LOOK_UPS: usize = 5_001;

#[tokio::main]
async fn main() {
    let hasher = Hasher::default();
    let password = Password::new("violet tram at noon".to_owned());
    let stored = hasher.hash(password.clone()).await.unwrap().into_string();

    // In turns, so that what else the machine does slows all three alike.
    let wrong = Password::new("violet tram at one".to_owned());
    let cases = [
        ("unknown name", &password, None, false),
        ("right password", &password, Some(&stored), true),
        ("wrong password", &wrong, Some(&stored), false),
    ];
    let mut runs_ms = cases.map(|_| Vec::new());
    for _ in 0..RUNS {
        for ((_, password, stored, is_right), runs_ms) in cases.iter().zip(&mut runs_ms) {
            let started = Instant::now();
            let verdict = hasher.verify((*password).clone(), stored.cloned()).await.unwrap();
            runs_ms.push(started.elapsed().as_secs_f64() * 1e3);
            assert_eq!(verdict.is_right(), *is_right);
        }
    }
    for ((name, ..), runs_ms) in cases.iter().zip(&mut runs_ms) {
        runs_ms.sort_by(f64::total_cmp);
        println!("verify, {name}: median {:.1} ms (bound 80 ms)", runs_ms[RUNS / 2]);
    }

    let started = Instant::now();
    let storm: Vec<_> = (0..STORM)
        .map(|_| {
            let (hasher, password, stored) = (hasher.clone(), password.clone(), stored.clone());
            tokio::spawn(async move { hasher.verify(password, Some(stored)).await.unwrap() })
        })
        .collect();
    for one in storm {
        assert_eq!(one.await.unwrap(), Verdict::Right { should_renew: false });
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{STORM} sign-ins at once, {AT_ONCE_MAX} at a time: {seconds:.2} s for all (bound 4 s)");

    let started = Instant::now();
    weak::check(&password, "anna").unwrap();
    let first_ms = started.elapsed().as_secs_f64() * 1e3;
    let started = Instant::now();
    weak::check(&password, "anna").unwrap();
    let next_ms = started.elapsed().as_secs_f64() * 1e3;
    println!("judge a new password: first {first_ms:.1} ms, next {next_ms:.1} ms (bound 100 ms)");

    let cookie = SessionToken::random().unwrap();
    let sent = csrf_token(cookie.reveal());
    let started = Instant::now();
    for _ in 0..FORMS {
        assert!(matches(black_box(cookie.reveal()), black_box(&sent)));
    }
    let each_us = started.elapsed().as_secs_f64() * 1e6 / f64::from(FORMS);
    println!("check of a form's token: {each_us:.2} µs (bound 10 µs)");

    let folder = tempfile::tempdir().unwrap();
    session_check("SQLite", &format!("sqlite://{}", folder.path().join("cellar.db").display())).await;
    let database = servers::mariadb(folder.path(), None);
    session_check("MariaDB", &servers::mariadb_url(database.port)).await;
}

/// What every request of somebody signed in pays before its page is made.
async fn session_check(engine: &str, url: &str) {
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    let by = Actor::server("bench");
    let user =
        NewUser { name: "anna".parse().unwrap(), full_name: String::new(), role: Role::Operator, password_hash: None };
    let user = store.add_user(&by, &user, 1).await.unwrap();
    let mut tokens = Vec::new();
    for _ in 0..SESSIONS {
        let token = SessionToken::random().unwrap();
        let sha256 = token.sha256();
        let session = NewSession { token_sha256: &sha256, address: "127.0.0.1", agent: "bench" };
        store.add_session(&by, user, session, 1).await.unwrap();
        tokens.push(token);
    }
    let mut runs_us = Vec::new();
    for run in 0..LOOK_UPS {
        let token = &tokens[run * 7 % SESSIONS];
        let started = Instant::now();
        let found = store.session(&SessionToken::parse(token.reveal()).unwrap().sha256()).await.unwrap();
        runs_us.push(started.elapsed().as_secs_f64() * 1e6);
        assert!(found.is_some());
    }
    runs_us.sort_by(f64::total_cmp);
    let (median_us, slow_us) = (runs_us[LOOK_UPS / 2], runs_us[LOOK_UPS * 95 / 100]);
    println!("session check, {engine}: median {median_us:.0} µs, 95 % within {slow_us:.0} µs (bound 200 µs)");
    store.close().await;
}
