//! The form of a battery: what is typed, in the units people use, and how it becomes a battery.

use serde::{Deserialize, Serialize};

use crate::domain::battery::chemistry::Chemistry;
use crate::domain::battery::{BatteryFacts, Draft, Kind, Technology};
use crate::domain::number::{BadNumber, plain, rounded, typed};
use crate::store::batteries::Battery;
use crate::web::forms::Problems;
use crate::web::moment::day;

/// Grams of a kilogram.
const G_PER_KG: f64 = 1e3;
/// Square centimetres of a square metre.
const CM2_PER_M2: f64 = 1e4;

/// What is typed; everything stays as it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[expect(missing_docs, reason = "the fields are those of BatteryFacts, with their unit in the form")]
pub struct Typed {
    pub name: String,
    /// `lithium/NMC`: family and word.
    pub chemistry: String,
    pub kind: String,
    pub format: String,
    pub cells_series: String,
    pub cells_parallel: String,
    pub capacity_ah: String,
    pub cell_voltage_min_v: String,
    pub cell_voltage_max_v: String,
    pub voltage_min_v: String,
    pub voltage_max_v: String,
    /// Without a sign: the field says that it discharges.
    pub current_min_a: String,
    pub current_max_a: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    pub made_on: String,
    pub bought_on: String,
    pub mass_g: String,
    pub active_mass_g: String,
    pub area_cm2: String,
    pub electrode_size_cm2: String,
    pub electrode_composition: String,
    pub bipolar: String,
    pub membrane: String,
    pub electrolyte: String,
    pub owner: String,
    pub location: String,
    pub description: String,
    /// Version of the battery the form was made of.
    pub version: i64,
    /// Mark of this showing of the form.
    pub once: String,
    /// Not empty: usual limits are to be filled in, nothing is to be stored.
    pub fill: String,
    /// Where to go on after adding; empty: to a new experiment.
    pub then: String,
}

/// How the fields are called where they are shown, in their order.
const LABELS: [(&str, &str); 29] = [
    ("name", "Name"),
    ("chemistry", "Chemistry"),
    ("kind", "Cell or pack"),
    ("cells_series", "Cells in series"),
    ("cells_parallel", "In parallel"),
    ("capacity_ah", "Capacity, Ah"),
    ("format", "Format"),
    ("cell_voltage_min_v", "Lowest voltage of a cell, V"),
    ("cell_voltage_max_v", "Highest voltage of a cell, V"),
    ("voltage_min_v", "Lowest voltage of the battery, V"),
    ("voltage_max_v", "Highest voltage of the battery, V"),
    ("current_min_a", "Largest discharge current, A"),
    ("current_max_a", "Largest charge current, A"),
    ("manufacturer", "Maker"),
    ("model", "Model"),
    ("serial", "Serial number"),
    ("made_on", "Made on"),
    ("bought_on", "Bought on"),
    ("mass_g", "Mass, g"),
    ("active_mass_g", "Active mass, g"),
    ("area_cm2", "Electrode area, cm²"),
    ("electrode_size_cm2", "Size of an electrode, cm²"),
    ("electrode_composition", "Composition of the electrodes"),
    ("bipolar", "Bipolar plates"),
    ("membrane", "Membrane"),
    ("electrolyte", "Electrolyte"),
    ("owner", "Owner"),
    ("location", "Kept at"),
    ("description", "Notes"),
];

/// The name a field has in the form: there it carries the unit people use.
fn in_form(field: &'static str) -> &'static str {
    match field {
        "mass_kg" => "mass_g",
        "active_mass_kg" => "active_mass_g",
        "area_m2" => "area_cm2",
        "electrode_size_m2" => "electrode_size_cm2",
        field => field,
    }
}

impl Typed {
    /// An empty form for a single cell.
    #[must_use]
    pub fn new(once: String) -> Self {
        let one = || "1".to_owned();
        let kind = Kind::Cell.as_str().to_owned();
        Self { kind, cells_series: one(), cells_parallel: one(), once, ..Self::default() }
    }

    /// A form filled in with what is stored.
    #[must_use]
    pub fn of(battery: &Battery) -> Self {
        Self { version: battery.version, ..Self::of_facts(battery) }
    }

    fn of_facts(facts: &BatteryFacts) -> Self {
        let amount = |value: Option<f64>, per_si: f64| value.map_or_else(String::new, |value| plain(value * per_si));
        let text = String::clone;
        Self {
            name: text(&facts.name),
            chemistry: format!("{}/{}", facts.technology.as_str(), facts.chemistry),
            kind: facts.kind.as_str().to_owned(),
            format: facts.format.as_str().to_owned(),
            cells_series: facts.cells_series.to_string(),
            cells_parallel: facts.cells_parallel.to_string(),
            capacity_ah: plain(facts.capacity_ah),
            cell_voltage_min_v: plain(facts.cell_voltage_min_v),
            cell_voltage_max_v: plain(facts.cell_voltage_max_v),
            voltage_min_v: plain(facts.voltage_min_v),
            voltage_max_v: plain(facts.voltage_max_v),
            current_min_a: plain(facts.current_min_a.abs()),
            current_max_a: plain(facts.current_max_a),
            manufacturer: text(&facts.manufacturer),
            model: text(&facts.model),
            serial: text(&facts.serial),
            made_on: text(&facts.made_on),
            bought_on: text(&facts.bought_on),
            mass_g: amount(facts.mass_kg, G_PER_KG),
            active_mass_g: amount(facts.active_mass_kg, G_PER_KG),
            area_cm2: amount(facts.area_m2, CM2_PER_M2),
            electrode_size_cm2: amount(facts.electrode_size_m2, CM2_PER_M2),
            electrode_composition: text(&facts.electrode_composition),
            bipolar: text(&facts.bipolar),
            membrane: text(&facts.membrane),
            electrolyte: text(&facts.electrolyte),
            owner: text(&facts.owner),
            location: text(&facts.location),
            description: text(&facts.description),
            ..Self::default()
        }
    }

    /// The battery, or what is wrong, in the order of the fields.
    ///
    /// # Errors
    /// At least one problem.
    pub fn check(&self, now_us: i64) -> Result<BatteryFacts, Problems> {
        let mut found = Vec::new();
        let draft = self.draft(&mut found);
        let checked = draft.check(&day(now_us));
        if let Err(misfits) = &checked {
            for misfit in misfits {
                let field = in_form(misfit.field);
                // What cannot be read was said already; what follows from it is no news.
                if !found.iter().any(|(known, _)| *known == field) {
                    found.push((field, misfit.message.clone()));
                }
            }
        }
        match checked {
            Ok(facts) if found.is_empty() => Ok(facts),
            _ => {
                let place = |field: &str| LABELS.iter().position(|(name, _)| *name == field);
                found.sort_by_key(|(field, _)| place(field));
                let mut problems = Problems::default();
                for (field, message) in found {
                    problems.add(field, message);
                }
                Err(problems)
            }
        }
    }

    fn draft(&self, found: &mut Vec<(&'static str, String)>) -> Draft {
        let (technology, chemistry) = self.chemistry.split_once('/').unwrap_or((&self.chemistry, ""));
        let mut number = |field: &'static str, text: &str, per_si: f64| match typed(text) {
            Ok(value) => Some(rounded(value / per_si)),
            Err(BadNumber::Empty) => None,
            Err(error) => {
                found.push((field, error.to_string()));
                None
            }
        };
        Draft {
            cells_series: number("cells_series", &self.cells_series, 1.0),
            cells_parallel: number("cells_parallel", &self.cells_parallel, 1.0),
            capacity_ah: number("capacity_ah", &self.capacity_ah, 1.0),
            cell_voltage_min_v: number("cell_voltage_min_v", &self.cell_voltage_min_v, 1.0),
            cell_voltage_max_v: number("cell_voltage_max_v", &self.cell_voltage_max_v, 1.0),
            voltage_min_v: number("voltage_min_v", &self.voltage_min_v, 1.0),
            voltage_max_v: number("voltage_max_v", &self.voltage_max_v, 1.0),
            // Whoever types the sign means the same.
            current_min_a: number("current_min_a", &self.current_min_a, 1.0).map(|amperes| -amperes.abs()),
            current_max_a: number("current_max_a", &self.current_max_a, 1.0),
            mass_kg: number("mass_g", &self.mass_g, G_PER_KG),
            active_mass_kg: number("active_mass_g", &self.active_mass_g, G_PER_KG),
            area_m2: number("area_cm2", &self.area_cm2, CM2_PER_M2),
            electrode_size_m2: number("electrode_size_cm2", &self.electrode_size_cm2, CM2_PER_M2),
            name: self.name.clone(),
            manufacturer: self.manufacturer.clone(),
            model: self.model.clone(),
            serial: self.serial.clone(),
            technology: technology.to_owned(),
            chemistry: chemistry.to_owned(),
            kind: self.kind.clone(),
            format: self.format.clone(),
            electrode_composition: self.electrode_composition.clone(),
            bipolar: self.bipolar.clone(),
            membrane: self.membrane.clone(),
            electrolyte: self.electrolyte.clone(),
            owner: self.owner.clone(),
            location: self.location.clone(),
            made_on: self.made_on.clone(),
            bought_on: self.bought_on.clone(),
            description: self.description.clone(),
        }
    }

    /// What is usual for the chemistry chosen so far, with the cells and the capacity typed so far.
    #[must_use]
    pub fn usual(&self) -> Option<BatteryFacts> {
        let chemistry = self.chosen()?;
        chemistry.usual?;
        let draft = self.draft(&mut Vec::new());
        let only = Draft {
            name: "-".to_owned(),
            technology: draft.technology,
            chemistry: draft.chemistry,
            kind: Kind::Pack.as_str().to_owned(),
            cells_series: draft.cells_series,
            capacity_ah: draft.capacity_ah.or(Some(1.0)),
            ..Draft::default()
        };
        only.check("").ok()
    }

    fn chosen(&self) -> Option<&'static Chemistry> {
        let (technology, word) = self.chemistry.split_once('/')?;
        Chemistry::find(technology.parse().ok()?, word)
    }

    /// Writes the usual limits into the fields of the limits.
    pub fn fill_usual(&mut self) {
        let Some(usual) = self.usual() else { return };
        let usual = Self::of_facts(&usual);
        self.cell_voltage_min_v = usual.cell_voltage_min_v;
        self.cell_voltage_max_v = usual.cell_voltage_max_v;
        self.voltage_min_v = usual.voltage_min_v;
        self.voltage_max_v = usual.voltage_max_v;
        // Without a capacity the currents would be those of 1 Ah.
        if typed(&self.capacity_ah).is_ok() {
            self.current_min_a = usual.current_min_a;
            self.current_max_a = usual.current_max_a;
        }
    }

    /// What a limit becomes when its field stays empty.
    #[must_use]
    pub fn hint(&self, field: &str) -> String {
        let Some(usual) = self.usual() else {
            return match self.chosen() {
                Some(_) => "Nothing is usual for this chemistry.".to_owned(),
                None => "Empty: what is usual for the chemistry.".to_owned(),
            };
        };
        if field.starts_with("current") && typed(&self.capacity_ah).is_err() {
            return "Empty: what is usual for the chemistry.".to_owned();
        }
        let usual = Self::of_facts(&usual);
        let (value, unit) = match field {
            "cell_voltage_min_v" => (usual.cell_voltage_min_v, "V"),
            "cell_voltage_max_v" => (usual.cell_voltage_max_v, "V"),
            "voltage_min_v" => (usual.voltage_min_v, "V"),
            "voltage_max_v" => (usual.voltage_max_v, "V"),
            "current_min_a" => (usual.current_min_a, "A"),
            _ => (usual.current_max_a, "A"),
        };
        format!("Empty: {value} {unit}, as usual.")
    }

    /// Whether the part about redox stacks is needed.
    #[must_use]
    pub fn is_redox(&self) -> bool {
        let parts =
            [&self.electrode_size_cm2, &self.electrode_composition, &self.bipolar, &self.membrane, &self.electrolyte];
        self.chemistry.starts_with(Technology::RedoxStack.as_str()) || parts.iter().any(|part| !part.is_empty())
    }

    /// What differs from another form: label, here, there.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<(&'static str, String, String)> {
        let [here, there] = [self, other].map(|form| serde_json::to_value(form).unwrap_or_default());
        let text = |form: &serde_json::Value, field: &str| {
            form.get(field).and_then(serde_json::Value::as_str).unwrap_or_default().replace("\r\n", "\n")
        };
        let both = LABELS.iter().map(|(field, label)| (*label, text(&here, field), text(&there, field)));
        both.filter(|(_, here, there)| here != there).collect()
    }
}

#[cfg(test)]
#[path = "form_tests.rs"]
mod tests;
