//! The small machinery for two engines: statements with one or two texts, and macros that run a body on either.

/// Which text of a statement to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    Sqlite,
    MySql,
}

/// A statement: one text where the engines agree, two where they do not.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sql {
    pub(super) sqlite: &'static str,
    pub(super) mysql: &'static str,
}

impl Sql {
    pub(super) const fn text(&self, dialect: Dialect) -> &'static str {
        match dialect {
            Dialect::Sqlite => self.sqlite,
            Dialect::MySql => self.mysql,
        }
    }
}

/// Declares a module's statements and its `STATEMENTS` list, so that none can be missing there.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $first:literal $(| $second:literal)?;)*) => {
        $($(#[$doc])* const $name: $crate::store::sql::Sql = statements!(@sql $first $($second)?);)*
        /// Every statement of this module.
        pub(in crate::store) const STATEMENTS: &[(&str, $crate::store::sql::Sql)] = &[$((stringify!($name), $name)),*];
    };
    (@sql $both:literal) => { $crate::store::sql::Sql { sqlite: $both, mysql: $both } };
    (@sql $sqlite:literal $mysql:literal) => { $crate::store::sql::Sql { sqlite: $sqlite, mysql: $mysql } };
}
pub(super) use statements;

/// Runs a body with a pool for reading.
macro_rules! on_read {
    ($db:expr, $pool:ident, $dialect:ident => $body:expr) => {
        match $db {
            $crate::store::Db::Sqlite { read: $pool, .. } => {
                let $dialect = $crate::store::sql::Dialect::Sqlite;
                $body
            }
            $crate::store::Db::MySql($pool) => {
                let $dialect = $crate::store::sql::Dialect::MySql;
                $body
            }
        }
    };
}
pub(super) use on_read;

/// Runs a body with a pool for writing.
macro_rules! on_write {
    ($db:expr, $pool:ident, $dialect:ident => $body:expr) => {
        match $db {
            $crate::store::Db::Sqlite { write: $pool, .. } => {
                let $dialect = $crate::store::sql::Dialect::Sqlite;
                $body
            }
            $crate::store::Db::MySql($pool) => {
                let $dialect = $crate::store::sql::Dialect::MySql;
                $body
            }
        }
    };
}
pub(super) use on_write;

/// The key a plain INSERT made. MySQL has no RETURNING, so both engines are asked the same way.
pub(super) trait InsertedId {
    fn inserted_id(&self) -> i64;
}

impl InsertedId for sqlx::sqlite::SqliteQueryResult {
    fn inserted_id(&self) -> i64 {
        self.last_insert_rowid()
    }
}

impl InsertedId for sqlx::mysql::MySqlQueryResult {
    fn inserted_id(&self) -> i64 {
        i64::try_from(self.last_insert_id()).unwrap_or(i64::MAX)
    }
}

/// The engine's complaint about a statement, if it has one.
pub(super) async fn prepare<'pool, DB>(pool: &'pool sqlx::Pool<DB>, text: &'static str) -> Option<sqlx::Error>
where
    DB: sqlx::Database,
    &'pool sqlx::Pool<DB>: sqlx::Executor<'pool, Database = DB>,
{
    use sqlx::{Executor, SqlSafeStr};
    pool.prepare(text.into_sql_str()).await.err()
}
