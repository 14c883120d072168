//! The tests of a simulated station.

use super::*;
use crate::analysis::cell_model::preset::Preset;
use crate::domain::profile::{Step, StepEnd, StepMode, Steps};

fn plan(speed: f64) -> StationPlan {
    let discharge = Step { mode: StepMode::Cc { current_a: -5.0 }, until: vec![StepEnd::TimeS(30.0)] };
    let rest = Step { mode: StepMode::Rest, until: vec![StepEnd::TimeS(30.0)] };
    StationPlan {
        station: StationId(4),
        experiment: ExperimentId(9),
        cell: Some(Cell::new(Preset::Nmc21700.parameters(), 0.8, 25.0)),
        work: Work::Profile(Steps { steps: vec![discharge, rest], cycles: 1 }),
        current_max_a: 10.0,
        speed,
        seed: 1,
    }
}

#[test]
fn rows_bear_real_time_while_the_battery_runs_faster() {
    let mut station = Station::new(plan(60.0));
    let mut rows = Vec::new();
    for tick in 1..=5 {
        station.tick(tick * 100_000, 0.1, &mut rows);
    }
    // 0.1 s of real time are 6 s of the battery's.
    let times: Vec<(i64, f64)> = rows.iter().map(|(at_us, row)| (*at_us, row.test_time_s)).collect();
    assert_eq!(times[..2], [(100_000, 6.0), (200_000, 12.0)]);
    assert!((rows[4].1.capacity_ah + 5.0 * 30.0 / 3600.0).abs() < 1e-5);
}

#[test]
fn a_run_is_measured_as_often_as_was_ordered() {
    let discharge = Step { mode: StepMode::Cc { current_a: -1.0 }, until: vec![StepEnd::TimeS(3600.0)] };
    for (period_ms, expected) in [(1_000, 3), (250, 12), (50, 60)] {
        let mut station = Station::new(plan(1.0));
        station.stop("to begin with");
        let steps = Steps { steps: vec![discharge.clone()], cycles: 1 };
        let period = Some(Duration::from_millis(period_ms));
        station.start(Start { experiment: ExperimentId(10), steps, limits: None, lease: None, period }).unwrap();
        let mut rows = Vec::new();
        (1..=30).for_each(|tick| station.tick(tick * 100_000, 0.1, &mut rows));
        assert_eq!(rows.len(), expected, "every {period_ms} ms");
        assert!(rows.windows(2).all(|pair| pair[0].0 < pair[1].0), "{rows:?}");
        assert!((rows.last().unwrap().1.test_time_s - 3.0).abs() < 1e-6);
    }
}

#[test]
fn every_change_of_step_and_the_end_are_reported_once() {
    let mut station = Station::new(plan(60.0));
    let mut news = Vec::from_iter(station.take_news());
    for tick in 1..=30 {
        station.tick(tick * 100_000, 0.1, &mut Vec::new());
        news.extend(station.take_news());
    }
    let told: Vec<_> = news.iter().map(|report| (report.state, report.step, report.cycle)).collect();
    let (running, finished) = (StationState::Running, StationState::Finished);
    assert_eq!(told, [(running, Some(1), Some(1)), (running, Some(2), Some(1)), (finished, Some(2), Some(1))]);
}

#[test]
fn a_station_keeps_its_battery_for_the_next_experiment() {
    let mut station = Station::new(plan(60.0));
    (1..=30).for_each(|tick| station.tick(tick * 100_000, 0.1, &mut Vec::new()));
    let steps = Steps { steps: vec![], cycles: 1 };
    let start = Start { experiment: ExperimentId(10), steps, limits: None, lease: None, period: None };
    assert!(station.start(start).is_ok());
    station.load(StationPlan { cell: None, experiment: ExperimentId(11), ..plan(1.0) });
    let Channel::Cycler(cycler) = &station.channel else { panic!("{station:?}") };
    // 5 A for 30 s took 0.83 % of 5 Ah from the 80 %.
    assert!((cycler.cell().soc() - (0.8 - 30.0 / 3600.0)).abs() < 1e-5);
}

#[test]
fn a_paused_station_measures_nothing_and_goes_on_where_it_was() {
    let mut station = Station::new(plan(10.0));
    station.tick(100_000, 0.1, &mut Vec::new());
    station.pause(true).unwrap();
    let mut rows = Vec::new();
    station.tick(200_000, 0.1, &mut rows);
    assert!(rows.is_empty() && station.take_news().unwrap().state == StationState::Paused);
    station.pause(false).unwrap();
    station.tick(300_000, 0.1, &mut rows);
    // 1 s before and 1 s after the pause of 1 s.
    assert!((rows[0].1.capacity_ah + 5.0 * 2.0 / 3600.0).abs() < 1e-5);
    assert_eq!(rows[0].1.test_time_s, 3.0);
    station.stop("enough");
    assert_eq!(station.take_news().unwrap().state, StationState::Stopped);
    assert!(station.pause(true).is_err());
}

#[test]
fn a_temperature_runs_away_once_until_the_run_is_stopped() {
    let mut station = Station::new(plan(1.0));
    station.will_run_away(Runaway { after_s: 1.0, rate_c_per_s: 10.0 });
    let mut rows = Vec::new();
    (1..=100).for_each(|tick| station.tick(tick * 100_000, 0.1, &mut rows));
    let highest = |rows: &[(i64, Row)]| rows.iter().filter_map(|(_, row)| row.temperature_c).fold(0.0, f64::max);
    assert!(highest(&rows[..9]) < 30.0 && highest(&rows) > 100.0, "{}", highest(&rows));
    assert_eq!(station.report().state, StationState::Running, "its own protection is lost");
    station.stop("by command");
    station.tick(10_100_000, 0.1, &mut Vec::new());
    assert_eq!(station.runaway, None);
}
