//! People who use the server, and what they may do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Longest user name, in characters.
pub const USER_NAME_MAX: usize = 32;
/// Longest full name, in characters.
pub const FULL_NAME_MAX: usize = 80;

/// What somebody may do; each role may do all that the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look, export, acknowledge.
    Viewer,
    /// Run experiments.
    Operator,
    /// Change users, devices and settings.
    Admin,
}

impl Role {
    /// All roles, the least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Operator, Self::Admin];

    /// The word used in the database, in forms and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The word for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Viewer => "Viewer",
            Self::Operator => "Operator",
            Self::Admin => "Administrator",
        }
    }

    /// What the role allows, in a line.
    #[must_use]
    pub fn allows(self) -> &'static str {
        match self {
            Self::Viewer => "sees everything, exports",
            Self::Operator => "also runs experiments and approves devices",
            Self::Admin => "also manages people, devices, tokens and settings",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| format!("“{text}” is not a role: use viewer, operator or admin"))
    }
}

impl TryFrom<String> for Role {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// What an API token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Only read.
    Read,
    /// Also change what its owner may, as an operator at most.
    Write,
}

impl Scope {
    /// The word used in the database, in forms and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            other => Err(format!("“{other}” is not a scope: use read or write")),
        }
    }
}

impl TryFrom<String> for Scope {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// The name somebody signs in with: 2 to 32 of `a-z`, `0-9`, `.`, `-`, `_`, the first a letter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct UserName(String);

/// Why a text is not a user name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is not a user name: use 2 to {USER_NAME_MAX} of a-z, 0-9, dot, hyphen and underscore, a letter first")]
pub struct BadUserName(String);

impl UserName {
    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = BadUserName;

    fn from_str(text: &str) -> Result<Self, BadUserName> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-_".contains(&byte);
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if begins && (2..=USER_NAME_MAX).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(BadUserName(text.chars().take(2 * USER_NAME_MAX).collect()))
        }
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_includes_those_before_it() {
        assert!(Role::Admin > Role::Operator && Role::Operator > Role::Viewer);
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
        }
        assert!("root".parse::<Role>().unwrap_err().contains("viewer, operator or admin"));
    }

    #[test]
    fn a_user_name_is_plain() {
        for good in ["ann", "m.okafor", "lab-2_night"] {
            assert_eq!(good.parse::<UserName>().map(|name| name.to_string()), Ok(good.to_owned()));
        }
        for bad in ["", "a", "Ann", "9lives", ".x", "a b", "ann<", "änn", &"x".repeat(33)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
    }
}
