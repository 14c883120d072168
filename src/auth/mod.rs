//! Who somebody is: passwords, second factors, tokens, and how often they may be tried.
//!
//! Nothing here knows HTTP, only [`sign_in`] asks the database, and times are passed in as microseconds since the epoch,
//! so each rule can be tested alone. What is secret is in types that do not print it and wipe it when they are dropped.
//!
//! A sign-in is, in this order: [`throttle::Throttle::check`], [`password::Hasher::verify`] (also for a name that does
//! not exist), the second factor of [`totp`] or [`recovery`] where there is one, then
//! [`throttle::Throttle::succeeded`] or [`throttle::Throttle::failed`] once for all of it, and a
//! [`token::SessionToken`].

pub mod csrf;
pub mod enrolment;
pub mod password;
pub mod pending;
pub mod qr;
pub mod recovery;
pub mod session;
pub mod setup;
pub mod sign_in;
mod text;
pub mod throttle;
pub mod token;
pub mod totp;
pub mod weak;

/// The system gives no random numbers; nothing that must stay secret can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers: {0}")]
pub struct NoRandomness(#[from] getrandom::Error);

/// Random bytes of the system.
fn random<const BYTES: usize>() -> Result<zeroize::Zeroizing<[u8; BYTES]>, NoRandomness> {
    let mut bytes = zeroize::Zeroizing::new([0; BYTES]);
    getrandom::fill(bytes.as_mut())?;
    Ok(bytes)
}
