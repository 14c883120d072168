//! The only place with SQL. One text serves SQLite and MariaDB/MySQL; where they differ the two stand side by side.

mod many;
mod sql;

pub mod alarm_list;
pub mod alarm_stops;
pub mod alarms;
pub mod archiving;
pub mod audit;
pub mod batteries;
pub mod battery_photos;
pub mod blocks;
pub mod cell_places;
pub mod cells;
mod checkpoint;
mod columns;
pub mod dead_letter_redrive;
pub mod dead_letters;
pub mod device_access;
pub mod devices;
pub mod error;
pub mod experiment_index;
pub mod experiment_queue;
pub mod experiments;
pub(crate) mod failpoint;
pub mod group;
pub mod imports;
pub mod instruments;
pub mod lease;
mod migrate;
pub mod monitor;
pub mod notices;
mod open;
pub mod ordered;
pub mod outbox;
pub mod pending_devices;
pub mod profiles;
pub mod run_orders;
pub mod runs;
pub mod saved_views;
pub mod sealing;
pub mod second_factor;
pub mod seed;
pub mod server;
pub mod sessions;
pub mod sign_in_links;
pub mod stations;
pub mod stations_build;
pub mod stations_read;
mod stations_tell;
pub mod streams;
pub mod tokens;
pub mod transitions;
pub mod units;
pub mod users;
pub mod verify;

pub use error::{Failing, StoreError};
pub(crate) use failpoint::failpoint;
pub use group::Group;

use sqlx::{MySqlPool, SqlitePool};

use crate::archive::Archive;

/// The database, whichever engine holds it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    /// Where chunks of finished experiments are that left the database.
    archive: Option<Archive>,
    /// Names of columns that were looked up: they never change.
    columns: columns::Known,
}

/// The engines and their connections.
#[derive(Debug, Clone)]
enum Db {
    /// SQLite takes one writer at a time: a pool of one connection makes the writers queue up instead of failing.
    Sqlite { read: SqlitePool, write: SqlitePool, fold: SqlitePool },
    /// MariaDB or MySQL.
    MySql(MySqlPool),
}

/// Which engine a store runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Built in.
    Sqlite,
    /// MariaDB or MySQL.
    MySql,
}

impl Engine {
    /// The engine's name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::MySql => "MariaDB/MySQL",
        }
    }
}

impl Store {
    fn with(db: Db) -> Self {
        Self { db, archive: None, columns: columns::Known::default() }
    }

    /// Which engine holds the data.
    #[must_use]
    pub fn engine(&self) -> Engine {
        match self.db {
            Db::Sqlite { .. } => Engine::Sqlite,
            Db::MySql(_) => Engine::MySql,
        }
    }

    /// Closes all connections; on SQLite this also folds the write-ahead log into the database file.
    pub async fn close(&self) {
        match &self.db {
            Db::Sqlite { read, write, fold } => {
                fold.close().await;
                read.close().await;
                write.close().await;
            }
            Db::MySql(pool) => pool.close().await,
        }
    }
}

/// Every statement by module, for the test that prepares all of them on both engines.
const REGISTRY: &[(&str, &[(&str, sql::Sql)])] = &[
    ("alarm_list", alarm_list::STATEMENTS),
    ("alarm_stops", alarm_stops::STATEMENTS),
    ("alarms", alarms::STATEMENTS),
    ("archiving", archiving::STATEMENTS),
    ("audit", audit::STATEMENTS),
    ("batteries", batteries::STATEMENTS),
    ("batteries::list", batteries::list::STATEMENTS),
    ("battery_photos", battery_photos::STATEMENTS),
    ("blocks", blocks::STATEMENTS),
    ("cell_places", cell_places::STATEMENTS),
    ("cells", cells::STATEMENTS),
    ("columns", columns::STATEMENTS),
    ("dead_letter_redrive", dead_letter_redrive::STATEMENTS),
    ("dead_letters", dead_letters::STATEMENTS),
    ("device_access", device_access::STATEMENTS),
    ("devices", devices::STATEMENTS),
    ("experiment_index", experiment_index::STATEMENTS),
    ("experiment_queue", experiment_queue::STATEMENTS),
    ("experiments", experiments::STATEMENTS),
    ("imports", imports::STATEMENTS),
    ("instruments", instruments::STATEMENTS),
    ("lease", lease::STATEMENTS),
    ("migrate", migrate::STATEMENTS),
    ("monitor", monitor::STATEMENTS),
    ("ordered", ordered::STATEMENTS),
    ("notices", notices::STATEMENTS),
    ("outbox", outbox::STATEMENTS),
    ("pending_devices", pending_devices::STATEMENTS),
    ("profiles", profiles::STATEMENTS),
    ("run_orders", run_orders::STATEMENTS),
    ("run_orders::doubt", run_orders::doubt::STATEMENTS),
    ("run_orders::heads", run_orders::heads::STATEMENTS),
    ("run_orders::hold", run_orders::hold::STATEMENTS),
    ("run_orders::reply", run_orders::reply::STATEMENTS),
    ("run_orders::start", run_orders::start::STATEMENTS),
    ("run_orders::strays", run_orders::strays::STATEMENTS),
    ("runs", runs::STATEMENTS),
    ("saved_views", saved_views::STATEMENTS),
    ("sealing", sealing::STATEMENTS),
    ("sealing::fold", sealing::fold::STATEMENTS),
    ("sealing::write", sealing::write::STATEMENTS),
    ("second_factor", second_factor::STATEMENTS),
    ("seed", seed::STATEMENTS),
    ("server", server::STATEMENTS),
    ("sessions", sessions::STATEMENTS),
    ("sign_in_links", sign_in_links::STATEMENTS),
    ("stations", stations::STATEMENTS),
    ("stations_build", stations_build::STATEMENTS),
    ("stations_read", stations_read::STATEMENTS),
    ("stations_tell", stations_tell::STATEMENTS),
    ("streams", streams::STATEMENTS),
    ("tokens", tokens::STATEMENTS),
    ("transitions", transitions::STATEMENTS),
    ("units", units::STATEMENTS),
    ("users", users::STATEMENTS),
    ("verify", verify::STATEMENTS),
];

impl Store {
    /// Prepares every statement of the store; the names of those the engine refuses, with its words.
    ///
    /// This takes the place of checking SQL at compile time, which knows one engine only.
    pub async fn refused_statements(&self) -> Vec<String> {
        let mut refused = Vec::new();
        let named = REGISTRY
            .iter()
            .flat_map(|(module, statements)| statements.iter().map(move |(name, sql)| (module, name, sql)));
        for (module, name, sql) in named {
            let error = sql::on_write!(&self.db, pool, dialect => sql::prepare(pool, sql.text(dialect)).await);
            if let Some(error) = error {
                refused.push(format!("{module}::{name}: {error}"));
            }
        }
        for many in [&*blocks::INSERT, &*devices::SEEN, &*streams::SET_LATEST] {
            sql::on_write!(&self.db, pool, dialect => {
                for text in many.texts(dialect) {
                    refused.extend(sql::prepare(pool, text).await.map(|error| format!("{error}: {text}")));
                }
            });
        }
        refused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_with_statements_is_in_the_registry() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/store");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            let module = path.file_stem().unwrap().to_string_lossy().into_owned();
            if source.contains("\nstatements! {") {
                assert!(REGISTRY.iter().any(|(name, _)| *name == module), "{module} is missing in store::REGISTRY");
            }
        }
    }
}
