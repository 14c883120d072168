//! Second factors about to be turned on: the secret is shown, the first code is still to come.

use super::NoRandomness;
use super::pending::Pending;
use super::totp::TotpSecret;
use crate::domain::ids::SessionId;

/// How long a shown secret may be used, µs: time to find the telephone and an app for it.
pub const ENROLMENT_US: i64 = 30 * 60 * 1_000_000;

/// The secrets by the session they are shown in.
pub type Enrolments = Pending<SessionId, TotpSecret>;

impl Enrolments {
    /// The secret shown in this session: the same again when the page is loaded again.
    ///
    /// # Errors
    /// If the system gives no random numbers.
    pub fn secret_for(&self, session: SessionId, now_us: i64) -> Result<TotpSecret, NoRandomness> {
        if let Some(secret) = self.get(&session, now_us) {
            return Ok(secret);
        }
        let secret = TotpSecret::random()?;
        self.keep(session, secret.clone(), now_us);
        Ok(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_shown_one_secret_until_it_is_used_or_too_old() {
        let enrolments = Enrolments::new(ENROLMENT_US);
        let (mine, other) = (SessionId(1), SessionId(2));
        let secret = enrolments.secret_for(mine, 0).unwrap();
        assert_eq!(enrolments.secret_for(mine, ENROLMENT_US - 1).unwrap().reveal(), secret.reveal());
        assert_ne!(enrolments.secret_for(other, 0).unwrap().reveal(), secret.reveal());
        assert_ne!(enrolments.secret_for(mine, ENROLMENT_US).unwrap().reveal(), secret.reveal());
    }
}
