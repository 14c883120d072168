//! How the columns of a table are read.

/// What a column of a file is.
#[derive(Debug, Clone, PartialEq)]
pub enum Role {
    /// A moment with date and time.
    Moment,
    /// Seconds since 1970, or thousandths of them: so many µs each.
    Unix(i64),
    /// Seconds since the test began, or thousandths of them: so many µs each.
    Elapsed(i64),
    /// A measured quantity.
    Value {
        /// Under which name it is stored.
        column: String,
        /// By what its numbers are divided to get the SI unit.
        divide: f64,
    },
    /// Not stored.
    Ignored,
}

/// A column of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Mapped {
    /// Its header.
    pub header: String,
    /// What it is.
    pub role: Role,
    /// How that was decided, in words; empty when it is plain.
    pub why: String,
}

impl Mapped {
    pub(super) fn new(header: &str, role: Role, why: impl Into<String>) -> Self {
        Self { header: header.to_owned(), role, why: why.into() }
    }
}

/// How a table is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What stands between its cells.
    pub separator: char,
    /// Its columns, in order.
    pub columns: Vec<Mapped>,
    /// Why it was recognised, in words.
    pub evidence: Vec<String>,
}

impl Plan {
    /// The names of the stored columns, in order.
    #[must_use]
    pub fn stored(&self) -> Vec<String> {
        let name = |mapped: &Mapped| match &mapped.role {
            Role::Value { column, .. } => Some(column.clone()),
            _ => None,
        };
        self.columns.iter().filter_map(name).collect()
    }
}
