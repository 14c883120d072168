//! API tokens: what programs sign in with.

pub mod add;
pub mod list;
pub mod revoke;

use super::monitor::status::Status;
use crate::domain::ids::ApiTokenId;
use crate::domain::user::Scope;
use crate::store::tokens::ApiToken;
use crate::web::{State, WebError};

/// A token that expires within this time is marked, µs: two weeks to give the program a new one.
const EXPIRES_SOON_US: i64 = 14 * DAY_US;
const DAY_US: i64 = 86_400 * 1_000_000;

const WORKS: Status = Status { icon: "circle-check", word: "Works", tone: "good" };
const OWNER_DISABLED: Status = Status { icon: "ban", word: "Owner disabled", tone: "away" };
const EXPIRED: Status = Status { icon: "hourglass-off", word: "Expired", tone: "away" };
const REVOKED: Status = Status { icon: "ban", word: "Revoked", tone: "away" };
const EXPIRES_SOON: Status = Status { icon: "alert-triangle", word: "Expires soon", tone: "warning" };

/// How a token stands at a moment, µs UTC.
fn status(token: &ApiToken, is_owner_disabled: bool, now_us: i64) -> Status {
    let left_us = token.expires_at_us - now_us;
    match token.revoked_at_us {
        Some(_) => REVOKED,
        None if left_us <= 0 => EXPIRED,
        None if is_owner_disabled => OWNER_DISABLED,
        None if left_us < EXPIRES_SOON_US => EXPIRES_SOON,
        None => WORKS,
    }
}

/// What a scope allows, in a line.
#[must_use]
pub fn allows(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "reads everything, changes nothing",
        Scope::Write => "also changes what its owner may, as an operator at most",
    }
}

/// The word of a scope for people.
#[must_use]
pub fn scope_title(scope: Scope) -> &'static str {
    match scope {
        Scope::Read => "Read",
        Scope::Write => "Write",
    }
}

/// The token of an address.
async fn find(state: &State, id: &str) -> Result<ApiToken, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such token");
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.api_token_numbered(ApiTokenId(id)).await?.ok_or(UNKNOWN)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::UserId;
    use crate::domain::user::Role;

    #[test]
    fn a_token_is_marked_two_weeks_before_it_ends() {
        let token = |expires_at_us, revoked_at_us| ApiToken {
            api_token_id: ApiTokenId(1),
            user_id: UserId(1),
            owner: "ann".to_owned(),
            role: Role::Viewer,
            name: "plots".to_owned(),
            scope: Scope::Read,
            created_at_us: 0,
            expires_at_us,
            used_at_us: None,
            revoked_at_us,
        };
        assert_eq!(status(&token(EXPIRES_SOON_US, None), false, 0), WORKS);
        assert_eq!(status(&token(EXPIRES_SOON_US, None), false, 1), EXPIRES_SOON);
        assert_eq!(status(&token(5, None), false, 5), EXPIRED);
        assert_eq!(status(&token(5, Some(1)), false, 9), REVOKED);
        assert_eq!(status(&token(EXPIRES_SOON_US, None), true, 0), OWNER_DISABLED);
    }
}
