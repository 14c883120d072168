//! What the watch over a run finds, and what it leaves alone.

use proptest::prelude::*;

use super::*;
use crate::domain::ids::ExperimentId;
use crate::domain::sample::{Column, Subject, TimeBase};

const LIMITS: RunLimits = RunLimits {
    voltage_min_v: 2.5,
    voltage_max_v: 4.2,
    current_min_a: -10.0,
    current_max_a: 5.0,
    temperature_min_c: Some(0.0),
    temperature_max_c: Some(60.0),
    capacity_max_ah: Some(6.0),
    time_max_s: Some(100_000.0),
    voltage_rate_max_v_per_s: Some(0.1),
    temperature_rate_max_c_per_min: Some(10.0),
};

/// A run fed with rows one second apart.
struct Bench {
    watch: Watch,
    seq: i64,
    at_us: i64,
}

/// Voltage, current, temperature.
type Row = (f64, f64, Option<f64>);

impl Bench {
    fn new() -> Self {
        Self::with(LIMITS)
    }

    fn with(limits: RunLimits) -> Self {
        Self { watch: Watch::new(limits, 1_000, Witness::Station), seq: 0, at_us: 0 }
    }

    fn batch(&mut self, rows: &[Row]) -> Batch {
        let column = |name: &str, values: Vec<Option<f64>>| Column {
            name: name.to_owned(),
            nulls: (0_u32..).zip(&values).filter_map(|(row, value)| value.is_none().then_some(row)).collect(),
            values: values.into_iter().map(Option::unwrap_or_default).collect(),
        };
        let batch = Batch {
            boot: 1,
            seq: self.seq,
            subject: Subject::Experiment(ExperimentId(1)),
            base: TimeBase::Utc,
            times_us: (0_i64..).take(rows.len()).map(|row| self.at_us + row * 1_000_000).collect(),
            columns: vec![
                column("voltage_v", rows.iter().map(|row| Some(row.0)).collect()),
                column("current_a", rows.iter().map(|row| Some(row.1)).collect()),
                column("temperature_c", rows.iter().map(|row| row.2).collect()),
            ],
        };
        self.seq += i64::try_from(rows.len()).unwrap();
        self.at_us = batch.times_us.last().unwrap() + 1_000_000;
        batch
    }

    fn hear(&mut self, rows: &[Row]) -> Vec<Finding> {
        let batch = self.batch(rows);
        self.watch.hear(&batch)
    }

    /// Codes raised by rows that come one by one.
    fn codes(&mut self, rows: impl IntoIterator<Item = Row>) -> Vec<Code> {
        rows.into_iter().flat_map(|row| codes(&self.hear(&[row]))).collect()
    }
}

fn codes(found: &[Finding]) -> Vec<Code> {
    let code = |finding: &Finding| if let Finding::Raised(breach) = finding { Some(breach.code) } else { None };
    found.iter().filter_map(code).collect()
}

/// Rests at a temperature that is alive.
fn rest(row: u32) -> Row {
    (3.7, 0.0, Some(25.0 + f64::from(row % 7) / 100.0))
}

#[test]
fn a_profile_that_ends_at_its_limits_is_left_alone() {
    let mut bench = Bench::new();
    // 1C to 4.2 V, held until C/20, then 2C down to 2.5 V, as instruments with 1 mV and 0.1 °C show it.
    let charge = (0..2_700).map(|s| {
        let share = f64::from(s) / 2_700.0;
        ((3.4 + 0.8 * share + 0.0004).min(4.2008), 5.0, Some(25.0 + 6.0 * share))
    });
    let hold = (0..3_600).map(|s| {
        let current_a = 5.0 * (-f64::from(s) / 900.0).exp();
        (4.2004, current_a, Some(31.0 - f64::from(s) / 600.0))
    });
    let relax = (0..600).map(|s| (4.1 + 0.08 * (-f64::from(s) / 60.0).exp(), 0.0, Some(25.0)));
    let discharge = (0..1_700).map(|s| {
        let share = f64::from(s) / 1_700.0;
        (4.0 - 0.8 * share - 0.7 * share.powi(30), -10.0, Some(25.0 + 20.0 * share))
    });
    assert_eq!(bench.codes(charge.chain(hold).chain(relax).chain(discharge)), []);
}

#[test]
fn each_plain_limit_is_found_and_told_once() {
    let cases: [(Row, Code, &str); 6] = [
        ((4.3, 1.0, Some(25.0)), Code::VoltageHigh, "Voltage 4.300 V is above 4.200 V"),
        ((2.3, 1.0, Some(25.0)), Code::VoltageLow, "Voltage 2.300 V is below 2.500 V"),
        ((3.7, 6.0, Some(25.0)), Code::ChargeCurrentHigh, "Charge current 6.000 A is above 5.000 A"),
        ((3.7, -11.0, Some(25.0)), Code::DischargeCurrentHigh, "Discharge current 11.000 A is above 10.000 A"),
        ((3.7, 0.0, Some(64.0)), Code::TemperatureHigh, "Temperature 64.0 °C is above 60.0 °C"),
        ((3.7, 0.0, Some(-4.0)), Code::TemperatureLow, "Temperature −4.0 °C is below 0.0 °C"),
    ];
    for (row, code, message) in cases {
        let mut bench = Bench::new();
        let found = bench.hear(&[row]);
        let of_code = found.iter().find_map(|finding| match finding {
            Finding::Raised(breach) if breach.code == code => Some(breach),
            _ => None,
        });
        assert_eq!(of_code.map(|breach| breach.message.as_str()), Some(message));
        assert!(code.stops() && !of_code.unwrap().is_late);
        assert!(!codes(&bench.hear(&[row, row])).contains(&code), "{code:?} was told again");
        let calm: Vec<Row> = (0..10).map(rest).collect();
        assert!(bench.hear(&calm).contains(&Finding::Cleared(code)), "{code:?}");
    }
}

#[test]
fn a_temperature_near_its_limit_is_a_warning_and_ends_with_a_margin() {
    let mut bench = Bench::new();
    let rise = (0..100).map(|s| (3.7, 0.0, Some(50.0 + f64::from(s) / 10.0)));
    assert_eq!(bench.codes(rise), [Code::TemperatureNear]);
    assert!(bench.hear(&[(3.7, 0.0, Some(54.0))]).is_empty());
    assert_eq!(bench.hear(&[(3.7, 0.0, Some(52.9))]), [Finding::Cleared(Code::TemperatureNear)]);
}

#[test]
fn a_run_without_a_temperature_is_at_fault_after_a_minute() {
    let mut bench = Bench::new();
    let blind = |_| (3.7, 1.0, None);
    assert_eq!(bench.codes((0..60).map(blind)), []);
    assert_eq!(bench.codes((0..100).map(blind)), [Code::TemperatureMissing]);
    assert_eq!(bench.hear(&[rest(0)]), [Finding::Cleared(Code::TemperatureMissing)]);
    let unlimited = crate::domain::safety::without_temperature(LIMITS);
    assert_eq!(Bench::with(unlimited).codes((0..200).map(blind)), []);
}

#[test]
fn a_column_that_disappears_is_a_missing_temperature() {
    let mut bench = Bench::new();
    assert_eq!(bench.codes((0..60).map(rest)), []);
    let bare: Vec<Row> = (0..61).map(rest).collect();
    let mut batch = bench.batch(&bare);
    batch.columns.pop();
    assert_eq!(codes(&bench.watch.hear(&batch)), [Code::TemperatureMissing]);
}

#[test]
fn a_frozen_temperature_is_found_in_one_batch_as_in_many() {
    let frozen = |_| (3.7, 2.0, Some(25.0));
    assert_eq!(Bench::new().codes((0..700).map(frozen)), [Code::TemperatureFrozen]);
    let rows: Vec<Row> = (0..700).map(frozen).collect();
    assert_eq!(codes(&Bench::new().hear(&rows)), [Code::TemperatureFrozen]);
    assert_eq!(Bench::new().codes((0..5_000).map(|_| (3.7, 0.0, Some(25.0)))), [], "no current, no fault");
}

#[test]
fn sensors_that_differ_are_a_fault() {
    let mut bench = Bench::new();
    let second = |batch: &mut Batch, value: f64| {
        let mut column = batch.columns[2].clone();
        column.name = "temperature_2_c".to_owned();
        column.values.fill(value);
        batch.columns.push(column);
    };
    let rows: Vec<Row> = (0..30).map(rest).collect();
    let mut batch = bench.batch(&rows);
    second(&mut batch, 33.0);
    assert_eq!(codes(&bench.watch.hear(&batch)), []);
    let mut batch = bench.batch(&rows);
    second(&mut batch, 36.0);
    assert_eq!(codes(&bench.watch.hear(&batch)), [Code::TemperaturesDiffer]);
    let mut batch = bench.batch(&rows);
    second(&mut batch, 26.0);
    assert_eq!(bench.watch.hear(&batch), [Finding::Cleared(Code::TemperaturesDiffer)]);
}

#[test]
fn a_fast_rise_is_found_long_before_the_limit() {
    let mut bench = Bench::new();
    assert_eq!(bench.codes((0..120).map(rest)), []);
    // 20 °C/min: found within a minute, at 45 °C or less.
    let rise = (0..60).map(|s| (3.7, 0.0, Some(25.0 + f64::from(s) / 3.0)));
    assert_eq!(bench.codes(rise), [Code::TemperatureRise]);
    // 1C self-heating is not it.
    let warm = (0..1_200).map(|s| (3.7, 0.0, Some(25.0 + f64::from(s) / 60.0)));
    assert_eq!(Bench::new().codes(warm), []);
}

#[test]
fn a_voltage_that_falls_at_a_steady_current_is_found_and_a_step_is_not() {
    let mut bench = Bench::new();
    let steps = (0..600).map(|s| {
        let current_a = if s / 60 % 2 == 0 { 0.0 } else { -10.0 };
        (3.7 + 0.05 * current_a, current_a, Some(25.0 + f64::from(s) / 600.0))
    });
    assert_eq!(bench.codes(steps), []);
    let short = (0..24).map(|s| (4.1 - if s < 15 { 0.0 } else { 0.15 * f64::from(s - 14) }, 0.0, Some(27.0)));
    assert_eq!(Bench::new().codes(short), [Code::VoltageRate]);
}

#[test]
fn charge_in_one_direction_is_bounded_and_begins_anew_with_the_other() {
    let mut bench = Bench::new();
    let charge = |s: u32| (3.7, 5.0, Some(25.0 + f64::from(s % 9) / 10.0));
    let discharge = |s: u32| (3.7, -5.0, Some(25.0 + f64::from(s % 9) / 10.0));
    // 5 Ah each way, twice.
    let cycles = (0..3_600).map(charge).chain((0..3_600).map(discharge));
    assert_eq!(bench.codes(cycles.clone().chain(cycles)), []);
    assert_eq!(bench.codes((0..4_400).map(charge)), [Code::ChargeHigh]);
}

#[test]
fn the_batterys_own_time_counts_where_it_is_told() {
    let limits = RunLimits { time_max_s: Some(1_000.0), ..LIMITS };
    let mut bench = Bench::with(limits);
    let mut hear = |test_s: f64| {
        let mut batch = bench.batch(&[rest(0)]);
        let column = Column { name: "test_time_s".into(), values: vec![test_s], nulls: vec![] };
        batch.columns.push(column);
        codes(&bench.watch.hear(&batch))
    };
    assert_eq!((hear(10.0), hear(999.0)), (vec![], vec![]));
    assert_eq!((hear(1_001.0), hear(1_002.0)), (vec![Code::TimeLong], vec![]));
}

#[test]
fn what_comes_late_is_told_as_such_and_stops_nothing() {
    let mut bench = Bench::new();
    let old = bench.batch(&[(4.5, 1.0, Some(25.0)), (4.4, 1.0, Some(25.0))]);
    let calm: Vec<Row> = (0..100).map(rest).collect();
    assert!(bench.hear(&calm).is_empty());
    let found = bench.watch.hear(&old);
    let [Finding::Raised(breach)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((breach.code, breach.value, breach.is_late), (Code::VoltageHigh, Some(4.5), true));
}

#[test]
fn what_comes_out_of_order_within_a_minute_still_counts() {
    let mut bench = Bench::new();
    let held_up = bench.batch(&[(4.5, 1.0, Some(25.0))]);
    assert!(bench.hear(&[rest(0), rest(1)]).is_empty());
    assert_eq!(codes(&bench.watch.hear(&held_up)), [Code::VoltageHigh]);
}

#[test]
fn a_device_whose_clock_jumps_is_judged_by_its_values() {
    for jump_us in [-56 * 365 * 86_400_000_000, -86_400_000_000, 86_400_000_000, 12 * 365 * 86_400_000_000_i64] {
        let mut bench = Bench::new();
        assert_eq!(bench.codes((0..300).map(rest)), []);
        bench.at_us += jump_us;
        assert_eq!(bench.codes((0..300).map(rest)), [], "{jump_us}");
        assert_eq!(bench.codes([(4.5, 0.0, Some(25.0))]), [Code::VoltageHigh], "{jump_us}");
    }
}

#[test]
fn a_probe_is_judged_by_voltage_and_temperature_only() {
    let mut watch = Watch::new(LIMITS, 1_000, Witness::Probe);
    let mut bench = Bench::new();
    let blind: Vec<Row> = (0..200).map(|_| (3.7, 99.0, None)).collect();
    assert!(watch.hear(&bench.batch(&blind)).is_empty());
    assert_eq!(codes(&watch.hear(&bench.batch(&[(4.5, 99.0, Some(70.0))]))).len(), 3);
}

#[test]
fn numbers_that_are_none_trip_no_limit() {
    let mut bench = Bench::new();
    assert_eq!(bench.codes((0..30).map(|_| (f64::NAN, f64::NAN, Some(25.0)))), []);
    assert_eq!(bench.codes([(f64::INFINITY, 0.0, Some(25.0))]), [Code::VoltageHigh]);
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let value = || prop_oneof![2.4_f64..4.3, Just(f64::NAN)];
    proptest::collection::vec((value(), -11.0_f64..6.0, proptest::option::of(-10.0_f64..70.0)), 1..60)
}

proptest! {
    #[test]
    fn how_rows_are_batched_does_not_change_the_plain_limits(rows in rows(), cut in 1_usize..10) {
        let plain = [Code::VoltageHigh, Code::VoltageLow, Code::ChargeCurrentHigh, Code::DischargeCurrentHigh,
            Code::TemperatureHigh, Code::TemperatureLow];
        let count = |found: &[Finding]| {
            plain.map(|code| codes(found).into_iter().filter(|raised| *raised == code).count())
        };
        let whole = Bench::new().hear(&rows);
        let mut bench = Bench::new();
        let parts: Vec<Finding> = rows.chunks(cut).flat_map(|part| bench.hear(part)).collect();
        prop_assert_eq!(count(&whole), count(&parts));
    }

    #[test]
    fn far_beyond_a_limit_is_never_overlooked(rows in rows(), at in 0_usize..60, excess in 0.07_f64..3.0) {
        let mut rows = rows;
        let at = at % rows.len();
        rows[at].0 = 4.2 + excess;
        let found = Bench::new().hear(&rows);
        prop_assert!(codes(&found).contains(&Code::VoltageHigh));
    }

    #[test]
    fn within_the_limits_nothing_is_raised_whatever_the_clock_says(
        steps_us in proptest::collection::vec(-1_i64 << 50..1_i64 << 50, 1..200),
        voltage_v in 2.5_f64..4.2,
    ) {
        let mut bench = Bench::new();
        for (row, step_us) in (0..).zip(steps_us) {
            bench.at_us = bench.at_us.saturating_add(step_us);
            let (_, current_a, temperature_c) = rest(row);
            prop_assert_eq!(codes(&bench.hear(&[(voltage_v, current_a, temperature_c)])), vec![]);
        }
    }
}
