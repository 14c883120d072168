//! What is typed into the form of a station, and what becomes of it.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::ids::{DeviceId, InstrumentId};
use crate::domain::instrument::ToldLimits;
use crate::domain::limits::Limits;
use crate::domain::measure::{MEASURE_NAME_MAX, Measure, UNIT_MAX, column_for, stored_unit, title, units};
use crate::domain::number::{BadNumber, typed};
use crate::store::instruments::Instrument;
use crate::store::stations_build::NewStation;
use crate::store::stations_read::Station;
use crate::web::forms::{Problems, line};

use super::words::{current, voltage};

/// Longest name of a station, in characters.
const NAME_MAX: usize = 80;
/// Longest location, in characters.
const LOCATION_MAX: usize = 120;
/// Longest description, in characters.
const DESCRIPTION_MAX: usize = 2_000;
/// Most measures of a station: a batch of samples has as many columns.
const MEASURES_MAX: usize = 128;

/// A quantity of an instrument, as the form names it: `12:voltage_v`.
pub type Key = (i64, String);

/// The form as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed {
    /// Name of the station.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// What else there is to know.
    pub description: String,
    /// Lowest voltage, V.
    pub voltage_min_v: String,
    /// Highest voltage, V.
    pub voltage_max_v: String,
    /// Largest discharge current, A.
    pub current_min_a: String,
    /// Largest charge current, A.
    pub current_max_a: String,
    /// Instruments that were picked.
    pub instruments: BTreeSet<i64>,
    /// Quantities that were picked.
    pub measures: BTreeSet<Key>,
    /// Names given to quantities.
    pub names: BTreeMap<Key, String>,
    /// Units chosen for quantities.
    pub units: BTreeMap<Key, String>,
    /// The mark of the form.
    pub once: String,
    /// Version of the station that is changed.
    pub version: i64,
}

impl Typed {
    /// The fields of a form; what it does not know it ignores.
    #[must_use]
    pub fn read(fields: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (field, value) in fields {
            match field.as_str() {
                "name" => form.name = value,
                "location" => form.location = value,
                "description" => form.description = value,
                "voltage_min_v" => form.voltage_min_v = value,
                "voltage_max_v" => form.voltage_max_v = value,
                "current_min_a" => form.current_min_a = value,
                "current_max_a" => form.current_max_a = value,
                "once" => form.once = value,
                "version" => form.version = value.parse().unwrap_or(-1),
                "instrument" => form.instruments.extend(value.parse::<i64>()),
                "measure" => form.measures.extend(key_of(&value)),
                field => {
                    if let Some(key) = field.strip_prefix("name:").and_then(key_of) {
                        form.names.insert(key, value);
                    } else if let Some(key) = field.strip_prefix("unit:").and_then(key_of) {
                        form.units.insert(key, value);
                    }
                }
            }
        }
        // Whoever picks a quantity wants its instrument.
        form.instruments.extend(form.measures.iter().map(|(instrument, _)| *instrument));
        form
    }

    /// The form of a station as it is stored.
    #[must_use]
    pub fn of(station: &Station, instruments: &[Instrument], measures: &[Measure]) -> Self {
        let limits = station.limits();
        let number =
            |value: f64, wide: f64| if value.to_bits() == wide.to_bits() { String::new() } else { value.to_string() };
        let key = |measure: &Measure| (measure.instrument.0, measure.quantity.clone());
        Self {
            name: station.name.clone(),
            location: station.location.clone(),
            description: station.description.clone(),
            voltage_min_v: number(limits.voltage_min_v, Limits::WIDE.voltage_min_v),
            voltage_max_v: number(limits.voltage_max_v, Limits::WIDE.voltage_max_v),
            current_min_a: number(limits.current_min_a, Limits::WIDE.current_min_a),
            current_max_a: number(limits.current_max_a, Limits::WIDE.current_max_a),
            instruments: instruments.iter().map(|one| one.instrument_id.0).collect(),
            measures: measures.iter().map(key).collect(),
            names: measures.iter().map(|measure| (key(measure), measure.name.clone())).collect(),
            units: measures.iter().map(|measure| (key(measure), measure.unit.clone())).collect(),
            once: String::new(),
            version: station.version,
        }
    }

    /// The station it describes, of the instruments that may be picked; or what does not fit, noted.
    pub fn check(&self, unit: &DeviceId, offered: &[Instrument], problems: &mut Problems) -> Option<NewStation> {
        let name = take_line(problems, "name", &self.name, NAME_MAX);
        if name.is_empty() {
            problems.add("name", "Give the station a name, like A1.");
        }
        let location = take_line(problems, "location", &self.location, LOCATION_MAX);
        let description = paragraphs(&self.description);
        if description.chars().count() > DESCRIPTION_MAX {
            problems
                .add("description", format!("The description is too long. Use {DESCRIPTION_MAX} characters or fewer."));
        }
        let picked: Vec<&Instrument> =
            offered.iter().filter(|one| self.instruments.contains(&one.instrument_id.0)).collect();
        if picked.len() < self.instruments.len() {
            problems.add("instruments", "An instrument that was picked is not free any more. Look at the list again.");
        } else if picked.is_empty() {
            problems.add("instruments", "Pick at least one instrument.");
        }
        let measures = self.take_measures(&picked, problems);
        let limits = self.take_limits(&picked, problems);
        let limits = limits.filter(|_| problems.is_empty())?;
        Some(NewStation {
            name,
            location,
            description,
            unit: unit.clone(),
            limits,
            instruments: picked.iter().map(|one| one.instrument_id).collect(),
            measures,
        })
    }

    fn take_measures(&self, picked: &[&Instrument], problems: &mut Problems) -> Vec<Measure> {
        let mut measures: Vec<Measure> = Vec::new();
        let mut columns: Vec<String> = Vec::new();
        for instrument in picked {
            let own = instrument.quantities.iter().map(|quantity| (instrument.instrument_id.0, quantity.clone()));
            for key in own.filter(|key| self.measures.contains(key)) {
                let quantity = key.1.as_str();
                let given = line(self.names.get(&key).map_or("", String::as_str));
                let is_taken = |name: &str| measures.iter().any(|measure| measure.name == name);
                let name = if given.is_empty() { free_name(quantity, is_taken) } else { given };
                if is_taken(&name) {
                    problems
                        .add("measures", format!("Two measures are called “{name}”. Give one of them another name."));
                }
                if name.chars().count() > MEASURE_NAME_MAX {
                    problems
                        .add("measures", format!("“{name}” is too long. Use {MEASURE_NAME_MAX} characters or fewer."));
                }
                let unit = line(self.units.get(&key).map_or("", String::as_str));
                let unit = if unit.is_empty() { stored_unit(quantity).to_owned() } else { unit };
                let known = units(quantity);
                if !known.is_empty() && !known.contains(&unit.as_str()) {
                    let units = known.join(", ");
                    problems.add("measures", format!("{name} cannot be shown in “{unit}”. Choose one of {units}."));
                } else if unit.chars().count() > UNIT_MAX {
                    problems
                        .add("measures", format!("The unit “{unit}” is too long. Use {UNIT_MAX} characters or fewer."));
                }
                let column = column_for(quantity, &columns);
                columns.push(column.clone());
                let instrument = InstrumentId(key.0);
                measures.push(Measure { instrument, quantity: quantity.to_owned(), column, name, unit });
            }
        }
        if measures.is_empty() && !picked.is_empty() {
            problems.add("measures", "Pick at least one measure.");
        } else if measures.len() > MEASURES_MAX {
            problems
                .add("measures", format!("{} measures are too many. Pick {MEASURES_MAX} or fewer.", measures.len()));
        }
        measures
    }

    /// The limits typed, or those of the instruments where nothing is typed.
    fn take_limits(&self, picked: &[&Instrument], problems: &mut Problems) -> Option<Limits> {
        let told = told_of(picked);
        let mut take = |field: &'static str, text: &str, told: Option<f64>, what: &str| match (typed(text), told) {
            (Ok(value), _) => Some(value),
            (Err(BadNumber::Empty), Some(told)) => Some(told),
            // Without instruments there is nothing to limit yet.
            (Err(BadNumber::Empty), None) if picked.is_empty() => None,
            (Err(BadNumber::Empty), None) => {
                problems.add(field, format!("Enter the {what}: the instruments do not say it."));
                None
            }
            (Err(error), _) => {
                problems.add(field, error.to_string());
                None
            }
        };
        let voltage_min_v = take("voltage_min_v", &self.voltage_min_v, told.voltage_min_v, "lowest voltage");
        let voltage_max_v = take("voltage_max_v", &self.voltage_max_v, told.voltage_max_v, "highest voltage");
        let current_min_a = take("current_min_a", &self.current_min_a, told.current_min_a, "largest discharge current");
        let current_max_a = take("current_max_a", &self.current_max_a, told.current_max_a, "largest charge current");
        let limits = Limits {
            voltage_min_v: voltage_min_v?,
            voltage_max_v: voltage_max_v?,
            current_min_a: current_min_a?,
            current_max_a: current_max_a?,
        };
        check_limits(&limits, &told.or_wide(), problems);
        Some(limits)
    }
}

/// What instruments say they can do together.
#[must_use]
pub fn told_of(instruments: &[&Instrument]) -> ToldLimits {
    instruments.iter().fold(ToldLimits::default(), |told, one| told.narrower(&one.limits))
}

/// Whether limits make sense, and lie within what the instruments can do.
fn check_limits(limits: &Limits, able: &Limits, problems: &mut Problems) {
    if limits.voltage_min_v >= limits.voltage_max_v {
        let (low, high) = (voltage(limits.voltage_min_v), voltage(limits.voltage_max_v));
        problems
            .add("voltage_max_v", format!("The highest voltage must be above the lowest: {high} is not above {low}."));
    }
    if limits.current_min_a > 0.0 {
        let typed = current(limits.current_min_a);
        problems.add(
            "current_min_a",
            format!("Discharge currents are negative: {typed} would charge. Enter −{}.", limits.current_min_a),
        );
    }
    if limits.current_max_a < 0.0 {
        let typed = current(limits.current_max_a);
        problems
            .add("current_max_a", format!("Charge currents are positive: {typed} would discharge. Enter 0 or more."));
    }
    let mut within = |field: &'static str, fits: bool, able: String, way: &str| {
        if !fits && problems.of(field).is_none() {
            problems.add(field, format!("The instruments can do {able} at {way}. Enter that or less wide."));
        }
    };
    within("voltage_min_v", limits.voltage_min_v >= able.voltage_min_v, voltage(able.voltage_min_v), "the lowest");
    within("voltage_max_v", limits.voltage_max_v <= able.voltage_max_v, voltage(able.voltage_max_v), "the highest");
    within("current_min_a", limits.current_min_a >= able.current_min_a, current(able.current_min_a), "most");
    within("current_max_a", limits.current_max_a <= able.current_max_a, current(able.current_max_a), "most");
}

fn take_line(problems: &mut Problems, field: &'static str, text: &str, characters_max: usize) -> String {
    let text = line(text);
    if text.chars().count() > characters_max {
        problems.add(field, format!("This is too long. Use {characters_max} characters or fewer."));
    }
    text
}

/// Several lines of text, each cleaned.
fn paragraphs(text: &str) -> String {
    text.lines().map(line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// `Voltage`, or `Voltage 2` when that is taken.
fn free_name(quantity: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let name = title(quantity);
    let numbered = (2..=MEASURES_MAX).map(|number| format!("{name} {number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !is_taken(name)).unwrap_or(name)
}

fn key_of(text: &str) -> Option<Key> {
    let (instrument, quantity) = text.split_once(':')?;
    Some((instrument.parse().ok()?, quantity.to_owned()))
}
