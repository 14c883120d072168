//! Who did what: the words of the audit log.

use serde_json::Value;

/// Longest reason kept, in characters; nobody types a longer one by hand.
pub const REASON_MAX: usize = 500;

/// Who makes a change, and by which way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// User name; `-` for somebody who is not signed in.
    pub name: String,
    /// `viewer`, `operator`, `admin`, or what else acts: `shell`, `server`, `device`, `nobody`.
    pub role: String,
    /// Network address the request came from; empty for the shell.
    pub address: String,
    /// What was asked: `POST /users`, `cellar user add`.
    pub route: String,
}

impl Actor {
    /// Somebody with access to the server's shell, by a verb of the command line.
    #[must_use]
    pub fn shell(route: &str) -> Self {
        let name = std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "-".to_owned());
        Self { name, role: "shell".to_owned(), address: String::new(), route: route.to_owned() }
    }

    /// The server itself.
    #[must_use]
    pub fn server(route: &str) -> Self {
        Self { name: "-".to_owned(), role: "server".to_owned(), address: String::new(), route: route.to_owned() }
    }
}

/// One change, or one refusal worth keeping.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What was done, in two or three words of the present: `add user`, `disable device`.
    pub action: &'static str,
    /// What it was done to: `user m.okafor`, `device cu-01`.
    pub object: String,
    /// What counted before; never a secret.
    pub old: Option<Value>,
    /// What counts now; never a secret.
    pub new: Option<Value>,
    /// Why, in the words of who did it; at most [`REASON_MAX`] characters are kept.
    pub reason: String,
}

impl Change {
    /// A change with nothing before, nothing after and no reason: set what there is.
    #[must_use]
    pub fn new(action: &'static str, object: impl Into<String>) -> Self {
        Self { action, object: object.into(), old: None, new: None, reason: String::new() }
    }

    /// What counted before.
    #[must_use]
    pub fn from(mut self, old: Value) -> Self {
        self.old = Some(old);
        self
    }

    /// What counts now.
    #[must_use]
    pub fn to(mut self, new: Value) -> Self {
        self.new = Some(new);
        self
    }

    /// Why.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = reason.trim().chars().take(REASON_MAX).collect();
        self
    }
}
