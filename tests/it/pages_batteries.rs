//! The pages of batteries and cells. Each test runs the real program and sends what a browser would.

mod batteries;
mod cells;
mod picture;

use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::audit::{AuditFilter, Entry};
use cellar::store::batteries::{BatteryPage, BatteryQuery};

use crate::support::people::{Answer, Browser};
use crate::support::server::Server;

/// A server, its database, and an operator in front of it.
struct Lab {
    server: Server,
    store: Store,
    operator: Browser,
}

impl Lab {
    async fn start() -> Self {
        let server = Server::start();
        let store = Store::open(&server.sqlite_url()).await.unwrap();
        let operator = Browser::signed_in(&server, Role::Operator).await;
        Self { server, store, operator }
    }

    async fn browser(&self, role: Role) -> Browser {
        Browser::signed_in(&self.server, role).await
    }

    /// Adds a battery by its form; the path of its page.
    async fn add(&mut self, fields: &[(&str, &str)]) -> String {
        let form = self.operator.get("/batteries/new").await;
        let once = form.field("once").to_owned();
        let fields: Vec<_> = [("once", once.as_str()), ("then", "battery")].iter().chain(fields).copied().collect();
        let answer = self.operator.post("/batteries/new", &fields).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        answer.location.split('?').next().unwrap().to_owned()
    }

    async fn add_pack(&mut self, name: &str) -> String {
        let pack = [("kind", "pack"), ("cells_series", "4"), ("capacity_ah", "20")];
        let fields: Vec<_> = [("name", name), ("chemistry", "lithium/LFP")].into_iter().chain(pack).collect();
        self.add(&fields).await
    }

    /// Every battery.
    async fn batteries(&self) -> BatteryPage {
        self.store.batteries(&BatteryQuery { limit: 100, ..BatteryQuery::default() }).await.unwrap()
    }

    /// Entries of one action, the oldest first.
    async fn entries(&self, action: &str) -> Vec<Entry> {
        let filter = AuditFilter { action: action.to_owned(), ..AuditFilter::default() };
        let mut entries = self.store.audit_page(&filter, i64::MAX, 1_000).await.unwrap();
        entries.reverse();
        entries
    }
}

/// Whether the page says something, without its mark-up.
#[track_caller]
fn assert_says(answer: &Answer, words: &str) {
    assert!(answer.body.contains(words), "no {words:?} in {}", answer.body);
}
