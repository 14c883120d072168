//! The rows of a table, a stretch at a time.

use std::io::BufRead;

use super::fault::Fault;
use super::moment::{duration_us, moment_us};
use super::plan::{Plan, Role};
use super::table::{Lines, cells};
use crate::domain::sample::Column;

/// What other programs write where nothing was measured.
const NOTHING: [&str; 6] = ["", "null", "NULL", "None", "NA", "n/a"];

/// Rows that follow each other.
#[derive(Debug, Clone, PartialEq)]
pub struct Stretch {
    /// Line of the first row.
    pub line: u64,
    /// Time of each row, µs UTC.
    pub times_us: Vec<i64>,
    /// The stored columns, in the order of [`Plan::stored`].
    pub columns: Vec<Column>,
}

/// Reads the rows of a table.
#[derive(Debug)]
pub struct Rows<Input> {
    plan: Plan,
    lines: Lines<Input>,
    /// Place of the time, and of the time since the beginning.
    time_at: Option<usize>,
    elapsed_at: Option<usize>,
    start_us: i64,
    started_us: Option<i64>,
    has_zone: bool,
}

impl<Input: BufRead> Rows<Input> {
    /// Rows of a file from its beginning. `start_us` is when the test began, for a file without dates.
    pub(super) fn new(plan: Plan, input: Input, start_us: i64) -> Self {
        let place = |is: fn(&Role) -> bool| plan.columns.iter().position(|mapped| is(&mapped.role));
        let moment = place(|role| matches!(role, Role::Moment));
        Self {
            time_at: moment.or_else(|| place(|role| matches!(role, Role::Unix(_)))),
            elapsed_at: place(|role| matches!(role, Role::Elapsed(_))),
            lines: Lines::new(input),
            plan,
            start_us,
            started_us: None,
            has_zone: true,
        }
    }

    /// Whether the file says when its rows were measured, not only how long after the beginning.
    #[must_use]
    pub fn has_dates(&self) -> bool {
        self.time_at.is_some()
    }

    /// When the test began, µs UTC, as far as the rows read until now tell.
    #[must_use]
    pub fn started_us(&self) -> Option<i64> {
        self.started_us
    }

    /// Whether every time read until now named its zone.
    #[must_use]
    pub fn has_zone(&self) -> bool {
        self.has_zone
    }

    /// The next rows, at most `rows_max`; `None` at the end of the file.
    ///
    /// # Errors
    /// [`Fault`] with line and column of what cannot be read.
    pub fn next_stretch(&mut self, rows_max: usize) -> Result<Option<Stretch>, Fault> {
        if self.lines.number() == 0 {
            self.lines.next()?;
        }
        let names = self.plan.stored();
        let empty = |name| Column { name, values: Vec::new(), nulls: Vec::new() };
        let mut stretch = Stretch {
            line: self.lines.number() + 1,
            times_us: Vec::new(),
            columns: names.into_iter().map(empty).collect(),
        };
        let mut reader = RowReader {
            plan: &self.plan,
            time_at: self.time_at,
            elapsed_at: self.elapsed_at,
            start_us: self.start_us,
            started_us: &mut self.started_us,
            has_zone: &mut self.has_zone,
        };
        while stretch.times_us.len() < rows_max {
            let number = self.lines.number() + 1;
            let Some(line) = self.lines.next()? else { break };
            if line.trim().is_empty() {
                continue;
            }
            if line.contains('"') {
                let unclosed = || Fault::at(number, "", "a quote is not closed", "close it, or take it away");
                let cells = cells(line, self.plan.separator).ok_or_else(unclosed)?;
                reader.read(number, &mut cells.iter().map(String::as_str), &mut stretch)?;
            } else {
                reader.read(number, &mut line.split(self.plan.separator).map(str::trim), &mut stretch)?;
            }
        }
        Ok((!stretch.times_us.is_empty()).then_some(stretch))
    }
}

/// Reads one row at a time.
struct RowReader<'a> {
    plan: &'a Plan,
    time_at: Option<usize>,
    elapsed_at: Option<usize>,
    start_us: i64,
    started_us: &'a mut Option<i64>,
    has_zone: &'a mut bool,
}

impl RowReader<'_> {
    fn read(&mut self, line: u64, cells: &mut dyn Iterator<Item = &str>, stretch: &mut Stretch) -> Result<(), Fault> {
        let row = u32::try_from(stretch.times_us.len()).unwrap_or(u32::MAX);
        let (mut at_us, mut elapsed_us) = (None, None);
        let mut stored = stretch.columns.iter_mut();
        let mut count = 0;
        for (at, mapped) in self.plan.columns.iter().enumerate() {
            let Some(cell) = cells.next() else { break };
            count += 1;
            match &mapped.role {
                Role::Ignored => {}
                Role::Value { divide, .. } => {
                    let Some(column) = stored.next() else { continue };
                    match self.number(cell) {
                        Some(Some(value)) => column.values.push(value / divide),
                        Some(None) => {
                            column.values.push(0.0);
                            column.nulls.push(row);
                        }
                        None => {
                            let what = format!("“{}” is not a number", short(cell));
                            let remedy = "enter a number, or leave the cell empty";
                            return Err(Fault::at(line, &mapped.header, what, remedy));
                        }
                    }
                }
                role if Some(at) == self.time_at || Some(at) == self.elapsed_at => {
                    let time_us = self.time(role, cell).ok_or_else(|| {
                        let remedy = if matches!(role, Role::Moment) {
                            "write it like 2026-11-21T06:00:00.000000Z"
                        } else {
                            "write it as a number of seconds, with a decimal point"
                        };
                        Fault::at(line, &mapped.header, format!("“{}” is not a time", short(cell)), remedy)
                    })?;
                    if Some(at) == self.time_at { at_us = Some(time_us) } else { elapsed_us = Some(time_us) }
                }
                _ => {}
            }
        }
        let expected = self.plan.columns.len();
        let more = cells.count();
        if count < expected || more > 0 {
            let what = format!("there are {} cells, the header has {expected}", count + more);
            return Err(Fault::at(line, "", what, "give every row as many cells as the header"));
        }
        let at_us = match (at_us, elapsed_us) {
            (Some(at_us), _) => at_us,
            (None, Some(elapsed_us)) => self.start_us.saturating_add(elapsed_us),
            (None, None) => return Err(Fault::at(line, "", "the row has no time", "give it one")),
        };
        self.started_us.get_or_insert(at_us.saturating_sub(elapsed_us.unwrap_or(0)));
        stretch.times_us.push(at_us);
        Ok(())
    }

    fn time(&mut self, role: &Role, cell: &str) -> Option<i64> {
        match role {
            Role::Moment => {
                let (at_us, has_zone) = moment_us(cell)?;
                *self.has_zone &= has_zone;
                Some(at_us)
            }
            Role::Unix(unit_us) | Role::Elapsed(unit_us) => duration_us(cell, *unit_us),
            Role::Value { .. } | Role::Ignored => None,
        }
    }

    /// The number of a cell: `Some(None)` when nothing was measured, `None` when it is no number.
    fn number(&self, cell: &str) -> Option<Option<f64>> {
        if NOTHING.contains(&cell) {
            return Some(None);
        }
        let parsed = cell.parse::<f64>().or_else(|error| {
            // Where commas do not separate cells they may be decimal ones.
            let is_decimal = self.plan.separator != ',' && !cell.contains('.') && cell.matches(',').count() == 1;
            if is_decimal { cell.replace(',', ".").parse() } else { Err(error) }
        });
        let value = parsed.ok()?;
        let is_too_large = value.is_infinite() && cell.bytes().any(|byte| byte.is_ascii_digit());
        (!is_too_large).then_some(Some(value))
    }
}

/// What is quoted back of a cell.
fn short(cell: &str) -> String {
    let short: String = crate::domain::text::line(cell).chars().take(40).collect();
    if short.chars().count() < cell.chars().count() { format!("{short}…") } else { short }
}

#[cfg(test)]
mod tests {
    use super::super::{Head, recognise};
    use super::*;

    /// Word of the format, times, columns of the last stretch, and when it began.
    type Read = (String, Vec<i64>, Vec<Column>, Option<i64>);

    fn read(file: &str) -> Result<Read, Fault> {
        let (format, plan) = recognise(&Head::read(file.as_bytes()).unwrap(), "auto")?;
        let mut rows = Rows::new(plan, file.as_bytes(), 1_000_000);
        let (mut times, mut columns) = (Vec::new(), Vec::new());
        while let Some(mut stretch) = rows.next_stretch(10)? {
            times.append(&mut stretch.times_us);
            columns = stretch.columns;
        }
        Ok((format.word.to_owned(), times, columns, rows.started_us()))
    }

    fn values(columns: &[Column]) -> Vec<(&str, Vec<Option<f64>>)> {
        let of = |column: &Column| (0..column.values.len()).map(|row| column.get(row)).collect();
        columns.iter().map(|column| (column.name.as_str(), of(column))).collect()
    }

    const T: i64 = 1_795_240_800_000_000;

    #[test]
    fn our_own_file_is_read_as_it_was_written() {
        let file = "time_utc,time_local,elapsed_s,step,voltage_v,elapsed_s\n\
                    2026-11-21T06:00:01.000000Z,x,1,1,-0,7\n2026-11-21T06:00:02.500000Z,x,2.5,,NaN,8\n";
        let (format, times, columns, started) = read(file).unwrap();
        assert_eq!((format.as_str(), times, started), ("csv", vec![T + 1_000_000, T + 2_500_000], Some(T)));
        let read = values(&columns);
        assert_eq!(read[0], ("step", vec![Some(1.0), None]));
        assert_eq!(read[2], ("elapsed_s", vec![Some(7.0), Some(8.0)]));
        assert_eq!(read[1].1[0].map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert!(read[1].1[1].is_some_and(f64::is_nan));
    }

    #[test]
    fn files_of_the_application_of_before_are_read() {
        let import = "timestamp;voltage;current;instr_id;Cell temp\n2026-11-21 06:00:00.250000;3,7;-1,5;2;25,5\n";
        let (format, times, columns, started) = read(import).unwrap();
        assert_eq!((format.as_str(), times, started), ("wattrex-import-csv", vec![T + 250_000], Some(T + 250_000)));
        let expected = [("voltage_v", 3.7), ("current_a", -1.5), ("step", 2.0), ("cell_temp", 25.5)];
        assert_eq!(values(&columns), expected.map(|(name, value)| (name, vec![Some(value)])));

        let export =
            "Timestamp,MeasID,Voltage,Current,\"Temp, cell\",Flow\n2026-11-21 06:00:00+00:00,0,3767,-1250,235,7\n";
        let (format, _, columns, _) = read(export).unwrap();
        assert_eq!(format, "wattrex-csv");
        let expected = [("voltage_v", 3.767), ("current_a", -1.25), ("temp_cell_c", 23.5), ("flow", 7.0)];
        assert_eq!(values(&columns), expected.map(|(name, value)| (name, vec![Some(value)])));
    }

    #[test]
    fn both_states_of_the_battery_data_format_are_read() {
        let released = "test_time_second,voltage_volt,current_ampere,unix_time_second,cycle_count,surface_temperature_t1_celsius\n\
                        0.5,3.7,-1,1795240800.5,3,25\n";
        let (format, times, columns, started) = read(released).unwrap();
        assert_eq!((format.as_str(), times, started), ("bdf-csv", vec![T + 500_000], Some(T)));
        assert_eq!(values(&columns)[2..], [("cycle", vec![Some(3.0)]), ("temperature_c", vec![Some(25.0)])]);

        let labels = "Test Time / ms,Voltage / V,Current / A,Step Index / 1,Own\n1500,3.7,,4,1\n";
        let (_, times, columns, started) = read(labels).unwrap();
        assert_eq!((times, started), (vec![2_500_000], Some(1_000_000)), "without dates the given start counts");
        assert_eq!(
            values(&columns)[1..],
            [("current_a", vec![None]), ("step_record_index", vec![Some(4.0)]), ("own", vec![Some(1.0)])]
        );
    }

    #[test]
    fn a_fault_says_where_and_what_to_do() {
        let head = "time_utc,time_local,elapsed_s,voltage_v\n";
        let good = "2026-11-21T06:00:00.000000Z,x,0,3.7\n";
        for (rows, told) in [
            ("2026-11-21,x,0,3.7", "line 3, column “time_utc”: “2026-11-21” is not a time; write it like"),
            ("2026-11-21T06:00:00Z,x,0,3.7 V", "line 3, column “voltage_v”: “3.7 V” is not a number; enter a number"),
            ("2026-11-21T06:00:00Z,x,0,1e999", "is not a number"),
            ("2026-11-21T06:00:00Z,x,0", "line 3: there are 3 cells, the header has 4; give every row"),
            ("2026-11-21T06:00:00Z,x,0,1,2", "line 3: there are 5 cells"),
            ("\n\n2026-11-21T06:00:00Z,x,,1", "line 5, column “elapsed_s”: “” is not a time"),
            ("\"2026-11-21T06:00:00Z,x,0,1", "line 3: a quote is not closed"),
        ] {
            let fault = read(&format!("{head}{good}{rows}\n")).unwrap_err();
            assert!(fault.to_string().contains(told), "{rows}: {fault}");
        }
        for (file, told) in [
            ("", "the file is empty"),
            ("PK\u{3}\u{4}\0", "no text file"),
            ("a,b\n1,2\n", "line 1: no format fits (CSV of Cellar: it does not begin with time_utc"),
            ("time_utc,time_local,elapsed_s,Voltage\n", "“Voltage” is no name of a column"),
            ("time_utc,time_local,elapsed_s,a,a\n", "the column a is there twice"),
        ] {
            let fault = read(file).unwrap_err();
            assert!(fault.to_string().contains(told), "{file}: {fault}");
        }
        let head = Head::read(&b"a,b\n"[..]).unwrap();
        assert!(
            recognise(&head, "xls").unwrap_err().to_string().contains("“xls” is not a format; use auto, csv, bdf-csv")
        );
        assert!(recognise(&head, "csv").unwrap_err().to_string().contains("this is no CSV of Cellar"));
    }

    proptest::proptest! {
        #[test]
        fn any_file_is_answered(head in proptest::sample::select(vec!["", "time_utc,time_local,elapsed_s,a\n", "Timestamp,Voltage,Current\n", "Test Time / s;Voltage / V;Current / A\n"]), text in ".{0,200}") {
            let _ = read(&format!("{head}{text}"));
        }
    }
}
