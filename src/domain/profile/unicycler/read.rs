//! Protocols of unicycler read.

use serde_json::{Map, Value};

use crate::domain::profile::converted::{Converted, Unusable};
use crate::domain::profile::program::{Deed, End, Fault, Program, ProgramStep, Rate};

/// Longest JSON read, bytes.
pub const JSON_BYTES_MAX: usize = 200_000;

/// Reads a protocol.
///
/// # Errors
/// With the place in the JSON.
pub fn read(text: &str) -> Result<Converted<Program>, Unusable> {
    if text.len() > JSON_BYTES_MAX {
        return Err(Unusable::at("Line 1", format!("The file is longer than {} kB.", JSON_BYTES_MAX / 1000)));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let json: Value = serde_json::from_str(text).map_err(|error| {
        Unusable::at(format!("Line {}, column {}", error.line(), error.column()), format!("This is no JSON: {error}."))
    })?;
    let method = json.get("method").and_then(Value::as_array).ok_or_else(|| {
        Unusable::at("method", "A unicycler protocol has a list “method” with its steps. This file has none.")
    })?;
    let mut notes = Vec::new();
    set_aside(&json, &mut notes);
    let mut reading = Reading { numbers: Vec::with_capacity(method.len()), tags: Vec::new() };
    // A tag takes no time and gets no number here; a loop may go to its index, from 1, or to its name.
    for step in method {
        let next = reading.numbers.iter().filter(|is_step| **is_step).count() + 1;
        let tag = (kind(step) == Some("tag")).then(|| step.get("tag").and_then(Value::as_str).unwrap_or_default());
        reading.tags.extend(tag.map(|tag| (tag.to_owned(), next)));
        reading.numbers.push(tag.is_none());
    }
    let mut steps = Vec::new();
    let mut places = Vec::new();
    for (index, step) in method.iter().enumerate() {
        if let Some(read) = reading.step(step, index)? {
            steps.push(read);
            places.push(index);
        }
    }
    let place = |fault: &Fault| format!("method[{}]", places.get(fault.step).copied().unwrap_or_default());
    let result = Program::checked(steps, 1).map_err(|faults| {
        let first = faults.first();
        Unusable::at(first.map(place).unwrap_or_default(), first.map(|fault| fault.message.clone()).unwrap_or_default())
    })?;
    Ok(Converted { result, notes })
}

/// Says what of a protocol belongs elsewhere here.
fn set_aside(json: &Value, notes: &mut Vec<String>) {
    let is_set = |key: &str| {
        let section = json.get(key).and_then(Value::as_object);
        section.is_some_and(|section| section.values().any(|value| !value.is_null()))
    };
    if is_set("safety") {
        notes.push("The safety limits are not part of a profile: set them at the battery and the station.".to_owned());
    }
    if is_set("record") || is_set("measurement") {
        notes.push("How often to record is set with the experiment, not in the profile.".to_owned());
    }
    if json.pointer("/sample/capacity_mAh").is_some_and(|capacity| !capacity.is_null()) {
        notes
            .push("The capacity of the sample is left out: C-rates refer to the battery of the experiment.".to_owned());
    }
}

fn kind(step: &Value) -> Option<&str> {
    // Older files say "name".
    step.get("step").or_else(|| step.get("name")).and_then(Value::as_str)
}

struct Reading {
    /// For each entry of the method whether it becomes a step.
    numbers: Vec<bool>,
    /// Names with the number of the step after them.
    tags: Vec<(String, usize)>,
}

/// One entry of the method.
struct Entry<'json> {
    place: String,
    fields: &'json Map<String, Value>,
}

impl Entry<'_> {
    fn number(&self, key: &str) -> Result<Option<f64>, Unusable> {
        let wrong = |what: String| Unusable::at(format!("{}.{key}", self.place), what);
        let value = match self.fields.get(key) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.as_f64(),
            // Older files write numbers as text.
            Some(Value::String(text)) => fraction(text),
            Some(_) => None,
        };
        value.filter(|value| value.is_finite()).map(Some).ok_or_else(|| wrong("Write a number here.".to_owned()))
    }

    fn required(&self, key: &str) -> Result<f64, Unusable> {
        self.number(key)?.ok_or_else(|| Unusable::at(format!("{}.{key}", self.place), "A number is missing here."))
    }

    /// A current as a rate, which wins, or in milliamperes.
    fn current(&self, rate: &str, milliamperes: &str) -> Result<Option<Rate>, Unusable> {
        if let Some(rate) = self.number(rate)?.filter(|rate| *rate != 0.0) {
            return Ok(Some(Rate::C(rate)));
        }
        Ok(self.number(milliamperes)?.map(|milliamperes| Rate::A(milliamperes / 1000.0)))
    }
}

/// `0.5`, `1/5`, `C/3`, `D/2` (a discharge).
fn fraction(text: &str) -> Option<f64> {
    let text = text.trim();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let (above, below) = text.split_once('/')?;
    let below: f64 = below.trim().parse().ok()?;
    let above = match above.trim() {
        "C" | "c" => 1.0,
        "D" | "d" => -1.0,
        number => number.strip_suffix(['C', 'c']).unwrap_or(number).trim().parse().ok()?,
    };
    Some(above / below)
}

impl Reading {
    fn step(&self, step: &Value, index: usize) -> Result<Option<ProgramStep>, Unusable> {
        let place = format!("method[{index}]");
        let fields = step.as_object().ok_or_else(|| Unusable::at(place.clone(), "A step is a JSON object."))?;
        let entry = Entry { place, fields };
        let mut until = Vec::new();
        let time = |entry: &Entry| entry.number("until_time_s").map(|time| time.map(End::TimeS));
        let deed = match kind(step).unwrap_or_default() {
            "tag" => return Ok(None),
            "open_circuit_voltage" => {
                until.push(End::TimeS(entry.required("until_time_s")?));
                Deed::Rest
            }
            "constant_current" => {
                until.extend(time(&entry)?);
                until.extend(entry.number("until_voltage_V")?.map(End::VoltageV));
                let current = entry
                    .current("rate_C", "current_mA")?
                    .ok_or_else(|| Unusable::at(entry.place.clone(), "Constant current needs rate_C or current_mA."))?;
                Deed::Cc { current }
            }
            "constant_voltage" => {
                until.extend(time(&entry)?);
                until.extend(entry.current("until_rate_C", "until_current_mA")?.map(|current| match current {
                    Rate::A(amperes) => End::CurrentA(amperes.abs()),
                    Rate::C(rate) => End::RateC(rate.abs()),
                }));
                Deed::Cv { voltage_v: entry.required("voltage_V")? }
            }
            "loop" => self.going_back(&entry)?,
            "impedance_spectroscopy" => {
                let message = "Impedance spectroscopy cannot be executed by a profile. Remove the step and try again.";
                return Err(Unusable::at(entry.place, message));
            }
            "voltage_scan" => {
                let message = "A voltage scan cannot be executed by a profile. Remove the step and try again.";
                return Err(Unusable::at(entry.place, message));
            }
            other => {
                let other: String = other.chars().take(40).collect();
                return Err(Unusable::at(
                    entry.place,
                    format!(
                        "“{other}” is no step we know: open_circuit_voltage, constant_current, constant_voltage, loop, tag."
                    ),
                ));
            }
        };
        Ok(Some(ProgramStep { deed, until }))
    }

    fn going_back(&self, entry: &Entry) -> Result<Deed, Unusable> {
        let whole = |key: &str, value: Option<f64>| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "whole and from 1 to a million"
            )]
            let count = value.filter(|n| n.fract() == 0.0 && (1.0..=1e6).contains(n)).map(|n| n as u32);
            count.ok_or_else(|| Unusable::at(format!("{}.{key}", entry.place), "Write a whole number from 1."))
        };
        let times = whole("cycle_count", entry.number("cycle_count")?)?;
        // Older files say "start_step".
        let key = if entry.fields.contains_key("loop_to") { "loop_to" } else { "start_step" };
        let tag = entry.fields.get(key).and_then(Value::as_str);
        let named = tag.and_then(|tag| self.tags.iter().find(|(known, _)| known == tag)).map(|(_, number)| *number);
        let number = match named {
            Some(number) => number,
            None => {
                let target = whole(key, entry.number(key)?)? as usize;
                // Entries that become no step do not count; a tag itself stands for the step after it.
                self.numbers.iter().take(target - 1).filter(|is_step| **is_step).count() + 1
            }
        };
        Ok(Deed::Loop { to: u32::try_from(number).unwrap_or(u32::MAX), times })
    }
}
