//! Readers of files that other programs measured: what is this file, and which rows does it hold?
//!
//! A format is one entry of [`FORMATS`]. It looks at the beginning of a file and says how it reads it, or why it does not;
//! rows then come a stretch at a time, with our names, SI units and UTC, so that a file of any length takes little memory.

mod evidence;
mod fault;
mod format;
mod moment;
mod name;
mod plan;
mod rows;
mod table;

use std::io::{BufRead, Read as _};

pub use evidence::{ColumnFound, Evidence, Witness};
pub use fault::Fault;
pub use format::{FORMATS, Format};
pub use plan::{Mapped, Plan, Role};
pub use rows::{Rows, Stretch};

/// Bytes at the beginning of a file that a format may look at.
pub const HEAD_BYTES: usize = 64 * 1024;
/// Largest file, bytes: a month of ten rows a second.
pub const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// The beginning of a file.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Its first bytes.
    pub bytes: Vec<u8>,
    /// The lines in them, the last one left out if it may go on.
    lines: Vec<String>,
}

impl Head {
    /// Reads the beginning of a file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read(input: impl BufRead) -> std::io::Result<Self> {
        let mut bytes = Vec::new();
        input.take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        if bytes.len() == HEAD_BYTES && !text.ends_with('\n') {
            lines.pop();
        }
        Ok(Self { bytes, lines })
    }

    /// The first line.
    #[must_use]
    pub fn first_line(&self) -> &str {
        self.lines.first().map_or("", String::as_str)
    }
}

/// Finds out how a file is to be read: by the format of a word, or by the first that fits when `word` is `auto`.
///
/// # Errors
/// [`Fault`] when the format is not known, does not fit, or none fits: then each says why.
pub fn recognise(head: &Head, word: &str) -> Result<(&'static Format, Plan), Fault> {
    if head.bytes.is_empty() {
        return Err(Fault::whole("the file is empty", "choose another one"));
    }
    if head.bytes.contains(&0) {
        let remedy = "export it as CSV first, or choose another one";
        return Err(Fault::whole("this is no text file, and no binary format is read yet", remedy));
    }
    if word != "auto" {
        let Some(format) = FORMATS.iter().find(|format| format.word == word) else {
            let words: Vec<&str> = FORMATS.iter().map(|format| format.word).collect();
            let what = format!("“{}” is not a format", word.chars().take(40).collect::<String>());
            return Err(Fault::whole(what, format!("use auto, {}", words.join(", "))));
        };
        let plan = (format.recognise)(head);
        return plan.map(|plan| (format, plan)).map_err(|reason| {
            Fault::at(1, "", format!("this is no {}: {reason}", format.title), "choose another format, or auto")
        });
    }
    let mut reasons = Vec::new();
    for format in FORMATS {
        match (format.recognise)(head) {
            Ok(plan) => return Ok((format, plan)),
            Err(reason) => reasons.push(format!("{}: {reason}", format.title)),
        }
    }
    Err(Fault::at(1, "", format!("no format fits ({})", reasons.join("; ")), "give the columns one of these names"))
}

/// The rows of a file that begins at `input`.
#[must_use]
pub fn open<Input: BufRead>(plan: Plan, input: Input, start_us: i64) -> Rows<Input> {
    Rows::new(plan, input, start_us)
}
