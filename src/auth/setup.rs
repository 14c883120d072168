//! The first run: a link that lets whoever sees the server's console become its first administrator.

use std::sync::{Arc, Mutex, PoisonError};

use super::NoRandomness;
use super::token::LinkToken;

/// How long a set-up link works, µs: long enough to open it, too short to be found in an old log.
pub const SETUP_US: i64 = 30 * 60 * 1_000_000;

/// The set-up link of this process; closed until [`Setup::open`]. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Setup {
    open: Arc<Mutex<Option<Open>>>,
}

#[derive(Debug)]
struct Open {
    sha256: [u8; 32],
    expires_at_us: i64,
}

impl Open {
    fn is(&self, token: &LinkToken, now_us: i64) -> bool {
        // Hashes are compared: how long that takes tells nothing of the token.
        self.sha256 == token.sha256() && now_us < self.expires_at_us
    }
}

/// A set-up link in use; nobody else can use it meanwhile.
#[derive(Debug)]
pub struct TakenSetup(Open);

impl Setup {
    /// Makes a new link; an earlier one no longer works.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn open(&self, now_us: i64) -> Result<LinkToken, NoRandomness> {
        let token = LinkToken::random()?;
        *self.lock() = Some(Open { sha256: token.sha256(), expires_at_us: now_us + SETUP_US });
        Ok(token)
    }

    /// Whether this is the link, and it still works.
    #[must_use]
    pub fn accepts(&self, token: &LinkToken, now_us: i64) -> bool {
        let open = self.lock();
        open.as_ref().is_some_and(|open| open.is(token, now_us))
    }

    /// Closes it if this is the link and it still works: of two who use it at once only one gets it.
    #[must_use]
    pub fn take(&self, token: &LinkToken, now_us: i64) -> Option<TakenSetup> {
        let mut open = self.lock();
        let is_it = open.as_ref().is_some_and(|open| open.is(token, now_us));
        if is_it { open.take().map(TakenSetup) } else { None }
    }

    /// Opens it again as it was: no administrator came of it.
    pub fn give_back(&self, taken: TakenSetup) {
        *self.lock() = Some(taken.0);
    }

    /// Closes it for good.
    pub fn close(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_up_link_works_for_half_an_hour_and_until_it_is_used() {
        let setup = Setup::default();
        let stranger = LinkToken::random().unwrap();
        assert!(!setup.accepts(&stranger, 0));
        let token = setup.open(0).unwrap();
        assert!(setup.accepts(&token, SETUP_US - 1) && !setup.accepts(&stranger, 0));
        assert!(!setup.accepts(&token, SETUP_US));
        setup.close();
        assert!(!setup.accepts(&token, 0));
    }

    #[test]
    fn a_set_up_link_is_taken_by_one() {
        let setup = Setup::default();
        let token = setup.open(0).unwrap();
        assert!(setup.take(&LinkToken::random().unwrap(), 0).is_none());
        let taken = setup.take(&token, 0).unwrap();
        assert!(setup.take(&token, 0).is_none() && !setup.accepts(&token, 0));
        setup.give_back(taken);
        assert!(setup.accepts(&token, 0) && !setup.accepts(&token, SETUP_US));
    }
}
