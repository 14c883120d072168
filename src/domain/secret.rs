//! The secret a device logs in with.

use sha2::{Digest, Sha256};

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

    /// Whether this is the secret of that hash; takes the same time whatever the answer.
    #[must_use]
    pub fn matches(&self, sha256: &[u8; 32]) -> bool {
        let difference = self.sha256().iter().zip(sha256).fold(0, |difference, (a, b)| difference | (a ^ b));
        std::hint::black_box(difference) == 0
    }
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
}
