//! Experiment strings read.

use crate::domain::profile::converted::{Converted, Unusable};
use crate::domain::profile::program::{Deed, End, FAULTS_MAX, Program, ProgramStep, Rate};

use crate::domain::profile::value::{self, quoted};

/// Longest text read, bytes.
pub const TEXT_BYTES_MAX: usize = crate::domain::profile::text::TEXT_BYTES_MAX;
/// Most lists within each other; nobody nests loops deeper.
const DEPTH_MAX: usize = 20;

/// Reads experiment strings.
///
/// # Errors
/// With the line.
pub fn read(text: &str) -> Result<Converted<Program>, Unusable> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(unusable(1, format!("The text is longer than {} kB.", TEXT_BYTES_MAX / 1000)));
    }
    let mut listing = Listing::default();
    if text.contains(['"', '\'']) {
        listing.python(text)?;
    } else {
        for (line, words) in (1..).zip(text.lines()) {
            let words = words.split('#').next().unwrap_or_default().trim().trim_end_matches(',');
            if !words.is_empty() {
                listing.string(line, words)?;
            }
        }
    }
    let lines = listing.lines;
    let result = Program::checked(listing.steps, 1).map_err(|faults| {
        let first = faults.into_iter().next();
        let (step, message) = first.map(|fault| (fault.step, fault.message)).unwrap_or_default();
        let message = if lines.is_empty() {
            "There is no step. Begin with one like “Charge at 1 A until 4.2 V”.".to_owned()
        } else {
            message
        };
        unusable(lines.get(step).copied().unwrap_or(1), message)
    })?;
    Ok(Converted { result, notes: listing.notes })
}

fn unusable(line: usize, message: impl Into<String>) -> Unusable {
    Unusable { place: format!("Line {line}"), message: message.into() }
}

/// The steps met so far.
#[derive(Default)]
struct Listing {
    steps: Vec<ProgramStep>,
    lines: Vec<usize>,
    notes: Vec<String>,
}

impl Listing {
    fn push(&mut self, line: usize, step: ProgramStep) {
        self.steps.push(step);
        self.lines.push(line);
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < FAULTS_MAX {
            self.notes.push(note);
        }
    }

    /// Strings within brackets, and how often the brackets are repeated.
    fn python(&mut self, text: &str) -> Result<(), Unusable> {
        let mut line = 1;
        let mut open: Vec<usize> = Vec::new();
        let mut before = ' ';
        let mut rest = text.chars().peekable();
        while let Some(letter) = rest.next() {
            match letter {
                '\n' => line += 1,
                '#' => while rest.next_if(|letter| *letter != '\n').is_some() {},
                '[' | '(' if open.len() == DEPTH_MAX => {
                    return Err(unusable(line, format!("More than {DEPTH_MAX} lists lie within each other.")));
                }
                '[' | '(' => open.push(self.steps.len()),
                ']' | ')' => {
                    let first = open.pop().unwrap_or_default();
                    while rest.next_if(|letter| *letter == ' ').is_some() {}
                    if rest.next_if_eq(&'*').is_some() {
                        self.times(line, first, &mut rest)?;
                    }
                }
                '"' | '\'' => {
                    let mut words = String::new();
                    loop {
                        match rest.next() {
                            Some(end) if end == letter => break,
                            None | Some('\n') => {
                                return Err(unusable(line, "This string has no end: close the quotes."));
                            }
                            Some(other) => words.push(other),
                        }
                    }
                    if before == '=' {
                        self.note(format!("{} is left out: it is no step.", quoted(&words)));
                    } else if !words.trim().is_empty() {
                        self.string(line, &words)?;
                    }
                }
                _ => {}
            }
            if !letter.is_whitespace() {
                before = letter;
            }
        }
        Ok(())
    }

    /// The number behind a list: repeats what it holds.
    fn times(
        &mut self,
        line: usize,
        first: usize,
        rest: &mut std::iter::Peekable<std::str::Chars>,
    ) -> Result<(), Unusable> {
        let mut digits = String::new();
        while let Some(letter) = rest.next_if(|letter| letter.is_ascii_digit() || matches!(letter, ' ' | '_')) {
            digits.push(letter);
        }
        let times = value::count(&digits, "how often to repeat").map_err(|why| unusable(line, why))?;
        if first < self.steps.len() && times > 1 {
            let to = u32::try_from(first + 1).unwrap_or(u32::MAX);
            self.push(line, ProgramStep { deed: Deed::Loop { to, times }, until: vec![] });
        }
        Ok(())
    }

    fn string(&mut self, line: usize, words: &str) -> Result<(), Unusable> {
        let mut words = words.trim();
        if let Some((step, period)) = words.split_once('(') {
            self.note(format!("“({}” is left out: how often to record is set with the experiment.", period.trim()));
            words = step.trim();
        }
        let step = step(words).map_err(|why| unusable(line, why))?;
        self.push(line, step);
        Ok(())
    }
}

fn step(text: &str) -> Result<ProgramStep, String> {
    let mut deed = String::new();
    let mut until = Vec::new();
    // The parts between “for” and “until”, blanks taken out: “4.2 V” and “4.2V” are the same.
    let mut part: Option<(bool, String)> = None;
    let mut parts = Vec::new();
    let mut verb = String::new();
    for word in text.split_whitespace() {
        match word.to_ascii_lowercase().as_str() {
            "for" => parts.extend(part.replace((true, String::new()))),
            "until" => parts.extend(part.replace((false, String::new()))),
            "or" | "at" => {}
            lower if verb.is_empty() => verb = lower.to_owned(),
            _ => match &mut part {
                Some((_, amount)) => amount.push_str(word),
                None => deed.push_str(word),
            },
        }
    }
    parts.extend(part);
    for (is_time, amount) in parts {
        until.push(if is_time { End::TimeS(seconds(&amount)?) } else { term(&amount)? });
    }
    let sign = match verb.as_str() {
        "rest" if deed.is_empty() => return Ok(ProgramStep { deed: Deed::Rest, until }),
        "rest" => return Err(format!("{} has no place in a rest. Write it like “Rest for 1 hour”.", quoted(&deed))),
        "charge" | "hold" => 1.0,
        "discharge" => -1.0,
        _ => {
            return Err(format!("{} is no step. Begin with Charge, Discharge, Hold or Rest.", quoted(text)));
        }
    };
    let deed = match electric(&deed)? {
        Electric::Current(Rate::A(amperes)) => Deed::Cc { current: Rate::A(sign * amperes) },
        Electric::Current(Rate::C(rate)) => Deed::Cc { current: Rate::C(sign * rate) },
        Electric::Voltage(voltage_v) => Deed::Cv { voltage_v },
        Electric::Power(watts) => Deed::Cp { power_w: sign * watts },
    };
    Ok(ProgramStep { deed, until })
}

enum Electric {
    Current(Rate),
    Voltage(f64),
    Power(f64),
}

/// `1A`, `C/20`, `4.2V`, `10W`, by its unit.
fn electric(text: &str) -> Result<Electric, String> {
    let upper = text.to_ascii_uppercase();
    if upper.ends_with("OHM") {
        return Err(format!(
            "{} is a resistance, which a profile cannot hold. Use a current or a power.",
            quoted(text)
        ));
    }
    if upper.starts_with("C/") || upper.ends_with('A') || upper.ends_with('C') {
        value::current(text).map(Electric::Current)
    } else if upper.ends_with('V') {
        value::voltage_v(text).map(Electric::Voltage)
    } else if upper.ends_with('W') {
        value::power_w(text).map(Electric::Power)
    } else {
        Err(format!("{} is no value with a unit. Write one like 1 A, C/20, 4.2 V or 10 W.", quoted(text)))
    }
}

fn term(text: &str) -> Result<End, String> {
    let text = text.trim_start_matches(['<', '>', '=']);
    Ok(match electric(text)? {
        Electric::Current(Rate::A(amperes)) => End::CurrentA(amperes.abs()),
        Electric::Current(Rate::C(rate)) => End::RateC(rate.abs()),
        Electric::Voltage(volts) => End::VoltageV(volts),
        Electric::Power(watts) => End::PowerW(watts.abs()),
    })
}

fn seconds(text: &str) -> Result<f64, String> {
    let at = text.find(|letter: char| letter.is_ascii_alphabetic() && !matches!(letter, 'e' | 'E'));
    let (number, unit) = text.split_at(at.unwrap_or(text.len()));
    let unit = match unit {
        "s" | "sec" | "second" | "seconds" => "s",
        "m" | "min" | "minute" | "minutes" => "min",
        "h" | "hr" | "hour" | "hours" => "h",
        _ => return Err(format!("{} is no time. Write it like “for 10 minutes”.", quoted(text))),
    };
    value::time_s(&format!("{number}{unit}"))
}
