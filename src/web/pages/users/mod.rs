//! People: who may sign in, and what they may do.

pub mod add;
pub mod disable;
pub mod edit;
pub mod enable;
pub mod link;
pub mod list;
pub mod reset_second_factor;
pub mod show;

use serde::Deserialize;

use super::monitor::status::Status;
use crate::domain::ids::UserId;
use crate::domain::user::{FULL_NAME_MAX, Role};
use crate::store::users::User;
use crate::web::forms::{Problems, line};
use crate::web::visitor::Principal;
use crate::web::{State, Visitor, WebError};

const ACTIVE: Status = Status { icon: "circle-check", word: "Active", tone: "good" };
const NO_PASSWORD: Status = Status { icon: "hourglass", word: "No password yet", tone: "warning" };
const DISABLED: Status = Status { icon: "ban", word: "Disabled", tone: "away" };

/// How somebody stands.
#[must_use]
pub fn status(user: &User) -> Status {
    match (user.disabled, &user.password_hash) {
        (true, _) => DISABLED,
        (false, None) => NO_PASSWORD,
        (false, Some(_)) => ACTIVE,
    }
}

/// What is typed into the forms about a person; everything stays as it was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// What they sign in with.
    pub name: String,
    /// Their name for people.
    pub full_name: String,
    /// Word of the role.
    pub role: String,
    /// Version of the person the form was made of.
    pub version: i64,
    /// Why, where it is asked.
    pub reason: String,
}

impl Typed {
    /// A form filled in with what is stored.
    fn of(user: &User) -> Self {
        Self {
            name: user.name.clone(),
            full_name: user.full_name.clone(),
            role: user.role.as_str().to_owned(),
            version: user.version,
            reason: String::new(),
        }
    }
}

/// A role as a form offers it.
#[derive(Debug)]
pub struct RoleChoice {
    /// The role.
    pub role: Role,
    /// Whether it is the one that is picked.
    pub is_picked: bool,
}

/// All roles, the typed one picked.
fn role_choices(typed: &str) -> Vec<RoleChoice> {
    Role::ALL.into_iter().map(|role| RoleChoice { role, is_picked: role.as_str() == typed }).collect()
}

/// The full name, or its problem noted.
fn take_full_name(problems: &mut Problems, typed: &str) -> Option<String> {
    let full_name = line(typed);
    let length = full_name.chars().count();
    let checked = if length > FULL_NAME_MAX {
        Err(format!("The full name has {length} characters. Use {FULL_NAME_MAX} or fewer."))
    } else {
        Ok(full_name)
    };
    problems.take("full_name", checked)
}

/// The role, or its problem noted.
fn take_role(problems: &mut Problems, typed: &str) -> Option<Role> {
    problems.take("role", typed.parse().map_err(|_| "Choose what they may do: viewer, operator or administrator."))
}

/// The person of an address.
async fn find(state: &State, id: &str) -> Result<User, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such person");
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.user(UserId(id)).await?.ok_or(UNKNOWN)
}

/// Whether somebody looks at themselves.
fn is_self(visitor: &Visitor, user: &User) -> bool {
    matches!(&visitor.principal, Principal::User(own) if own.user == user.user_id)
}
