//! The forms in which an experiment leaves.

use crate::report::csv::Dialect;

/// A form of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table as text.
    Csv(Dialect),
    /// The Battery Data Format as Parquet, under its labels or its machine names.
    Parquet(Dialect),
    /// A table and its rows as SQL statements.
    Sql,
    /// A research object: data, report and metadata with hashes in one zip.
    RoCrate,
}

impl Format {
    /// Every form with the word it is asked for by.
    pub const ALL: [(Self, &'static str); 8] = [
        (Self::Csv(Dialect::Cellar), "csv"),
        (Self::Csv(Dialect::Wattrex), "wattrex-csv"),
        (Self::Csv(Dialect::Bdf), "bdf-csv"),
        (Self::Csv(Dialect::BdfMachine), "bdf-machine-csv"),
        (Self::Parquet(Dialect::Bdf), "bdf-labels-parquet"),
        (Self::Parquet(Dialect::BdfMachine), "bdf-parquet"),
        (Self::Sql, "sql"),
        (Self::RoCrate, "ro-crate"),
    ];

    /// The form of a word; the `-csv` of a table may be left out.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let is = |known: &str| known == word || known.strip_suffix("-csv") == Some(word);
        Self::ALL.iter().find(|(_, known)| is(known)).map(|(format, _)| *format)
    }

    /// How names of files of this form end.
    #[must_use]
    pub fn ending(self) -> &'static str {
        match self {
            Self::Csv(dialect) => dialect.ending(),
            Self::Parquet(_) => ".bdf.parquet",
            Self::Sql => ".sql",
            Self::RoCrate => ".ro-crate.zip",
        }
    }

    /// The media type of files of this form.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv(_) => "text/csv; charset=utf-8",
            Self::Parquet(_) => "application/vnd.apache.parquet",
            Self::Sql => "application/sql",
            Self::RoCrate => "application/zip",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_found_by_its_word() {
        for (format, word) in Format::ALL {
            assert_eq!(Format::from_word(word), Some(format));
        }
        assert_eq!(Format::from_word("wattrex"), Some(Format::Csv(Dialect::Wattrex)));
        assert_eq!(Format::from_word("xlsx"), None);
    }
}
