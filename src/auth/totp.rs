//! The second factor: six digits that an app on a telephone shows for 30 s (RFC 6238, with SHA-1 as every app expects).

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::Sha1;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::Zeroizing;

use super::{NoRandomness, random};

/// Length of the secret, bytes: that of the hash, as RFC 4226 recommends.
pub const SECRET_BYTES: usize = 20;
/// How long a code is valid, s.
pub const STEP_S: i64 = 30;
/// Digits of a code.
pub const DIGITS: usize = 6;
/// Codes of so many steps before and after the present one are accepted: clocks differ, and typing takes time.
const STEPS_ASIDE: i64 = 1;

/// The letters of base 32 (RFC 4648).
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What the server and the telephone share. It does not print, and its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct TotpSecret(Zeroizing<[u8; SECRET_BYTES]>);

impl TotpSecret {
    /// A new one.
    ///
    /// # Errors
    ///
    /// If the system gives no random numbers.
    pub fn random() -> Result<Self, NoRandomness> {
        random().map(Self)
    }

    /// One that was stored; `None` if it has another length.
    #[must_use]
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// The bytes, to be stored.
    #[must_use]
    pub fn reveal(&self) -> &[u8; SECRET_BYTES] {
        &self.0
    }

    /// The secret as somebody types it into an app who cannot scan: 32 letters in groups of four.
    #[must_use]
    pub fn to_typed(&self) -> Zeroizing<String> {
        let letters = self.base32();
        let groups: Vec<&str> = (0..letters.len()).step_by(4).map(|at| &letters[at..at + 4]).collect();
        Zeroizing::new(groups.join(" "))
    }

    /// The address that an app reads from the QR code. `issuer` names this server, `account` the person.
    #[must_use]
    pub fn uri(&self, issuer: &str, account: &str) -> Zeroizing<String> {
        let (issuer, account) = (percent_encoded(issuer), percent_encoded(account));
        let secret = self.base32();
        Zeroizing::new(format!(
            "otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}\
             &algorithm=SHA1&digits={DIGITS}&period={STEP_S}",
            *secret
        ))
    }

    /// Whether a code is right at this time: the step it belongs to, which is to be stored as `last_step` in the same
    /// transaction, since a code is good only once. Spaces in the code make no difference.
    ///
    /// `last_step` is that of the last code this person used; neither it nor any before is accepted again.
    #[must_use]
    pub fn verify(&self, code: &str, now_us: i64, last_step: Option<i64>) -> Option<i64> {
        let digits: Zeroizing<String> = Zeroizing::new(code.chars().filter(|c| !c.is_whitespace()).collect());
        if digits.len() != DIGITS || !digits.bytes().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let sent: u32 = digits.parse().ok()?;
        let now = step_at(now_us);
        let (mut is_right, mut found) = (Choice::from(0), 0);
        // All are compared whatever the first says, so the time does not tell how far the telephone's clock is off.
        for step in now - STEPS_ASIDE..=now + STEPS_ASIDE {
            let is_this = self.code_at(step).ct_eq(&sent);
            found.conditional_assign(&step, is_this);
            is_right |= is_this;
        }
        (bool::from(is_right) && last_step.is_none_or(|last| found > last)).then_some(found)
    }

    /// The code of a step, 0 to 999,999.
    fn code_at(&self, step: i64) -> u32 {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha1>::new_from_slice(self.0.as_ref()).expect("a key of any length");
        mac.update(&step.to_be_bytes());
        let hash = mac.finalize().into_bytes();
        let at = usize::from(hash[hash.len() - 1] & 0xf);
        let word = u32::from_be_bytes([hash[at], hash[at + 1], hash[at + 2], hash[at + 3]]);
        (word & 0x7fff_ffff) % 1_000_000
    }

    fn base32(&self) -> Zeroizing<String> {
        // 5 bytes are 8 letters, and 20 bytes are four times that: nothing is left over.
        let letters = self.0.chunks_exact(5).flat_map(|five| {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            (0..8).rev().map(move |place| bits >> (5 * place) & 31)
        });
        let letters = letters.filter_map(|value| BASE32.get(usize::try_from(value).ok()?));
        Zeroizing::new(letters.map(|letter| char::from(*letter)).collect())
    }
}

impl fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

/// The step a time belongs to.
fn step_at(now_us: i64) -> i64 {
    now_us.div_euclid(STEP_S * 1_000_000)
}

fn percent_encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut encoded, byte| {
        let _ = match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                write!(encoded, "{}", char::from(byte))
            }
            _ => write!(encoded, "%{byte:02X}"),
        };
        encoded
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn secret() -> TotpSecret {
        TotpSecret::from_stored(b"12345678901234567890").unwrap()
    }

    fn code(step: i64) -> String {
        format!("{:06}", secret().code_at(step))
    }

    #[test]
    fn the_test_vectors_of_rfc_6238_hold() {
        for (time_s, code) in [
            (59_i64, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret().verify(code, time_s * 1_000_000, None), Some(time_s / 30), "at {time_s} s");
        }
    }

    #[test]
    fn a_code_is_good_only_once_and_none_before_it_either() {
        let now_us = 100 * 30_000_000 + 7;
        assert_eq!(secret().verify(&code(100), now_us, None), Some(100));
        assert_eq!(secret().verify(&code(100), now_us, Some(100)), None);
        assert_eq!(secret().verify(&code(99), now_us, Some(100)), None);
        assert_eq!(secret().verify(&code(101), now_us, Some(100)), Some(101));
    }

    #[test]
    fn a_clock_may_be_one_step_off_and_no_more() {
        let now_us = 100 * 30_000_000;
        let accepted: Vec<i64> =
            (90..110).filter(|step| secret().verify(&code(*step), now_us, None).is_some()).collect();
        assert_eq!(accepted, [99, 100, 101]);
    }

    #[test]
    fn a_code_may_hold_spaces_and_nothing_else() {
        let now_us = 59_000_000;
        for good in ["287082", "287 082", " 287082\n"] {
            assert_eq!(secret().verify(good, now_us, None), Some(1), "{good:?}");
        }
        for bad in ["", "28708", "2870820", "0287082", "287082x", "+87082", "２８７０８２", "287-082"] {
            assert_eq!(secret().verify(bad, now_us, None), None, "{bad:?}");
        }
    }

    #[test]
    fn an_app_can_read_the_address() {
        assert_eq!(
            *secret().uri("Cellar – Lab", "anna k"),
            "otpauth://totp/Cellar%20%E2%80%93%20Lab:anna%20k?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
             &issuer=Cellar%20%E2%80%93%20Lab&algorithm=SHA1&digits=6&period=30"
        );
        assert_eq!(*secret().to_typed(), "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ");
    }

    #[test]
    fn a_secret_is_random_has_one_length_and_does_not_print() {
        assert_ne!(TotpSecret::random().unwrap().reveal(), TotpSecret::random().unwrap().reveal());
        assert!(TotpSecret::from_stored(&[0; 19]).is_none());
        assert_eq!(format!("{:?}", secret()), "TotpSecret(…)");
    }

    proptest! {
        #[test]
        fn what_is_typed_never_panics_and_is_hardly_ever_right(typed: String, now_us: i64, last: Option<i64>) {
            let now_us = now_us / 2;
            if let Some(step) = secret().verify(&typed, now_us, last) {
                prop_assert!((step - step_at(now_us)).abs() <= 1);
            }
        }
    }
}
