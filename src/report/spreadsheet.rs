//! Files that people open with a spreadsheet.

use std::borrow::Cow;

/// A text that no spreadsheet takes for a formula: where it would, an apostrophe goes before it. Numbers are written
/// as they are and never come through here.
#[must_use]
pub fn guarded(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_becomes_text() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(guarded(formula), format!("'{formula}"));
        }
        for text in ["", "ann", "1=1", " =1", "user ann", "'=1"] {
            assert_eq!(guarded(text), text);
        }
    }
}
