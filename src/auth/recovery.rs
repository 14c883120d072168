//! Codes on paper for the day the telephone is lost: each replaces the second factor once.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{NoRandomness, random};

/// Codes somebody gets at a time.
pub const CODES: usize = 10;

/// Letters of a code, 5 bits each.
const LETTERS: usize = 10;

/// Crockford's base 32: no letter that looks like a digit, and no `u`.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A code of 50 random bits, written `xxxxx-xxxxx`. It does not print, and its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct RecoveryCode(Zeroizing<String>);

impl RecoveryCode {
    /// A full set of new ones.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn random_set() -> Result<Vec<Self>, NoRandomness> {
        (0..CODES).map(|_| Ok(Self::from_random(&*random::<LETTERS>()?))).collect()
    }

    /// Of bytes that somebody drew at random; five bits of each are used.
    #[must_use]
    pub fn from_random(bytes: &[u8; LETTERS]) -> Self {
        Self(Zeroizing::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect()))
    }

    /// What somebody typed, if it can be a code: case, hyphens and spaces make no difference, and letters that look
    /// like digits are read as these.
    #[must_use]
    pub fn parse(typed: &str) -> Option<Self> {
        let mut letters = Zeroizing::new(String::with_capacity(LETTERS));
        for letter in typed.chars().filter(|c| !c.is_whitespace() && *c != '-') {
            let letter = match letter.to_ascii_lowercase() {
                'o' => '0',
                'i' | 'l' => '1',
                letter if u8::try_from(letter).is_ok_and(|letter| ALPHABET.contains(&letter)) => letter,
                _ => return None,
            };
            if letters.len() == LETTERS {
                return None;
            }
            letters.push(letter);
        }
        (letters.len() == LETTERS).then_some(Self(letters))
    }

    /// The code, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> Zeroizing<String> {
        let (left, right) = self.0.split_at(LETTERS / 2);
        Zeroizing::new(format!("{left}-{right}"))
    }

    /// What is stored of it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode(…)")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_set_has_ten_different_codes() {
        let codes = RecoveryCode::random_set().unwrap();
        let texts: HashSet<String> = codes.iter().map(|code| code.reveal().to_string()).collect();
        let hashes: HashSet<[u8; 32]> = codes.iter().map(RecoveryCode::sha256).collect();
        assert_eq!((texts.len(), hashes.len()), (10, 10));
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        let code = RecoveryCode::from_random(&[0, 1, 2, 3, 4, 31, 30, 29, 1, 0]);
        assert_eq!(*code.reveal(), "01234-zyx10");
        for typed in ["01234-zyx10", "01234zyx10", " 01234 ZYX10 ", "O1234-zyxlo", "oI234-ZYXi0"] {
            assert_eq!(RecoveryCode::parse(typed).unwrap().sha256(), code.sha256(), "{typed}");
        }
        for typed in ["", "01234-zyx1", "01234-zyx100", "01234-zyxu0", "01234-zyx1é", "01234_zyx10"] {
            assert!(RecoveryCode::parse(typed).is_none(), "{typed}");
        }
        assert_eq!(format!("{code:?}"), "RecoveryCode(…)");
    }

    proptest! {
        #[test]
        fn every_code_is_read_as_it_was_written(bytes: [u8; 10]) {
            let code = RecoveryCode::from_random(&bytes);
            prop_assert_eq!(RecoveryCode::parse(&code.reveal()).unwrap().sha256(), code.sha256());
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(typed: String) {
            let _ = RecoveryCode::parse(&typed);
        }
    }
}
