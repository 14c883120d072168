//! Text that people and devices enter, made fit to stand in a list or a log.

/// The text less control characters, less what turns the direction of text around, less blanks at its ends.
///
/// Everything else stays as it is, mark-up too: pages escape what they show.
#[must_use]
pub fn line(typed: &str) -> String {
    typed.chars().filter(|letter| !letter.is_control() && !is_disorderly(*letter)).collect::<String>().trim().to_owned()
}

/// The same for several lines: ends of lines stay, as single `\n`, and blank lines at the ends go.
#[must_use]
pub fn lines(typed: &str) -> String {
    let plain = typed.replace("\r\n", "\n").replace('\r', "\n");
    let kept = |letter: &char| *letter == '\n' || !letter.is_control() && !is_disorderly(*letter);
    let rows: String = plain.chars().filter(kept).collect();
    rows.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Characters that begin a line or turn the direction of text around: with them a name can read as another.
fn is_disorderly(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Bytes as text: two lower-case hexadecimal digits each.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cannot_hide_anything() {
        assert_eq!(line("  NMC\u{202e}-017\r\n"), "NMC-017");
        assert_eq!(line("one\u{2028}two\u{61c}\u{0}\u{85}"), "onetwo");
        assert_eq!(line(" <b>&amp;\u{200b} ü "), "<b>&amp;\u{200b} ü");
    }

    #[test]
    fn several_lines_stay_several_lines() {
        assert_eq!(lines("\r\n one \r\ntwo\u{0}\u{202e}\r\r three\t\n\n"), "one\ntwo\n\n three");
        assert_eq!(lines(" \n "), "");
    }
}
