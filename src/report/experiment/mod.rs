//! The report of one experiment, on a page and as a file of its own.

mod numbers;

use askama::Template;

pub use numbers::{Number, amount, numbers};

use crate::analysis::cycling::{Cycle, Summary};

/// Colours and sizes, put into the file; pages link the same sheets.
const SHEETS: [&str; 2] =
    [include_str!("../../../static/css/tokens.css"), include_str!("../../../static/css/report.css")];
/// Stands in the template where the sheets go: no template of ours may hold styles.
const SHEETS_GO_HERE: &str = "<meta name=\"sheets\">";
/// Most cycles in the table; the chart has all of them.
const CYCLES_SHOWN: usize = 12;

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What.
    pub name: &'static str,
    /// Which; never empty.
    pub value: String,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// When, as people read it.
    pub at: String,
    /// What.
    pub what: String,
    /// Why, and who.
    pub why: String,
}

/// An alarm and its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmLine {
    /// When, as people read it.
    pub at: String,
    /// How bad it is.
    pub severity: String,
    /// What.
    pub message: String,
    /// Who answered what; empty while nobody did.
    pub answer: String,
}

/// A cycle in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CycleLine {
    /// Its number.
    pub number: String,
    /// Charged.
    pub charge: String,
    /// Discharged.
    pub discharge: String,
    /// Coulombic efficiency, %.
    pub efficiency: String,
    /// Discharged, against the first cycle of the table that discharged, %.
    pub kept: String,
}

/// Everything a report says.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Number of the experiment.
    pub experiment: i64,
    /// Its name.
    pub name: String,
    /// What a colleague should know.
    pub description: String,
    /// Where it stands.
    pub status: String,
    /// When the report was made, as people read it.
    pub made: String,
    /// Zone of all its times.
    pub zone: String,
    /// Battery, station, instruments, times.
    pub facts: Vec<Fact>,
    /// How the battery did.
    pub numbers: Vec<Number>,
    /// How that was found.
    pub rule: String,
    /// Voltage, current and temperature over time.
    pub svg: String,
    /// The same in words.
    pub svg_words: String,
    /// What is drawn of the samples.
    pub drawn: String,
    /// Voltage over charge.
    pub curves_svg: String,
    /// Capacity of each cycle.
    pub capacity_svg: String,
    /// Name of the profile.
    pub profile: String,
    /// Its steps as sentences.
    pub steps: Vec<String>,
    /// How often they are done.
    pub times: u32,
    /// Some of the cycles.
    pub cycles: Vec<CycleLine>,
    /// How many cycles there are.
    pub cycle_count: usize,
    /// Alarms, the first first.
    pub alarms: Vec<AlarmLine>,
    /// Whether there were more alarms.
    pub has_more_alarms: bool,
    /// What happened, the first first.
    pub happened: Vec<Happening>,
    /// Digest of everything that was measured; empty without samples.
    pub fingerprint: String,
    /// Whether it is a file of its own, not part of a page.
    pub is_file: bool,
}

#[derive(Template)]
#[template(path = "report/file.html")]
struct File<'a> {
    report: &'a Report,
}

impl Report {
    /// The report as one file that needs nothing else: no script, no font, no picture from elsewhere.
    ///
    /// # Errors
    /// When the template fails, which is a fault of ours.
    pub fn file(&self) -> Result<String, askama::Error> {
        let report = Self { is_file: true, ..self.clone() };
        let html = File { report: &report }.render()?;
        // The first one: what people typed comes later, and is escaped.
        let sheets = format!("<style>\n{}</style>", SHEETS.map(without_fonts).concat());
        Ok(html.replacen(SHEETS_GO_HERE, &sheets, 1))
    }

    /// The fingerprint in groups that can be read out; its first 16 digits.
    #[must_use]
    pub fn short_fingerprint(&self) -> String {
        let digits: Vec<char> = self.fingerprint.chars().take(16).collect();
        digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
    }

    /// Fills in what follows from the measurements.
    pub fn set_cycles(&mut self, summary: &Summary) {
        self.cycle_count = summary.cycles.len();
        self.cycles = cycle_lines(&summary.cycles);
    }
}

/// A sheet less its fonts, which a file of its own does not have.
fn without_fonts(sheet: &'static str) -> String {
    match (sheet.find("@font-face"), sheet.find(":root")) {
        (Some(from), Some(to)) if from < to => format!("{}{}", &sheet[..from], &sheet[to..]),
        _ => sheet.to_owned(),
    }
}

/// Some of the cycles, evenly chosen, the first and the last among them.
fn cycle_lines(cycles: &[Cycle]) -> Vec<CycleLine> {
    if cycles.len() < 2 {
        return Vec::new();
    }
    let first_ah = cycles.iter().map(|cycle| cycle.moved.discharge_ah).find(|ah| *ah > 0.0);
    let count = cycles.len().min(CYCLES_SHOWN);
    let picked = (0..count).map(|at| &cycles[at * (cycles.len() - 1) / (count - 1)]);
    let none = || "–".to_owned();
    let text = |ah: f64| if ah > 0.0 { numbers::significant(ah) } else { none() };
    picked
        .map(|cycle| CycleLine {
            number: numbers::plain(cycle.number),
            charge: text(cycle.moved.charge_ah),
            discharge: text(cycle.moved.discharge_ah),
            efficiency: cycle.efficiency_pct.map_or_else(none, |pct| format!("{pct:.2}")),
            kept: first_ah
                .filter(|_| cycle.moved.discharge_ah > 0.0)
                .map_or_else(none, |first| format!("{:.2}", 100.0 * cycle.moved.discharge_ah / first)),
        })
        .collect()
}

/// The name of a report's file as users know it, with what no file system takes left out by `part`.
#[must_use]
pub fn file_name(experiment: i64, name: &str, battery: &str, part: fn(&str) -> String) -> String {
    format!("report_id_{experiment}_{}_battery_{}.html", part(name), part(battery))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_needs_nothing_else_and_runs_nothing() {
        let hostile = "<script>alert(1)</script><meta name=\"sheets\">";
        let report = Report {
            name: hostile.into(),
            description: hostile.into(),
            steps: vec![hostile.into()],
            facts: vec![Fact { name: "Battery", value: hostile.into() }],
            fingerprint: "0123456789abcdef0123".into(),
            ..Report::default()
        };
        let html = report.file().unwrap();
        assert!(!html.contains("<script") && !html.contains("<link") && !html.contains("url("), "{html}");
        assert_eq!(html.matches("<style>").count(), 1);
        assert!(html.find("<style>") < html.find("<body"));
        assert!(html.contains("default-src &#39;none&#39;") || html.contains("default-src 'none'"), "{html}");
        assert!(html.contains("0123 4567 89ab cdef"));
        assert!(html.len() < 40_000, "{}", html.len());
    }

    #[test]
    fn of_many_cycles_some_are_shown_the_ends_among_them() {
        use crate::analysis::cycling::Moved;
        let cycles: Vec<Cycle> = (1..=50_u32)
            .map(|number| Cycle {
                number: f64::from(number),
                first_at_us: 0,
                last_at_us: 0,
                moved: Moved { charge_ah: 3.0, discharge_ah: 3.0 - f64::from(number) / 100.0, ..Moved::default() },
                efficiency_pct: (number < 50).then_some(99.5),
            })
            .collect();
        let lines = cycle_lines(&cycles);
        assert_eq!((lines.len(), lines[0].number.as_str(), lines[11].number.as_str()), (12, "1", "50"));
        assert_eq!(
            (lines[11].discharge.as_str(), lines[11].efficiency.as_str(), lines[11].kept.as_str()),
            ("2.500", "–", "83.61")
        );
        assert!(cycle_lines(&cycles[..1]).is_empty());
    }
}
