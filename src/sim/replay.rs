//! Plays a measured file as if a channel were measuring it now.
//!
//! Reads comma-separated exports whose first line names the columns, such as those of Bitrode cyclers
//! (`Time(s),Cycle,…,Step,…,Current(A),Voltage(V),Power(W),Capacity(Ah),Energy(Wh),Mode,…`). Columns are found by name,
//! units in brackets decide nothing else than the match; charge must be positive. Only measured rows are played: none
//! are made up between them, so a file with a row a minute gives a row a minute of its own time.

use std::path::Path;

use super::cycler::{Progress, Row};
use super::instrument::round;

/// Most rows of a file: ten weeks of 0.1 Hz, or a day of 10 Hz.
const ROWS_MAX: usize = 1_000_000;

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no such file.
    #[error("{0} does not exist")]
    Missing(String),
    /// The file cannot be read, or is not comma-separated text with equally many fields in every line.
    #[error("{file}: {problem}")]
    Unreadable {
        /// The file.
        file: String,
        /// What is wrong, and where.
        problem: String,
    },
    /// A column that is needed is not there.
    #[error("{file}: no column named {wanted} in the first line")]
    NoColumn {
        /// The file.
        file: String,
        /// The names looked for.
        wanted: String,
    },
    /// A value makes no sense.
    #[error("{file}: line {line}, column {column}: {problem}")]
    Value {
        /// The file.
        file: String,
        /// Line, from 1; the heading is line 1.
        line: u64,
        /// Name of the column in the file.
        column: String,
        /// What is wrong.
        problem: String,
    },
}

/// A measured run, its rows in order of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    rows: Vec<Row>,
}

/// Where the columns stand.
struct Columns {
    time: usize,
    voltage: usize,
    current: usize,
    optional: [Option<usize>; 6],
}

/// Names of the columns a channel need not have: power, capacity, energy, step, cycle, temperature.
const OPTIONAL: [&[&str]; 6] = [
    &["Power(W)", "Power / W", "power_w"],
    &["Capacity(Ah)", "Capacity / Ah", "capacity_ah"],
    &["Energy(Wh)", "Energy / Wh", "energy_wh"],
    &["Step", "step"],
    &["Cycle", "cycle"],
    &["Temperature(C)", "Temperature / degC", "temperature_c"],
];

impl Recording {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ReplayError`] with line and column.
    pub fn read(path: &Path) -> Result<Self, ReplayError> {
        let file = path.display().to_string();
        match std::fs::File::open(path) {
            Ok(source) => Self::parse(&file, source),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(ReplayError::Missing(file)),
            Err(error) => Err(ReplayError::Unreadable { file, problem: error.to_string() }),
        }
    }

    /// Reads comma-separated text; `file` names it in errors.
    ///
    /// # Errors
    /// [`ReplayError`] with line and column.
    pub fn parse(file: &str, source: impl std::io::Read) -> Result<Self, ReplayError> {
        let unreadable =
            |error: csv::Error| ReplayError::Unreadable { file: file.to_owned(), problem: error.to_string() };
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let names = reader.headers().map_err(unreadable)?.clone();
        let columns = Columns::find(file, &names)?;
        let mut rows: Vec<Row> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let line = record.position().map_or(0, csv::Position::line);
            let bad = |index: usize, problem: String| {
                let column = names.get(index).unwrap_or_default().to_owned();
                ReplayError::Value { file: file.to_owned(), line, column, problem }
            };
            let number = |index: usize| {
                let text = record.get(index).unwrap_or_default();
                let value = text.parse::<f64>().ok().filter(|value| value.is_finite());
                value.ok_or_else(|| bad(index, format!("“{text}” is not a number")))
            };
            let optional = |which: usize| columns.optional[which].map(&number).transpose();
            let row = Row {
                test_time_s: number(columns.time)?,
                voltage_v: number(columns.voltage)?,
                current_a: number(columns.current)?,
                power_w: optional(0)?.unwrap_or(0.0),
                capacity_ah: optional(1)?.unwrap_or(0.0),
                energy_wh: optional(2)?.unwrap_or(0.0),
                step: count(optional(3)?),
                cycle: count(optional(4)?),
                temperature_c: optional(5)?,
                ambient_c: None,
            };
            if rows.last().is_some_and(|last| last.test_time_s >= row.test_time_s) {
                return Err(bad(columns.time, "the time does not rise".to_owned()));
            }
            if rows.len() == ROWS_MAX {
                return Err(bad(columns.time, format!("more than {ROWS_MAX} rows")));
            }
            rows.push(row);
        }
        if rows.is_empty() {
            return Err(ReplayError::Unreadable { file: file.to_owned(), problem: "no rows".to_owned() });
        }
        Ok(Self { rows })
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }
}

impl Columns {
    fn find(file: &str, names: &csv::StringRecord) -> Result<Self, ReplayError> {
        let position = |wanted: &[&str]| names.iter().position(|name| wanted.contains(&name));
        let needed = |wanted: &[&str]| {
            position(wanted).ok_or_else(|| ReplayError::NoColumn { file: file.to_owned(), wanted: wanted.join(" or ") })
        };
        Ok(Self {
            time: needed(&["Time(s)", "Test Time / s", "test_time_s"])?,
            voltage: needed(&["Voltage(V)", "Voltage / V", "voltage_v"])?,
            current: needed(&["Current(A)", "Current / A", "current_a"])?,
            optional: OPTIONAL.map(position),
        })
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to the range of the type")]
fn count(value: Option<f64>) -> u32 {
    value.unwrap_or(1.0).clamp(1.0, f64::from(u32::MAX)) as u32
}

/// A recording being played.
#[derive(Debug, Clone)]
pub struct Replay {
    recording: std::sync::Arc<Recording>,
    /// Rest before it starts over, s; without it the run finishes.
    repeat_rest_s: Option<f64>,
    next: usize,
    /// Time and cycles of the passes before this one.
    offset_s: f64,
    cycle_offset: u32,
    test_time_s: f64,
    position: (u32, u32),
    progress: Progress,
}

impl Replay {
    /// Starts at the first row. With `repeat_rest_s` the recording is played again after so many seconds without rows,
    /// its cycles counted on.
    #[must_use]
    pub fn new(recording: std::sync::Arc<Recording>, repeat_rest_s: Option<f64>) -> Self {
        let first = recording.rows.first().map_or((1, 1), |row| (row.step, row.cycle));
        Self {
            recording,
            repeat_rest_s,
            next: 0,
            offset_s: 0.0,
            cycle_offset: 0,
            test_time_s: 0.0,
            position: first,
            progress: Progress::Running,
        }
    }

    /// Whether it goes on.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Step and cycle of the last row played.
    #[must_use]
    pub fn position(&self) -> (u32, u32) {
        self.position
    }

    /// Seconds of the recording's time since the start of the run.
    #[must_use]
    pub fn test_time_s(&self) -> f64 {
        self.test_time_s
    }

    /// Plays the rows of the next `dt_s` seconds.
    pub fn advance(&mut self, dt_s: f64, rows: &mut Vec<Row>) {
        if self.progress != Progress::Running {
            return;
        }
        self.test_time_s += dt_s;
        while let Some(row) = self.recording.rows.get(self.next) {
            let test_time_s = row.test_time_s + self.offset_s;
            if test_time_s > self.test_time_s {
                return;
            }
            let row = Row { test_time_s: round(test_time_s, 3), cycle: row.cycle + self.cycle_offset, ..*row };
            self.position = (row.step, row.cycle);
            rows.push(row);
            self.next += 1;
            if self.next == self.recording.rows.len() {
                match self.repeat_rest_s {
                    Some(rest_s) => {
                        self.next = 0;
                        self.offset_s = test_time_s + rest_s.max(1.0);
                        self.cycle_offset = row.cycle;
                    }
                    None => self.progress = Progress::Finished,
                }
            }
        }
    }

    /// Stands still for `dt_s` seconds: what was recorded waits.
    pub fn hold(&mut self, dt_s: f64) {
        self.test_time_s += dt_s;
        self.offset_s += dt_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The layout of a Bitrode export with its repeated and empty names.
    const BITRODE: &str = "Exclude,Time(s),Cycle,Loop,Loop,Step,StepTime(s),Current(A),Voltage(V),Power(W),Capacity(Ah),Energy(Wh),Mode,Data,
No,1.0,1,1,1,3,1.0,0.00,3.147,0.0,0.00,0.00,REST, ,
No,2.0,1,1,1,4,1.0,15.30,3.214,49.2,0.01,0.01,CHRG, ,
No,62.5,2,1,1,2,1.0,-30.60,3.101,-94.9,-0.01,-0.03,DCHG,S,
";

    fn play(replay: &mut Replay, dt_s: f64) -> Vec<Row> {
        let mut rows = Vec::new();
        replay.advance(dt_s, &mut rows);
        rows
    }

    #[test]
    fn columns_are_found_by_name() {
        let recording = Recording::parse("x.csv", BITRODE.as_bytes()).unwrap();
        let last = recording.rows()[2];
        assert_eq!((last.test_time_s, last.step, last.cycle), (62.5, 2, 2));
        assert_eq!((last.current_a, last.voltage_v, last.power_w), (-30.6, 3.101, -94.9));
        assert_eq!((last.capacity_ah, last.energy_wh, last.temperature_c), (-0.01, -0.03, None));
    }

    #[test]
    fn errors_name_line_and_column() {
        let error = |text: &str| Recording::parse("x.csv", text.as_bytes()).unwrap_err().to_string();
        let no_number = BITRODE.replace("15.30", "n/a");
        assert_eq!(error(&no_number), "x.csv: line 3, column Current(A): “n/a” is not a number");
        let backwards = BITRODE.replace("62.5", "2.0");
        assert_eq!(error(&backwards), "x.csv: line 4, column Time(s): the time does not rise");
        assert!(error("Time(s),Current(A)\n1,2\n").contains("no column named Voltage(V)"));
        assert!(error("Time(s),Current(A),Voltage(V)\n").ends_with("no rows"));
        let missing = Recording::read(Path::new("/nowhere/at-all.csv")).unwrap_err();
        assert!(matches!(missing, ReplayError::Missing(_)));
    }

    #[test]
    fn rows_are_played_at_their_time_and_the_run_finishes() {
        let recording = Recording::parse("x.csv", BITRODE.as_bytes()).unwrap().into();
        let mut replay = Replay::new(recording, None);
        assert_eq!(play(&mut replay, 5.0).len(), 2);
        assert_eq!(play(&mut replay, 50.0), []);
        assert_eq!(replay.position(), (4, 1));
        assert_eq!(play(&mut replay, 10.0).len(), 1);
        assert_eq!((replay.progress(), replay.position()), (&Progress::Finished, (2, 2)));
    }

    #[test]
    fn a_repeated_run_rests_and_counts_on() {
        let recording = Recording::parse("x.csv", BITRODE.as_bytes()).unwrap().into();
        let mut replay = Replay::new(recording, Some(30.0));
        let rows = play(&mut replay, 100.0);
        // The second pass starts 30 s after the end of the first, at 62.5 s.
        let times: Vec<f64> = rows.iter().map(|row| row.test_time_s).collect();
        assert_eq!(times, [1.0, 2.0, 62.5, 93.5, 94.5]);
        assert_eq!((rows[3].cycle, replay.progress()), (3, &Progress::Running));
    }

    /// The measured file itself is fetched by `make real-data` and is not part of the repository.
    #[test]
    fn the_measured_bitrode_file_reads_whole_where_it_is_present() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/real/cell-discharge-bitrode-1c.csv");
        match Recording::read(&path) {
            Ok(recording) => {
                let rows = recording.rows();
                let currents = rows.iter().map(|row| row.current_a);
                assert_eq!(rows.len(), 2287);
                assert_eq!(currents.clone().fold(f64::INFINITY, f64::min), -30.6);
                assert_eq!(currents.fold(f64::NEG_INFINITY, f64::max), 15.3);
            }
            Err(error) => assert!(matches!(error, ReplayError::Missing(_)), "{error}"),
        }
    }
}
