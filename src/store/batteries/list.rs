//! Lists of batteries: searched, filtered, sorted and cut into pages by the database.

use super::super::sql::{on_read, statements};
use super::super::{Store, StoreError};
use super::Battery;
use crate::domain::battery::{Kind, Technology};
use crate::domain::ids::BatteryId;
use crate::domain::limits::Limits;

statements! {
    // The part of a text or the number; the technology; the kind; retired or not.
    COUNT = "
        SELECT COUNT(*)
        FROM battery
        WHERE (? = '' OR INSTR(LOWER(name), ?) > 0 OR INSTR(LOWER(serial), ?) > 0 OR INSTR(LOWER(model), ?) > 0
                OR INSTR(LOWER(manufacturer), ?) > 0 OR INSTR(LOWER(chemistry), ?) > 0 OR INSTR(LOWER(owner), ?) > 0
                OR INSTR(LOWER(location), ?) > 0 OR battery_id = ?)
            AND (? = '' OR technology = ?)
            AND (? = '' OR kind = ?)
            AND (? < 0 OR (retired_at_us IS NOT NULL) = ?)";
    ASCENDING = "
        SELECT battery_id, name, manufacturer, model, serial, technology, chemistry, kind, format, cells_series, cells_parallel,
            capacity_ah, voltage_min_v, voltage_max_v, current_min_a, current_max_a, cell_voltage_min_v,
            cell_voltage_max_v, mass_kg, active_mass_kg, area_m2, electrode_size_m2, electrode_composition, bipolar,
            membrane, electrolyte, owner, location, made_on, bought_on, description, version, created_at_us,
            updated_at_us, retired_at_us
        FROM battery
        WHERE (? = '' OR INSTR(LOWER(name), ?) > 0 OR INSTR(LOWER(serial), ?) > 0 OR INSTR(LOWER(model), ?) > 0
                OR INSTR(LOWER(manufacturer), ?) > 0 OR INSTR(LOWER(chemistry), ?) > 0 OR INSTR(LOWER(owner), ?) > 0
                OR INSTR(LOWER(location), ?) > 0 OR battery_id = ?)
            AND (? = '' OR technology = ?)
            AND (? = '' OR kind = ?)
            AND (? < 0 OR (retired_at_us IS NOT NULL) = ?)
        ORDER BY
            CASE ? WHEN 'name' THEN LOWER(name) WHEN 'maker' THEN LOWER(manufacturer) WHEN 'location' THEN LOWER(location)
                WHEN 'chemistry' THEN LOWER(chemistry) END,
            CASE ? WHEN 'capacity' THEN capacity_ah WHEN 'voltage' THEN voltage_max_v WHEN 'current' THEN current_max_a
                WHEN 'added' THEN created_at_us END,
            battery_id
        LIMIT ? OFFSET ?";
    DESCENDING = "
        SELECT battery_id, name, manufacturer, model, serial, technology, chemistry, kind, format, cells_series, cells_parallel,
            capacity_ah, voltage_min_v, voltage_max_v, current_min_a, current_max_a, cell_voltage_min_v,
            cell_voltage_max_v, mass_kg, active_mass_kg, area_m2, electrode_size_m2, electrode_composition, bipolar,
            membrane, electrolyte, owner, location, made_on, bought_on, description, version, created_at_us,
            updated_at_us, retired_at_us
        FROM battery
        WHERE (? = '' OR INSTR(LOWER(name), ?) > 0 OR INSTR(LOWER(serial), ?) > 0 OR INSTR(LOWER(model), ?) > 0
                OR INSTR(LOWER(manufacturer), ?) > 0 OR INSTR(LOWER(chemistry), ?) > 0 OR INSTR(LOWER(owner), ?) > 0
                OR INSTR(LOWER(location), ?) > 0 OR battery_id = ?)
            AND (? = '' OR technology = ?)
            AND (? = '' OR kind = ?)
            AND (? < 0 OR (retired_at_us IS NOT NULL) = ?)
        ORDER BY
            CASE ? WHEN 'name' THEN LOWER(name) WHEN 'maker' THEN LOWER(manufacturer) WHEN 'location' THEN LOWER(location)
                WHEN 'chemistry' THEN LOWER(chemistry) END DESC,
            CASE ? WHEN 'capacity' THEN capacity_ah WHEN 'voltage' THEN voltage_max_v WHEN 'current' THEN current_max_a
                WHEN 'added' THEN created_at_us END DESC,
            battery_id DESC
        LIMIT ? OFFSET ?";
    MAKERS = "
        SELECT DISTINCT manufacturer
        FROM battery
        WHERE manufacturer <> ''
        ORDER BY manufacturer
        LIMIT ?";
    MODELS = "
        SELECT DISTINCT model
        FROM battery
        WHERE model <> ''
        ORDER BY model
        LIMIT ?";
}

/// Most makers, and most models, that a form offers: with more a list no longer helps.
const OFFERED_MAX: i64 = 200;

/// By which column a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BatterySort {
    /// Name, capitals and small letters the same.
    #[default]
    Name,
    /// Chemistry.
    Chemistry,
    /// Nominal capacity.
    Capacity,
    /// Highest voltage.
    Voltage,
    /// Largest charge current.
    Current,
    /// Maker.
    Maker,
    /// Where it is kept.
    Location,
    /// When it was stored.
    Added,
}

impl BatterySort {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Name,
        Self::Chemistry,
        Self::Capacity,
        Self::Voltage,
        Self::Current,
        Self::Maker,
        Self::Location,
        Self::Added,
    ];

    /// The word in an address.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Chemistry => "chemistry",
            Self::Capacity => "capacity",
            Self::Voltage => "voltage",
            Self::Current => "current",
            Self::Maker => "maker",
            Self::Location => "location",
            Self::Added => "added",
        }
    }

    /// The column of a word; `None` for one nobody knows.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sort| sort.as_str() == word)
    }
}

/// Which batteries, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatteryQuery {
    /// Part of the name, serial number, model, maker, chemistry, owner or place in whatever case, or the battery's number;
    /// empty for all.
    pub text: String,
    /// Only of this family.
    pub technology: Option<Technology>,
    /// Only of this kind.
    pub kind: Option<Kind>,
    /// Only retired ones, only others, or both.
    pub retired: Option<bool>,
    /// By what.
    pub sort: BatterySort,
    /// The largest first.
    pub descending: bool,
    /// Rows passed over.
    pub offset: i64,
    /// Most rows.
    pub limit: i64,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct BatteryPage {
    /// The batteries.
    pub batteries: Vec<Battery>,
    /// How many there are on all pages.
    pub total: i64,
}

/// A battery as other forms offer it.
#[derive(Debug, Clone, PartialEq)]
pub struct BatteryChoice {
    /// Key.
    pub battery_id: BatteryId,
    /// Name.
    pub name: String,
    /// Family.
    pub technology: Technology,
    /// Word of its chemistry.
    pub chemistry: String,
    /// Nominal capacity, Ah.
    pub capacity_ah: f64,
    /// What may be applied to it.
    pub limits: Limits,
}

/// Binds what a list is filtered by.
macro_rules! bind_filter {
    ($query:expr, $text:expr, $number:expr, $asked:expr) => {
        $query
            .bind(&$text)
            .bind(&$text)
            .bind(&$text)
            .bind(&$text)
            .bind(&$text)
            .bind(&$text)
            .bind(&$text)
            .bind(&$text)
            .bind($number)
            .bind($asked.technology.map_or("", Technology::as_str))
            .bind($asked.technology.map_or("", Technology::as_str))
            .bind($asked.kind.map_or("", Kind::as_str))
            .bind($asked.kind.map_or("", Kind::as_str))
            .bind($asked.retired.map_or(-1, i64::from))
            .bind($asked.retired.map_or(-1, i64::from))
    };
}

impl Store {
    /// One page of the batteries that fit, and how many fit.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn batteries(&self, asked: &BatteryQuery) -> Result<BatteryPage, StoreError> {
        let text = asked.text.to_lowercase();
        // No battery has the number 0.
        let number: i64 = text.trim_start_matches('#').parse().unwrap_or(0);
        let statement = if asked.descending { DESCENDING } else { ASCENDING };
        let (total,): (i64,) = on_read!(&self.db, pool, dialect => {
            bind_filter!(sqlx::query_as(COUNT.text(dialect)), text, number, asked).fetch_one(pool).await?
        });
        let batteries = on_read!(&self.db, pool, dialect => {
            bind_filter!(sqlx::query_as(statement.text(dialect)), text, number, asked)
                .bind(asked.sort.as_str())
                .bind(asked.sort.as_str())
                .bind(asked.limit)
                .bind(asked.offset)
                .fetch_all(pool)
                .await?
        });
        Ok(BatteryPage { batteries, total })
    }

    /// Batteries in use whose name, serial number, number or the like fits, by name, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn battery_choices(&self, text: &str, limit: i64) -> Result<Vec<BatteryChoice>, StoreError> {
        let asked =
            BatteryQuery { text: text.trim().to_owned(), retired: Some(false), limit, ..BatteryQuery::default() };
        let page = self.batteries(&asked).await?;
        let choice = |battery: Battery| BatteryChoice {
            battery_id: battery.battery_id,
            limits: battery.limits(),
            technology: battery.technology,
            capacity_ah: battery.capacity_ah,
            name: battery.facts.name,
            chemistry: battery.facts.chemistry,
        };
        Ok(page.batteries.into_iter().map(choice).collect())
    }

    /// Makers and models entered before, for forms to offer.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn battery_makers_and_models(&self) -> Result<(Vec<String>, Vec<String>), StoreError> {
        let mut both = [Vec::new(), Vec::new()];
        for (statement, list) in [MAKERS, MODELS].iter().zip(&mut both) {
            let rows: Vec<(String,)> = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(statement.text(dialect)).bind(OFFERED_MAX).fetch_all(pool).await?
            });
            list.extend(rows.into_iter().map(|(word,)| word));
        }
        let [makers, models] = both;
        Ok((makers, models))
    }
}
