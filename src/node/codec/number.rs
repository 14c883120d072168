//! Numbers, read while the batch is scanned: exactly the value `str::parse` gives, most often in a tenth of its time.

use super::scan::{Fault, Scanner};

/// Powers of ten an `f64` holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];
/// What a number is multiplied by when so many digits follow.
const POWERS: [u64; 9] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000];
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

/// The decimal digits that eight bytes begin with: the number they spell, and how many they are.
///
/// All eight bytes are worked on together and nothing depends on the digits, so there is nothing for the processor to
/// guess wrong; reading byte by byte, it guesses where every number ends.
#[inline]
fn leading_digits(bytes: [u8; 8]) -> (u64, usize) {
    // The first character is the lowest byte. A digit becomes its value, anything else more than 9; what is carried out
    // of a byte that is no digit only spoils those behind it.
    let values = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
    let no_digit = (values.wrapping_add(0x7676_7676_7676_7676) | values) & 0x8080_8080_8080_8080;
    let count = no_digit.trailing_zeros() / 8;
    if count == 0 {
        return (0, 0);
    }
    // Zeros in front, so that the digits are always the last ones of eight.
    let eight = values << (64 - 8 * count);
    let pairs = (eight * 10).wrapping_add(eight >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs * 100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    ((fours * 10_000).wrapping_add(fours >> 32) & 0xffff_ffff, count as usize)
}

/// Decimal digits as a number; it means nothing once `count` is above [`MANTISSA_DIGITS_MAX`].
#[derive(Default)]
struct Digits {
    value: u64,
    /// Digits read. A number written with many zeros in front only loses the fast path.
    count: usize,
}

impl Digits {
    #[inline]
    fn read(&mut self, scanner: &mut Scanner<'_>) {
        while let Some(eight) = scanner.peek_eight() {
            let (value, count) = leading_digits(eight);
            self.value = self.value.wrapping_mul(POWERS[count]).wrapping_add(value);
            self.count += count;
            scanner.pass(count);
            if count < 8 {
                return;
            }
        }
        // The last bytes of the payload.
        while let Some(byte @ b'0'..=b'9') = scanner.peek() {
            self.value = self.value.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
            self.count += 1;
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
    fn digits_are_read_up_to_the_first_byte_that_is_none() {
        assert_eq!(leading_digits(*b"12345678"), (12_345_678, 8));
        assert_eq!(leading_digits(*b"99999999"), (99_999_999, 8));
        for place in 0..8 {
            for byte in (0..=u8::MAX).filter(|byte| !byte.is_ascii_digit()) {
                let mut bytes = *b"90909090";
                bytes[place] = byte;
                let expected = std::str::from_utf8(&bytes[..place]).unwrap().parse().unwrap_or(0);
                assert_eq!(leading_digits(bytes), (expected, place), "{bytes:?}");
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
