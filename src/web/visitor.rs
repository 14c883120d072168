//! Who asks: found out once per request by the guard, taken by handlers as an argument.

use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};

use super::WebError;
use crate::domain::audit::Actor;
use crate::domain::ids::{ApiTokenId, SessionId, UserId};
use crate::domain::user::{Role, Scope};

/// Somebody with a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// Key of the user.
    pub user: UserId,
    /// User name.
    pub name: String,
    /// Name for people; may be empty.
    pub full_name: String,
    /// What they may do.
    pub role: Role,
    /// The session they are in.
    pub session: SessionId,
    /// When they last gave their password, µs UTC.
    pub confirmed_at_us: i64,
}

/// A program with an API token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// Key of the token.
    pub token: ApiTokenId,
    /// Whose token it is.
    pub owner: String,
    /// What the token is for.
    pub name: String,
    /// What it may do: as its owner, at most as an operator; only look with a token for reading.
    pub role: Role,
    /// What the token was made for.
    pub scope: Scope,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Principal {
    /// Nobody known.
    Nobody,
    /// Somebody with a session.
    User(SignedIn),
    /// Whoever sits at the machine that runs the demo.
    Demo,
    /// A program.
    Program(Program),
}

impl Principal {
    /// What they may do; `None` for nobody.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        match self {
            Self::Nobody => None,
            Self::User(user) => Some(user.role),
            Self::Demo => Some(Role::Operator),
            Self::Program(program) => Some(program.role),
        }
    }
}

/// Who asks, from where, and for what.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// Who.
    pub principal: Principal,
    /// From where.
    pub address: IpAddr,
    /// Method and path pattern: `POST /users/{id}`.
    pub route: String,
    /// What the forms of the answer must carry.
    pub csrf: String,
    /// What the browser calls itself.
    pub agent: String,
}

impl Visitor {
    /// Who the audit log tells of.
    #[must_use]
    pub fn actor(&self) -> Actor {
        let (name, role) = match &self.principal {
            Principal::Nobody => ("-".to_owned(), "nobody"),
            Principal::User(user) => (user.name.clone(), user.role.as_str()),
            Principal::Demo => ("demo".to_owned(), Role::Operator.as_str()),
            Principal::Program(program) => {
                (format!("{} (token {})", program.owner, program.name), program.role.as_str())
            }
        };
        Actor { name, role: role.to_owned(), address: self.address.to_string(), route: self.route.clone() }
    }

    /// The same for somebody who is about to sign in under a name.
    #[must_use]
    pub fn actor_named(&self, name: &str, role: &str) -> Actor {
        Actor {
            name: name.to_owned(),
            role: role.to_owned(),
            address: self.address.to_string(),
            route: self.route.clone(),
        }
    }

    /// Whether they may do what this role may.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.principal.role().is_some_and(|own| own >= role)
    }

    /// Who is signed in.
    ///
    /// # Errors
    /// [`WebError::Forbidden`] for programs and in the demo, which have no account.
    pub fn user(&self) -> Result<&SignedIn, WebError> {
        match &self.principal {
            Principal::User(user) => Ok(user),
            Principal::Nobody => Err(WebError::SignIn),
            Principal::Demo => {
                Err(WebError::Forbidden("The demo's operator has no account. Sign in as somebody.".to_owned()))
            }
            Principal::Program(_) => Err(WebError::Forbidden("A token has no account of its own.".to_owned())),
        }
    }
}

impl FromRequest for Visitor {
    type Error = WebError;
    type Future = Ready<Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        // The guard puts it there for every route of the table.
        ready(request.extensions().get::<Self>().cloned().ok_or(WebError::SignIn))
    }
}
