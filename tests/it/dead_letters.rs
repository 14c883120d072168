//! Dead letters: looked at safely, tried again once the fault is mended, counted where a device sends too many.

use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::DeviceId;
use cellar::domain::secret::DeviceSecret;
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::audit::AuditFilter;
use cellar::store::dead_letter_redrive::{Letter, LetterFilter};
use cellar::store::dead_letters::DAY_BYTES_MAX;

use crate::support::battery::cell;
use crate::support::people::Browser;
use crate::support::server::Server;

const PATIENCE: Duration = Duration::from_secs(30);

fn by() -> Actor {
    Actor::server("test")
}

/// A batch for a battery as a device would send it.
fn batch(battery: i64, seq: i64, volts: f64) -> String {
    format!(r#"{{"boot":1,"seq":{seq},"for":{{"battery":{battery}}},"at_us":[1],"columns":{{"voltage_v":[{volts}]}}}}"#)
}

async fn dead(store: &Store, device: &DeviceId, payloads: &[&str]) {
    let mut group = store.begin_group().await.unwrap();
    for payload in payloads {
        let topic = format!("cellar/v1/{device}/up/samples");
        assert!(group.dead_letter(device, &topic, "a fault of before", payload.as_bytes(), 1_000).await.unwrap());
    }
    group.commit().await.unwrap();
}

async fn all(store: &Store) -> Vec<Letter> {
    let filter = LetterFilter { with_stored: true, ..LetterFilter::default() };
    let mut letters = store.letters(&filter, i64::MAX, 100).await.unwrap();
    letters.reverse();
    letters
}

/// Waits until no letter is marked any more.
async fn tried(store: &Store) -> Vec<Letter> {
    let began = Instant::now();
    loop {
        let letters = all(store).await;
        if letters.iter().all(|letter| letter.asked_at_us.is_none()) {
            return letters;
        }
        assert!(began.elapsed() < PATIENCE, "{letters:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

both_engines! {
    async fn what_can_be_used_now_is_stored_once_and_the_rest_gets_the_new_reason(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let store = Store::open(database.url()).await.unwrap();
        let device: DeviceId = "probe-1".parse().unwrap();
        store.register_device(&by(), &device, DeviceKind::Probe, &DeviceSecret::from_random([7; 16]), 1).await.unwrap();
        let payloads = [batch(1, 0, 3.7), batch(99, 1, 3.7), "{".to_owned(), batch(1, 0, 4.2), batch(1, 0, 3.7)];
        dead(&store, &device, &payloads.iter().map(String::as_str).collect::<Vec<_>>()).await;
        // The fault of the first ones: the battery was not registered.
        let battery = store.add_battery(&by(), &cell("A"), None, 1).await.unwrap();
        assert_eq!(battery.0, 1);
        assert_eq!(store.ask_redrive_all(&by(), &LetterFilter::default(), 5_000).await.unwrap(), 5);

        let letters = tried(&store).await;
        let states: Vec<(bool, i64)> = letters.iter().map(|letter| (letter.stored_at_us.is_some(), letter.tries)).collect();
        assert_eq!(states, [(true, 1), (false, 1), (false, 1), (false, 1), (true, 1)], "{letters:?}");
        let reasons: Vec<&str> = letters.iter().map(|letter| letter.reason.as_str()).collect();
        assert!(reasons[1].contains("there is no battery 99") && reasons[2].contains("expected a string"), "{reasons:?}");
        assert!(reasons[3].contains("other content"), "{reasons:?}");
        assert!(letters[0].payload.is_empty() && letters[3].payload_bytes > 0);
        let (stream, _) = store.device_streams(&device).await.unwrap()[0];
        let stored = store.stream_batches(stream, (0, -1)).await.unwrap();
        assert_eq!(stored.iter().map(cellar::domain::sample::Batch::rows).sum::<usize>(), 1);
        assert_eq!(stored[0].columns[0].values, [3.7]);
        let asked = AuditFilter { action: "dead letters".into(), ..AuditFilter::default() };
        assert_eq!(store.audit_page(&asked, i64::MAX, 9).await.unwrap().len(), 1);
        drop(server);
    }

    async fn a_device_that_fills_its_share_of_the_day_leaves_one_letter_that_says_so(store: Store) {
        let device: DeviceId = "probe-1".parse().unwrap();
        let mut group = store.begin_group().await.unwrap();
        let large = vec![b'x'; usize::try_from(DAY_BYTES_MAX).unwrap()];
        assert!(group.dead_letter(&device, "t", "too large", &large, 1_000).await.unwrap());
        for _ in 0..3 {
            assert!(!group.dead_letter(&device, "t", "not JSON", b"{", 2_000).await.unwrap());
        }
        // The next day there is room again.
        assert!(group.dead_letter(&device, "t", "not JSON", b"{", 86_400_000_000).await.unwrap());
        group.commit().await.unwrap();
        let letters = all(&store).await;
        assert_eq!(letters.iter().map(|letter| letter.payload_bytes).collect::<Vec<_>>(), [DAY_BYTES_MAX, 0, 1]);
        assert!(letters[1].reason.contains("10 MB") && letters[1].reason.contains("not JSON"), "{}", letters[1].reason);
        let over = store.letters_over().await.unwrap();
        assert_eq!((over.len(), over[0].kept_count, over[0].over_count), (1, 1, 3));
        assert!(!store.ask_redrive(&by(), letters[1].dead_letter_id, 9).await.unwrap(), "nothing of it was kept");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_show_hostile_letters_as_text_and_filter_and_try_them() {
    let server = Server::start();
    let mut admin = Browser::signed_in(&server, Role::Admin).await;
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let device: DeviceId = "probe-1".parse().unwrap();
    dead(&store, &device, &["<script>alert(1)</script>\u{202e}", &batch(1, 0, 3.7)]).await;
    dead(&store, &"probe-2".parse().unwrap(), &["\u{0}"]).await;
    let list = admin.get("/dead-letters").await.body;
    assert!(
        list.contains("&#60;script&#62;") && !list.contains("<script>alert") && list.contains("Try all 3 again"),
        "{list}"
    );
    let one = admin.get("/dead-letters/1").await.body;
    assert!(one.contains("&#60;script&#62;") && !one.contains('\u{202e}'), "{one}");
    let filtered = admin.get("/dead-letters?device=probe-2&reason=FAULT").await.body;
    assert!(filtered.contains("probe-2") && !filtered.contains("probe-1"), "{filtered}");
    assert_eq!(admin.get("/dead-letters/99").await.status, 404);

    let asked = admin.post("/dead-letters/redrive", &[("device", "probe-1"), ("reason", "")]).await;
    assert_eq!(asked.location, "/dead-letters?device=probe-1&marked=2");
    let letters = tried(&store).await;
    assert_eq!(letters.iter().map(|letter| letter.tries).collect::<Vec<_>>(), [1, 1, 0], "only those of the filter");
    let one = admin.post("/dead-letters/3/redrive", &[]).await;
    assert_eq!(one.location, "/dead-letters/3?marked=1");
    assert_eq!(tried(&store).await[2].tries, 1);
}
