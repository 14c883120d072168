//! Instruments as units report them: a cycler channel, a meter, a battery monitor on one of the unit's links.

use serde::{Deserialize, Deserializer, Serialize};

use super::limits::Limits;
use super::measure::is_quantity;
use super::text::line;

/// Most instruments of one report: far more than a unit has links.
pub const INSTRUMENTS_MAX: usize = 256;
/// Most quantities one instrument offers: a monitor of a pack of 14 cells has about 40.
pub const QUANTITIES_MAX: usize = 128;
/// Longest model, serial number and link, in characters; longer ones are cut.
pub const INSTRUMENT_TEXT_MAX: usize = 64;

/// What a channel is taken to measure when its unit does not say.
pub const USUAL_QUANTITIES: [&str; 3] = ["voltage_v", "current_a", "temperature_c"];

/// One entry of `up/devices`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FoundInstrument {
    /// Maker's model name.
    #[serde(default, deserialize_with = "text_or_number")]
    pub model: String,
    /// Serial number.
    #[serde(default, deserialize_with = "text_or_number")]
    pub serial: String,
    /// Where on the unit it was found: `can0:0x1a`.
    #[serde(default, deserialize_with = "text_or_number")]
    pub link: String,
    /// What it measures, as names of columns; missing when the unit does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measures: Option<Vec<String>>,
    /// What it can do, as far as the unit says.
    #[serde(flatten)]
    pub limits: ToldLimits,
}

/// Limits of which some may not be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldLimits {
    /// Lowest voltage, V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_min_v: Option<f64>,
    /// Highest voltage, V.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub voltage_max_v: Option<f64>,
    /// Largest discharge current, A; zero or negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_min_a: Option<f64>,
    /// Largest charge current, A; zero or positive.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current_max_a: Option<f64>,
}

/// Why a reported instrument cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadInstrument {
    /// More than fit in a report.
    #[error("{0} instruments are more than {INSTRUMENTS_MAX}")]
    TooMany(usize),
    /// Nothing tells it from another one.
    #[error("instrument {0} of the list has neither model nor serial nor link")]
    Nameless(usize),
    /// A quantity that is no column name, or too many of them.
    #[error("instrument {0} of the list: measures are at most {QUANTITIES_MAX} names of a-z, 0-9 and _")]
    Measures(usize),
    /// Limits that exclude everything, or the wrong way round.
    #[error("instrument {0} of the list: its limits exclude every value")]
    Limits(usize),
}

impl FoundInstrument {
    /// What stands for the instrument: link, model and serial number.
    #[must_use]
    pub fn key(&self) -> (&str, &str, &str) {
        (&self.link, &self.model, &self.serial)
    }
}

impl ToldLimits {
    /// What is known, and the rest of it wide open.
    #[must_use]
    pub fn or_wide(&self) -> Limits {
        Limits {
            voltage_min_v: self.voltage_min_v.unwrap_or(Limits::WIDE.voltage_min_v),
            voltage_max_v: self.voltage_max_v.unwrap_or(Limits::WIDE.voltage_max_v),
            current_min_a: self.current_min_a.unwrap_or(Limits::WIDE.current_min_a),
            current_max_a: self.current_max_a.unwrap_or(Limits::WIDE.current_max_a),
        }
    }

    /// Of several instruments that work as one station: the narrower side of what each says.
    #[must_use]
    pub fn narrower(&self, other: &Self) -> Self {
        let pick = |one: Option<f64>, two: Option<f64>, choose: fn(f64, f64) -> f64| match (one, two) {
            (Some(one), Some(two)) => Some(choose(one, two)),
            (one, two) => one.or(two),
        };
        Self {
            voltage_min_v: pick(self.voltage_min_v, other.voltage_min_v, f64::max),
            voltage_max_v: pick(self.voltage_max_v, other.voltage_max_v, f64::min),
            current_min_a: pick(self.current_min_a, other.current_min_a, f64::max),
            current_max_a: pick(self.current_max_a, other.current_max_a, f64::min),
        }
    }

    /// Whether the unit said nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The list of a report, cleaned: texts cut, each instrument once.
///
/// # Errors
/// [`BadInstrument`] names the first entry that cannot be used, counted from 1.
pub fn cleaned(devices: Vec<FoundInstrument>) -> Result<Vec<FoundInstrument>, BadInstrument> {
    if devices.len() > INSTRUMENTS_MAX {
        return Err(BadInstrument::TooMany(devices.len()));
    }
    let mut list: Vec<FoundInstrument> = Vec::with_capacity(devices.len());
    for (number, found) in (1..).zip(devices) {
        let text = |text: &str| line(text).chars().take(INSTRUMENT_TEXT_MAX).collect::<String>().trim().to_owned();
        let found = FoundInstrument {
            model: text(&found.model),
            serial: text(&found.serial),
            link: text(&found.link),
            ..found
        };
        if found.key() == ("", "", "") {
            return Err(BadInstrument::Nameless(number));
        }
        let are_names =
            |names: &Vec<String>| names.len() <= QUANTITIES_MAX && names.iter().all(|name| is_quantity(name));
        if !found.measures.as_ref().is_none_or(are_names) {
            return Err(BadInstrument::Measures(number));
        }
        let limits = found.limits.or_wide();
        let is_window = limits.voltage_min_v < limits.voltage_max_v
            && limits.current_min_a <= 0.0
            && limits.current_max_a >= 0.0
            && Limits::WIDE.cover(&limits);
        if !is_window {
            return Err(BadInstrument::Limits(number));
        }
        if list.iter().all(|known| known.key() != found.key()) {
            list.push(found);
        }
    }
    Ok(list)
}

/// Serial numbers and links come as numbers from some firmware: they are names all the same.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Name {
        Text(String),
        Number(i64),
    }
    Ok(match Name::deserialize(deserializer)? {
        Name::Text(text) => text,
        Name::Number(number) => number.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Vec<FoundInstrument>, String> {
        let devices: Vec<FoundInstrument> = serde_json::from_str(json).map_err(|error| error.to_string())?;
        cleaned(devices).map_err(|error| error.to_string())
    }

    #[test]
    fn an_instrument_needs_a_name_and_nothing_else() {
        let list = read(r#"[{"model":"EPC","serial":19,"link":20},{"link":" can0 \u0007"}]"#).unwrap();
        assert_eq!((list[0].key(), list[1].key()), (("20", "EPC", "19"), ("can0", "", "")));
        assert!(list[0].measures.is_none() && list[0].limits.is_empty());
        assert!(read(r#"[{"link":"a"},{"model":" "}]"#).unwrap_err().contains("instrument 2"));
    }

    #[test]
    fn the_same_instrument_twice_is_one_and_another_serial_number_is_another() {
        let list = read(r#"[{"link":"a","serial":"1"},{"link":"a","serial":"1"},{"link":"a","serial":"2"}]"#).unwrap();
        assert_eq!(list.len(), 2);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_place() {
        let many: Vec<String> = (0..=INSTRUMENTS_MAX).map(|number| format!(r#"{{"serial":"{number}"}}"#)).collect();
        for (json, words) in [
            (r#"[{"link":"a","measures":["Voltage V"]}]"#, "instrument 1"),
            (r#"[{"link":"a","voltage_min_v":5,"voltage_max_v":2}]"#, "exclude"),
            (r#"[{"link":"a","current_min_a":1}]"#, "exclude"),
            (r#"[{"link":["a"]}]"#, "did not match"),
            (&format!("[{}]", many.join(",")), "more than"),
        ] {
            let told = read(json).unwrap_err();
            assert!(told.contains(words), "{json}: {told}");
        }
    }

    #[test]
    fn instruments_together_can_do_what_the_weakest_can() {
        let one = ToldLimits { voltage_max_v: Some(6.0), current_max_a: Some(15.0), ..ToldLimits::default() };
        let two = ToldLimits { voltage_max_v: Some(5.0), current_min_a: Some(-10.0), ..ToldLimits::default() };
        let both = one.narrower(&two);
        assert_eq!(both.or_wide().voltage_max_v, 5.0);
        assert_eq!((both.current_min_a, both.current_max_a, both.voltage_min_v), (Some(-10.0), Some(15.0), None));
    }
}
