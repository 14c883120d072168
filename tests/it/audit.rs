//! The audit log: what is written, and that no edit of it goes unseen.

use cellar::domain::audit::{Actor, Change};
use cellar::store::Store;
use cellar::store::audit::AuditFilter;
use serde_json::json;

fn somebody(name: &str) -> Actor {
    Actor {
        name: name.to_owned(),
        role: "operator".to_owned(),
        address: "127.0.0.1".to_owned(),
        route: "POST /batteries".to_owned(),
    }
}

async fn filled(store: &Store, entries: i64) {
    for number in 0..entries {
        let change = Change::new("edit battery", format!("battery {}", number % 7))
            .from(json!({ "voltage_max_v": 4.2 }))
            .to(json!({ "voltage_max_v": 4.1 }))
            .because("checked with the data sheet");
        store.audit(&somebody(if number % 2 == 0 { "ann" } else { "bob" }), &change, 1_000 + number).await.unwrap();
    }
}

both_engines! {
    async fn entries_are_numbered_linked_and_found(store: Store) {
        filled(&store, 12).await;
        let check = store.verify_audit().await.unwrap();
        assert_eq!((check.entries, check.faults), (12, vec![]));
        let filter = AuditFilter { actor: "ann".into(), object: "battery 4".into(), ..AuditFilter::default() };
        let found = store.audit_page(&filter, i64::MAX, 100).await.unwrap();
        assert_eq!(found.iter().map(|entry| entry.audit_id).collect::<Vec<_>>(), [5]);
        assert_eq!(found[0].old_json.as_deref(), Some(r#"{"voltage_max_v":4.2}"#));
        let older = store.audit_page(&AuditFilter::default(), 5, 2).await.unwrap();
        assert_eq!(older.iter().map(|entry| entry.audit_id).collect::<Vec<_>>(), [4, 3]);
        let moment = AuditFilter { from_us: 1_003, to_us: 1_005, ..AuditFilter::default() };
        assert_eq!(store.audit_page(&moment, i64::MAX, 100).await.unwrap().len(), 2);
    }

    async fn entries_written_at_the_same_time_form_one_chain(store: Store) {
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let store = store.clone();
                tokio::spawn(async move { filled(&store, 5 + writer).await })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
        let check = store.verify_audit().await.unwrap();
        assert_eq!((check.entries, check.faults), ((5..13).sum(), vec![]));
    }

    async fn a_change_that_is_not_committed_leaves_no_entry(store: Store) {
        filled(&store, 1).await;
        let mut group = store.begin_group().await.unwrap();
        group.audit(&somebody("eve"), &Change::new("add user", "user eve"), 5).await.unwrap();
        drop(group);
        filled(&store, 1).await;
        let check = store.verify_audit().await.unwrap();
        assert_eq!((check.entries, check.faults), (2, vec![]));
    }

    async fn none_of_a_thousand_random_edits_goes_unseen(database: Database) {
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        filled(&store, 40).await;
        database.run(&["CREATE TABLE kept AS SELECT * FROM audit"]).await;
        let mut random = fastrand::Rng::with_seed(20_261_121);
        let mut unseen = Vec::new();
        for _ in 0..1_000 {
            let edit = edit(&mut random);
            assert!(database.run(&[&edit]).await > 0, "{edit} changed nothing");
            if store.verify_audit().await.unwrap().faults.is_empty() {
                unseen.push(edit);
            }
            database.run(&["DELETE FROM audit", "INSERT INTO audit SELECT * FROM kept"]).await;
        }
        assert_eq!(unseen, Vec::<String>::new());
        assert_eq!(store.verify_audit().await.unwrap().faults, Vec::<String>::new());
    }
}

/// An edit such as somebody with the database's password could make.
fn edit(random: &mut fastrand::Rng) -> String {
    let row = random.i64(1..=40);
    let texts = ["actor", "role", "address", "route", "action", "object", "reason", "old_json", "new_json"];
    let text = texts[random.usize(..texts.len())];
    match random.u8(..10) {
        0..4 => format!("UPDATE audit SET {text} = '{}' WHERE audit_id = {row}", random.u32(..)),
        4 => format!("UPDATE audit SET old_json = NULL WHERE audit_id = {row}"),
        5 => format!("UPDATE audit SET at_us = at_us + {} WHERE audit_id = {row}", random.i64(1..1_000_000)),
        6 => format!("DELETE FROM audit WHERE audit_id = {row}"),
        7 => format!("DELETE FROM audit WHERE audit_id > {}", row - 1),
        8 => format!("UPDATE audit SET audit_id = {} WHERE audit_id = {row}", 100 + random.i64(1..50)),
        _ => {
            let column = if random.bool() { "hash" } else { "previous_hash" };
            let zeros = "00".repeat(31);
            format!("UPDATE audit SET {column} = X'{zeros}{:02x}' WHERE audit_id = {row}", random.u8(1..))
        }
    }
}
