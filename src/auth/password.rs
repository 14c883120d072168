//! Passwords: hashed with Argon2id, at most two at a time, and off the threads that answer requests.

use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash as Phc;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use serde::Deserialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::Zeroizing;

use super::{NoRandomness, random};

/// Hashes under way at once: each takes one core for some 40 ms and 19 MiB, and measurements must still be stored.
pub const AT_ONCE_MAX: usize = 2;
/// Sign-ins that may wait for their turn: the last of them waits about 4 s, longer than anybody would.
pub const WAITING_MAX: usize = 200;

/// A password as somebody typed it. It does not print, and its memory is wiped when it is dropped.
#[derive(Clone, Deserialize)]
#[serde(from = "String")]
pub struct Password(Zeroizing<String>);

impl Password {
    /// What was typed, taken as it is: spaces at the ends belong to it.
    #[must_use]
    pub fn new(typed: String) -> Self {
        Self(Zeroizing::new(typed))
    }

    /// The text itself.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(typed: String) -> Self {
        Self::new(typed)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// What is stored of a password: a PHC string, which names the algorithm, its parameters, the salt and the hash.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// The PHC string, at most 128 characters of ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The PHC string, to be stored.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

/// What one guess of a password costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, KiB.
    pub memory_kib: u32,
    /// Passes over that memory.
    pub passes: u32,
}

impl Cost {
    /// What sign-ins use: the smallest of the settings that OWASP recommends, 40 ms on a small server. See decision 9.
    pub const SIGN_IN: Self = Self { memory_kib: 19_456, passes: 2 };
    /// The smallest that Argon2 allows, for tests that sign in often. It protects nothing.
    pub const FOR_TESTS: Self = Self { memory_kib: 8, passes: 1 };
}

/// The answer to a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is not the password, or nobody has that name.
    Wrong,
    /// It is the password.
    Right {
        /// The stored hash is cheaper to guess than a new one: hash the password again and store that.
        should_renew: bool,
    },
}

impl Verdict {
    /// Whether it is the password.
    #[must_use]
    pub fn is_right(self) -> bool {
        matches!(self, Self::Right { .. })
    }
}

/// Why a password was neither accepted nor refused.
#[derive(Debug, thiserror::Error)]
pub enum PasswordError {
    /// More sign-ins wait than can be served in time.
    #[error("too many people sign in at this moment; try again in a few seconds")]
    Busy,
    /// The stored hash is damaged or of another program.
    #[error("the stored password hash cannot be read: {0}; set a new password for this person")]
    Unreadable(argon2::password_hash::Error),
    /// Memory ran out, or the parameters are none.
    #[error("the password cannot be hashed: {0}")]
    Hash(argon2::password_hash::Error),
    /// No salt can be drawn.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The thread that hashed was lost, as it is when the program stops.
    #[error("hashing the password was broken off")]
    BrokenOff(#[source] tokio::task::JoinError),
}

/// Hashes and verifies passwords. Clones share one queue.
#[derive(Debug, Clone)]
pub struct Hasher {
    cost: Cost,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::with_cost(Cost::SIGN_IN)
    }
}

impl Hasher {
    /// With other than the usual cost: only tests want that.
    #[must_use]
    pub fn with_cost(cost: Cost) -> Self {
        let turns = Arc::new(Semaphore::new(AT_ONCE_MAX));
        let places = Arc::new(Semaphore::new(AT_ONCE_MAX + WAITING_MAX));
        Self { cost, turns, places }
    }

    /// Hashes a new password with a salt of 128 random bits. [`super::weak::check`] judges it before.
    ///
    /// # Errors
    ///
    /// If too many wait, or the system has neither memory nor random numbers.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, PasswordError> {
        let cost = self.cost;
        self.in_turn(move || {
            let salt = random::<16>()?;
            let argon2 = cost.argon2().map_err(PasswordError::Hash)?;
            let phc = argon2.hash_password_with_salt(password.reveal().as_bytes(), salt.as_ref());
            Ok(PasswordHash(phc.map_err(PasswordError::Hash)?.to_string()))
        })
        .await
    }

    /// Compares a password with what is stored of it. `None` stands for a name that nobody has: it takes the same
    /// work as a wrong password and is never right, so the time does not tell which names exist.
    ///
    /// # Errors
    ///
    /// If too many wait, the stored hash cannot be read, or memory runs out. None of these is a wrong password.
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<Verdict, PasswordError> {
        let cost = self.cost;
        self.in_turn(move || {
            let is_known = stored.is_some();
            let stored = stored.unwrap_or_else(|| cost.hash_of_nobody());
            let phc = Phc::new(&stored).map_err(|error| PasswordError::Unreadable(error.into()))?;
            let params = Params::try_from(&phc).map_err(PasswordError::Unreadable)?;
            let argon2 = cost.argon2().map_err(PasswordError::Hash)?;
            match argon2.verify_password(password.reveal().as_bytes(), &phc) {
                Ok(()) if is_known => Ok(Verdict::Right { should_renew: cost.is_above(&phc, &params) }),
                Ok(()) | Err(argon2::password_hash::Error::PasswordInvalid) => Ok(Verdict::Wrong),
                Err(error @ argon2::password_hash::Error::OutOfMemory) => Err(PasswordError::Hash(error)),
                Err(error) => Err(PasswordError::Unreadable(error)),
            }
        })
        .await
    }

    /// Runs the work on a thread that may be kept busy, when it is its turn. The turn is held until the work ends,
    /// even if whoever asked has gone by then: a client that hangs up must not make room for one hash more.
    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PasswordError> + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        let held: (OwnedSemaphorePermit, OwnedSemaphorePermit) = (place, turn);
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop(held);
            result
        })
        .await
        .map_err(PasswordError::BrokenOff)?
    }
}

impl Cost {
    fn argon2(self) -> Result<Argon2<'static>, argon2::password_hash::Error> {
        let params = Params::new(self.memory_kib, self.passes, 1, None)?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }

    /// A hash of this cost that belongs to no password anybody could find.
    fn hash_of_nobody(self) -> String {
        let Self { memory_kib, passes } = self;
        let (salt, hash) = ("A".repeat(22), "A".repeat(43));
        format!("$argon2id$v=19$m={memory_kib},t={passes},p=1${salt}${hash}")
    }

    /// Whether a hash of today would cost more to guess than the one that is stored.
    fn is_above(self, stored: &Phc, params: &Params) -> bool {
        let is_other = stored.algorithm.as_str() != "argon2id" || stored.version != Some(Version::V0x13.into());
        is_other || params.m_cost() < self.memory_kib || params.t_cost() < self.passes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::new(text.to_owned())
    }

    async fn stored(hasher: &Hasher, text: &str) -> String {
        hasher.hash(password(text)).await.unwrap().into_string()
    }

    #[tokio::test]
    async fn only_the_same_password_is_right() {
        let hasher = Hasher::default();
        let phc = stored(&hasher, "violet tram at noon").await;
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        let answer = |text| hasher.verify(password(text), Some(phc.clone()));
        assert_eq!(answer("violet tram at noon").await.unwrap(), Verdict::Right { should_renew: false });
        assert_eq!(answer("violet tram at noo").await.unwrap(), Verdict::Wrong);
        assert_eq!(answer("violet tram at noon ").await.unwrap(), Verdict::Wrong);
        assert_eq!(answer("").await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn the_same_password_is_never_stored_the_same() {
        let hasher = Hasher::with_cost(Cost::FOR_TESTS);
        assert_ne!(stored(&hasher, "same").await, stored(&hasher, "same").await);
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_costs_the_same_work() {
        let hasher = Hasher::default();
        assert_eq!(hasher.verify(password(""), None).await.unwrap(), Verdict::Wrong);
        let (nobody, somebody) = (Cost::SIGN_IN.hash_of_nobody(), stored(&hasher, "x").await);
        let params = |phc: &str| Params::try_from(&Phc::new(phc).unwrap()).unwrap();
        assert_eq!(params(&nobody), params(&somebody));
        assert_eq!(nobody.len(), somebody.len());
    }

    #[tokio::test]
    async fn a_hash_is_renewed_when_the_cost_rose() {
        let old = Hasher::with_cost(Cost::FOR_TESTS);
        let phc = stored(&old, "tram").await;
        for (cost, should_renew) in [
            (Cost::FOR_TESTS, false),
            (Cost { memory_kib: 16, ..Cost::FOR_TESTS }, true),
            (Cost { passes: 2, ..Cost::FOR_TESTS }, true),
        ] {
            let verdict = Hasher::with_cost(cost).verify(password("tram"), Some(phc.clone())).await.unwrap();
            assert_eq!(verdict, Verdict::Right { should_renew }, "{cost:?}");
        }
        let dear = stored(&Hasher::with_cost(Cost { memory_kib: 64, passes: 3 }), "tram").await;
        let verdict = old.verify(password("tram"), Some(dear)).await.unwrap();
        assert_eq!(verdict, Verdict::Right { should_renew: false });
    }

    #[tokio::test]
    async fn a_damaged_hash_is_an_error_and_not_a_wrong_password() {
        let hasher = Hasher::with_cost(Cost::FOR_TESTS);
        for damaged in ["", "plain", "$argon2id$v=19$m=x$", "$scrypt$ln=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"] {
            let verdict = hasher.verify(password("tram"), Some(damaged.to_owned())).await;
            assert!(matches!(verdict, Err(PasswordError::Unreadable(_))), "{damaged}: {verdict:?}");
        }
    }

    #[tokio::test]
    async fn who_finds_the_queue_full_is_told_to_come_back() {
        let hasher = Hasher::with_cost(Cost::FOR_TESTS);
        let all = u32::try_from(AT_ONCE_MAX + WAITING_MAX).unwrap();
        let held = Arc::clone(&hasher.places).try_acquire_many_owned(all).unwrap();
        assert!(matches!(hasher.clone().verify(password("x"), None).await, Err(PasswordError::Busy)));
        drop(held);
        assert_eq!(hasher.verify(password("x"), None).await.unwrap(), Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_turn_is_given_back_when_nobody_waits_for_the_answer() {
        let hasher = Hasher::with_cost(Cost::FOR_TESTS);
        for _ in 0..3 * (AT_ONCE_MAX + WAITING_MAX) {
            let asked = hasher.verify(password("x"), None);
            let _ = tokio::time::timeout(std::time::Duration::ZERO, asked).await;
        }
        let all = u32::try_from(AT_ONCE_MAX + WAITING_MAX).unwrap();
        let whole = Arc::clone(&hasher.places).acquire_many_owned(all);
        assert!(tokio::time::timeout(std::time::Duration::from_secs(60), whole).await.is_ok());
    }

    #[test]
    fn neither_password_nor_hash_prints() {
        let hash = PasswordHash("$argon2id$".to_owned());
        assert_eq!(format!("{:?} {hash:?}", password("tram")), "Password(…) PasswordHash(…)");
    }
}
