//! The tests of obedience.

use super::*;
use crate::analysis::cell_model::cell::Cell;
use crate::analysis::cell_model::preset::Preset;
use crate::sim::plan::{StationPlan, Work};
use serde_json::json;

fn station() -> Station {
    Station::new(StationPlan {
        station: StationId(4),
        experiment: ExperimentId(9),
        cell: Some(Cell::new(Preset::Nmc21700.parameters(), 0.8, 25.0)),
        work: Work::Profile(serde_json::from_value(json!({"steps":[{"mode":"rest","until":[]}],"cycles":1})).unwrap()),
        current_max_a: 10.0,
        speed: 1.0,
        seed: 1,
    })
}

#[test]
fn a_station_is_stopped_and_started_again_and_repeats_do_no_harm() {
    let mut station = station();
    let mut unit = Obedience::default();
    let start = json!({"command_id": 2, "verb": "start", "station": 4, "experiment": 10,
        "steps": [{"mode": "cc", "current_a": -1.0, "until": [{"time_s": 60.0}]}]});
    let busy = unit.obey(&start, 0, std::iter::once(&mut station)).reply;
    assert_eq!((busy.result, busy.reason.as_deref()), ("rejected", Some("the station is busy")));
    let stop = json!({"command_id": 1, "verb": "stop", "station": 4});
    let again = unit.obey(&start, 0, std::iter::once(&mut station)).reply;
    assert_eq!(again.reason, busy.reason, "the first answer stands");
    let start = json!({"command_id": 3, "verb": "start", "station": 4, "experiment": 10,
        "steps": [{"mode": "cc", "current_a": -1.0, "until": [{"time_s": 60.0}]}]});
    for order in [&stop, &stop, &start, &start] {
        let reply = unit.obey(order, 0, std::iter::once(&mut station)).reply;
        assert_eq!(reply.reason, None, "{order}");
    }
    let report = station.report();
    assert_eq!((report.state, report.experiment), (StationState::Running, Some(ExperimentId(10))));
}

#[test]
fn old_masters_and_late_commands_are_refused() {
    let mut station = station();
    let mut unit = Obedience::default();
    let mut obey = |order: Value| unit.obey(&order, 1_000, std::iter::once(&mut station)).reply.result;
    assert_eq!(obey(json!({"command_id": 1, "epoch": 2, "verb": "pause", "station": 4})), "executed");
    assert_eq!(obey(json!({"command_id": 2, "epoch": 1, "verb": "resume", "station": 4})), "rejected");
    let late = json!({"command_id": 3, "epoch": 2, "expires_at_us": 999, "verb": "resume", "station": 4});
    assert_eq!(obey(late), "rejected");
    assert_eq!(obey(json!({"command_id": 4, "epoch": 2, "verb": "stop", "station": 5})), "rejected");
    assert_eq!(obey(json!("nonsense")), "rejected");
    assert_eq!(station.report().state, StationState::Paused);
}

#[test]
fn a_start_is_answered_with_its_limits_and_refused_if_it_has_unknown_ones() {
    let mut station = station();
    station.stop("to begin with");
    let mut unit = Obedience::default();
    let start = |id: i64, limits: Value| {
        json!({"command_id": id, "verb": "start", "station": 4, "experiment": 10, "lease_s": 60, "limits": limits,
            "steps": [{"mode": "cc", "current_a": 5.0, "until": []}]})
    };
    let strange = start(2, json!({"pressure_max_kpa": 3}));
    assert_eq!(unit.obey(&strange, 0, std::iter::once(&mut station)).reply.result, "rejected");
    let limits = json!({"voltage_min_v": 2.4, "voltage_max_v": 4.2, "current_min_a": -10.0, "current_max_a": 5.0,
        "temperature_max_c": 55.0});
    let reply = unit.obey(&start(3, limits.clone()), 0, std::iter::once(&mut station)).reply;
    let expected = json!({"command_id": 3, "result": "executed", "limits": limits});
    assert_eq!(serde_json::to_value(&reply).unwrap(), expected);
    // It charges a cell from 80 % for ever: the limit ends that.
    (0..2_000).for_each(|tick| station.tick(tick * 1_000_000, 1.0, &mut Vec::new()));
    let report = station.report();
    assert_eq!((report.state, report.reason.as_deref()), (StationState::Fault, Some("overvoltage: 4.236 V")));
}

#[test]
fn a_stop_ends_its_own_experiment_only_which_does_not_begin_again() {
    let mut station = station();
    let mut unit = Obedience::default();
    let mut obey = |order: Value| {
        let reply = unit.obey(&order, 0, std::iter::once(&mut station)).reply;
        (reply.result, reply.reason, station.report().state)
    };
    let stop =
        |id: i64, experiment: i64| json!({"command_id": id, "verb": "stop", "station": 4, "experiment": experiment});
    assert_eq!(obey(stop(1, 8)), ("executed", None, StationState::Running), "it works on 9");
    assert_eq!(obey(stop(2, 9)), ("executed", None, StationState::Stopped));
    let start = |id: i64, experiment: i64| {
        json!({"command_id": id, "verb": "start", "station": 4, "experiment": experiment,
        "steps": [{"mode": "rest", "until": [{"time_s": 60.0}]}]})
    };
    // A start that a network held back, of a run that was stopped before it came.
    for (id, experiment) in [(3, 8), (4, 9)] {
        let (result, reason, _) = obey(start(id, experiment));
        assert_eq!((result, reason), ("rejected", Some(format!("experiment {experiment} is over here"))));
    }
    assert_eq!(obey(start(5, 10)).0, "executed");
}

#[test]
fn a_run_rests_when_the_server_is_silent_for_its_lease() {
    let mut station = station();
    station.rest_if_alone(Duration::from_secs(1_000));
    assert_eq!(station.report().state, StationState::Running, "it began by itself and has no lease");
    station.stop("to begin with");
    let start = json!({"command_id": 1, "verb": "start", "station": 4, "experiment": 10, "lease_s": 20,
        "steps": [{"mode": "rest", "until": []}]});
    assert_eq!(Obedience::default().obey(&start, 0, std::iter::once(&mut station)).reply.result, "executed");
    station.rest_if_alone(Duration::from_secs(20));
    assert_eq!(station.report().state, StationState::Running);
    station.rest_if_alone(Duration::from_millis(20_001));
    let report = station.report();
    let expected = Some("no message from the server for 20 s".to_owned());
    assert_eq!((report.state, report.reason), (StationState::Stopped, expected));
}

#[test]
fn a_command_of_an_old_epoch_is_done_when_it_comes_in_the_present_one() {
    let mut station = station();
    let mut unit = Obedience::default();
    let mut stop = |epoch: i64, id: i64| {
        let order = json!({"command_id": id, "epoch": epoch, "verb": "stop", "station": 4});
        unit.obey(&order, 0, std::iter::once(&mut station)).reply.result
    };
    assert_eq!((stop(2, 1), stop(1, 2), stop(2, 2)), ("executed", "rejected", "executed"));
}

#[test]
fn a_unit_tells_its_instruments_and_states_when_asked() {
    let mut station = station();
    let mut unit = Obedience::default();
    let detect = unit.obey(&json!({"command_id": 7, "verb": "detect"}), 0, std::iter::once(&mut station));
    let told = serde_json::to_value(detect.devices).unwrap();
    let expected = json!({"command_id": 7,
        "devices": [{"model": "simulated channel", "serial": "SIM-4", "link": "sim:4", "measures": MEASURES,
            "current_min_a": -10.0, "current_max_a": 10.0}]});
    assert_eq!(told, expected);
    assert!(unit.obey(&json!({"command_id": 8, "verb": "stations"}), 0, std::iter::once(&mut station)).wants_states);
}
