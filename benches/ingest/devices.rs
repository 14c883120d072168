//! The devices of a load, known to the server.

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::BatteryId;
use cellar::domain::secret::DeviceSecret;
use cellar::store::Store;

use crate::battery;
use crate::load::{self, DEVICES};

/// Registers the devices and the battery they measure.
pub(crate) fn prepare(url: &str) -> BatteryId {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = Store::open(url).await.unwrap();
        store.migrate().await.unwrap();
        for index in 0..DEVICES {
            let id = load::device(index);
            let secret = DeviceSecret::sent(&id);
            store
                .register_device(&Actor::server("test"), &id.parse().unwrap(), DeviceKind::Unit, &secret, 1)
                .await
                .unwrap();
        }
        let battery = store.add_battery(&Actor::server("test"), &battery::cell("bench"), None, 1).await.unwrap();
        store.close().await;
        battery
    })
}
