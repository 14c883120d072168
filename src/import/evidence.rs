//! What a file is and holds, for the person who imports it.

use serde::Serialize;

use super::plan::{Plan, Role};
use super::rows::Stretch;
use crate::domain::measure::stored_unit;

/// What was found in one column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnFound {
    /// Its header in the file.
    pub header: String,
    /// The column it is stored as; `None` for times and what is left out.
    pub column: Option<String>,
    /// Unit of the stored values; empty when its name tells none.
    pub unit: &'static str,
    /// What was decided about it, in words; may be empty.
    pub note: String,
    /// Cells without a value.
    pub empty: u64,
    /// Lowest value, in the unit of the stored ones.
    pub lowest: Option<f64>,
    /// Highest value.
    pub highest: Option<f64>,
}

/// The report on a file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// Word of the format.
    pub format: &'static str,
    /// Its name for people.
    pub format_title: &'static str,
    /// Why it was recognised and what was assumed, in sentences.
    pub evidence: Vec<String>,
    /// What is doubtful, in sentences; empty when nothing is.
    pub warnings: Vec<String>,
    /// Its columns, in the order of the file.
    pub columns: Vec<ColumnFound>,
    /// Rows.
    pub rows: u64,
    /// When the test began, µs UTC.
    pub started_at_us: i64,
    /// Time of the earliest row, µs UTC.
    pub first_at_us: i64,
    /// Time of the latest row, µs UTC.
    pub last_at_us: i64,
}

/// Watches the rows go by.
#[derive(Debug)]
pub struct Witness {
    evidence: Evidence,
    /// Place in `evidence.columns` of each stored column.
    places: Vec<usize>,
    before_us: Option<i64>,
    /// Rows whose time is earlier than that of the row before.
    falls: u64,
    first_fall_line: u64,
}

impl Witness {
    /// A witness of a file that is read by a plan.
    #[must_use]
    pub fn new(format: &'static super::Format, plan: &Plan) -> Self {
        let found = |mapped: &super::Mapped| {
            let column = match &mapped.role {
                Role::Value { column, .. } => Some(column.clone()),
                _ => None,
            };
            let note = match (&mapped.role, mapped.why.as_str()) {
                (Role::Ignored, "") => "not stored".to_owned(),
                (Role::Ignored, why) => format!("not stored: {why}"),
                (Role::Moment | Role::Unix(_), "") => "when each row was measured".to_owned(),
                (Role::Elapsed(_), "") => "time since the beginning".to_owned(),
                (_, why) => why.to_owned(),
            };
            let unit = column.as_deref().map_or("", stored_unit);
            ColumnFound { header: mapped.header.clone(), column, unit, note, empty: 0, lowest: None, highest: None }
        };
        let columns: Vec<ColumnFound> = plan.columns.iter().map(found).collect();
        let places = (0..columns.len()).filter(|at| columns[*at].column.is_some()).collect();
        let evidence = Evidence {
            format: format.word,
            format_title: format.title,
            evidence: plan.evidence.clone(),
            warnings: Vec::new(),
            columns,
            rows: 0,
            started_at_us: 0,
            first_at_us: i64::MAX,
            last_at_us: i64::MIN,
        };
        Self { evidence, places, before_us: None, falls: 0, first_fall_line: 0 }
    }

    /// Takes note of rows.
    pub fn see(&mut self, stretch: &Stretch) {
        for (line, at_us) in (stretch.line..).zip(&stretch.times_us) {
            if self.before_us.is_some_and(|before_us| *at_us < before_us) {
                if self.falls == 0 {
                    self.first_fall_line = line;
                }
                self.falls += 1;
            }
            self.before_us = Some(*at_us);
            self.evidence.first_at_us = self.evidence.first_at_us.min(*at_us);
            self.evidence.last_at_us = self.evidence.last_at_us.max(*at_us);
        }
        self.evidence.rows += stretch.times_us.len() as u64;
        for (column, place) in stretch.columns.iter().zip(&self.places) {
            let found = &mut self.evidence.columns[*place];
            found.empty += column.nulls.len() as u64;
            for row in 0..column.values.len() {
                if let Some(value) = column.get(row).filter(|value| value.is_finite()) {
                    found.lowest = Some(found.lowest.map_or(value, |lowest| lowest.min(value)));
                    found.highest = Some(found.highest.map_or(value, |highest| highest.max(value)));
                }
            }
        }
    }

    /// What was seen. `has_dates`: whether the file says when, not only how long after the beginning.
    #[must_use]
    pub fn tell(mut self, started_us: Option<i64>, has_dates: bool) -> Evidence {
        if self.evidence.rows == 0 {
            (self.evidence.first_at_us, self.evidence.last_at_us) = (0, 0);
        }
        self.evidence.started_at_us = started_us.unwrap_or(self.evidence.first_at_us);
        if !has_dates {
            self.evidence.warnings.push(
                "The file has no dates. Say when the test began; otherwise it stands as if it had begun at the import."
                    .to_owned(),
            );
        }
        if self.falls > 0 {
            self.evidence.warnings.push(format!(
                "{} rows are earlier than the row before them, the first near line {}. They are shown in order of time.",
                self.falls, self.first_fall_line
            ));
        }
        for found in &self.evidence.columns {
            if found.column.is_some() && found.empty == self.evidence.rows && found.empty > 0 {
                self.evidence.warnings.push(format!("The column “{}” is empty.", found.header));
            }
        }
        self.evidence
    }
}
