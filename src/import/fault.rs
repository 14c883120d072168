//! Why a file cannot be read: where, what, and what to do.

use std::fmt;

/// A fault of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// Line of the file, from 1; `None` for the whole file.
    pub line: Option<u64>,
    /// Header of the column; empty for the whole line.
    pub column: String,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    /// A fault of the whole file.
    pub fn whole(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { line: None, column: String::new(), what: what.into(), remedy: remedy.into() }
    }

    /// A fault at a place.
    pub fn at(line: u64, column: &str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        let column = column.chars().take(80).collect();
        Self { line: Some(line), column, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}")?;
            if !self.column.is_empty() {
                write!(f, ", column “{}”", self.column)?;
            }
            f.write_str(": ")?;
        }
        write!(f, "{}; {}", self.what, self.remedy)
    }
}
