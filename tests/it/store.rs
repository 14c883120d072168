//! The store on both engines.

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::DeviceId;
use cellar::domain::secret::DeviceSecret;
use cellar::store::lease::LEADER;
use cellar::store::{Store, StoreError};

use crate::support::battery::cell;

both_engines! {
    async fn every_statement_is_understood(store: Store) {
        assert_eq!(store.refused_statements().await, Vec::<String>::new());
    }

    async fn migrating_twice_is_harmless(store: Store) {
        assert_eq!(store.migrate().await.unwrap(), store.migrate().await.unwrap());
        let free = store.lease(LEADER).await.unwrap();
        assert_eq!(store.take_lease(LEADER, &free, "a", 1).await.unwrap(), Some(1));
        store.migrate().await.unwrap();
        assert_eq!(store.lease(LEADER).await.unwrap().epoch, 1);
    }

    async fn a_second_battery_of_the_same_name_is_refused_by_name(store: Store) {
        let first = store.add_battery(&Actor::server("test"), &cell("NMC-017"), None, 1).await.unwrap();
        let error = store.add_battery(&Actor::server("test"), &cell("NMC-017"), None, 2).await.unwrap_err();
        assert!(matches!(&error, StoreError::Duplicate { .. }), "{error:?}");
        assert_eq!(error.to_string(), "A battery named “NMC-017” exists already");
        assert_eq!(store.battery_named("NMC-017").await.unwrap(), Some(first));
        // Names are compared letter by letter on both engines.
        store.add_battery(&Actor::server("test"), &cell("nmc-017"), None, 3).await.unwrap();
        assert_eq!(store.battery_named("Nmc-017").await.unwrap(), None);
    }

    async fn a_device_logs_in_with_its_newest_secret_only(store: Store) {
        let device: DeviceId = "cu-01".parse().unwrap();
        let (old, new) = (DeviceSecret::from_random([1; 16]), DeviceSecret::from_random([2; 16]));
        assert_eq!(store.device_login(&device).await.unwrap(), None);
        store.register_device(&Actor::server("test"), &device, DeviceKind::Unit, &old, 1).await.unwrap();
        store.register_device(&Actor::server("test"), &device, DeviceKind::Unit, &new, 2).await.unwrap();
        let login = store.device_login(&device).await.unwrap().unwrap();
        assert!(new.matches(&login.secret_sha256) && !old.matches(&login.secret_sha256) && !login.disabled);
    }
}

#[tokio::test]
async fn both_engines_have_the_same_columns() {
    let sqlite = crate::support::database::Database::sqlite();
    let Some(mariadb) = crate::support::database::Database::mariadb().await else { return };
    let mut columns = Vec::new();
    for database in [&sqlite, &mariadb] {
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        columns.push(store.table_columns().await.unwrap());
    }
    assert!(columns[0].len() > 60, "{:?}", columns[0]);
    assert_eq!(columns[0], columns[1]);
}
