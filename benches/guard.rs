//! What the guard costs per message: `cargo bench --bench guard`.
//!
//! A run that goes well, told row by row, in the batches of an ordinary unit, and in large ones. At half a million rows a second
//! in batches of 50 the bound is a fiftieth of a processor. Seen on two shared cores: 279, 1,960 and 30,063 ns a batch. Ends
//! with status 1 when a bound is missed.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark prints, and fails at that line"
)]

use std::hint::black_box;
use std::time::Instant;

use cellar::domain::ids::ExperimentId;
use cellar::domain::run::RunLimits;
use cellar::domain::safety::{Watch, Witness};
use cellar::domain::sample::{Batch, Column, Subject, TimeBase};

const LIMITS: RunLimits = RunLimits {
    voltage_min_v: 2.5,
    voltage_max_v: 4.2,
    current_min_a: -10.0,
    current_max_a: 5.0,
    temperature_min_c: Some(0.0),
    temperature_max_c: Some(60.0),
    capacity_max_ah: Some(1e9),
    time_max_s: Some(1e12),
    voltage_rate_max_v_per_s: Some(0.1),
    temperature_rate_max_c_per_min: Some(10.0),
};

fn batch(seq: i64, rows: usize) -> Batch {
    let column = |name: &str, value: f64| Column {
        name: name.to_owned(),
        values: (0_u32..).take(rows).map(|row| value + f64::from(row % 7) / 1e4).collect(),
        nulls: vec![],
    };
    Batch {
        boot: 1,
        seq,
        subject: Subject::Experiment(ExperimentId(1)),
        base: TimeBase::Utc,
        times_us: (0_i64..).take(rows).map(|row| (seq + row) * 100_000).collect(),
        columns: vec![
            column("test_time_s", 1.0),
            column("voltage_v", 3.7),
            column("current_a", 1.0),
            column("power_w", 3.7),
            column("capacity_ah", 0.5),
            column("energy_wh", 2.0),
            column("temperature_c", 25.0),
            column("ambient_c", 23.0),
            column("step", 1.0),
        ],
    }
}

fn main() {
    let mut is_met = true;
    for (rows, batches, bound_ns) in [(1_usize, 200_000_i64, 1_000), (50, 20_000, 4_000), (1_000, 2_000, 80_000)] {
        let mut watch = Watch::new(LIMITS, 100, Witness::Station);
        let made: Vec<Batch> = (0..batches).map(|index| batch(index * i64::try_from(rows).unwrap(), rows)).collect();
        let began = Instant::now();
        for batch in &made {
            black_box(watch.hear(black_box(batch)));
        }
        let per_batch = began.elapsed().as_nanos() / u128::try_from(batches).unwrap();
        is_met &= per_batch <= bound_ns;
        println!(
            "{rows:>5} rows of 9 columns: {per_batch:>7} ns a batch ({bound_ns}), {:>5} ns a row",
            per_batch / rows as u128
        );
    }
    if !is_met {
        println!("a bound was missed");
        std::process::exit(1);
    }
}
