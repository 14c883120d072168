//! What is typed becomes a battery, or problems beside their fields.

use super::*;

const NOW_US: i64 = 1_795_000_000_000_000;

fn form() -> Typed {
    let text = str::to_owned;
    Typed {
        name: text("NMC-022"),
        chemistry: text("lithium/NMC"),
        capacity_ah: text("4,8"),
        ..Typed::new(String::new())
    }
}

#[test]
fn units_of_people_become_those_of_physics_and_come_back() {
    let typed = Typed {
        mass_g: "48.2".to_owned(),
        active_mass_g: "13,7".to_owned(),
        area_cm2: "102.7".to_owned(),
        current_min_a: "−9.6".to_owned(),
        description: "one\r\ntwo".to_owned(),
        ..form()
    };
    let facts = typed.check(NOW_US).unwrap();
    assert_eq!((facts.mass_kg, facts.active_mass_kg, facts.area_m2), (Some(0.0482), Some(0.0137), Some(0.01027)));
    assert_eq!((facts.capacity_ah, facts.current_min_a, facts.current_max_a), (4.8, -9.6, 4.8));
    let again = Typed::of_facts(&facts);
    assert_eq!(
        (again.mass_g.as_str(), again.area_cm2.as_str(), again.current_min_a.as_str()),
        ("48.2", "102.7", "9.6")
    );
    assert_eq!(again.check(NOW_US).unwrap(), facts);
}

#[test]
fn a_problem_has_the_name_its_field_has_in_the_form() {
    let typed = Typed {
        mass_g: "0".to_owned(),
        capacity_ah: "1.234,5".to_owned(),
        voltage_max_v: "5 V".to_owned(),
        cells_series: "4".to_owned(),
        ..form()
    };
    let problems = typed.check(NOW_US).unwrap_err();
    let fields: Vec<_> = problems.all().iter().map(|problem| problem.field.as_ref()).collect();
    assert_eq!(fields, ["cells_series", "capacity_ah", "voltage_max_v", "mass_g"]);
    assert!(problems.of("capacity_ah").unwrap().contains("1234.5"));
}

#[test]
fn usual_limits_are_shown_before_they_count() {
    let mut typed = Typed { kind: "pack".to_owned(), cells_series: "14".to_owned(), ..form() };
    assert_eq!(typed.hint("voltage_max_v"), "Empty: 58.8 V, as usual.");
    assert_eq!(typed.hint("current_min_a"), "Empty: 9.6 A, as usual.");
    typed.fill_usual();
    assert_eq!((typed.voltage_min_v.as_str(), typed.current_max_a.as_str()), ("35", "4.8"));
    assert_eq!(typed.check(NOW_US).unwrap().limits().voltage_max_v, 58.8);
    let unknown = Typed { chemistry: "generic/unknown".to_owned(), ..form() };
    assert_eq!(unknown.hint("voltage_max_v"), "Nothing is usual for this chemistry.");
    let mut empty = Typed::new(String::new());
    assert_eq!(empty.hint("current_max_a"), "Empty: what is usual for the chemistry.");
    empty.fill_usual();
    assert_eq!(empty, Typed::new(String::new()));
}

#[test]
fn two_forms_are_compared_field_by_field() {
    let other = Typed { owner: "Jonas".to_owned(), description: "a\nb".to_owned(), ..form() };
    let mine = Typed { description: "a\r\nb".to_owned(), ..form() };
    assert_eq!(mine.differences(&other), [("Owner", String::new(), "Jonas".to_owned())]);
    let mut fields: Vec<_> = LABELS.iter().map(|(field, _)| field).collect();
    fields.dedup();
    assert_eq!(fields.len(), LABELS.len());
}
