//! How long a sign-in and the check of a form take. A sign-in is meant to cost something: too cheap is as wrong as too
//! dear.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark stops at the first failure and prints")]

use std::hint::black_box;
use std::time::Instant;

use cellar::auth::csrf::{csrf_token, matches};
use cellar::auth::password::{AT_ONCE_MAX, Hasher, Password, Verdict};
use cellar::auth::token::SessionToken;
use cellar::auth::weak;

const RUNS: usize = 101;
const STORM: u32 = 100;
const FORMS: u32 = 100_000;

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
}
