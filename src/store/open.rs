//! Opens a database by URL and sets what durability needs.

use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use sqlx::mysql::{MySqlConnectOptions, MySqlPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use sqlx::Connection;

use super::{Db, Store, StoreError};
use crate::config::without_password;

/// How long a statement waits for another process's lock on a SQLite file.
const SQLITE_BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Pages of the log after which a writer folds it itself: 64 MB. A server does so earlier, and beside the writer.
const AUTOCHECKPOINT_PAGES: &str = "16000";
/// Readers of a SQLite file: pages are short, and there are few cores.
const SQLITE_READERS: u32 = 4;
/// Connections to MariaDB: the ingest writer, the web's and the node's.
const MYSQL_CONNECTIONS: u32 = 10;
/// How long a caller waits for a free connection before it is told that the database is away. Attempts to connect are up
/// to a fifth of it apart: a database that is back is noticed within a second.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection that was in use within this time is taken to be there: asking first would double the way to the database.
const FRESH: Duration = Duration::from_secs(1);
/// Rows SQLite's thread may be ahead of the reader; a hand-over per row is what makes reading slow.
const SQLITE_ROW_BUFFER: usize = 512;

impl Store {
    /// Opens `sqlite:///folder/file.db` (made when missing) or `mysql://user:password@host:port/database`.
    ///
    /// # Errors
    /// [`StoreError::Open`] names the URL without its password, and what to do.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let scheme = url.split(':').next().unwrap_or_default();
        let opened = match scheme {
            "sqlite" => open_sqlite(url).await,
            "mysql" | "mariadb" => open_mysql(url).await,
            _ => Err("use sqlite:///folder/file.db or mysql://user:password@host:3306/database".to_owned()),
        };
        opened.map(Self::with).map_err(|reason| StoreError::Open { url: without_password(url), reason })
    }

    /// Opens the SQLite file `path`, made when missing.
    ///
    /// # Errors
    /// [`StoreError::Open`].
    pub async fn open_file(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new().filename(path);
        let opened = connect_sqlite(options).await;
        opened
            .map(Self::with)
            .map_err(|reason| StoreError::Open { url: format!("sqlite://{}", path.display()), reason })
    }
}

async fn open_sqlite(url: &str) -> Result<Db, String> {
    connect_sqlite(SqliteConnectOptions::from_str(url).map_err(|error| error.to_string())?).await
}

async fn connect_sqlite(options: SqliteConnectOptions) -> Result<Db, String> {
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // FULL: a commit survives loss of power. NORMAL would not, and acknowledged readings would be gone.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(SQLITE_BUSY_TIMEOUT)
        .foreign_keys(true)
        .row_buffer_size(SQLITE_ROW_BUFFER)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", AUTOCHECKPOINT_PAGES);
    // The writer first: it makes the file and its journal mode. When the disk is full or fails, SQLite ends a transaction by
    // itself and the connection goes on counting it: such a one is thrown away, or nothing would ever be stored again.
    let write = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, _| {
            let left_over = connection.is_in_transaction();
            Box::pin(async move { Ok(!left_over) })
        })
        .connect_with(options.clone())
        .await
        .map_err(|error| format!("{error}; is the folder there and writable?"))?;
    let fold_options = options.clone().pragma("cache_size", "-1024");
    // A file does not hang up: testing its connections costs a change of threads for each statement.
    let read = SqlitePoolOptions::new()
        .max_connections(SQLITE_READERS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(options.pragma("query_only", "1").pragma("cache_size", "-8192"));
    let fold = SqlitePoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .connect_lazy_with(fold_options);
    Ok(Db::Sqlite { read, write, fold })
}

async fn open_mysql(url: &str) -> Result<Db, String> {
    let url = url.replacen("mariadb://", "mysql://", 1);
    let options = MySqlConnectOptions::from_str(&url).map_err(|error| error.to_string())?;
    if options.get_database().is_none() {
        return Err("the URL lacks the database: mysql://user:password@host:3306/database".to_owned());
    }
    let pool = MySqlPoolOptions::new()
        .max_connections(MYSQL_CONNECTIONS)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .test_before_acquire(false)
        .before_acquire(|connection, connected| {
            let is_fresh = connected.idle_for < FRESH;
            Box::pin(async move { if is_fresh { Ok(true) } else { Ok(connection.ping().await.is_ok()) } })
        })
        .connect_with(options)
        .await
        .map_err(|error| format!("{error}; is the server running, and may this user use the database?"))?;
    Ok(Db::MySql(pool))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_was_full_is_written_again_once_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open_file(&folder.path().join("cellar.db")).await.unwrap();
        let Db::Sqlite { write, .. } = &store.db else { panic!("it is a file") };
        sqlx::query("CREATE TABLE t (x BLOB)").execute(write).await.unwrap();
        let grow = async || {
            let mut tx = write.begin_with("BEGIN IMMEDIATE").await?;
            // As large as to spill out of the cache of pages before the commit.
            sqlx::query("INSERT INTO t VALUES (zeroblob(100000000))").execute(&mut *tx).await?;
            tx.commit().await
        };
        for _ in 0..2 {
            // For this connection; the next one knows nothing of it.
            sqlx::query("PRAGMA max_page_count = 10").execute(write).await.unwrap();
            assert_eq!(StoreError::from(grow().await.unwrap_err()).failing(), crate::store::Failing::DiskFull);
        }
        grow().await.unwrap();
    }

    #[tokio::test]
    async fn a_wrong_url_is_told_what_to_write() {
        let error = Store::open("postgres://x").await.unwrap_err().to_string();
        assert!(error.contains("mysql://user:password@host"), "{error}");
    }
}
