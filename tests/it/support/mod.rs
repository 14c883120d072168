//! What the integration tests stand on.
//!
//! - [`both_engines!`] runs one test body on SQLite and on MariaDB, each time with a fresh database;
//! - [`server::Server`] is the built `cellar serve` as a process of its own: it can be killed and started again;
//! - [`mqtt_client::Client`] sends also what no client library would;
//! - [`people::Browser`] is somebody in front of a browser, signed in or not;
//! - [`mosquitto::Mosquitto`] is a broker with the project's own configuration and the devices a test names.
//!
//! MariaDB and Mosquitto are started by `devops/test-server.sh` and end with the test process, however that ends.
//! Where they are not installed a test says so and passes, unless `CI=true`: then it fails.

#![allow(dead_code, reason = "a support crate offers more than today's tests use")]

pub(crate) mod battery;
pub(crate) mod bench;
pub(crate) mod cycler;
pub(crate) mod database;
pub(crate) mod lab;
pub(crate) mod mosquitto;
pub(crate) mod mqtt_client;
pub(crate) mod people;
pub(crate) mod program;
pub(crate) mod puppet;
pub(crate) mod series;
pub(crate) mod server;
pub(crate) mod test_server;

/// Whether something that must exist in CI may be missing here.
///
/// # Panics
/// When `CI=true`: a test that did not run must not count as passed.
pub(crate) fn skip_unless_ci(what: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "{what}; with CI=true that is a failure");
    eprintln!("skipped: {what}");
}

/// Runs a test on both engines, each with a fresh database: `sqlite` and `mariadb` below a module of the test's name.
///
/// With `store: Store` the database is migrated and open; with `database: Database` the test opens its URL itself.
///
/// ```ignore
/// both_engines! {
///     async fn a_sample_sent_twice_is_stored_once(store: Store) { … }
///     async fn a_restart_keeps_every_sample(database: Database) { … }
/// }
/// ```
macro_rules! both_engines {
    () => {};
    (async fn $name:ident($store:ident: Store) $body:block $($rest:tt)*) => {
        both_engines! {
            async fn $name(database: Database) {
                let $store = cellar::store::Store::open(database.url()).await.expect("the fresh database opens");
                $store.migrate().await.expect("the migrations run");
                $body
            }
            $($rest)*
        }
    };
    (async fn $name:ident($database:ident: Database) $body:block $($rest:tt)*) => {
        mod $name {
            #[allow(unused_imports, reason = "the body may use what its module imports, or nothing")]
            use super::*;

            async fn check($database: $crate::support::database::Database) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                check($crate::support::database::Database::sqlite()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn mariadb() {
                let Some(database) = $crate::support::database::Database::mariadb().await else { return };
                check(database).await;
            }
        }
        both_engines! { $($rest)* }
    };
}
