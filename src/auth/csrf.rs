//! The token that shows a form was made by us for this browser.
//!
//! It follows from the cookie, so nothing has to be stored, and a page of another site, which cannot read the cookie,
//! cannot make it. It cannot be turned back into the cookie.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{NoRandomness, random};
use crate::domain::text::hexadecimal;

/// What the token is for, so that the same cookie never makes the same text for something else.
const PURPOSE: &[u8] = b"csrf";
/// Length of the token, bytes.
const TOKEN_BYTES: usize = 32;

/// The token of a session or, before somebody signed in, of a visit: 64 hexadecimal digits.
#[must_use]
pub fn csrf_token(cookie: &str) -> String {
    hexadecimal(&mac(cookie).finalize().into_bytes())
}

/// The token as a page carries it: a random pad and the token under it, 128 hexadecimal digits that differ on each page,
/// so that the size of compressed answers tells nothing of the token (Gluck, Harris and Prado 2013, BREACH).
///
/// # Errors
///
/// If the system gives no random numbers.
pub fn masked_token(cookie: &str) -> Result<String, NoRandomness> {
    let pad = random::<TOKEN_BYTES>()?;
    let token = mac(cookie).finalize().into_bytes();
    let masked: Vec<u8> = token.iter().zip(pad.iter()).map(|(byte, pad)| byte ^ pad).collect();
    Ok(hexadecimal(&*pad) + &hexadecimal(&masked))
}

/// Whether what was sent, masked or not, is the token of this cookie; takes the same time whatever the answer.
#[must_use]
pub fn matches(cookie: &str, sent: &str) -> bool {
    let token = mac(cookie).finalize().into_bytes();
    let Some(bytes) = from_hex(sent) else { return false };
    let sent: Vec<u8> = match bytes.split_at_checked(TOKEN_BYTES) {
        Some((token, [])) => token.to_vec(),
        Some((pad, masked)) => masked.iter().zip(pad).map(|(byte, pad)| byte ^ pad).collect(),
        None => return false,
    };
    subtle::ConstantTimeEq::ct_eq(token.as_slice(), sent.as_slice()).into()
}

/// The bytes of an even number of hexadecimal digits, at most those of a masked token.
fn from_hex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) || text.len() > 4 * TOKEN_BYTES {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect()
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

    #[test]
    fn each_page_carries_other_digits_of_the_same_token() {
        let (first, second) = (masked_token("cookie").unwrap(), masked_token("cookie").unwrap());
        assert_ne!(first, second);
        assert!(matches("cookie", &first) && matches("cookie", &second) && !matches("other", &first));
        for end in 0..first.len() {
            assert!(!matches("cookie", &first[..end]), "{end} digits");
        }
        assert!(!matches("cookie", &format!("{first}00")) && !matches("cookie", "é") && !matches("cookie", ""));
    }
}
