//! Numbers as text: the shortest that reads back as the same number, without the formatting machinery, which would cost
//! more than everything else in an export.

/// Two digits of each number below 100.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut number = 0_u8;
    while number < 100 {
        pairs[number as usize] = [b'0' + number / 10, b'0' + number % 10];
        number += 1;
    }
    pairs
};

/// Most decimals of a scaled number.
const DECIMALS_MAX: usize = 9;
/// Most digits of a whole number of 64 bits.
const DIGITS_MAX: usize = 20;
/// Place of the decimal point while a number is put together: a sign and all digits have room before it.
const POINT: usize = DIGITS_MAX + 1;
/// Longest scaled number: a sign, all digits, the point and the decimals.
const TEXT_MAX: usize = POINT + 1 + DECIMALS_MAX;

/// From this size on, and below [`SMALL`], a float is written with an exponent.
const LARGE: f64 = 1e17;
const SMALL: f64 = 1e-9;

/// The two digits of a number below 100.
pub(in crate::report) fn pair(number: u64) -> [u8; 2] {
    PAIRS[usize::try_from(number % 100).unwrap_or(0)]
}

/// Appends the first `length` bytes of a short text. Copying all of it and cutting it off is a store or two; copying as many
/// as there are is a call, a dozen a row.
pub(in crate::report) fn push<const N: usize>(out: &mut Vec<u8>, text: &[u8; N], length: usize) {
    let end = out.len() + length.min(N);
    out.extend_from_slice(text);
    out.truncate(end);
}

/// Writes the digits of a number so that they end before `end`; where they begin.
fn digits_before(digits: &mut [u8], end: usize, mut number: u64) -> usize {
    let mut at = end;
    while number >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(number));
        number /= 100;
    }
    let [tens, ones] = pair(number);
    at -= 1;
    digits[at] = ones;
    if tens != b'0' {
        at -= 1;
        digits[at] = tens;
    }
    at
}

/// Writes a whole number.
pub(in crate::report) fn unsigned(out: &mut Vec<u8>, number: u64) {
    // The digits end in the middle, so that as many bytes as they can be follow their first.
    let mut digits = [0; 2 * DIGITS_MAX];
    let at = digits_before(&mut digits, DIGITS_MAX, number);
    if let Some(text) = digits[at..].first_chunk::<DIGITS_MAX>() {
        push(out, text, DIGITS_MAX - at);
    }
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
    let (whole, mut rest) = split(scaled.unsigned_abs(), decimals);
    // Sign and digits end at the point, the fraction begins there.
    let mut text = [b'0'; POINT + 1 + TEXT_MAX];
    let mut from = digits_before(&mut text, POINT, whole);
    if scaled < 0 {
        from -= 1;
        text[from] = b'-';
    }
    let mut end = POINT;
    if rest > 0 {
        text[POINT] = b'.';
        let mut at = POINT + 1 + decimals;
        while at > POINT + 2 {
            at -= 2;
            text[at..at + 2].copy_from_slice(&pair(rest));
            rest /= 100;
        }
        if at == POINT + 2 {
            text[POINT + 1] = pair(rest)[1];
        }
        end = POINT + 1 + decimals;
        while text[end - 1] == b'0' {
            end -= 1;
        }
    }
    if let Some(text) = text[from..].first_chunk::<TEXT_MAX>() {
        push(out, text, end - from);
    }
}

/// A number over a power of ten, and what is left. Each power by itself: dividing by a known number is a multiplication.
fn split(number: u64, decimals: usize) -> (u64, u64) {
    match decimals {
        0 => (number, 0),
        1 => (number / 10, number % 10),
        2 => (number / 100, number % 100),
        3 => (number / 1_000, number % 1_000),
        4 => (number / 10_000, number % 10_000),
        5 => (number / 100_000, number % 100_000),
        6 => (number / 1_000_000, number % 1_000_000),
        7 => (number / 10_000_000, number % 10_000_000),
        8 => (number / 100_000_000, number % 100_000_000),
        _ => (number / 1_000_000_000, number % 1_000_000_000),
    }
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
