//! Lines of text cut into cells.

use std::io::BufRead;

use super::fault::Fault;

/// Longest line, bytes: 128 columns with room to spare. What is longer is no table, and must not fill the memory.
const LINE_BYTES_MAX: usize = 256 * 1024;
/// What may stand between two cells.
const SEPARATORS: [char; 3] = [',', ';', '\t'];

/// The separator of a table with this header: the one that cuts it into most cells.
#[must_use]
pub(super) fn separator(header: &str) -> char {
    let count = |separator: &char| cells(header, *separator).map_or(0, |cells| cells.len());
    // The first of several that cut as often.
    SEPARATORS.into_iter().rev().max_by_key(count).unwrap_or(',')
}

/// The cells of a line. `None` when a quote is not closed.
#[must_use]
pub(super) fn cells(line: &str, separator: char) -> Option<Vec<String>> {
    let mut cells = Vec::new();
    let mut rest = line;
    loop {
        let trimmed = rest.trim_start_matches(' ');
        let (cell, after) = match trimmed.strip_prefix('"') {
            Some(quoted) => quoted_cell(quoted)?,
            None => {
                let end = rest.find(separator).unwrap_or(rest.len());
                (rest[..end].trim().to_owned(), &rest[end..])
            }
        };
        cells.push(cell);
        let Some(next) = after.trim_start_matches(' ').strip_prefix(separator) else { return Some(cells) };
        rest = next;
    }
}

/// The text up to the closing quote, and what follows.
fn quoted_cell(text: &str) -> Option<(String, &str)> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('"')?;
        cell.push_str(before);
        match after.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None => return Some((cell, after)),
        }
    }
}

/// Reads a file line by line.
#[derive(Debug)]
pub(super) struct Lines<Input> {
    input: Input,
    buffer: Vec<u8>,
    number: u64,
}

impl<Input: BufRead> Lines<Input> {
    pub(super) fn new(input: Input) -> Self {
        Self { input, buffer: Vec::new(), number: 0 }
    }

    /// Number of the last line read, from 1.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// The next line without its end; `None` at the end of the file.
    pub(super) fn next(&mut self) -> Result<Option<&str>, Fault> {
        self.buffer.clear();
        loop {
            let available = self.input.fill_buf().map_err(|error| {
                Fault::whole(format!("the file cannot be read: {error}"), "try again, or copy it first")
            })?;
            if available.is_empty() {
                break;
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(available.len(), |end| end + 1);
            if self.buffer.len() + count > LINE_BYTES_MAX {
                let what = format!("the line is longer than {} kB", LINE_BYTES_MAX / 1024);
                return Err(Fault::at(self.number + 1, "", what, "check that this is a table with one row a line"));
            }
            self.buffer.extend_from_slice(&available[..count]);
            self.input.consume(count);
            if end.is_some() {
                break;
            }
        }
        if self.buffer.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let line = self.buffer.strip_suffix(b"\n").unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let line = if self.number == 1 { line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line) } else { line };
        match std::str::from_utf8(line) {
            Ok(line) => Ok(Some(line)),
            Err(_) if self.number == 1 => Ok(Some("")),
            Err(_) => Err(Fault::at(self.number, "", "the line is not UTF-8", "save the file as UTF-8")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_may_be_quoted() {
        let cut = |line| cells(line, ',').unwrap();
        assert_eq!(cut("a, \"b,\"\"c\" ,, d "), ["a", "b,\"c", "", "d"]);
        assert_eq!(cut(""), [""]);
        assert_eq!(cells("a,\"b", ','), None);
        assert_eq!((separator("a;b,c;d"), separator("a,b"), separator("a\tb"), separator("a")), (';', ',', '\t', ','));
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let endless = std::io::BufReader::new(std::io::repeat(b'1'));
        let fault = Lines::new(endless).next().unwrap_err();
        assert!(fault.to_string().contains("line 1: the line is longer than 256 kB"), "{fault}");
    }

    #[test]
    fn ends_of_lines_of_every_system_are_read() {
        let mut lines = Lines::new("\u{feff}a\r\nb\n\nc".as_bytes());
        let mut read = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            read.push(line.to_owned());
        }
        assert_eq!((read, lines.number()), (vec!["a".into(), "b".into(), String::new(), "c".into()], 4));
    }
}
