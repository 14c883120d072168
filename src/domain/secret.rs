//! The secret a device logs in with.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256, Sha512};

use super::text::hexadecimal;

/// Rounds of a broker's password hash: Mosquitto's own number. More would protect a password that can be guessed; a
/// secret of 128 random bits cannot.
const BROKER_ROUNDS: u32 = 101;
/// Bytes of salt in a broker's password hash, as `mosquitto_passwd` takes them.
pub const BROKER_SALT_BYTES: usize = 12;

/// A device's secret. It is shown once and kept nowhere; the database holds its SHA-256.
///
/// A plain hash is enough because the secret is 128 random bits: there is nothing to guess, and thousands of devices
/// that reconnect at once must not each cost the time of a password hash.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSecret(String);

impl DeviceSecret {
    /// A secret of 128 bits that somebody drew at random, as 32 hexadecimal digits.
    #[must_use]
    pub fn from_random(bits: [u8; 16]) -> Self {
        Self(format!("{:032x}", u128::from_be_bytes(bits)))
    }

    /// A secret of 128 bits from the system's source of randomness.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn draw() -> Result<Self, getrandom::Error> {
        let mut bits = [0; 16];
        getrandom::fill(&mut bits)?;
        Ok(Self::from_random(bits))
    }

    /// A secret as a device sent it.
    #[must_use]
    pub fn sent(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The secret itself, to be shown once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// What a broker keeps of it: a password hash as Mosquitto writes it, `$7$rounds$salt$hash` (PBKDF2 with SHA-512).
    #[must_use]
    pub fn broker_hash(&self, salt: &[u8; BROKER_SALT_BYTES]) -> String {
        let hash: [u8; 64] = pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(self.0.as_bytes(), salt, BROKER_ROUNDS);
        format!("$7${BROKER_ROUNDS}${}${}", BASE64.encode(salt), BASE64.encode(hash))
    }

    /// Whether this is the secret of that hash; takes the same time whatever the answer.
    #[must_use]
    pub fn matches(&self, sha256: &[u8; 32]) -> bool {
        let difference = self.sha256().iter().zip(sha256).fold(0, |difference, (a, b)| difference | (a ^ b));
        std::hint::black_box(difference) == 0
    }
}

/// The code of a secret: the first 8 hexadecimal digits of its SHA-256. A device can show it too, so that a person sees
/// which of several devices asks to be let in; it says nothing about the secret.
#[must_use]
pub fn secret_code(sha256: &[u8; 32]) -> String {
    hexadecimal(&sha256[..4])
}

impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSecret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_secret_matches() {
        let secret = DeviceSecret::from_random([7; 16]);
        assert_eq!(secret.reveal().len(), 32);
        assert!(DeviceSecret::sent(secret.reveal()).matches(&secret.sha256()));
        assert!(!DeviceSecret::sent("").matches(&secret.sha256()));
        assert!(!format!("{secret:?}").contains(secret.reveal()));
    }
    #[test]
    fn a_broker_hash_is_what_mosquitto_passwd_writes() {
        // Made by mosquitto_passwd 2.0.11 of the password "secret".
        let salt: [u8; BROKER_SALT_BYTES] = BASE64.decode("DOBFgG50+kZTuWn7").unwrap().try_into().unwrap();
        let written = "$7$101$DOBFgG50+kZTuWn7$5wfRCOPlin4+58gwvZniUpl+DoUzM3BDWF2m2QbC6ytB0aMPRwV4avmKnAhAJ/KKIyuMZTk8KzrUchWWbXG0MA==";
        assert_eq!(DeviceSecret::sent("secret").broker_hash(&salt), written);
    }

    #[test]
    fn a_code_is_the_beginning_of_what_sha256sum_says() {
        // printf secret | sha256sum
        assert_eq!(secret_code(&DeviceSecret::sent("secret").sha256()), "2bb80d53");
    }

    #[test]
    fn two_drawn_secrets_differ() {
        assert_ne!(DeviceSecret::draw().unwrap().reveal(), DeviceSecret::draw().unwrap().reveal());
    }
}
