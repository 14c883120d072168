//! Tables of the Battery Experiments Manager: what it exports, in thousandths, and what it was meant to import, in V and A.

use super::super::name::{column, free};
use super::super::{Head, Mapped, Plan, Role};
use super::headers;
use crate::domain::measure::is_quantity;

/// A plan whose times and known columns stand under these headers; `other` says what the rest is.
fn plan(
    head: &Head,
    known: &[(&str, Role)],
    required: usize,
    other: fn(&str, usize) -> (String, f64, String),
) -> Result<Plan, String> {
    let (separator, headers) = headers(head)?;
    if let Some((missing, _)) = known[..required].iter().find(|(name, _)| !headers.iter().any(|header| header == name))
    {
        return Err(format!("there is no column {missing}"));
    }
    let mut taken = vec!["voltage_v".to_owned(), "current_a".to_owned()];
    let columns = headers.iter().enumerate().map(|(number, header)| {
        if let Some((_, role)) = known.iter().find(|(name, _)| name == header) {
            return Mapped::new(header, role.clone(), "");
        }
        let (name, divide, why) = other(header, number + 1);
        let name = free(name, &taken);
        taken.push(name.clone());
        Mapped::new(header, Role::Value { column: name, divide }, why)
    });
    let columns = columns.collect();
    let names: Vec<&str> = known[..required].iter().map(|(name, _)| *name).collect();
    let evidence =
        vec![format!("The header has {}.", names.join(", ")), "Times without a zone are taken as UTC.".to_owned()];
    Ok(Plan { separator, columns, evidence })
}

fn value(column: &str, divide: f64) -> Role {
    Role::Value { column: column.to_owned(), divide }
}

/// `Timestamp,MeasID,Voltage,Current,…`: mV, mA, and whole numbers of other units.
pub(super) fn export(head: &Head) -> Result<Plan, String> {
    let known = [
        ("Timestamp", Role::Moment),
        ("Voltage", value("voltage_v", 1e3)),
        ("Current", value("current_a", 1e3)),
        ("MeasID", Role::Ignored),
    ];
    let mut plan = plan(head, &known, 3, |header, number| {
        let name = column(header, number);
        // That program stores each quantity in a unit of its own, and writes none.
        let words: [(&[&str], &str, f64, &str); 6] = [
            (&["temp"], "_c", 10.0, "tenths of °C"),
            (&["power"], "_w", 10.0, "tenths of W"),
            (&["capacity", "charge"], "_ah", 1e3, "mAh"),
            (&["energy"], "_wh", 1e3, "mWh"),
            (&["volt"], "_v", 1e3, "mV"),
            (&["current"], "_a", 1e3, "mA"),
        ];
        let found = words.iter().find(|(words, ..)| words.iter().any(|word| name.contains(word)));
        let Some((_, ending, divide, unit)) = found else {
            return (name, 1.0, "the file does not tell its unit; numbers are kept as they are".to_owned());
        };
        let with_unit = if name.ends_with(ending) { name } else { format!("{name}{ending}") };
        let name = if is_quantity(&with_unit) { with_unit } else { format!("column_{number}{ending}") };
        (name, *divide, format!("taken as {unit}, the unit of that program"))
    })?;
    plan.evidence.push("Voltage is in mV and current in mA, as that program writes them.".to_owned());
    Ok(plan)
}

/// `timestamp,voltage,current[,instr_id],…`: V, A.
pub(super) fn import(head: &Head) -> Result<Plan, String> {
    let known = [
        ("timestamp", Role::Moment),
        ("voltage", value("voltage_v", 1.0)),
        ("current", value("current_a", 1.0)),
        ("instr_id", value("step", 1.0)),
        ("power", value("power_w", 1.0)),
    ];
    let mut plan = plan(head, &known, 3, |header, number| {
        (column(header, number), 1.0, "an extended measure; numbers are kept as they are".to_owned())
    })?;
    plan.evidence.push("Voltage is in V and current in A.".to_owned());
    Ok(plan)
}
