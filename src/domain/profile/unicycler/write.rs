//! Protocols of unicycler written.

use serde_json::{Map, Value, json};

use crate::domain::profile::converted::Converted;
use crate::domain::profile::program::{Deed, End, Program, ProgramStep, Rate};

/// Version of unicycler whose form is written.
const VERSION: &str = "0.4.6";
/// Record period written: unicycler requires one, and a profile has none.
const RECORD_S: f64 = 10.0;

/// Writes a protocol, and says what of the program it cannot hold.
///
/// `name` is that of the sample; without a capacity, C-rates stay C-rates.
#[must_use]
pub fn write(program: &Program) -> Converted<Value> {
    let mut notes = Vec::new();
    let mut method = Vec::new();
    // Number of the entry, from 1, that each step begins with.
    let mut entries = Vec::new();
    for (number, step) in (1..).zip(&program.steps) {
        entries.push(method.len() + 1);
        match written(step, number, &entries, &mut notes) {
            Ok(written) => method.extend(written),
            Err(why) => notes.push(format!("Step {number} is left out: {why}")),
        }
    }
    if program.cycles > 1 && !method.is_empty() {
        method.push(json!({ "step": "loop", "loop_to": 1, "cycle_count": program.cycles }));
    }
    let result = json!({
        "unicycler": { "version": VERSION },
        "sample": { "name": "$NAME" },
        "record": { "time_s": RECORD_S },
        "safety": {},
        "method": method,
    });
    Converted { result, notes }
}

fn written(
    step: &ProgramStep,
    number: usize,
    entries: &[usize],
    notes: &mut Vec<String>,
) -> Result<Vec<Value>, String> {
    let mut fields = Map::new();
    let mut leave_out = Vec::new();
    for end in &step.until {
        let (key, value) = match (*end, step.deed) {
            (End::TimeS(seconds), _) => ("until_time_s", seconds),
            (End::VoltageV(volts), Deed::Cc { .. }) => ("until_voltage_V", volts),
            (End::CurrentA(amperes), Deed::Cv { .. } | Deed::CcCv { .. }) => ("until_current_mA", amperes * 1000.0),
            (End::RateC(rate), Deed::Cv { .. } | Deed::CcCv { .. }) => ("until_rate_C", rate),
            _ => {
                leave_out.push(end.words());
                continue;
            }
        };
        fields.insert(key.to_owned(), json!(value));
    }
    if fields.is_empty() && !matches!(step.deed, Deed::Loop { .. }) {
        return Err("unicycler has no such limit.".to_owned());
    }
    notes.extend(leave_out.iter().map(|words| format!("Step {number} loses “{words}”: unicycler has no such limit.")));
    let set = |fields: &mut Map<String, Value>, current: Rate| match current {
        Rate::A(amperes) => fields.insert("current_mA".to_owned(), json!(amperes * 1000.0)),
        Rate::C(rate) => fields.insert("rate_C".to_owned(), json!(rate)),
    };
    let finish = |kind: &str, mut fields: Map<String, Value>| {
        fields.insert("step".to_owned(), json!(kind));
        Value::Object(fields)
    };
    match step.deed {
        Deed::Rest if fields.contains_key("until_time_s") => Ok(vec![finish("open_circuit_voltage", fields)]),
        Deed::Rest => Err("a rest without a time has no form there.".to_owned()),
        Deed::Cp { .. } => Err("unicycler has no constant power.".to_owned()),
        Deed::Cc { current } if current.number() == 0.0 => {
            Err("unicycler has no current of zero. Use a rest.".to_owned())
        }
        Deed::Cc { current } => {
            set(&mut fields, current);
            Ok(vec![finish("constant_current", fields)])
        }
        Deed::Cv { voltage_v } => {
            fields.insert("voltage_V".to_owned(), json!(voltage_v));
            Ok(vec![finish("constant_voltage", fields)])
        }
        Deed::CcCv { current, voltage_v } => {
            let mut first = Map::new();
            set(&mut first, current);
            first.insert("until_voltage_V".to_owned(), json!(voltage_v));
            // A time limits both parts together: there it can only limit each.
            if let Some(time) = fields.get("until_time_s") {
                first.insert("until_time_s".to_owned(), time.clone());
                notes.push(format!("The time of step {number} limits each of its two parts there, not both together."));
            }
            fields.insert("voltage_V".to_owned(), json!(voltage_v));
            Ok(vec![finish("constant_current", first), finish("constant_voltage", fields)])
        }
        Deed::Loop { to, times } => {
            let own = entries.last().copied().unwrap_or(1);
            let entry = entries.get(to.saturating_sub(1) as usize).copied().unwrap_or(1);
            if entry >= own {
                return Err("nothing of what it repeats is left.".to_owned());
            }
            Ok(vec![json!({ "step": "loop", "loop_to": entry, "cycle_count": times })])
        }
    }
}
