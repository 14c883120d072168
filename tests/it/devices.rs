//! Who may log in: registration, pending devices, shutting out and new secrets, each with its audit entry.

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::DeviceId;
use cellar::domain::secret::{DeviceSecret, secret_code};
use cellar::store::audit::{AuditFilter, Entry};
use cellar::store::devices::DeviceFilter;
use cellar::store::pending_devices::{NEW_PER_MINUTE_MAX, Noted, PENDING_MAX};
use cellar::store::{Store, StoreError};

const MINUTE_US: i64 = 60_000_000;

fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

fn ann() -> Actor {
    Actor {
        name: "ann".to_owned(),
        role: "operator".to_owned(),
        address: "10.0.0.7".to_owned(),
        route: "POST /devices".to_owned(),
    }
}

fn secret(number: u8) -> DeviceSecret {
    DeviceSecret::from_random([number; 16])
}

/// The audit log, oldest entry first; it must be whole.
async fn log(store: &Store) -> Vec<Entry> {
    assert_eq!(store.verify_audit().await.unwrap().faults, Vec::<String>::new());
    let mut entries = store.audit_page(&AuditFilter::default(), i64::MAX, 1_000).await.unwrap();
    entries.reverse();
    entries
}

async fn actions(store: &Store) -> Vec<String> {
    log(store).await.into_iter().map(|entry| format!("{}: {}, {}", entry.actor, entry.action, entry.object)).collect()
}

/// Whether any audit entry holds the secret, its hash or its code.
async fn is_told(store: &Store, secret: &DeviceSecret) -> bool {
    let hash: String = secret.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
    let entries = format!("{:?}", log(store).await).to_lowercase();
    [secret.reveal(), &hash, &secret_code(&secret.sha256())].iter().any(|text| entries.contains(*text))
}

both_engines! {
    async fn each_change_of_a_device_has_its_entry_and_no_change_has_none(store: Store) {
        let (device, by) = (id("cu-01"), ann());
        assert!(store.register_device(&by, &device, DeviceKind::Unit, &secret(1), 1).await.unwrap());
        assert!(!store.register_device(&by, &device, DeviceKind::Unit, &secret(1), 2).await.unwrap());
        assert!(store.disable_device(&by, &device, "lost", 3).await.unwrap());
        assert!(!store.disable_device(&by, &device, "lost", 4).await.unwrap());
        assert!(store.device_login(&device).await.unwrap().unwrap().disabled);
        assert!(store.enable_device(&by, &device, "found", 5).await.unwrap());
        assert!(!store.enable_device(&by, &device, "", 6).await.unwrap());
        assert!(store.register_device(&by, &device, DeviceKind::Unit, &secret(2), 7).await.unwrap());
        let told = actions(&store).await;
        assert_eq!(told, [
            "ann: register device, device cu-01",
            "ann: disable device, device cu-01",
            "ann: enable device, device cu-01",
            "ann: register device, device cu-01",
        ]);
        let entries = log(&store).await;
        assert_eq!(entries[0].new_json.as_deref(), Some(r#"{"disabled":false,"kind":"unit","secret":"new"}"#));
        assert_eq!((entries[1].reason.as_str(), entries[1].at_us), ("lost", 3));
        assert!(!is_told(&store, &secret(1)).await && !is_told(&store, &secret(2)).await);
        let unknown = store.disable_device(&by, &id("cu-02"), "", 8).await.unwrap_err();
        assert_eq!(unknown.to_string(), "there is no device “cu-02”");
        assert_eq!(log(&store).await.len(), 4);
    }

    async fn a_change_whose_entry_cannot_be_written_is_not_made(database: Database) {
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        let device = id("cu-01");
        store.register_device(&ann(), &device, DeviceKind::Unit, &secret(1), 1).await.unwrap();
        store.note_pending(&id("cu-02"), &secret(2), "127.0.0.1", 1).await.unwrap();
        let before = store.device(&device).await.unwrap().unwrap();
        database.run(&["ALTER TABLE audit RENAME TO away"]).await;
        assert!(store.disable_device(&ann(), &device, "", 2).await.is_err());
        assert!(store.rotate_device(&ann(), &device, before.revision, 2).await.is_err());
        assert!(store.register_device(&ann(), &id("cu-03"), DeviceKind::Unit, &secret(3), 2).await.is_err());
        assert!(store.approve_pending(&ann(), &id("cu-02"), &secret(2).sha256(), DeviceKind::Unit, 2).await.is_err());
        assert!(store.dismiss_pending(&ann(), &id("cu-02"), &secret(2).sha256(), 2).await.is_err());
        database.run(&["ALTER TABLE away RENAME TO audit"]).await;
        assert_eq!(store.device(&device).await.unwrap().unwrap(), before);
        assert!(secret(1).matches(&store.device_login(&device).await.unwrap().unwrap().secret_sha256));
        assert_eq!(store.devices(&DeviceFilter::default(), "", 10).await.unwrap(), [before]);
        assert_eq!(store.pending_devices().await.unwrap().len(), 1);
    }

    async fn of_two_people_who_rotate_a_secret_at_once_the_second_is_told(store: Store) {
        let device = id("cu-01");
        store.register_device(&ann(), &device, DeviceKind::Probe, &secret(1), 1).await.unwrap();
        let seen = store.device(&device).await.unwrap().unwrap().revision;
        let new = store.rotate_device(&ann(), &device, seen, 2).await.unwrap();
        let error = store.rotate_device(&ann(), &device, seen, 3).await.unwrap_err();
        assert!(matches!(error, StoreError::Conflict(_)), "{error:?}");
        let login = store.device_login(&device).await.unwrap().unwrap();
        assert!(new.matches(&login.secret_sha256) && !secret(1).matches(&login.secret_sha256));
        assert!(login.revision > seen);
        assert!(!is_told(&store, &new).await);
    }

    async fn devices_are_listed_by_id_in_pages_and_found(store: Store) {
        for number in 0..7 {
            let kind = if number % 2 == 0 { DeviceKind::Unit } else { DeviceKind::Probe };
            store.register_device(&ann(), &id(&format!("d-{number}")), kind, &secret(number), 1).await.unwrap();
        }
        store.disable_device(&ann(), &id("d-3"), "", 2).await.unwrap();
        let names = async |filter: DeviceFilter, after: &str, limit| -> Vec<String> {
            let found = store.devices(&filter, after, limit).await.unwrap();
            found.into_iter().map(|device| device.device.to_string()).collect()
        };
        assert_eq!(names(DeviceFilter::default(), "", 3).await, ["d-0", "d-1", "d-2"]);
        assert_eq!(names(DeviceFilter::default(), "d-2", 3).await, ["d-3", "d-4", "d-5"]);
        let probes = DeviceFilter { kind: Some(DeviceKind::Probe), ..DeviceFilter::default() };
        assert_eq!(names(probes, "", 10).await, ["d-1", "d-3", "d-5"]);
        let out = DeviceFilter { disabled: Some(true), ..DeviceFilter::default() };
        assert_eq!(names(out, "", 10).await, ["d-3"]);
        let text = DeviceFilter { text: "-5".to_owned(), disabled: Some(false), kind: None };
        assert_eq!(names(text, "", 10).await, ["d-5"]);
        let logins = store.broker_logins().await.unwrap();
        assert_eq!(logins.len(), 6, "a device that is shut out has no log-in at a broker");
        assert!(logins.iter().all(|login| login.hash.as_ref().is_some_and(|hash| hash.starts_with("$7$101$"))));
    }

    async fn an_approved_device_has_the_secret_it_presented(store: Store) {
        let device = id("probe-new");
        assert_eq!(store.note_pending(&device, &secret(1), "10.0.0.1", 10).await.unwrap(), Noted::New);
        assert_eq!(store.note_pending(&device, &secret(2), "10.0.0.2", 20).await.unwrap(), Noted::New);
        assert_eq!(store.note_pending(&device, &secret(1), "10.0.0.3", 30).await.unwrap(), Noted::Again);
        let pending = store.pending_devices().await.unwrap();
        let seen: Vec<_> = pending.iter().map(|row| (row.address.as_str(), row.first_at_us, row.last_at_us, row.tries)).collect();
        assert_eq!(seen, [("10.0.0.3", 10, 30, 2), ("10.0.0.2", 20, 20, 1)]);
        assert_eq!(pending[0].code(), secret_code(&secret(1).sha256()));
        store.approve_pending(&ann(), &device, &pending[0].secret_sha256, DeviceKind::Probe, 40).await.unwrap();
        let login = store.device_login(&device).await.unwrap().unwrap();
        assert!(secret(1).matches(&login.secret_sha256) && !login.disabled);
        assert!(store.pending_devices().await.unwrap().is_empty());
        assert_eq!(actions(&store).await, ["ann: approve device, device probe-new"]);
        assert_eq!(log(&store).await[0].old_json.as_deref(), Some(r#"{"address":"10.0.0.3","tries":2}"#));
        assert!(!is_told(&store, &secret(1)).await);
        // The hash for brokers is that of the same secret.
        let hash = store.broker_logins().await.unwrap().remove(0).hash.unwrap();
        assert_eq!(hash, secret(1).broker_hash(&salt_of(&hash)));
    }

    async fn a_device_is_claimed_once(store: Store) {
        let device = id("probe-new");
        for number in 1..=4 {
            store.note_pending(&device, &secret(number), "10.0.0.1", 10).await.unwrap();
        }
        let claims: Vec<_> = (1..=4)
            .map(|number| {
                let (store, device) = (store.clone(), device.clone());
                tokio::spawn(async move {
                    store.approve_pending(&ann(), &device, &secret(number).sha256(), DeviceKind::Probe, 20).await
                })
            })
            .collect();
        let mut winners = 0;
        for claim in claims {
            match claim.await.unwrap() {
                Ok(()) => winners += 1,
                Err(error) => assert_eq!(error.to_string(), "A device called “probe-new” exists already"),
            }
        }
        assert_eq!(winners, 1);
        assert_eq!(actions(&store).await, ["ann: approve device, device probe-new"]);
        assert_eq!(store.note_pending(&device, &secret(9), "10.0.0.1", 30).await.unwrap(), Noted::Registered);
        let nobody = store.approve_pending(&ann(), &id("other"), &[0; 32], DeviceKind::Probe, 40).await.unwrap_err();
        assert!(matches!(nobody, StoreError::Missing { .. }), "{nobody:?}");
    }

    async fn two_units_that_come_at_the_same_moment_are_let_in_under_different_ids(store: Store) {
        // Ids made of hardware addresses, as units without one of their own take them.
        let units = [(id("cu-0004a3112233"), 1), (id("cu-0004a3112234"), 2)];
        let coming = units.clone().map(|(unit, number)| {
            let store = store.clone();
            tokio::spawn(async move {
                let noted = store.note_pending(&unit, &secret(number), "10.0.0.1", 10).await.unwrap();
                store.approve_pending(&ann(), &unit, &secret(number).sha256(), DeviceKind::Unit, 20).await.unwrap();
                noted
            })
        });
        for unit in coming {
            assert_eq!(unit.await.unwrap(), Noted::New);
        }
        let registered: Vec<_> = store.units().await.unwrap().into_iter().map(|unit| unit.device).collect();
        assert_eq!(registered, units.clone().map(|(unit, _)| unit));
        for (unit, number) in units {
            let login = store.device_login(&unit).await.unwrap().unwrap();
            assert!(secret(number).matches(&login.secret_sha256), "{unit} has a secret of its own");
        }
    }

    async fn a_dismissed_device_is_noted_again_when_it_comes_again(store: Store) {
        let device = id("probe-new");
        store.note_pending(&device, &secret(1), "10.0.0.1", 10).await.unwrap();
        store.note_pending(&device, &secret(2), "10.0.0.1", 10).await.unwrap();
        store.dismiss_pending(&ann(), &device, &secret(1).sha256(), 20).await.unwrap();
        assert_eq!(store.pending_devices().await.unwrap().len(), 1);
        assert!(store.dismiss_pending(&ann(), &device, &secret(1).sha256(), 20).await.is_err());
        assert_eq!(actions(&store).await, ["ann: dismiss pending device, device probe-new"]);
        assert_eq!(store.note_pending(&device, &secret(1), "10.0.0.1", 30).await.unwrap(), Noted::New);
    }

    async fn the_list_of_pending_devices_is_bounded(store: Store) {
        let short = DeviceSecret::sent("fifteen letters");
        assert_eq!(store.note_pending(&id("short"), &short, "10.0.0.1", 0).await.unwrap(), Noted::TooShort);
        let mut tried = 0;
        let mut kept = 0;
        while kept < PENDING_MAX + 5 {
            let now_us = MINUTE_US * (tried / 12);
            let device = id(&format!("d-{tried}"));
            let secret = DeviceSecret::from_random(i128::from(tried).to_be_bytes());
            let noted = store.note_pending(&device, &secret, "10.0.0.1", now_us).await.unwrap();
            let expected = if tried % 12 < NEW_PER_MINUTE_MAX { Noted::New } else { Noted::TooMany };
            assert_eq!(noted, expected, "{tried}");
            kept += i64::from(noted == Noted::New);
            tried += 1;
        }
        let pending = store.pending_devices().await.unwrap();
        assert_eq!(i64::try_from(pending.len()).unwrap(), PENDING_MAX);
        // The first minute's ten tried longest ago; five of them had to go.
        assert_eq!(pending.iter().filter(|row| row.last_at_us == 0).count(), 5);
    }
}

/// The salt in a broker's password hash.
fn salt_of(hash: &str) -> [u8; 12] {
    use base64::Engine;
    let salt = hash.split('$').nth(3).unwrap();
    base64::engine::general_purpose::STANDARD.decode(salt).unwrap().try_into().unwrap()
}
