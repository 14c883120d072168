//! What can go wrong with the database, in words a caller can act on.

/// A failed database operation.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or is not one of ours.
    #[error("cannot open the database {url}: {reason}")]
    Open {
        /// The URL without its password.
        url: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// The tables could not be brought up to date.
    #[error("cannot bring the database up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
    /// Something of that name is there already.
    #[error("{what} “{name}” exists already")]
    Duplicate {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The change does not fit what is stored now: somebody else was faster, or it would leave nobody in charge.
    #[error("{0}")]
    Conflict(String),
    /// What was to be changed is not there.
    #[error("there is no {what} “{name}”")]
    Missing {
        /// The kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// The system gave no random numbers.
    #[error("the system gives no random numbers")]
    Randomness(#[source] getrandom::Error),
    /// What is stored cannot be read: damage, or a newer version wrote it.
    #[error("{what} cannot be read: {reason}")]
    Unreadable {
        /// Which row.
        what: String,
        /// What does not fit.
        reason: String,
    },
    /// The database refused or failed.
    #[error("database")]
    Database(#[source] sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl StoreError {
    /// Names what was duplicate if that is the cause; keeps other errors.
    pub(super) fn or_duplicate(error: sqlx::Error, what: &'static str, name: &str) -> Self {
        let duplicate = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
        if duplicate { Self::Duplicate { what, name: name.to_owned() } } else { Self::Database(error) }
    }

    /// Whether the same call may succeed later: the database is away, busy, full or gave up on a deadlock.
    ///
    /// What is false here is a fault of the values: trying again cannot help.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        let Self::Database(error) = self else { return matches!(self, Self::Open { .. }) };
        match error {
            sqlx::Error::Database(cause) => {
                use sqlx::error::ErrorKind::{CheckViolation, ForeignKeyViolation, NotNullViolation, UniqueViolation};
                let values_at_fault =
                    matches!(cause.kind(), UniqueViolation | ForeignKeyViolation | NotNullViolation | CheckViolation);
                // 22xxx: data exceptions of MariaDB (too long, out of range).
                !values_at_fault && !cause.code().is_some_and(|code| code.starts_with("22"))
            }
            sqlx::Error::Encode(_) | sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => false,
            _ => true,
        }
    }

    /// Whether a row with the same key is there already.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        match self {
            Self::Duplicate { .. } => true,
            Self::Database(sqlx::Error::Database(cause)) => cause.is_unique_violation(),
            _ => false,
        }
    }
}
