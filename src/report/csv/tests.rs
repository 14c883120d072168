//! What stands in the files.

use super::*;

fn measured(names: &[&str]) -> Vec<Measured> {
    names.iter().map(|name| Measured { column: (*name).to_owned(), title: format!("={name}, \"x\"") }).collect()
}

fn values(values: &[f64], nulls: &[u32]) -> Option<ColumnValues> {
    Some(ColumnValues { values: values.to_vec(), nulls: nulls.to_vec() })
}

const T: i64 = 1_795_240_800_000_000;

fn written(dialect: Dialect, columns: &[Measured], parts: &[Range<usize>]) -> String {
    let times = [T, T + 500_000, T + 90_000_000];
    let rows =
        [values(&[1.0, 1.0, 2.0], &[]), values(&[3.7, -0.0, f64::NAN], &[]), values(&[-1.25, 0.0, 1e-3], &[1]), None];
    let mut table = Table::new(dialect, columns, Some(T - 1_000_000), |_| 3_600);
    let mut out = Vec::new();
    table.header(&mut out);
    for part in parts {
        table.rows(&times, &rows, part.clone(), &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn our_own_form_has_every_digit_and_leaves_out_what_was_not_measured() {
    let columns = measured(&["step", "voltage_v", "current_a", "quality"]);
    let text = written(Dialect::Cellar, &columns, &[0..1, 1..3]);
    assert_eq!(
        text,
        "time_utc,time_local,elapsed_s,step,voltage_v,current_a,quality\n\
         2026-11-21T06:00:00.000000Z,2026-11-21T07:00:00.000000+01:00,1,1,3.7,-1.25,\n\
         2026-11-21T06:00:00.500000Z,2026-11-21T07:00:00.500000+01:00,1.5,1,-0,,\n\
         2026-11-21T06:01:30.000000Z,2026-11-21T07:01:30.000000+01:00,91,2,NaN,0.001,\n"
    );
    assert_eq!(text, written(Dialect::Cellar, &columns, &[0..2, 2..3]), "where rows are cut changes nothing");
}

#[test]
fn the_form_of_before_has_whole_thousandths_and_names_that_are_no_formula() {
    let columns = measured(&["step", "voltage_v", "current_a", "temperature_c"]);
    assert_eq!(
        written(Dialect::Wattrex, &columns, &[0..2, 2..3]),
        "Timestamp,MeasID,Voltage,Current,\"'=temperature_c, \"\"x\"\"\"\n\
         2026-11-21 06:00:00+00:00,0,3700,-1250,\n\
         2026-11-21 06:00:00.500000+00:00,1,0,,\n\
         2026-11-21 06:01:30+00:00,2,,1,\n"
    );
}

#[test]
fn the_battery_data_format_counts_steps_and_has_no_words_for_nothing() {
    let columns = measured(&["step", "voltage_v", "current_a", "odd"]);
    assert_eq!(
        written(Dialect::Bdf, &columns, &[0..2, 2..3]),
        "Test Time / s,Voltage / V,Current / A,Unix Time / s,Step Count / 1,Step ID,odd\n\
         1,3.7,-1.25,1795240800,1,1,\n\
         1.5,-0,,1795240800.5,1,1,\n\
         91,,0.001,1795240890,2,2,\n"
    );
    assert!(written(Dialect::BdfMachine, &columns, &[]).starts_with("test_time_second,voltage_volt,current_ampere,"));
}

#[test]
fn columns_are_ordered_once_and_for_all() {
    let names: Vec<String> =
        ["quality", "b_v", "current_a", "a_v", "voltage_v", "step"].iter().map(|name| (*name).to_owned()).collect();
    let once = ordered(names);
    assert_eq!(once, ["step", "voltage_v", "current_a", "b_v", "a_v", "quality"]);
    assert_eq!(ordered(once.clone()), once);
}
