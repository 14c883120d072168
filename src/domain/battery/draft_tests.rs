//! The rules of what is entered of a battery, one by one.

use super::*;

const TODAY: &str = "2026-11-21";

fn draft() -> Draft {
    Draft {
        name: "NMC-022".to_owned(),
        technology: "lithium".to_owned(),
        chemistry: "NMC".to_owned(),
        capacity_ah: Some(4.8),
        ..Draft::default()
    }
}

fn misfits(draft: &Draft) -> Vec<(&'static str, String)> {
    let found = draft.check(TODAY).expect_err("something does not fit");
    found.into_iter().map(|misfit| (misfit.field, misfit.message)).collect()
}

/// The only misfit.
fn misfit(draft: &Draft) -> (&'static str, String) {
    let mut found = misfits(draft);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[test]
fn a_name_a_chemistry_and_a_capacity_are_enough() {
    let facts = draft().check(TODAY).unwrap();
    assert_eq!(facts, BatteryFacts::usual("NMC-022", Technology::Lithium, "NMC", 1, 4.8));
    assert_eq!((facts.current_min_a, facts.current_max_a), (-9.6, 4.8));
}

#[test]
fn what_is_missing_is_asked_for() {
    let found = misfits(&Draft::default());
    let fields: Vec<_> = found.iter().map(|(field, _)| *field).collect();
    assert_eq!(fields, ["name", "chemistry", "capacity_ah"], "{found:?}");
}

#[test]
fn limits_of_a_pack_follow_from_its_cells_and_stay_within_them() {
    let pack = Draft { kind: "pack".to_owned(), cells_series: Some(14.0), cells_parallel: Some(4.0), ..draft() };
    let facts = pack.check(TODAY).unwrap();
    assert_eq!((facts.voltage_min_v, facts.voltage_max_v, facts.places()), (35.0, 58.8, 56));
    let narrower = Draft { voltage_min_v: Some(42.0), voltage_max_v: Some(58.8), ..pack.clone() };
    assert_eq!(narrower.check(TODAY).unwrap().limits().voltage_min_v, 42.0);
    let (field, message) = misfit(&Draft { voltage_max_v: Some(60.2), ..pack.clone() });
    assert_eq!(field, "voltage_max_v");
    assert_eq!(message, "60.2 V is 4.3 V per cell, and a cell takes no more than 4.2 V. Enter 58.8 V or less.");
    let (field, _) = misfit(&Draft { voltage_min_v: Some(34.9), ..pack });
    assert_eq!(field, "voltage_min_v");
}

#[test]
fn the_lower_limit_is_below_the_upper_one() {
    let swapped = Draft { cell_voltage_min_v: Some(4.2), cell_voltage_max_v: Some(2.5), ..draft() };
    assert_eq!(misfit(&swapped).0, "cell_voltage_min_v");
    let equal = Draft { voltage_min_v: Some(4.0), voltage_max_v: Some(4.0), ..draft() };
    assert_eq!(misfit(&equal).1, "4 V is not below the highest voltage of the battery, 4 V.");
}

#[test]
fn zero_is_a_number_and_not_an_empty_field() {
    let to_zero = Draft { cell_voltage_min_v: Some(0.0), ..draft() };
    assert_eq!(to_zero.check(TODAY).unwrap().voltage_min_v, 0.0);
    let never_charged = Draft { current_max_a: Some(0.0), ..draft() };
    assert_eq!(never_charged.check(TODAY).unwrap().current_max_a, 0.0);
    assert_eq!(misfit(&Draft { capacity_ah: Some(0.0), ..draft() }).0, "capacity_ah");
    assert_eq!(
        misfit(&Draft { mass_kg: Some(0.0), ..draft() }).1,
        "0 g is no mass. Enter more than 0, or leave it empty."
    );
    assert_eq!(misfit(&Draft { current_min_a: Some(0.0), current_max_a: Some(0.0), ..draft() }).0, "current_max_a");
}

#[test]
fn no_value_is_clamped() {
    let (field, message) = misfit(&Draft { current_min_a: Some(-90_000.0), ..draft() });
    assert_eq!((field, message.as_str()), ("current_min_a", "−90000 A is too large. Enter −50000 to 50000 A."));
    let large = Draft { current_min_a: Some(-8_388.5), current_max_a: Some(8_388.5), ..draft() };
    assert_eq!(large.check(TODAY).unwrap().current_max_a, 8_388.5);
    assert_eq!(misfit(&Draft { capacity_ah: Some(1e9), ..draft() }).0, "capacity_ah");
}

#[test]
fn signs_say_the_direction() {
    assert_eq!(misfit(&Draft { current_min_a: Some(5.0), ..draft() }).0, "current_min_a");
    assert_eq!(misfit(&Draft { current_max_a: Some(-5.0), ..draft() }).0, "current_max_a");
}

#[test]
fn where_nothing_is_usual_limits_are_asked_for() {
    let unknown = Draft { technology: "generic".to_owned(), chemistry: "unknown".to_owned(), ..draft() };
    let fields: Vec<_> = misfits(&unknown).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["cell_voltage_min_v", "cell_voltage_max_v", "current_min_a", "current_max_a"]);
    let told = Draft {
        voltage_min_v: Some(2.0),
        voltage_max_v: Some(3.6),
        current_min_a: Some(-1.0),
        current_max_a: Some(1.0),
        ..unknown
    };
    let facts = told.check(TODAY).unwrap();
    assert_eq!((facts.cell_voltage_min_v, facts.cell_voltage_max_v), (2.0, 3.6));
}

#[test]
fn counts_of_cells_are_whole_and_fit_the_kind() {
    for cells in [0.0, -1.0, 1.5, 1e9] {
        let pack = Draft { kind: "pack".to_owned(), cells_series: Some(cells), ..draft() };
        assert_eq!(misfit(&pack).0, "cells_series", "{cells}");
    }
    let cell = Draft { cells_series: Some(4.0), ..draft() };
    assert_eq!(misfit(&cell).1, "A single cell has one. Choose “Pack of cells”, or enter 1.");
    let huge = Draft { kind: "pack".to_owned(), cells_series: Some(1e3), cells_parallel: Some(1e3), ..draft() };
    assert_eq!(misfit(&huge).0, "cells_parallel");
}

#[test]
fn days_are_days_of_the_past() {
    for (typed, field) in [("2026-02-30", "made_on"), ("21.11.2026", "made_on"), ("2026-11-22", "made_on")] {
        let draft = Draft { made_on: typed.to_owned(), ..draft() };
        assert_eq!(misfit(&draft).0, field, "{typed}");
    }
    let typed = Draft { made_on: "2026/1/3".to_owned(), bought_on: "2026-01-02".to_owned(), ..draft() };
    assert_eq!(misfit(&typed).0, "bought_on");
    let typed = Draft { bought_on: "2026-11-21".to_owned(), ..typed };
    assert_eq!(typed.check(TODAY).unwrap().made_on, "2026-01-03");
}

#[test]
fn texts_have_a_length_and_words_a_list() {
    let long = Draft { name: "x".repeat(81), description: "y".repeat(2_001), ..draft() };
    let found = misfits(&long);
    assert_eq!(found[0], ("name", "The name has 81 characters. Use 80 or fewer.".to_owned()));
    assert_eq!(found[1].0, "description");
    assert_eq!(misfit(&Draft { name: " \u{202e} ".to_owned(), ..draft() }).0, "name");
    assert_eq!(misfit(&Draft { chemistry: "AGM".to_owned(), ..draft() }).0, "chemistry");
    assert_eq!(misfit(&Draft { format: "round".to_owned(), ..draft() }).0, "format");
    assert_eq!(misfit(&Draft { kind: "box".to_owned(), ..draft() }).0, "kind");
}

#[test]
fn active_mass_is_part_of_the_mass() {
    let heavy = Draft { mass_kg: Some(0.048), active_mass_kg: Some(0.05), ..draft() };
    assert_eq!(misfit(&heavy).1, "50 g is more than the whole battery, 48 g.");
}

proptest::proptest! {
    #[test]
    fn what_passes_has_limits_that_make_sense(
        min in -25.0_f64..25.0, max in -25.0_f64..25.0, down in -6e4_f64..6e4, up in -6e4_f64..6e4,
        cells in 0_u32..20, capacity in -1.0_f64..100.0,
    ) {
        let entered = Draft {
            kind: "pack".to_owned(),
            cells_series: Some(f64::from(cells)),
            capacity_ah: Some(capacity),
            cell_voltage_min_v: Some(min),
            cell_voltage_max_v: Some(max),
            current_min_a: Some(down),
            current_max_a: Some(up),
            ..draft()
        };
        if let Ok(facts) = entered.check(TODAY) {
            let limits = facts.limits();
            proptest::prop_assert!(limits.voltage_min_v < limits.voltage_max_v);
            proptest::prop_assert!(limits.current_min_a <= 0.0 && limits.current_max_a >= 0.0);
            proptest::prop_assert!(facts.capacity_ah > 0.0 && facts.cells_series >= 1);
            proptest::prop_assert_eq!((facts.cell_voltage_min_v, facts.current_max_a), (min, up));
        }
    }
}
