//! The cycles of an experiment so long that nobody waits for them.

use std::time::Duration;

use cellar::domain::sample::Subject;

use super::Lab;
use crate::support::series::{column, store_rows};

/// More rows than are read while somebody waits for the page.
const ROWS: i64 = 2_000_001;
const EVERY_US: i64 = 10_000;
const START_US: i64 = 1_790_000_000_000_000;
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_long_experiment_is_shown_at_once_and_its_cycles_when_they_are_worked_out() {
    let mut lab = Lab::start().await;
    let experiment = lab.queued("A long one").await;
    let times: Vec<i64> = (0..ROWS).map(|row| START_US + row * EVERY_US).collect();
    // An hour of charging and as long of discharging, at 1 A, again and again.
    let currents: Vec<f64> = (0..ROWS).map(|row| if row / 360_000 % 2 == 0 { 1.0 } else { -1.0 }).collect();
    let cycles: Vec<f64> = (0..ROWS).map(|row| if row < 720_000 { 1.0 } else { 2.0 }).collect();
    let columns = [
        column("voltage_v", &vec![3.7; currents.len()], &[]),
        column("current_a", &currents, &[]),
        column("cycle", &cycles, &[]),
    ];
    store_rows(&lab.store, "cu-01", Subject::Experiment(experiment), (1, 0), 50_000, &times, &columns).await;

    let path = format!("/experiments/{experiment}");
    let page = lab.operator.get(&path).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(page.body.contains("The cycles are being worked out.") && page.body.contains("data-working"));
    assert!(page.body.contains("2\u{2009}000\u{2009}001"), "the samples are there at once: {}", page.body);

    let worked = async {
        loop {
            let page = lab.operator.get(&path).await;
            if !page.body.contains("data-working") {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let page = tokio::time::timeout(PATIENCE, worked).await.expect("the cycles are worked out");
    for told in ["How the battery did", "Capacity of each cycle", "Table of cycles"] {
        assert!(page.body.contains(told), "{told} is missing in {}", page.body);
    }
}
