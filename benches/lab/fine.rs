//! The samples of the storage figures: a cell cycled at 1 Hz, read to 0.1 mV, 0.1 mA and 0.01 °C with noise, eight columns.
//!
//! Times jitter by 1.5 ms, in steps of half a millisecond: the differences of such times have 3.4 bits, as those of the set
//! that the bounds were made for (0.41 B a time). With steps of a microsecond the jitter alone would be 11.6 bits, a third
//! of all bytes, and no packing could do anything about it.

use cellar::domain::sample::Column;

/// Names of the columns, in their order.
pub(crate) const NAMES: [&str; 8] =
    ["step", "voltage_v", "current_a", "power_w", "case_c", "tab_c", "air_c", "chamber_c"];

const SECOND_US: i64 = 1_000_000;
/// Steps of the device's clock, and by how many of them a time is early or late at most.
const TICK_US: i64 = 500;
const JITTER_TICKS: i64 = 3;
/// Rows of a charge or a discharge at constant current, of what follows at constant voltage, and of a rest.
const PHASES: [i64; 4] = [3_000, 1_200, 600, 3_300];
const CYCLE: i64 = PHASES[0] + PHASES[1] + PHASES[2] + PHASES[3];

/// A source of samples; the same seed gives the same ones.
pub(crate) struct Fine {
    random: fastrand::Rng,
    next: i64,
    start_us: i64,
}

impl Fine {
    pub(crate) fn new(start_us: i64) -> Self {
        Self { random: fastrand::Rng::with_seed(7), next: 0, start_us }
    }

    /// The next rows: times in µs with a jitter of 1.5 ms, and the columns.
    #[expect(clippy::cast_precision_loss, reason = "rows of a cycle stay below 2^53")]
    pub(crate) fn rows(&mut self, count: usize) -> (Vec<i64>, Vec<Column>) {
        let mut times = Vec::with_capacity(count);
        let mut columns =
            NAMES.map(|name| Column { name: name.to_owned(), values: Vec::with_capacity(count), nulls: Vec::new() });
        for _ in 0..count {
            times.push(self.start_us + self.next * SECOND_US + TICK_US * self.random.i64(-JITTER_TICKS..=JITTER_TICKS));
            let row = self.next % CYCLE;
            let (step, voltage_v, current_a) = if row < PHASES[0] {
                (1.0, 3.2 + 1.0 * row as f64 / PHASES[0] as f64, 2.5)
            } else if row < PHASES[0] + PHASES[1] {
                (2.0, 4.2, 2.5 * (-((row - PHASES[0]) as f64) / 400.0).exp())
            } else if row < PHASES[0] + PHASES[1] + PHASES[2] {
                (3.0, 4.15, 0.0)
            } else {
                let done = (row - PHASES[0] - PHASES[1] - PHASES[2]) as f64 / PHASES[3] as f64;
                (4.0, 4.1 - 0.9 * done, -2.5)
            };
            let warmth_c = 25.0 + current_a * current_a * 0.8;
            let voltage_v = self.read(voltage_v, 0.0002, 1e4);
            let current_a = self.read(current_a, 0.0002, 1e4);
            let power_w = rounded(voltage_v * current_a, 1e3);
            let row = [
                step,
                voltage_v,
                current_a,
                power_w,
                self.read(warmth_c, 0.02, 100.0),
                self.read(warmth_c - 1.0, 0.02, 100.0),
                self.read(24.0, 0.02, 100.0),
                self.read(23.0, 0.02, 100.0),
            ];
            columns.iter_mut().zip(row).for_each(|(column, value)| column.values.push(value));
            self.next += 1;
        }
        (times, columns.into())
    }

    /// What an instrument reads: the value with Gaussian noise, in steps of one part in `steps`.
    fn read(&mut self, value: f64, deviation: f64, steps: f64) -> f64 {
        // Twelve even numbers add up to a normal one, near enough (Irwin-Hall).
        let noise: f64 = (0..12).map(|_| self.random.f64()).sum::<f64>() - 6.0;
        rounded(value + noise * deviation, steps)
    }
}

/// To the nearest step. Instruments count in steps, and count no zero below zero.
fn rounded(value: f64, steps: f64) -> f64 {
    (value * steps).round() / steps + 0.0
}
