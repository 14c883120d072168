//! Samples as devices measure them: batches of equally long columns.

use super::ids::{BatteryId, ExperimentId};

/// Most rows in one batch: a sealed chunk holds as many, so any block covers at most this many numbers.
pub const BATCH_ROWS_MAX: usize = 16_384;
/// Most columns in one batch: a 14-cell pack with temperatures needs about 40.
pub const BATCH_COLUMNS_MAX: usize = 128;
/// Longest column name, in bytes.
pub const COLUMN_NAME_MAX: usize = 64;

/// What a stream of samples is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// Samples of a cycler station running an experiment.
    Experiment(ExperimentId),
    /// Samples of a probe sitting on a battery.
    Battery(BatteryId),
}

impl Subject {
    /// The word stored beside the id: `experiment` or `battery`.
    #[must_use]
    pub fn kind(self) -> &'static str {
        match self {
            Self::Experiment(_) => "experiment",
            Self::Battery(_) => "battery",
        }
    }

    /// The number of the experiment or battery.
    #[must_use]
    pub fn id(self) -> i64 {
        match self {
            Self::Experiment(id) => id.0,
            Self::Battery(id) => id.0,
        }
    }

    /// The inverse of [`Subject::kind`] and [`Subject::id`]; `None` for an unknown kind.
    #[must_use]
    pub fn from_parts(kind: &str, id: i64) -> Option<Self> {
        match kind {
            "experiment" => Some(Self::Experiment(ExperimentId(id))),
            "battery" => Some(Self::Battery(BatteryId(id))),
            _ => None,
        }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.kind(), self.id())
    }
}

/// One measured quantity of a batch, its unit last in the name (`voltage_v`).
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// `a-z`, `0-9`, `_`; the quantity and its unit.
    pub name: String,
    /// One value per row; what stands at a null row has no meaning.
    pub values: Vec<f64>,
    /// Rows that were not measured, ascending. Not the same as NaN, which is a value.
    pub nulls: Vec<u32>,
}

impl Column {
    /// The value of a row; `None` when it was not measured.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<f64> {
        let value = *self.values.get(row)?;
        let is_null = u32::try_from(row).is_ok_and(|row| self.nulls.binary_search(&row).is_ok());
        (!is_null).then_some(value)
    }

    /// Rows `from..to` as a column of their own.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        let within = |row: &&u32| (from..to).contains(&(**row as usize));
        let shift = |row: &u32| row - u32::try_from(from).unwrap_or(u32::MAX);
        Self {
            name: self.name.clone(),
            values: self.values[from..to].to_vec(),
            nulls: self.nulls.iter().filter(within).map(shift).collect(),
        }
    }
}

/// Which clock the times of a batch come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeBase {
    /// Microseconds since the epoch, UTC.
    Utc,
    /// Microseconds since the device booted; a later clock message dates the boot.
    Tick,
}

/// Equally long columns of consecutive rows `seq, seq + 1, …` of one boot of one device.
///
/// `step`, `cycle` and `quality`, where a device sends them, are ordinary columns of those names.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Changes at every start of the device.
    pub boot: u32,
    /// Number of the first row, never reused within a boot.
    pub seq: i64,
    /// What was measured.
    pub subject: Subject,
    /// Clock of `times_us`.
    pub base: TimeBase,
    /// Time of each row in microseconds.
    pub times_us: Vec<i64>,
    /// The measured quantities.
    pub columns: Vec<Column>,
}

impl Batch {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.times_us.len()
    }

    /// Number of the last row.
    #[must_use]
    pub fn last_seq(&self) -> i64 {
        self.seq + i64::try_from(self.rows()).unwrap_or(i64::MAX) - 1
    }

    /// Rows `from..to` (counted from 0) as a batch of their own.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Self {
        Self {
            seq: self.seq + i64::try_from(from).unwrap_or(i64::MAX),
            times_us: self.times_us[from..to].to_vec(),
            columns: self.columns.iter().map(|column| column.slice(from, to)).collect(),
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_keeps_numbers_and_nulls_in_place() {
        let batch = Batch {
            boot: 1,
            seq: 100,
            subject: Subject::Experiment(ExperimentId(1)),
            base: TimeBase::Utc,
            times_us: vec![0, 1, 2, 3],
            columns: vec![Column { name: "voltage_v".into(), values: vec![1.0, 0.0, 3.0, 4.0], nulls: vec![1] }],
        };
        let part = batch.slice(1, 3);
        assert_eq!((part.seq, part.last_seq(), part.rows()), (101, 102, 2));
        assert_eq!((part.columns[0].get(0), part.columns[0].get(1)), (None, Some(3.0)));
    }
}
