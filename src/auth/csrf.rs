//! The token that shows a form was made by us for this browser.
//!
//! It follows from the cookie, so nothing has to be stored, and a page of another site, which cannot read the cookie,
//! cannot make it. It cannot be turned back into the cookie.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::text::hex;

/// What the token is for, so that the same cookie never makes the same text for something else.
const PURPOSE: &[u8] = b"csrf";

/// The token of a session or, before somebody signed in, of a visit: 64 hexadecimal digits.
#[must_use]
pub fn csrf_token(cookie: &str) -> String {
    hex(&mac(cookie).finalize().into_bytes())
}

/// Whether what was sent is the token of this cookie; takes the same time whatever the answer.
#[must_use]
pub fn matches(cookie: &str, sent: &str) -> bool {
    subtle::ConstantTimeEq::ct_eq(csrf_token(cookie).as_bytes(), sent.as_bytes()).into()
}

fn mac(cookie: &str) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(cookie.as_bytes()).expect("a key of any length");
    mac.update(PURPOSE);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_the_hmac_of_the_cookie() {
        // printf csrf | openssl dgst -sha256 -hmac key
        assert_eq!(csrf_token("key"), "b16b91124d187af339b515f5f6046a55a985f32065b63e3ea9e3f0b32f05e336");
    }

    proptest::proptest! {
        #[test]
        fn only_the_token_of_the_same_cookie_matches(cookie: String, other: String, sent: String) {
            proptest::prop_assert!(matches(&cookie, &csrf_token(&cookie)));
            // HMAC fills a short key up with zero bytes, which no cookie holds.
            if cookie.trim_end_matches('\0') != other.trim_end_matches('\0') {
                proptest::prop_assert!(!matches(&cookie, &csrf_token(&other)));
            }
            proptest::prop_assert!(!matches(&cookie, &sent));
            proptest::prop_assert!(!matches(&cookie, ""));
            proptest::prop_assert!(!matches(&cookie, &csrf_token(&cookie)[..63]));
        }
    }
}
