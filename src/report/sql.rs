//! Measured rows as SQL: a table and its rows, for who wants to ask them questions in SQLite or `MariaDB`.

use std::ops::Range;

use super::csv::Measured;
use super::csv::cells::Cells;
use super::csv::number::signed;
use crate::series::codec::ColumnValues;

/// Rows of one statement: more makes reading no faster, and every server takes so many.
const ROWS_AT_ONCE: usize = 500;

/// Writes the rows of one experiment as statements. A value that is no number (NaN, infinite) is NULL: SQL has none.
#[derive(Debug)]
pub struct SqlTable {
    table: String,
    names: Vec<String>,
    /// Rows of the statement that is being written.
    open: usize,
}

impl SqlTable {
    /// A table `sample_N` of experiment N with these columns.
    #[must_use]
    pub fn new(experiment: i64, columns: &[Measured]) -> Self {
        let names = columns.iter().map(|measured| identifier(&measured.column)).collect();
        Self { table: format!("`sample_{experiment}`"), names, open: 0 }
    }

    /// Writes what stands before the rows. A table that is there already makes it fail: nothing is mixed.
    pub fn header(&self, out: &mut Vec<u8>) {
        let columns: String = self.names.iter().map(|name| format!(",\n    {name} DOUBLE")).collect();
        let text = format!(
            "-- Times in µs since 1970, UTC. The unit ends a column's name; charge current is positive.\n\
             CREATE TABLE {} (\n    `at_us` BIGINT NOT NULL{columns}\n);\n\
             BEGIN;\n",
            self.table
        );
        out.extend_from_slice(text.as_bytes());
    }

    /// Writes rows: their times, and for each column of [`SqlTable::new`] its values, if these rows have it. `rows` are
    /// places in both.
    pub fn rows(&mut self, times_us: &[i64], columns: &[Option<ColumnValues>], rows: Range<usize>, out: &mut Vec<u8>) {
        let mut cells: Vec<Cells<'_>> = (0..self.names.len())
            .map(|place| Cells::new(columns.get(place).and_then(Option::as_ref), rows.clone()))
            .collect();
        for (row, at_us) in rows.clone().zip(&times_us[rows]) {
            if self.open == 0 {
                out.extend_from_slice(format!("INSERT INTO {} VALUES\n(", self.table).as_bytes());
            } else {
                out.extend_from_slice(b",\n(");
            }
            signed(out, *at_us);
            for cells in &mut cells {
                out.push(b',');
                let before = out.len();
                cells.write_finite(out, row);
                if out.len() == before {
                    out.extend_from_slice(b"NULL");
                }
            }
            out.push(b')');
            self.open += 1;
            if self.open == ROWS_AT_ONCE {
                self.close(out);
            }
        }
    }

    /// Ends the last statement.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.close(out);
        out.extend_from_slice(b"COMMIT;\n");
    }

    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open > 0 {
            out.extend_from_slice(b";\n");
            self.open = 0;
        }
    }
}

/// A column's name as both engines read it; what is no letter, digit or underscore becomes one.
fn identifier(name: &str) -> String {
    let plain = name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '_' });
    format!("`{}`", plain.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_statements_and_what_is_no_number_is_null() {
        let named = |column: &str| Measured { column: column.to_owned(), title: String::new() };
        let mut table = SqlTable::new(7, &[named("voltage_v"), named("odd`; DROP TABLE x")]);
        let mut out = Vec::new();
        table.header(&mut out);
        let voltage = Some(ColumnValues { values: vec![3.7, f64::NAN, 3.9], nulls: vec![2] });
        table.rows(&[5, 6, 7], &[voltage, None], 0..3, &mut out);
        table.finish(&mut out);
        let text = String::from_utf8(out).unwrap();
        let begin = "CREATE TABLE `sample_7` (\n    `at_us` BIGINT NOT NULL,\n    `voltage_v` DOUBLE,\n    `odd___DROP_TABLE_x` DOUBLE\n);\n";
        assert!(text.contains(begin), "{text}");
        assert!(
            text.ends_with("INSERT INTO `sample_7` VALUES\n(5,3.7,NULL),\n(6,NULL,NULL),\n(7,NULL,NULL);\nCOMMIT;\n")
        );
    }

    #[test]
    fn many_rows_are_several_statements() {
        let mut table = SqlTable::new(1, &[]);
        let mut out = Vec::new();
        let times: Vec<i64> = (0..1_200).collect();
        table.rows(&times, &[], 0..700, &mut out);
        table.rows(&times, &[], 700..1_200, &mut out);
        table.finish(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("INSERT").count(), 3);
        assert_eq!(text.matches('(').count(), 1_200);
        assert_eq!(text.matches(";\n").count(), 4);
    }
}
