//! From what somebody entered to a battery: every rule, each with the field it is about and what to enter instead.

use chrono::NaiveDate;

use super::chemistry::Chemistry;
use super::{BatteryFacts, DESCRIPTION_MAX, Format, Kind, NAME_MAX, Technology};
use crate::domain::number::{plain, rounded};
use crate::domain::text::{line, lines};

/// Most cells in series: a string of some kilovolts.
const CELLS_SERIES_MAX: u32 = 1_000;
/// Most rows in parallel.
const CELLS_PARALLEL_MAX: u32 = 1_000;
/// Most cells of a battery: each is a line on its page.
const PLACES_MAX: u32 = 2_000;
/// Larger than any accumulator's cell, and as negative, for cells that are driven through zero.
const CELL_VOLTAGE_ABS_MAX_V: f64 = 20.0;
/// Largest voltage of a battery, either way, V.
const VOLTAGE_ABS_MAX_V: f64 = 5_000.0;
/// Largest current, either way, A.
const CURRENT_ABS_MAX_A: f64 = 50_000.0;
/// Largest capacity, Ah.
const CAPACITY_MAX_AH: f64 = 1_000_000.0;
/// Largest mass, kg.
const MASS_MAX_KG: f64 = 100_000.0;
/// Largest area, m².
const AREA_MAX_M2: f64 = 10_000.0;
/// Before it there were no accumulators.
const FIRST_YEAR: &str = "1859-01-01";

/// One thing that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Name of the field, as in [`BatteryFacts`].
    pub field: &'static str,
    /// What is wrong and what to enter instead.
    pub message: String,
}

/// A battery as entered: texts as typed, numbers in SI units, `None` where nothing was entered. A limit that was not entered
/// becomes the usual one; zero is a number like any other.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the fields are those of BatteryFacts")]
pub struct Draft {
    pub name: String,
    pub manufacturer: String,
    pub model: String,
    pub serial: String,
    pub technology: String,
    pub chemistry: String,
    pub kind: String,
    pub format: String,
    pub cells_series: Option<f64>,
    pub cells_parallel: Option<f64>,
    pub capacity_ah: Option<f64>,
    pub voltage_min_v: Option<f64>,
    pub voltage_max_v: Option<f64>,
    pub current_min_a: Option<f64>,
    pub current_max_a: Option<f64>,
    pub cell_voltage_min_v: Option<f64>,
    pub cell_voltage_max_v: Option<f64>,
    pub mass_kg: Option<f64>,
    pub active_mass_kg: Option<f64>,
    pub area_m2: Option<f64>,
    pub electrode_size_m2: Option<f64>,
    pub electrode_composition: String,
    pub bipolar: String,
    pub membrane: String,
    pub electrolyte: String,
    pub owner: String,
    pub location: String,
    pub made_on: String,
    pub bought_on: String,
    pub description: String,
}

impl Draft {
    /// The battery, or all that does not fit, in the order of the fields. `today` is the present day, ISO.
    ///
    /// # Errors
    /// At least one [`Misfit`].
    pub fn check(&self, today: &str) -> Result<BatteryFacts, Vec<Misfit>> {
        let mut found = Check::default();
        let name = found.name(&self.name);
        let (technology, chemistry) = found.chemistry(self);
        let kind = if self.kind.is_empty() { Ok(Kind::Cell) } else { self.kind.parse() };
        let kind =
            kind.unwrap_or_else(|_| found.misfit("kind", "Choose whether it is a single cell or a pack.", Kind::Cell));
        let format = self.format.parse::<Format>();
        let format =
            format.unwrap_or_else(|_| found.misfit("format", "Choose a format from the list.", Format::Unsaid));
        let most = if kind == Kind::Cell { 1 } else { CELLS_SERIES_MAX };
        let cells_series = found.count("cells_series", self.cells_series, most, kind);
        let most = if kind == Kind::Cell { 1 } else { CELLS_PARALLEL_MAX };
        let cells_parallel = found.count("cells_parallel", self.cells_parallel, most, kind);
        if cells_series.saturating_mul(cells_parallel) > PLACES_MAX {
            found.add("cells_parallel", format!("Together these are more than {PLACES_MAX} cells. Enter fewer."));
        }
        let capacity_ah = found.capacity(self.capacity_ah);
        let word = chemistry.map_or("", |one| one.word);
        let usual = BatteryFacts::usual(&name, technology, word, cells_series, capacity_ah);
        let mut facts = BatteryFacts { kind, format, cells_parallel, ..usual };
        // Of a chemistry nobody knows it was said already; then nothing more is asked.
        found.limits(self, &mut facts, chemistry.is_none_or(|one| one.usual.is_some()));
        let facts = BatteryFacts {
            manufacturer: found.text("manufacturer", "maker", &self.manufacturer),
            model: found.text("model", "model", &self.model),
            serial: found.text("serial", "serial number", &self.serial),
            mass_kg: found.amount("mass_kg", "mass", self.mass_kg, MASS_MAX_KG, (1e3, "g")),
            active_mass_kg: found.amount("active_mass_kg", "mass", self.active_mass_kg, MASS_MAX_KG, (1e3, "g")),
            area_m2: found.amount("area_m2", "area", self.area_m2, AREA_MAX_M2, (1e4, "cm²")),
            electrode_size_m2: found.amount(
                "electrode_size_m2",
                "size",
                self.electrode_size_m2,
                AREA_MAX_M2,
                (1e4, "cm²"),
            ),
            electrode_composition: found.text("electrode_composition", "composition", &self.electrode_composition),
            bipolar: found.text("bipolar", "type", &self.bipolar),
            membrane: found.text("membrane", "type", &self.membrane),
            electrolyte: found.text("electrolyte", "type", &self.electrolyte),
            owner: found.text("owner", "owner", &self.owner),
            location: found.text("location", "place", &self.location),
            made_on: found.day("made_on", &self.made_on, today),
            bought_on: found.day("bought_on", &self.bought_on, today),
            description: lines(&self.description),
            ..facts
        };
        found.rest(&facts);
        if found.misfits.is_empty() { Ok(facts) } else { Err(found.misfits) }
    }
}

#[derive(Debug, Default)]
struct Check {
    misfits: Vec<Misfit>,
}

impl Check {
    fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.misfits.push(Misfit { field, message: message.into() });
    }

    /// Notes a misfit and goes on with a value in its place.
    fn misfit<T>(&mut self, field: &'static str, message: &str, instead: T) -> T {
        self.add(field, message);
        instead
    }

    fn name(&mut self, typed: &str) -> String {
        let name = line(typed);
        if name.is_empty() {
            self.add("name", "Enter a name, for example the one written on the battery.");
        }
        self.length("name", "name", &name);
        name
    }

    fn text(&mut self, field: &'static str, what: &str, typed: &str) -> String {
        let text = line(typed);
        self.length(field, what, &text);
        text
    }

    fn length(&mut self, field: &'static str, what: &str, text: &str) {
        let count = text.chars().count();
        if count > NAME_MAX {
            self.add(field, format!("The {what} has {count} characters. Use {NAME_MAX} or fewer."));
        }
    }

    fn chemistry(&mut self, draft: &Draft) -> (Technology, Option<&'static Chemistry>) {
        let Ok(technology) = draft.technology.parse::<Technology>() else {
            return self.misfit(
                "chemistry",
                "Choose the chemistry; “chemistry not known” is at the end of the list.",
                (Technology::Generic, None),
            );
        };
        let chemistry = Chemistry::find(technology, line(&draft.chemistry).as_str());
        if chemistry.is_none() {
            let words: Vec<_> = Chemistry::of(technology).map(|one| one.word).collect();
            let known = words.join(", ");
            self.add("chemistry", format!("This is no chemistry of {}. Choose one of {known}.", technology.title()));
        }
        (technology, chemistry)
    }

    fn count(&mut self, field: &'static str, entered: Option<f64>, most: u32, kind: Kind) -> u32 {
        let count = entered.unwrap_or(1.0);
        if count.fract() == 0.0 && (1.0..=f64::from(most)).contains(&count) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number from 1 to `most`"
            )]
            return count as u32;
        }
        let message = if kind == Kind::Cell && count > 1.0 {
            "A single cell has one. Choose “Pack of cells”, or enter 1.".to_owned()
        } else {
            format!("{} is not a number of cells. Enter a whole number from 1 to {most}.", plain(count))
        };
        self.add(field, message);
        1
    }

    fn capacity(&mut self, entered: Option<f64>) -> f64 {
        match entered {
            None => self.misfit("capacity_ah", "Enter the nominal capacity in Ah.", 1.0),
            Some(capacity_ah) if capacity_ah <= 0.0 => {
                let message = format!("{} Ah is no capacity. Enter more than 0.", plain(capacity_ah));
                self.misfit("capacity_ah", &message, 1.0)
            }
            Some(capacity_ah) if capacity_ah > CAPACITY_MAX_AH => {
                let message =
                    format!("{} Ah is too large. Enter {} Ah or less.", plain(capacity_ah), plain(CAPACITY_MAX_AH));
                self.misfit("capacity_ah", &message, 1.0)
            }
            Some(capacity_ah) => capacity_ah,
        }
    }

    /// A quantity that may be unsaid; people enter it in another unit, which the message uses.
    fn amount(
        &mut self,
        field: &'static str,
        what: &str,
        entered: Option<f64>,
        most: f64,
        (per_si, unit): (f64, &str),
    ) -> Option<f64> {
        let amount = entered?;
        if amount <= 0.0 {
            let shown = plain(amount * per_si);
            self.add(field, format!("{shown} {unit} is no {what}. Enter more than 0, or leave it empty."));
        } else if amount > most {
            let (shown, most) = (plain(amount * per_si), plain(most * per_si));
            self.add(field, format!("{shown} {unit} is too large. Enter {most} {unit} or less."));
        }
        Some(amount)
    }

    fn day(&mut self, field: &'static str, typed: &str, today: &str) -> String {
        let typed = line(typed).replace('/', "-");
        if typed.is_empty() {
            return typed;
        }
        let Some(day) = NaiveDate::parse_from_str(&typed, "%Y-%m-%d").ok() else {
            let shown: String = typed.chars().take(NAME_MAX).collect();
            self.add(field, format!("“{shown}” is no day. Enter year, month and day, like {today}."));
            return String::new();
        };
        let day = day.to_string();
        if day.as_str() > today {
            self.add(field, format!("{day} has not come yet. Enter a day up to {today}."));
        } else if day.as_str() < FIRST_YEAR {
            self.add(field, format!("{day} is too long ago. Enter a day after {FIRST_YEAR}."));
        }
        day
    }

    /// What was entered, or what is usual; then whether it fits together.
    fn limits(&mut self, draft: &Draft, facts: &mut BatteryFacts, is_usual: bool) {
        let cells = f64::from(facts.cells_series);
        let cell_min = self.limit("cell_voltage_min_v", draft.cell_voltage_min_v, CELL_VOLTAGE_ABS_MAX_V, "V");
        let cell_max = self.limit("cell_voltage_max_v", draft.cell_voltage_max_v, CELL_VOLTAGE_ABS_MAX_V, "V");
        let min = self.limit("voltage_min_v", draft.voltage_min_v, VOLTAGE_ABS_MAX_V, "V");
        let max = self.limit("voltage_max_v", draft.voltage_max_v, VOLTAGE_ABS_MAX_V, "V");
        // What is usual is the cell's; a battery's voltage follows from its cells, or the other way round.
        let of_cell = |own: Option<f64>, whole: Option<f64>, usual: f64| {
            own.or(whole.filter(|_| !is_usual).map(|volts| rounded(volts / cells))).or(is_usual.then_some(usual))
        };
        let lowest = of_cell(cell_min, min, facts.cell_voltage_min_v);
        let highest = of_cell(cell_max, max, facts.cell_voltage_max_v);
        let (Some(lowest), Some(highest)) = (lowest, highest) else {
            if lowest.is_none() && draft.cell_voltage_min_v.is_none() {
                self.add(
                    "cell_voltage_min_v",
                    "Nothing is usual for this chemistry. Enter the lowest voltage of a cell.",
                );
            }
            if highest.is_none() && draft.cell_voltage_max_v.is_none() {
                self.add(
                    "cell_voltage_max_v",
                    "Nothing is usual for this chemistry. Enter the highest voltage of a cell.",
                );
            }
            self.currents(draft, facts, is_usual);
            return;
        };
        (facts.cell_voltage_min_v, facts.cell_voltage_max_v) = (lowest, highest);
        facts.voltage_min_v = min.unwrap_or(rounded(lowest * cells));
        facts.voltage_max_v = max.unwrap_or(rounded(highest * cells));
        self.voltages(facts);
        self.currents(draft, facts, is_usual);
    }

    fn limit(&mut self, field: &'static str, entered: Option<f64>, most: f64, unit: &str) -> Option<f64> {
        let value = entered?;
        if value.abs() <= most {
            return Some(value);
        }
        let (shown, most) = (plain(value), plain(most));
        self.add(field, format!("{shown} {unit} is too large. Enter −{most} to {most} {unit}."));
        None
    }

    fn voltages(&mut self, facts: &BatteryFacts) {
        let volts = plain;
        let (cell_min, cell_max) = (facts.cell_voltage_min_v, facts.cell_voltage_max_v);
        let (min, max) = (facts.voltage_min_v, facts.voltage_max_v);
        if cell_min >= cell_max {
            let (low, high) = (volts(cell_min), volts(cell_max));
            self.add("cell_voltage_min_v", format!("{low} V is not below the highest voltage of a cell, {high} V."));
            return;
        }
        if min >= max {
            let (low, high) = (volts(min), volts(max));
            self.add("voltage_min_v", format!("{low} V is not below the highest voltage of the battery, {high} V."));
        }
        let cells = f64::from(facts.cells_series);
        let (floor, ceiling) = (rounded(cell_min * cells), rounded(cell_max * cells));
        if min < floor {
            let (each, floor) = (volts(min / cells), volts(floor));
            let message = format!(
                "{} V is {each} V per cell, and a cell takes no less than {} V. Enter {floor} V or more.",
                volts(min),
                volts(cell_min)
            );
            self.add("voltage_min_v", message);
        }
        if max > ceiling {
            let (each, ceiling) = (volts(max / cells), volts(ceiling));
            let message = format!(
                "{} V is {each} V per cell, and a cell takes no more than {} V. Enter {ceiling} V or less.",
                volts(max),
                volts(cell_max)
            );
            self.add("voltage_max_v", message);
        }
    }

    fn currents(&mut self, draft: &Draft, facts: &mut BatteryFacts, is_usual: bool) {
        let discharge = self.limit("current_min_a", draft.current_min_a, CURRENT_ABS_MAX_A, "A");
        let charge = self.limit("current_max_a", draft.current_max_a, CURRENT_ABS_MAX_A, "A");
        if !is_usual && draft.current_min_a.is_none() {
            self.add("current_min_a", "Nothing is usual for this chemistry. Enter the largest discharge current.");
        }
        if !is_usual && draft.current_max_a.is_none() {
            self.add("current_max_a", "Nothing is usual for this chemistry. Enter the largest charge current.");
        }
        facts.current_min_a = discharge.unwrap_or(facts.current_min_a);
        facts.current_max_a = charge.unwrap_or(facts.current_max_a);
        let (min, max) = (facts.current_min_a, facts.current_max_a);
        if min > 0.0 {
            let shown = plain(min);
            self.add("current_min_a", format!("{shown} A charges. The discharge current is zero or negative."));
        }
        if max < 0.0 {
            let shown = plain(max);
            self.add("current_max_a", format!("{shown} A discharges. Enter zero or more."));
        }
        if min == 0.0 && max == 0.0 {
            self.add(
                "current_max_a",
                "With 0 A both ways nothing can be done. Enter a current to charge or discharge.",
            );
        }
    }

    fn rest(&mut self, facts: &BatteryFacts) {
        if let (Some(active), Some(mass)) = (facts.active_mass_kg, facts.mass_kg)
            && active > mass
        {
            let (active, mass) = (plain(active * 1e3), plain(mass * 1e3));
            self.add("active_mass_kg", format!("{active} g is more than the whole battery, {mass} g."));
        }
        if !facts.made_on.is_empty() && !facts.bought_on.is_empty() && facts.bought_on < facts.made_on {
            let (bought, made) = (&facts.bought_on, &facts.made_on);
            self.add("bought_on", format!("It cannot be bought on {bought} and made later, on {made}."));
        }
        let count = facts.description.chars().count();
        if count > DESCRIPTION_MAX {
            let message = format!("The notes have {count} characters. Use {DESCRIPTION_MAX} or fewer.");
            self.add("description", message);
        }
    }
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
