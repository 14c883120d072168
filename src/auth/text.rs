//! Bytes as text that survives a cookie, an address and a human hand.

use zeroize::Zeroizing;

/// The letters of base 62, in order of their value.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Whether text is `digits` lower-case hexadecimal digits.
pub(super) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f'))
}

/// A big-endian number in base 62, filled up with zeros to `width` letters; the caller's width is large enough.
pub(super) fn base62(number: &[u8], width: usize) -> String {
    let mut number = Zeroizing::new(number.to_vec());
    let mut letters = Zeroizing::new(vec![BASE62[0]; width]);
    for letter in letters.iter_mut().rev() {
        let mut rest = 0_usize;
        for byte in number.iter_mut() {
            let value = rest << 8 | usize::from(*byte);
            // The rest is below 62, so the quotient fits a byte.
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            rest = value % 62;
        }
        *letter = BASE62[rest];
    }
    letters.iter().map(|letter| char::from(*letter)).collect()
}

/// Whether text is `width` letters of base 62.
pub(super) fn is_base62(text: &str, width: usize) -> bool {
    text.len() == width && text.bytes().all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::text::hexadecimal;

    #[test]
    fn numbers_are_written_in_base_62() {
        assert_eq!(base62(&[0], 2), "00");
        assert_eq!(base62(&[61], 2), "0z");
        assert_eq!(base62(&[62], 2), "10");
        assert_eq!(base62(&u32::MAX.to_be_bytes(), 6), "4gfFC3");
        assert_eq!(base62(&[255; 32], 43).len(), 43);
        assert_ne!(base62(&[255; 32], 43).as_bytes()[0], b'0', "43 letters are just enough for 256 bits");
    }

    proptest::proptest! {
        #[test]
        fn different_numbers_are_different_texts(a: [u8; 32], b: [u8; 32]) {
            proptest::prop_assert_eq!(a == b, base62(&a, 43) == base62(&b, 43));
            proptest::prop_assert!(is_base62(&base62(&a, 43), 43));
            proptest::prop_assert_eq!(a == b, hexadecimal(&a) == hexadecimal(&b));
            proptest::prop_assert!(is_hex(&hexadecimal(&a), 64));
        }
    }
}
