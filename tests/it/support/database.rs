//! A fresh, empty database for one test.

use std::sync::OnceLock;

use sqlx::{Connection, Executor};
use tempfile::TempDir;

use super::test_server::TestServer;

/// Where `devops/test.sh` tells all test processes that one MariaDB runs for them: a URL without a database name.
const SHARED_MARIADB_ENV: &str = "CELLAR_TEST_MARIADB_URL";

/// An empty database. A SQLite file goes with it; a MariaDB database goes with its server.
#[derive(Debug)]
pub(crate) struct Database {
    url: String,
    _folder: Option<TempDir>,
}

impl Database {
    /// A SQLite file in a temporary folder.
    pub(crate) fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        Self { url: format!("sqlite://{}", folder.path().join("cellar.db").display()), _folder: Some(folder) }
    }

    /// A database of its own on the tests' MariaDB; `None` where MariaDB is not installed and need not be.
    pub(crate) async fn mariadb() -> Option<Self> {
        let server = mariadb_url()?;
        let name = format!("cellar_{:016x}", fastrand::u64(..));
        let mut root = sqlx::MySqlConnection::connect(&format!("{server}/mysql")).await.expect("MariaDB answers");
        root.execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.expect("the name is free");
        root.close().await.expect("it says good-bye");
        Some(Self { url: format!("{server}/{name}"), _folder: None })
    }

    /// The database of a server, to be changed behind its back.
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), _folder: None }
    }

    /// Runs statements past the store, as somebody with the database's password could; how many rows the last changed.
    pub(crate) async fn run(&self, statements: &[&str]) -> u64 {
        let mut changed = 0;
        if self.url.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(&self.url).await.expect("the file opens");
            for text in statements {
                let done = connection.execute(sqlx::AssertSqlSafe((*text).to_owned())).await;
                changed = done.unwrap_or_else(|error| panic!("{text}: {error}")).rows_affected();
            }
            connection.close().await.expect("it closes");
        } else {
            let mut connection = sqlx::MySqlConnection::connect(&self.url).await.expect("MariaDB answers");
            for text in statements {
                let done = connection.execute(sqlx::AssertSqlSafe((*text).to_owned())).await;
                changed = done.unwrap_or_else(|error| panic!("{text}: {error}")).rows_affected();
            }
            connection.close().await.expect("it says good-bye");
        }
        changed
    }

    /// What `Store::open` and `--database-url` take.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// The MariaDB of all tests: the one in the environment, or one that this process starts at first use.
fn mariadb_url() -> Option<String> {
    static OWN: OnceLock<Option<TestServer>> = OnceLock::new();
    if let Ok(url) = std::env::var(SHARED_MARIADB_ENV) {
        return Some(url);
    }
    let own = OWN.get_or_init(|| TestServer::is_installed("mariadbd").then(|| TestServer::start("mariadb", None, 0)));
    own.as_ref().map(|server| mariadb_url_at(server.port()))
}

/// The URL, without a database name, of a MariaDB that `TestServer` runs.
pub(crate) fn mariadb_url_at(port: u16) -> String {
    format!("mysql://cellar:cellar-test@127.0.0.1:{port}")
}
