//! Random tokens: of sessions, visits, sign-in links and programs. The database holds only their SHA-256.
//!
//! A plain hash is enough: there are at least 128 random bits in each, so there is nothing to guess.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::text::{base62, is_base62, is_hex};
use super::{NoRandomness, random};
use crate::domain::text::hexadecimal;

/// Declares a kind of token that is so many random bytes, written as lower-case hexadecimal digits.
macro_rules! hex_token {
    ($(#[$doc:meta])* $name:ident, $bytes:literal) => {
        $(#[$doc])*
        #[derive(Clone)]
        pub struct $name(Zeroizing<String>);

        impl $name {
            /// Length of the text, bytes of ASCII.
            pub const LENGTH: usize = 2 * $bytes;

            /// A new one.
            ///
            /// # Errors
            ///
            /// If the system gives no random numbers.
            pub fn random() -> Result<Self, NoRandomness> {
                Ok(Self::from_random(&*random::<$bytes>()?))
            }

            /// Of bits that somebody drew at random.
            #[must_use]
            pub fn from_random(bits: &[u8; $bytes]) -> Self {
                Self(Zeroizing::new(hexadecimal(bits)))
            }

            /// What somebody sent, if it has the form of such a token.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                is_hex(text, Self::LENGTH).then(|| Self(Zeroizing::new(text.to_owned())))
            }

            /// The text itself.
            #[must_use]
            pub fn reveal(&self) -> &str {
                &self.0
            }

            /// What is stored of it.
            #[must_use]
            pub fn sha256(&self) -> [u8; 32] {
                Sha256::digest(self.0.as_bytes()).into()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

hex_token!(
    /// The value of the cookie of somebody who signed in: 256 bits, 64 digits.
    SessionToken,
    32
);
hex_token!(
    /// The value of the cookie of a browser in which nobody signed in yet: 256 bits, 64 digits. It only makes the
    /// token of the sign-in form.
    VisitToken,
    32
);
hex_token!(
    /// What a one-time sign-in link carries: 128 bits, 32 digits.
    LinkToken,
    16
);

/// The token of a program that uses the API: `cellar_`, 256 random bits in base 62, and a checksum.
///
/// The prefix lets scanners find one that was published by mistake; the checksum tells a typing error from a token
/// that was withdrawn, and saves asking the database.
#[derive(Clone)]
pub struct ApiToken(Zeroizing<String>);

impl ApiToken {
    /// What each begins with.
    pub const PREFIX: &str = "cellar_";
    /// Length of the text, bytes of ASCII.
    pub const LENGTH: usize = Self::PREFIX.len() + Self::BITS_WIDTH + Self::CHECKSUM_WIDTH;

    /// 62⁴³ is just above 2²⁵⁶.
    const BITS_WIDTH: usize = 43;
    /// 62⁶ is above 2³².
    const CHECKSUM_WIDTH: usize = 6;

    /// A new one.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn random() -> Result<Self, NoRandomness> {
        Ok(Self::from_random(&*random::<32>()?))
    }

    /// Of bits that somebody drew at random.
    #[must_use]
    pub fn from_random(bits: &[u8; 32]) -> Self {
        let body = Zeroizing::new(format!("{}{}", Self::PREFIX, base62(bits, Self::BITS_WIDTH)));
        Self(Zeroizing::new(format!("{}{}", *body, Self::checksum(&body))))
    }

    /// What somebody sent, if it was once made by [`ApiToken::random`]; whether it is still valid says the database.
    ///
    /// # Errors
    ///
    /// If it has another form, or a letter of it is wrong.
    pub fn parse(text: &str) -> Result<Self, ApiTokenError> {
        let rest = text.strip_prefix(Self::PREFIX).ok_or(ApiTokenError::Form)?;
        if !is_base62(rest, Self::BITS_WIDTH + Self::CHECKSUM_WIDTH) {
            return Err(ApiTokenError::Form);
        }
        let (body, checksum) = text.split_at(Self::LENGTH - Self::CHECKSUM_WIDTH);
        if checksum != Self::checksum(body) {
            return Err(ApiTokenError::Checksum);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The text itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    fn checksum(body: &str) -> String {
        base62(&crc32fast::hash(body.as_bytes()).to_be_bytes(), Self::CHECKSUM_WIDTH)
    }
}

impl fmt::Debug for ApiToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiToken(…)")
    }
}

/// Why a text is no API token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ApiTokenError {
    /// It looks different.
    #[error("this is no API token: one begins with “cellar_” and has 56 characters")]
    Form,
    /// It looks right, but was never given out.
    #[error("a character of the API token is wrong: copy it again")]
    Checksum,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tokens_are_as_long_as_they_say_and_never_the_same() {
        let (a, b) = (SessionToken::random().unwrap(), SessionToken::random().unwrap());
        assert_eq!(a.reveal().len(), SessionToken::LENGTH);
        assert_ne!(a.reveal(), b.reveal());
        assert_ne!(a.sha256(), b.sha256());
        assert_eq!(VisitToken::random().unwrap().reveal().len(), 64);
        assert_eq!(LinkToken::random().unwrap().reveal().len(), 32);
        assert_eq!(ApiToken::random().unwrap().reveal().len(), 56);
        assert_eq!(ApiToken::LENGTH, 56);
    }

    #[test]
    fn what_is_stored_is_the_hash_of_the_text() {
        let token = LinkToken::from_random(&[0; 16]);
        assert_eq!(token.sha256(), <[u8; 32]>::from(Sha256::digest("0".repeat(32))));
        let token = ApiToken::from_random(&[1; 32]);
        assert_eq!(token.sha256(), <[u8; 32]>::from(Sha256::digest(token.reveal())));
    }

    #[test]
    fn a_token_of_another_form_is_none() {
        for text in ["", "0", &"0".repeat(63), &"0".repeat(65), &"A".repeat(64), &"é".repeat(32), &"g".repeat(64)] {
            assert!(SessionToken::parse(text).is_none(), "{text}");
        }
        assert!(SessionToken::parse(&"0".repeat(64)).is_some());
        let good = ApiToken::from_random(&[7; 32]).reveal().to_owned();
        let other = good.replace("cellar_", "stellar");
        for text in ["", "cellar_", &good[1..], &good[..55], &format!("{good}0"), &format!(" {good}"), &other] {
            assert_eq!(ApiToken::parse(text).unwrap_err(), ApiTokenError::Form, "{text}");
        }
    }

    #[test]
    fn tokens_do_not_print() {
        let tokens = (
            SessionToken::from_random(&[7; 32]),
            VisitToken::from_random(&[7; 32]),
            LinkToken::from_random(&[7; 16]),
            ApiToken::from_random(&[7; 32]),
        );
        assert_eq!(format!("{tokens:?}"), "(SessionToken(…), VisitToken(…), LinkToken(…), ApiToken(…))");
    }

    proptest! {
        #[test]
        fn every_token_is_read_as_it_was_written(bits: [u8; 32]) {
            let token = ApiToken::from_random(&bits);
            prop_assert_eq!(ApiToken::parse(token.reveal()).unwrap().sha256(), token.sha256());
            let token = SessionToken::from_random(&bits);
            prop_assert_eq!(SessionToken::parse(token.reveal()).unwrap().sha256(), token.sha256());
        }

        #[test]
        fn a_wrong_character_in_an_api_token_is_noticed(bits: [u8; 32], at in 7_usize..56, to in "[0-9A-Za-z]") {
            let token = ApiToken::from_random(&bits);
            let mut wrong = token.reveal().to_owned();
            wrong.replace_range(at..=at, &to);
            prop_assume!(wrong != token.reveal());
            prop_assert_eq!(ApiToken::parse(&wrong).unwrap_err(), ApiTokenError::Checksum);
        }

        #[test]
        fn any_text_is_parsed_without_a_panic(text: String) {
            let _ = (ApiToken::parse(&text), LinkToken::parse(&text));
            let _ = ApiToken::parse(&format!("cellar_{text}"));
        }
    }
}
