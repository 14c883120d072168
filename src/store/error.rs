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
    /// The archive does not give rows that are there, or does not take them.
    #[error(transparent)]
    Archive(#[from] crate::archive::ArchiveError),
    /// The database refused or failed.
    #[error("database")]
    Database(#[source] sqlx::Error),
}

/// What makes operations fail that may succeed later: who has to do something, and what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failing {
    /// No space is left where the database lies: somebody must make room.
    DiskFull,
    /// The disk failed to read or write: the database's files may be damaged.
    Disk,
    /// The database cannot be reached.
    Away,
    /// The database does not answer in time.
    Slow,
    /// Something else; its words say what.
    Other,
}

impl Failing {
    /// What is the matter and what to do, as a sentence without its end.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::DiskFull => "the database's disk is full: make room, what devices hold is then stored",
            Self::Disk => "the database's disk fails to read or write: check it before anything else",
            Self::Away => "the database cannot be reached: start it or mend the connection",
            Self::Slow => "the database does not answer: look at its load and its disk",
            Self::Other => "the database does not store",
        }
    }
}

/// Result codes of SQLite (the low byte of an extended one): disk full, disk error, file cannot be opened.
const SQLITE_FULL: u32 = 13;
const SQLITE_IOERR: u32 = 10;
const SQLITE_CANTOPEN: u32 = 14;
/// Errors of MariaDB and MySQL: disk full, table (space) full; error writing a file names the system's own number.
const MYSQL_FULL: [u16; 2] = [1021, 1114];
const MYSQL_DISK: [u16; 4] = [3, 1026, 1030, 1877];
/// "No space left on device" and "quota exceeded" of the system, as MariaDB writes them.
const FULL_WORDS: [&str; 3] = ["No space left", "Errcode: 28", "errno: 28"];

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

    /// What fails, of an error that [may pass](Self::may_pass).
    #[must_use]
    pub fn failing(&self) -> Failing {
        match self {
            Self::Database(sqlx::Error::Database(cause)) => failing_in(cause.as_ref()),
            Self::Open { .. }
            | Self::Database(sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut) => Failing::Away,
            _ => Failing::Other,
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

fn failing_in(cause: &dyn sqlx::error::DatabaseError) -> Failing {
    if let Some(mysql) = cause.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>() {
        let number = mysql.number();
        return if MYSQL_FULL.contains(&number) || FULL_WORDS.iter().any(|words| cause.message().contains(words)) {
            Failing::DiskFull
        } else if MYSQL_DISK.contains(&number) {
            Failing::Disk
        } else {
            Failing::Other
        };
    }
    // The rest of an extended code of SQLite says which call failed.
    match cause.code().and_then(|code| code.parse::<u32>().ok()).map(|code| code & 0xff) {
        Some(SQLITE_FULL) => Failing::DiskFull,
        Some(SQLITE_IOERR | SQLITE_CANTOPEN) => Failing::Disk,
        _ => Failing::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    #[tokio::test]
    async fn a_full_sqlite_file_says_so_and_may_pass() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_file(&folder.path().join("cellar.db")).await.unwrap();
        store.migrate().await.unwrap();
        let super::super::Db::Sqlite { write, .. } = &store.db else { panic!("it is a file") };
        // As few pages as there are: the next one is refused as on a full disk.
        sqlx::query("PRAGMA max_page_count = 1").execute(write).await.unwrap();
        let big = sqlx::query("CREATE TABLE big AS SELECT hex(randomblob(1000000)) AS x").execute(write).await;
        let error = StoreError::from(big.unwrap_err());
        assert!(error.may_pass(), "{error:?}");
        assert_eq!(error.failing(), Failing::DiskFull, "{error:?}");
    }

    #[test]
    fn a_broken_connection_is_a_database_that_is_away() {
        let error = StoreError::from(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert_eq!((error.may_pass(), error.failing()), (true, Failing::Away));
        assert_eq!(StoreError::from(sqlx::Error::PoolTimedOut).failing(), Failing::Away);
    }
}
