//! The text form: a step per line, as `docs/profiles.md` describes it.
//!
//! Everything the as-built application accepts is read; blanks, blank lines, comments and lower case are allowed besides.

use super::program::{Fault, Program, Spot};
use super::row::{self, Shape};

/// Longest text read, bytes: [`super::program::STEPS_MAX`] steps with a comment each fit several times.
pub const TEXT_BYTES_MAX: usize = 100_000;

/// What is wrong with a text, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Line {line}, column {column}: {message}")]
pub struct TextFault {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what would be right.
    pub message: String,
}

/// A line with something on it.
struct Row<'text> {
    line: usize,
    /// Words with their columns.
    words: Vec<(usize, &'text str)>,
    /// Column behind the last word.
    end: usize,
}

/// Reads a text.
///
/// # Errors
/// Every problem with its place, at most [`super::program::FAULTS_MAX`].
pub fn read(text: &str) -> Result<Program, Vec<TextFault>> {
    if text.len() > TEXT_BYTES_MAX {
        let message = format!("The text is longer than {} kB. Use loops, or make two profiles.", TEXT_BYTES_MAX / 1000);
        return Err(vec![TextFault { line: 1, column: 1, message }]);
    }
    let rows: Vec<Row> = rows(text).collect();
    let words: Vec<Vec<&str>> = rows.iter().map(|row| row.words.iter().map(|(_, word)| *word).collect()).collect();
    row::program(&words).map_err(|faults| faults.into_iter().map(|(fault, shape)| place(&rows, fault, shape)).collect())
}

/// Where in the text a problem lies.
fn place(rows: &[Row], fault: Fault, shape: Shape) -> TextFault {
    let Some(row) = rows.get(fault.step) else {
        return TextFault { line: 1, column: 1, message: fault.message };
    };
    let word = row.words.get(shape.word(fault.spot));
    let column = word.map_or(row.end, |(column, _)| *column);
    TextFault { line: row.line, column, message: fault.message }
}

fn rows(text: &str) -> impl Iterator<Item = Row<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    numbered_lines(text).filter_map(|(line, whole)| {
        let content = whole.split('#').next().unwrap_or_default();
        if content.trim().is_empty() {
            return None;
        }
        let mut words = Vec::new();
        let mut column = 1;
        for field in content.split(',') {
            let blanks = field.chars().take_while(|letter| letter.is_whitespace()).count();
            let blanks = if field.trim().is_empty() { 0 } else { blanks };
            words.push((column + blanks, field.trim()));
            column += field.chars().count() + 1;
        }
        Some(Row { line, words, end: content.trim_end().chars().count() + 1 })
    })
}

/// Lines from 1, whether they end with CR LF, LF or CR.
fn numbered_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..).zip(text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\r')))
}

/// Writes a program: [`read`] gives the same one back.
///
/// What fits the as-built form stands in exactly that form.
#[must_use]
pub fn write(program: &Program) -> String {
    let mut text = String::new();
    for step in &program.steps {
        text.push_str(&row::words(step).join(", "));
        text.push('\n');
    }
    if program.cycles != 1 {
        text.push_str(&format!("LOOP, 1, {}\n", program.cycles));
    }
    text
}

/// The line a step stands on in what [`write()`] writes, and the column of a spot in it; both from 1.
#[must_use]
pub fn written_place(program: &Program, step: usize, spot: Spot) -> (usize, usize) {
    let Some(of_step) = program.steps.get(step) else { return (step + 1, 1) };
    let words = row::words(of_step);
    let refs: Vec<&str> = words.iter().map(String::as_str).collect();
    let (shape, _) = row::read(&refs);
    let before = words.iter().take(shape.word(spot).min(words.len()));
    (step + 1, 1 + before.map(|word| word.chars().count() + 2).sum::<usize>())
}

#[cfg(test)]
#[path = "text_tests.rs"]
pub(crate) mod tests;
