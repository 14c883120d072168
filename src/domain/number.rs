//! Numbers as people type them: decimal point or comma, but never a guess.

/// Why a text is not taken as a number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadNumber {
    /// Nothing was typed.
    #[error("Enter a number.")]
    Empty,
    /// It cannot be read.
    #[error("“{0}” is not a number. Enter digits with one decimal point or comma, like 3.7.")]
    Unreadable(String),
    /// It could mean two numbers.
    #[error("“{typed}” can be read as {small} or as {large}. Enter one of them, without separators of thousands.")]
    Ambiguous {
        /// As typed.
        typed: String,
        /// The separator taken as a decimal one.
        small: String,
        /// The separator taken as one of thousands.
        large: String,
    },
    /// It is too large for any quantity.
    #[error("“{0}” is too large.")]
    TooLarge(String),
}

/// Longest text quoted back, in characters.
const QUOTED_MAX: usize = 40;
/// Larger than anything measured in a laboratory in SI units, small enough that products stay finite.
const MAGNITUDE_MAX: f64 = 1e15;

/// The number somebody typed: `3.7`, `3,7`, `-5`, `−5`, `1e-3`; blanks within and thin spaces are left out.
///
/// # Errors
/// When nothing was typed, it is no number or not finite, or both a point and a comma occur: `1.234,5` is refused and
/// read back, since nobody can know which was meant.
pub fn typed(text: &str) -> Result<f64, BadNumber> {
    let quoted = || text.trim().chars().take(QUOTED_MAX).collect::<String>();
    let plain: String = text
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .map(|letter| if letter == '\u{2212}' { '-' } else { letter })
        .collect();
    if plain.is_empty() {
        return Err(BadNumber::Empty);
    }
    let allowed = |letter: char| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '.' | ',' | 'e' | 'E');
    if !plain.chars().all(allowed) {
        return Err(BadNumber::Unreadable(quoted()));
    }
    let separators: Vec<char> = plain.chars().filter(|letter| matches!(letter, '.' | ',')).collect();
    if separators.len() > 1 {
        return Err(two_readings(&plain, &separators).unwrap_or_else(|| BadNumber::Unreadable(quoted())));
    }
    let value: f64 = plain.replace(',', ".").parse().map_err(|_| BadNumber::Unreadable(quoted()))?;
    if value.abs() > MAGNITUDE_MAX { Err(BadNumber::TooLarge(quoted())) } else { Ok(value) }
}

/// Digits that survive the conversion of a unit, so that 48.2 g are shown as 48.2 again.
const DIGITS: usize = 12;

/// The number of twelve digits next to this one: takes away what a product left in the last places, so that 6 · 2.45 is 14.7.
#[must_use]
pub fn rounded(value: f64) -> f64 {
    format!("{value:.*e}", DIGITS - 1).parse().unwrap_or(value)
}

/// A number as it stands in a form or a sentence: the shortest text of twelve digits, with a true minus, without zeros at its
/// end. What [`typed`] reads back.
#[must_use]
pub fn plain(value: f64) -> String {
    let rounded = rounded(value);
    if rounded == 0.0 {
        return "0".to_owned();
    }
    let text = if (1e-6..1e15).contains(&rounded.abs()) { rounded.to_string() } else { format!("{rounded:e}") };
    text.replace('-', "\u{2212}")
}

/// What a text with several separators may mean: the last one as the decimal one, or all as those of thousands.
fn two_readings(plain: &str, separators: &[char]) -> Option<BadNumber> {
    let last = *separators.last()?;
    let (whole, part) = plain.rsplit_once(last)?;
    let digits = |text: &str| text.replace(['.', ','], "");
    let small = format!("{}.{part}", digits(whole));
    let large = digits(plain);
    let both_read = small.parse::<f64>().is_ok() && large.parse::<f64>().is_ok();
    both_read.then(|| BadNumber::Ambiguous { typed: plain.chars().take(QUOTED_MAX).collect(), small, large })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn point_and_comma_are_both_decimal() {
        for (text, value) in [
            ("3.7", 3.7),
            ("3,7", 3.7),
            (" −5 ", -5.0),
            ("1e-3", 1e-3),
            ("1\u{2009}000", 1000.0),
            ("+.5", 0.5),
            ("0", 0.0),
        ] {
            assert_eq!(typed(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_could_be_two_numbers_is_read_back() {
        let told = typed("1.234,5").unwrap_err().to_string();
        assert!(told.contains("1234.5") && told.contains("12345"), "{told}");
        assert!(matches!(typed("1,234.5"), Err(BadNumber::Ambiguous { .. })));
        assert!(matches!(typed("1.000.000"), Err(BadNumber::Ambiguous { .. })));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(typed("  "), Err(BadNumber::Empty));
        for text in ["nan", "inf", "-inf", "1_0", "0x10", "5 V", "--1", "e5", ".", "1e", "٣"] {
            assert!(matches!(typed(text), Err(BadNumber::Unreadable(_))), "{text}");
        }
        assert!(matches!(typed("1e400"), Err(BadNumber::TooLarge(_))));
    }

    #[test]
    fn a_number_is_shown_without_what_is_no_digit_of_it() {
        assert_eq!(plain(0.0482 * 1e3), "48.2");
        assert_eq!(plain(0.1 + 0.2), "0.3");
        assert_eq!(plain(-2.50), "\u{2212}2.5");
        assert_eq!(plain(-0.0), "0");
        assert_eq!(plain(58.8), "58.8");
        assert_eq!(typed(&plain(1.5e-9)), Ok(1.5e-9));
        assert_eq!(typed(&plain(-12_345.0)), Ok(-12_345.0));
    }

    proptest::proptest! {
        #[test]
        fn every_printed_number_is_read_back(value in -1e15_f64..1e15) {
            proptest::prop_assert_eq!(typed(&value.to_string()), Ok(value));
            proptest::prop_assert_eq!(typed(&value.to_string().replace('.', ",")), Ok(value));
        }

        #[test]
        fn any_text_is_answered(text in ".*") {
            if let Ok(value) = typed(&text) {
                proptest::prop_assert!(value.is_finite());
            }
        }
    }
}
