//! Text that people and devices enter, made fit to stand in a list or a log.

/// The text less control characters, less what turns the direction of text around, less blanks at its ends.
///
/// Everything else stays as it is, mark-up too: pages escape what they show.
#[must_use]
pub fn line(typed: &str) -> String {
    typed.chars().filter(|letter| !letter.is_control() && !is_disorderly(*letter)).collect::<String>().trim().to_owned()
}

/// Characters that begin a line or turn the direction of text around: with them a name can read as another.
fn is_disorderly(letter: char) -> bool {
    matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
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
}
