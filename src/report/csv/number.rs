//! Numbers as text: the shortest that reads back as the same number, without the formatting machinery, which would cost
//! more than everything else in an export.

/// Two digits of each number below 100.
const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819\
2021222324252627282930313233343536373839\
4041424344454647484950515253545556575859\
6061626364656667686970717273747576777879\
8081828384858687888990919293949596979899";

/// Powers of ten up to the finest decimals of a scaled column.
const POWERS: [u64; 10] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000];
/// Most decimals of a scaled number.
const DECIMALS_MAX: usize = POWERS.len() - 1;

/// From this size on, and below [`SMALL`], a float is written with an exponent.
const LARGE: f64 = 1e17;
const SMALL: f64 = 1e-9;

/// The two digits of a number below 100.
pub(in crate::report) fn pair(number: u64) -> [u8; 2] {
    let at = usize::try_from(number % 100).unwrap_or(0) * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

/// Writes a whole number.
pub(in crate::report) fn unsigned(out: &mut Vec<u8>, mut number: u64) {
    if let (0..10, Ok(digit)) = (number, u8::try_from(number)) {
        out.push(b'0' + digit);
        return;
    }
    let mut digits = [0; 20];
    let mut at = digits.len();
    while number >= 10 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(number));
        number /= 100;
    }
    if let (1..10, Ok(digit)) = (number, u8::try_from(number)) {
        at -= 1;
        digits[at] = b'0' + digit;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Writes a whole number with its sign.
pub(in crate::report) fn signed(out: &mut Vec<u8>, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    unsigned(out, number.unsigned_abs());
}

/// Writes `scaled / 10^decimals` without zeros at its end: for up to 15 digits exactly the shortest text that reads back
/// as the same `f64`. More than nine decimals are taken for nine.
pub(in crate::report) fn decimal(out: &mut Vec<u8>, scaled: i64, decimals: u8) {
    let decimals = usize::from(decimals).min(DECIMALS_MAX);
    if decimals == 0 {
        return signed(out, scaled);
    }
    if scaled < 0 {
        out.push(b'-');
    }
    let (number, power) = (scaled.unsigned_abs(), POWERS[decimals]);
    unsigned(out, number / power);
    let mut rest = number % power;
    if rest == 0 {
        return;
    }
    let mut digits = [b'0'; DECIMALS_MAX + 1];
    digits[0] = b'.';
    let mut at = decimals;
    while at >= 2 {
        digits[at - 1..=at].copy_from_slice(&pair(rest));
        rest /= 100;
        at -= 2;
    }
    if at == 1 {
        digits[1] = pair(rest)[1];
    }
    let mut end = decimals;
    while digits[end] == b'0' {
        end -= 1;
    }
    out.extend_from_slice(&digits[..=end]);
}

/// Writes any float so that it reads back bit for bit: `NaN` (whatever its bits), `inf`, `-0` too.
pub(in crate::report) fn float(out: &mut Vec<u8>, value: f64) {
    use std::io::Write as _;
    let size = value.abs();
    let is_plain = !value.is_finite() || size == 0.0 || (SMALL..LARGE).contains(&size);
    // Writing to memory cannot fail.
    let _ = if is_plain { write!(out, "{value}") } else { write!(out, "{value:e}") };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn decimals_have_no_zeros_at_their_end() {
        for (scaled, decimals, expected) in [
            (370, 2, "3.7"),
            (-1, 4, "-0.0001"),
            (0, 6, "0"),
            (1_000_000, 6, "1"),
            (1_500_001, 6, "1.500001"),
            (42, 0, "42"),
            (i64::MIN, 9, "-9223372036.854775808"),
            (105, 1, "10.5"),
        ] {
            assert_eq!(text(|out| decimal(out, scaled, decimals)), expected);
        }
    }

    #[test]
    fn odd_floats_are_told_apart() {
        for (value, expected) in [
            (-0.0, "-0"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
            (5e-324, "5e-324"),
            (1e300, "1e300"),
            (1.0 / 3.0, "0.3333333333333333"),
            (-3.5e-8, "-0.000000035"),
        ] {
            assert_eq!(text(|out| float(out, value)), expected);
        }
    }

    proptest! {
        #[test]
        fn a_scaled_number_is_the_shortest_text(scaled in -999_999_999_999_999_i64..=999_999_999_999_999, decimals in 0_u8..=9) {
            let written = text(|out| decimal(out, scaled, decimals));
            #[expect(clippy::cast_precision_loss, reason = "fifteen digits are exact")]
            let value = scaled as f64 / 10_f64.powi(i32::from(decimals));
            prop_assert_eq!(&written, &value.to_string());
        }

        #[test]
        fn whole_numbers_are_as_everywhere(number in any::<i64>()) {
            prop_assert_eq!(text(|out| signed(out, number)), number.to_string());
        }

        #[test]
        fn any_float_reads_back_bit_for_bit(bits in any::<u64>()) {
            let value = f64::from_bits(bits);
            let back: f64 = text(|out| float(out, value)).parse().unwrap();
            prop_assert!(back.to_bits() == bits || back.is_nan() && value.is_nan());
        }
    }
}
