//! Lines of the wall, tested.

use super::*;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::BatteryId;
use crate::domain::profile::StepEnd;
use crate::domain::station::StationState;
use crate::store::monitor::ExperimentLine;

const NOW_US: i64 = 1_000_000_000;

/// Station A4, discharging in step 2 of 2.
pub(crate) fn station(state: StationState) -> StationLine {
    let step = |current_a| Step { mode: StepMode::Cc { current_a }, until: vec![StepEnd::VoltageV(2.5)] };
    StationLine {
        station: StationId(4),
        name: "A4".into(),
        unit: "cu-01".parse().ok(),
        unit_seen_at_us: Some(NOW_US - 1_000_000),
        state,
        step: Some(2),
        cycle: Some(18),
        reason: String::new(),
        reported_at_us: Some(NOW_US - 60_000_000),
        experiment: Some(ExperimentLine {
            experiment: ExperimentId(1187),
            name: "Ageing".into(),
            state: ExperimentState::Running,
            started_at_us: Some(0),
            battery: BatteryId(1),
            battery_name: "NMC-017".into(),
            chemistry: "NMC".into(),
            profile_name: "Ageing 1C".into(),
            steps: Steps { steps: vec![step(5.0), step(-5.0)], cycles: 50 },
        }),
        stream: Some(StreamId(7)),
        latest: Some(Latest {
            boot: 1,
            seq: 1,
            at_us: NOW_US - 400_000,
            received_at_us: NOW_US - 400_000,
            values_json: r#"{"step":2,"current_a":null,"voltage_v":3.56}"#.into(),
            row_total: 2,
            first_at_us: 0,
            span_max_us: 0,
        }),
        measures: Vec::new(),
    }
}

#[test]
fn trouble_comes_first() {
    let group = |state| Line::station(station(state), NOW_US).group;
    assert_eq!(group(StationState::Fault), Group::Attention);
    assert_eq!(group(StationState::Running), Group::Running);
    assert_eq!(group(StationState::Paused), Group::Paused);
    assert_eq!(group(StationState::Finished), Group::Free);
    assert!(Group::ALL.is_sorted());
}

#[test]
fn a_running_station_of_a_silent_unit_needs_attention() {
    let line = Line::station(station(StationState::Running), NOW_US + 16_000_000);
    assert_eq!((line.group, line.status.word), (Group::Attention, "Away"));
    assert_eq!(line.silent_since_us, Some(NOW_US - 400_000));
    assert!(!line.is_live());
}

#[test]
fn the_step_is_told_in_words() {
    let line = Line::station(station(StationState::Running), NOW_US);
    assert_eq!(line.sentence(), "Discharging at 5.00 A until 2.500 V");
    assert_eq!(line.deed_now(), Some("↓ Discharging"));
    assert_eq!(line.then().as_deref(), Some("Charging at 5.00 A until 2.500 V"), "the next cycle begins");
    let places: Vec<_> = line.strip().iter().map(|segment| segment.place).collect();
    assert_eq!(places, ["done", "now"]);
}

#[test]
fn a_free_station_is_in_no_step() {
    let line = Line::station(station(StationState::Finished), NOW_US);
    assert_eq!((line.step(), line.deed_now(), line.strip().len()), (None, None, 0));
}

#[test]
fn a_station_shows_the_measures_people_chose_under_their_names() {
    let measure = |column: &str, name: &str, unit: &str| MeasureLine {
        column: column.into(),
        name: name.into(),
        unit: unit.into(),
    };
    let measures =
        vec![measure("step", "Step of the unit", ""), measure("voltage_v", "Cell", "mV"), measure("x", "Gone", "")];
    let line = Line::station(StationLine { measures, ..station(StationState::Running) }, NOW_US);
    let shown: Vec<_> = line.readings.iter().map(|reading| (reading.name.as_str(), reading.text.as_str())).collect();
    assert_eq!(shown, [("Step of the unit", "2.000"), ("Cell", "3\u{2009}560")]);
}

#[test]
fn only_quantities_are_shown_and_voltage_leads() {
    let line = Line::station(station(StationState::Running), NOW_US);
    let shown: Vec<_> = line.readings.iter().map(|reading| (reading.name.as_str(), reading.text.as_str())).collect();
    assert_eq!(shown, [("Voltage", "3.560"), ("Current", "–")]);
    assert_eq!((line.value("voltage_v").as_str(), line.value("temperature_c").as_str()), ("3.560", "–"));
}
