//! The order of the checks when somebody signs in, or proves once more who they are.

use std::net::IpAddr;

use subtle::ConstantTimeEq as _;

use super::NoRandomness;
use super::password::{Hasher, Password, PasswordError, Verdict};
use super::pending::Pending;
use super::recovery::RecoveryCode;
use super::throttle::{Throttle, Wait};
use super::token::LinkToken;
use super::totp::TotpSecret;
use crate::domain::audit::Actor;
use crate::domain::ids::UserId;
use crate::domain::user::USER_NAME_MAX;
use crate::store::users::User;
use crate::store::{Store, StoreError};

/// How long somebody may take to enter the code once the password was right, µs.
pub const CODE_US: i64 = 5 * 60 * 1_000_000;

/// How long a link works with which somebody chooses a password, µs: over a weekend.
pub const LINK_US: i64 = 72 * 3_600 * 1_000_000;

/// Sign-ins of which the password was right and the code is still to come, by the SHA-256 of their ticket.
pub type HalfSignIns = Pending<[u8; 32], HalfSignIn>;

/// A sign-in that waits for its code.
#[derive(Debug, Clone)]
pub struct HalfSignIn {
    user: UserId,
    /// The hash the password was compared with: a new password makes the ticket worthless.
    password_hash: Option<String>,
    /// The browser that gave the password.
    browser: [u8; 32],
}

/// What the checks need.
#[derive(Debug, Clone, Copy)]
pub struct SignIn<'a> {
    /// The database.
    pub store: &'a Store,
    /// Compares passwords.
    pub hasher: &'a Hasher,
    /// Slows down guessing.
    pub throttle: &'a Throttle,
    /// Sign-ins that wait for their code.
    pub half: &'a HalfSignIns,
}

/// Where and when a try is made.
#[derive(Debug, Clone, Copy)]
pub struct Try<'a> {
    /// Address of the computer.
    pub address: IpAddr,
    /// SHA-256 of something only this browser sends.
    pub browser: &'a [u8; 32],
    /// Who the audit log tells of when a recovery code is used up.
    pub by: &'a Actor,
    /// Now, µs UTC.
    pub now_us: i64,
}

/// What a try came to.
#[derive(Debug, Clone)]
pub enum Answer {
    /// They are who they say.
    Right(Box<User>),
    /// The password is right; the code is to be sent with this ticket.
    CodeNext(LinkToken),
    /// Something was wrong.
    Wrong(Refusal),
    /// It is too early for another try.
    TooEarly(Wait),
    /// The ticket is unknown or too old: begin again.
    Expired,
}

/// A try that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Whether the password was right and the code was wrong.
    pub is_code: bool,
    /// How many more may be wrong before the first pause.
    pub tries_left: u32,
    /// How long to wait before the next try, s.
    pub pause_s: u32,
    /// Whose account it is; `None` when nobody has that name. For the log only: visitors are not to learn it.
    pub user_name: Option<String>,
}

/// Why a try was neither right nor wrong.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Too many sign-ins wait, or a stored hash is damaged.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system's source of randomness.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl SignIn<'_> {
    /// Name and password, as typed.
    ///
    /// # Errors
    /// When the password cannot be compared or the database fails; that is not a wrong password.
    pub async fn password(&self, name: &str, password: Password, this: Try<'_>) -> Result<Answer, SignInError> {
        let name = name.trim().to_lowercase();
        if let Err(wait) = self.throttle.check(&name, this.address, this.now_us) {
            return Ok(Answer::TooEarly(wait));
        }
        let user = if name.len() <= USER_NAME_MAX { self.store.user_named(&name).await? } else { None };
        let verdict = self.verify(&name, user.as_ref(), password, this).await?;
        let Some(mut user) = user.clone().filter(|_| verdict.is_right()) else {
            return Ok(self.wrong(&name, user.map(|user| user.name), false, this));
        };
        if verdict != (Verdict::Right { should_renew: false }) {
            user = self.store.user(user.user_id).await?.unwrap_or(user);
        }
        if user.totp_secret.is_none() {
            self.throttle.succeeded(&name, this.address, this.now_us);
            return Ok(Answer::Right(Box::new(user)));
        }
        // Neither failed nor known before the code was right as well.
        self.throttle.give_back(&name, this.address);
        let ticket = LinkToken::random()?;
        self.half.forget_all(|half| half.user == user.user_id && half.browser == *this.browser);
        let half = HalfSignIn { user: user.user_id, password_hash: user.password_hash, browser: *this.browser };
        self.half.keep(ticket.sha256(), half, this.now_us);
        Ok(Answer::CodeNext(ticket))
    }

    /// The code that belongs to a ticket of [`SignIn::password`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn code(&self, ticket: &str, code: &str, this: Try<'_>) -> Result<Answer, SignInError> {
        let Some(key) = LinkToken::parse(ticket).map(|ticket| ticket.sha256()) else { return Ok(Answer::Expired) };
        let Some(half) = self.half.get(&key, this.now_us) else { return Ok(Answer::Expired) };
        let is_same_browser: bool = half.browser.ct_eq(this.browser).into();
        let user = self.store.user(half.user).await?;
        let user = user.filter(|user| !user.disabled && user.password_hash == half.password_hash && is_same_browser);
        let Some(user) = user else { return Ok(Answer::Expired) };
        if let Err(wait) = self.throttle.check(&user.name, this.address, this.now_us) {
            return Ok(Answer::TooEarly(wait));
        }
        if !self.is_code_right(&user, code, this).await? {
            return Ok(self.wrong(&user.name, Some(user.name.clone()), true, this));
        }
        if !self.half.forget(&key) {
            return Ok(Answer::Expired);
        }
        self.throttle.succeeded(&user.name, this.address, this.now_us);
        Ok(Answer::Right(Box::new(user)))
    }

    /// Password, and code where one is asked for, of somebody who is signed in.
    ///
    /// # Errors
    /// When the password cannot be compared or the database fails; that is not a wrong password.
    pub async fn again(
        &self,
        user: UserId,
        password: Password,
        code: Option<&str>,
        this: Try<'_>,
    ) -> Result<Answer, SignInError> {
        let Some(user) = self.store.user(user).await? else { return Ok(Answer::Expired) };
        if let Err(wait) = self.throttle.check(&user.name, this.address, this.now_us) {
            return Ok(Answer::TooEarly(wait));
        }
        if !self.verify(&user.name, Some(&user), password, this).await?.is_right() {
            return Ok(self.wrong(&user.name, Some(user.name.clone()), false, this));
        }
        if let Some(code) = code
            && !self.is_code_right(&user, code, this).await?
        {
            return Ok(self.wrong(&user.name, Some(user.name.clone()), true, this));
        }
        self.throttle.succeeded(&user.name, this.address, this.now_us);
        Ok(Answer::Right(Box::new(user)))
    }

    /// Compares the password, with the same work for a name that nobody has.
    async fn verify(
        &self,
        name: &str,
        user: Option<&User>,
        password: Password,
        this: Try<'_>,
    ) -> Result<Verdict, SignInError> {
        let stored = user.filter(|user| !user.disabled).and_then(|user| user.password_hash.clone());
        let verdict = self.hasher.verify(password.clone(), stored).await;
        if verdict.is_err() {
            self.throttle.give_back(name, this.address);
        }
        let verdict = verdict?;
        if let (Some(user), Verdict::Right { should_renew: true }) = (user, verdict) {
            // The old hash is as good as before: what fails here is tried again at the next sign-in.
            let renewed = match self.hasher.hash(password).await {
                Ok(hash) => {
                    self.store.renew_password_hash(user.user_id, hash.as_str()).await.map_err(SignInError::from)
                }
                Err(error) => Err(error.into()),
            };
            if let Err(error) = renewed {
                tracing::warn!(error = &error as &dyn std::error::Error, "a password hash could not be renewed");
            }
        }
        Ok(verdict)
    }

    /// Whether a code of the app or a recovery code is right; it is used up then.
    async fn is_code_right(&self, user: &User, code: &str, this: Try<'_>) -> Result<bool, StoreError> {
        let secret = user.totp_secret.as_deref().and_then(TotpSecret::from_stored);
        if let Some(step) = secret.and_then(|secret| secret.verify(code, this.now_us, Some(user.totp_step))) {
            return self.store.use_totp_step(user.user_id, step).await;
        }
        let Some(code) = RecoveryCode::parse(code) else { return Ok(false) };
        let by = Actor { name: user.name.clone(), role: user.role.as_str().to_owned(), ..this.by.clone() };
        self.store.use_recovery_code(&by, user, &code.sha256(), this.now_us).await
    }

    fn wrong(&self, name: &str, user_name: Option<String>, is_code: bool, this: Try<'_>) -> Answer {
        let tries_left = self.throttle.failed(name, this.address);
        let pause_s = self.throttle.pause_s(name, this.address, this.now_us);
        Answer::Wrong(Refusal { is_code, tries_left, pause_s, user_name })
    }
}
