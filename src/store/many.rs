//! Statements about many rows at once. A round trip per row is what a group of thousands of small messages spends its time
//! on, so rows are sent in few fixed sizes: each size is prepared once and stays in the connection's statement cache.

use super::sql::Dialect;

/// Rows of one statement, largest first.
const SIZES: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];

type Texts = [String; SIZES.len()];

/// One statement in all its sizes, for both engines.
#[derive(Debug)]
pub(super) struct Many {
    sqlite: Texts,
    mysql: Texts,
}

impl Many {
    /// `head`, then `row` as often as there are rows with commas between, then `tail`; that one differs between the engines.
    pub(super) fn new(head: &str, row: &str, tail_sqlite: &str, tail_mysql: &str) -> Self {
        let texts = |tail: &str| SIZES.map(|rows| format!("{head} {} {tail}", vec![row; rows].join(", ")));
        Self { sqlite: texts(tail_sqlite), mysql: texts(tail_mysql) }
    }

    /// The text of every size.
    pub(super) const fn texts(&self, dialect: Dialect) -> &Texts {
        match dialect {
            Dialect::Sqlite => &self.sqlite,
            Dialect::MySql => &self.mysql,
        }
    }

    /// The text for the first of these rows, those rows, and the others. There must be a row.
    pub(super) fn split<'rows, T>(&self, dialect: Dialect, rows: &'rows [T]) -> (&str, &'rows [T], &'rows [T]) {
        let place = SIZES.iter().position(|size| *size <= rows.len()).unwrap_or(SIZES.len() - 1);
        let (now, later) = rows.split_at(SIZES[place].min(rows.len()));
        (&self.texts(dialect)[place], now, later)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_sent_once_with_as_many_places_as_there_are_rows() {
        let many = Many::new("INSERT INTO t VALUES", "(?)", "ON CONFLICT DO NOTHING", "ON DUPLICATE KEY UPDATE a = a");
        for count in [1, 2, 3, 7, 127, 128, 129, 300] {
            let rows: Vec<usize> = (0..count).collect();
            let mut sent = Vec::new();
            let mut left = &rows[..];
            while !left.is_empty() {
                let (text, now, later) = many.split(Dialect::MySql, left);
                assert_eq!(text.matches('?').count(), now.len());
                assert!(text.ends_with("ON DUPLICATE KEY UPDATE a = a"));
                sent.extend_from_slice(now);
                left = later;
            }
            assert_eq!(sent, rows);
        }
        let (text, ..) = many.split(Dialect::Sqlite, &[1, 2]);
        assert_eq!(text, "INSERT INTO t VALUES (?), (?) ON CONFLICT DO NOTHING");
    }
}
