//! Numbers, read while the batch is scanned: exactly the value `str::parse` gives, most often in a tenth of its time.

use super::scan::{Fault, Scanner};

/// Powers of ten an `f64` holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// Integers up to here are exact in an `f64`.
const EXACT_MANTISSA_MAX: u64 = 1 << 53;
/// So many decimal digits always fit a `u64`.
const MANTISSA_DIGITS_MAX: usize = 19;
/// Exponents are followed so far; anything beyond overflows or vanishes, and `str::parse` decides which.
const EXPONENT_MAX: i32 = 100_000;

/// Reads a JSON number as the nearest `f64`; refuses one that is beyond the range of finite values.
#[expect(clippy::cast_precision_loss, reason = "the mantissa is at most 2^53")]
#[inline]
pub(super) fn float(scanner: &mut Scanner<'_>) -> Result<f64, Fault> {
    let start = scanner.at();
    let negative = scanner.eat(b'-');
    let mut digits = Digits::default();
    integer_part(scanner, &mut digits)?;
    let mut exponent = 0;
    if scanner.eat(b'.') {
        let before = scanner.at();
        digits.read(scanner);
        let count = scanner.at() - before;
        if count == 0 {
            return Err(scanner.fault("a digit after the decimal point"));
        }
        exponent = -i32::try_from(count).unwrap_or(EXPONENT_MAX);
    }
    if matches!(scanner.peek(), Some(b'e' | b'E')) {
        exponent += exponent_part(scanner)?;
    }
    let power = usize::try_from(exponent.unsigned_abs()).ok().and_then(|power| EXACT_POWERS.get(power));
    if let (Some(power), true) = (power, digits.count <= MANTISSA_DIGITS_MAX && digits.value <= EXACT_MANTISSA_MAX) {
        // Both operands are exact, so the one rounding of the operation gives the nearest value.
        let mantissa = digits.value as f64;
        let value = if exponent < 0 { mantissa / power } else { mantissa * power };
        return Ok(if negative { -value } else { value });
    }
    match scanner.text_since(start).parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(scanner.fault_at(start, "a number within ±1.8e308")),
    }
}

/// Reads a JSON number that is an integer within `i64`.
#[inline]
pub(super) fn integer(scanner: &mut Scanner<'_>) -> Result<i64, Fault> {
    const EXPECTED: &str = "an integer of at most 63 bits";
    let start = scanner.at();
    let negative = scanner.eat(b'-');
    let mut digits = Digits::default();
    integer_part(scanner, &mut digits)?;
    if matches!(scanner.peek(), Some(b'.' | b'e' | b'E')) || digits.count > MANTISSA_DIGITS_MAX {
        return Err(scanner.fault_at(start, EXPECTED));
    }
    let value = if negative { 0_i64.checked_sub_unsigned(digits.value) } else { i64::try_from(digits.value).ok() };
    value.ok_or_else(|| scanner.fault_at(start, EXPECTED))
}

/// `0`, or digits that do not begin with 0.
#[inline]
fn integer_part(scanner: &mut Scanner<'_>, digits: &mut Digits) -> Result<(), Fault> {
    if scanner.eat(b'0') {
        return if matches!(scanner.peek(), Some(b'0'..=b'9')) {
            Err(scanner.fault("no digit after a leading 0"))
        } else {
            Ok(())
        };
    }
    digits.read(scanner);
    if digits.count == 0 { Err(scanner.fault("a number")) } else { Ok(()) }
}

/// What stands behind `e`: sign and digits.
fn exponent_part(scanner: &mut Scanner<'_>) -> Result<i32, Fault> {
    scanner.skip();
    let negative = scanner.eat(b'-');
    if !negative {
        scanner.eat(b'+');
    }
    let mut value: i32 = 0;
    let before = scanner.at();
    while let Some(digit @ b'0'..=b'9') = scanner.peek() {
        value = (value * 10 + i32::from(digit - b'0')).min(EXPONENT_MAX);
        scanner.skip();
    }
    if scanner.at() == before {
        return Err(scanner.fault("a digit of the exponent"));
    }
    Ok(if negative { -value } else { value })
}

/// The number that eight bytes spell, if all are digits: three multiplications on all of them together.
#[inline]
fn eight_digits(bytes: [u8; 8]) -> Option<u64> {
    let text = u64::from_le_bytes(bytes);
    let values = text.wrapping_sub(0x3030_3030_3030_3030);
    // A byte below `0` borrows, one above `9` carries: either sets its highest bit.
    if (text.wrapping_add(0x4646_4646_4646_4646) | values) & 0x8080_8080_8080_8080 != 0 {
        return None;
    }
    let pairs = (values * 10).wrapping_add(values >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some((fours * 10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// Decimal digits as a number; it means nothing once `count` is above [`MANTISSA_DIGITS_MAX`].
#[derive(Default)]
struct Digits {
    value: u64,
    /// Digits read, most leading zeros left out.
    count: usize,
}

impl Digits {
    #[inline]
    fn read(&mut self, scanner: &mut Scanner<'_>) {
        // Times have sixteen digits: eight at a stroke. Leading zeros among them are counted, which costs nothing but
        // the fast path of numbers that are written oddly.
        while let Some(eight) = scanner.peek_eight().and_then(eight_digits) {
            self.value = self.value.wrapping_mul(100_000_000).wrapping_add(eight);
            self.count += 8;
            scanner.skip_eight();
        }
        while let Some(byte @ b'0'..=b'9') = scanner.peek() {
            self.value = self.value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            self.count += usize::from(self.value != 0 || self.count != 0);
            scanner.skip();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn float_of(text: &str) -> Option<f64> {
        let mut scanner = Scanner::new(text.as_bytes()).unwrap();
        let value = float(&mut scanner).ok()?;
        scanner.peek().is_none().then_some(value)
    }

    fn integer_of(text: &str) -> Option<i64> {
        let mut scanner = Scanner::new(text.as_bytes()).unwrap();
        integer(&mut scanner).ok().filter(|_| scanner.peek().is_none())
    }

    #[test]
    fn what_json_does_not_allow_is_no_number() {
        for text in
            ["", "-", "+1", "01", "-01", ".5", "5.", "1e", "1e+", "NaN", "Infinity", "-inf", "0x1", "1_0", "1e999"]
        {
            assert_eq!(float_of(text), None, "{text}");
        }
        for text in ["1.0", "1e3", "9223372036854775808", "-9223372036854775809", "99999999999999999999", "01"] {
            assert_eq!(integer_of(text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_the_ranges_are_read() {
        assert_eq!(integer_of("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(integer_of("9223372036854775807"), Some(i64::MAX));
        assert_eq!(float_of("-0").map(f64::to_bits), Some((-0.0_f64).to_bits()));
        assert_eq!(float_of("0.000000000000000000000000000000001"), Some(1e-33));
        assert_eq!(float_of("1e-999"), Some(0.0));
        assert_eq!(float_of("1.7976931348623157e308"), Some(f64::MAX));
        assert_eq!(float_of(&format!("0.{}1", "0".repeat(400))), Some(0.0));
        assert_eq!(float_of(&format!("1{}e-400", "0".repeat(400))), Some(1.0));
    }

    #[test]
    fn eight_bytes_are_a_number_only_if_all_are_digits() {
        assert_eq!(eight_digits(*b"12345678"), Some(12_345_678));
        assert_eq!(eight_digits(*b"00000000"), Some(0));
        assert_eq!(eight_digits(*b"99999999"), Some(99_999_999));
        for place in 0..8 {
            for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                let mut bytes = *b"90909090";
                bytes[place] = byte;
                assert_eq!(eight_digits(bytes), None, "{bytes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_number_is_the_one_the_standard_library_reads(text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,3})?") {
            let expected: f64 = text.parse().unwrap();
            prop_assert_eq!(float_of(&text).map(f64::to_bits), expected.is_finite().then_some(expected.to_bits()));
        }

        #[test]
        fn every_double_survives_being_written(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            for text in [format!("{value:?}"), format!("{value:e}"), format!("{value}")] {
                prop_assert_eq!(float_of(&text).map(f64::to_bits), Some(bits), "{}", text);
            }
        }
    }
}
