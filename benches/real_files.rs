//! Bytes a sample of measured files takes once it is sealed: `cargo bench --bench real_files`, after `make real-data`.
//!
//! Every numeric column of a file becomes a column, and its time the time; packed as the server packs a chunk, with the
//! numbers of the rows and the summaries. Files of two thousand rows do not fill a chunk, so what a chunk has once weighs
//! more here than in a long test. There is no bound: the files are what they are. Seen: Arbin, 15 columns of seven digits,
//! 16.95 B; a test of 26 columns, 34.28 B; Bitrode, 12 columns, 3.49 B; 133, 258 and 65 B as text.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "a benchmark prints, and fails at that line"
)]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "sizes and times read by people")]

use std::collections::BTreeSet;
use std::path::Path;

use cellar::series::chunk::{Packing, pack};
use cellar::series::codec::ColumnValues;

/// File, and the column with its time.
const FILES: [(&str, &str); 3] = [
    ("arbin_example_battdat.csv", "Test_Time"),
    ("p492-13-raw.csv", "Time_s"),
    ("cell-discharge-bitrode-1c.csv", "Time(s)"),
];

fn main() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/real");
    println!("{:32} {:>6} {:>8} {:>10} {:>12} {:>12}", "", "rows", "columns", "B/sample", "B/value", "text, B");
    for (name, time) in FILES {
        let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
            println!("{name:32} is not here: make real-data");
            continue;
        };
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let names = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        let number = |row: &csv::StringRecord, at: usize| row.get(at).and_then(|cell| cell.trim().parse::<f64>().ok());
        let time = names.iter().position(|column| column == time).unwrap();
        let times_us: Vec<i64> = rows.iter().map(|row| (number(row, time).unwrap() * 1e6).round() as i64).collect();
        let numeric: BTreeSet<usize> =
            (0..names.len()).filter(|at| *at != time && rows.iter().any(|row| number(row, *at).is_some())).collect();
        let columns: Vec<ColumnValues> = numeric
            .iter()
            .map(|at| {
                let cells = rows.iter().map(|row| number(row, *at));
                let nulls = (0_u32..).zip(cells.clone()).filter(|(_, cell)| cell.is_none()).map(|(row, _)| row);
                ColumnValues { nulls: nulls.collect(), values: cells.map(Option::unwrap_or_default).collect() }
            })
            .collect();
        let last = i64::try_from(rows.len()).unwrap() - 1;
        let packed = pack(Packing::Pco, &[(0, last)], &times_us, &columns).len() as f64;
        let per_row = packed / rows.len() as f64;
        println!(
            "{name:32} {:6} {:8} {per_row:10.2} {:12.2} {:12.1}",
            rows.len(),
            columns.len() + 1,
            per_row / (columns.len() + 1) as f64,
            text.len() as f64 / rows.len() as f64
        );
    }
}
