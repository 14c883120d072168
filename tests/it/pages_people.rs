//! The pages of administrators: people, tokens, the audit log, devices. Each test runs the real program, signs somebody
//! in through the store and sends what a browser would.

mod audit;
mod devices;
mod tokens;
mod users;

use cellar::auth::csrf::csrf_token;
use cellar::auth::token::SessionToken;
use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::ids::UserId;
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::audit::{AuditFilter, Entry};
use cellar::store::sessions::NewSession;
use cellar::store::users::{NewUser, User};
use reqwest::header;

use crate::support::database::Database;
use crate::support::server::Server;

/// A server, and a way past its pages.
struct Site {
    server: Server,
    store: Store,
    client: reqwest::Client,
}

/// Somebody with a session.
struct Person {
    id: UserId,
    name: String,
    cookie: String,
}

/// What the server answered.
struct Answer {
    status: u16,
    headers: header::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it leads.
    fn leads_to(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.header("location")
    }

    /// What is written between `before` and the next `after`.
    fn between(&self, before: &str, after: &str) -> &str {
        let (_, rest) = self.body.split_once(before).unwrap_or_else(|| panic!("no {before:?} in {}", self.body));
        rest.split_once(after).unwrap().0
    }

    /// The value of a hidden field.
    fn hidden(&self, name: &str) -> &str {
        self.between(&format!("name=\"{name}\" value=\""), "\"")
    }

    /// The secret it shows.
    fn secret(&self) -> &str {
        assert_eq!((self.status, self.header("cache-control")), (200, "no-store"), "{}", self.body);
        self.between("id=\"secret\">", "<")
    }

    /// Problem beside a field, which must also stand in the summary.
    fn problem(&self, field: &str) -> &str {
        assert_eq!(self.status, 422, "{}", self.body);
        assert!(self.body.contains(&format!("<li><a href=\"#{field}\">")), "no {field} in the summary: {}", self.body);
        let beside = self.between(&format!("id=\"{field}-problem\">"), "</p>");
        beside.rsplit('>').next().unwrap()
    }
}

impl Site {
    async fn start() -> Self {
        let server = Server::start();
        let url = server.sqlite_url();
        Self::of(server, &url).await
    }

    async fn on(database: &Database) -> Self {
        Self::of(Server::start_with(&["--database-url", database.url()]), database.url()).await
    }

    async fn of(server: Server, url: &str) -> Self {
        let store = Store::open(url).await.unwrap();
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { server, store, client }
    }

    /// Adds somebody who has chosen a password, and signs them in.
    async fn person(&self, name: &str, role: Role) -> Person {
        let user = NewUser {
            name: name.parse().unwrap(),
            full_name: String::new(),
            role,
            password_hash: Some("chosen".to_owned()),
        };
        let id = self.store.add_user(&by(), &user, now_us()).await.unwrap();
        self.sign_in(id, name).await
    }

    async fn sign_in(&self, id: UserId, name: &str) -> Person {
        let token = SessionToken::random().unwrap();
        let session = NewSession { token_sha256: &token.sha256(), address: "127.0.0.1", agent: "test" };
        self.store.add_session(&by(), id, session, now_us()).await.unwrap();
        Person { id, name: name.to_owned(), cookie: token.reveal().to_owned() }
    }

    async fn user(&self, id: UserId) -> User {
        self.store.user(id).await.unwrap().unwrap()
    }

    async fn get(&self, person: &Person, path: &str) -> Answer {
        let request = self.client.get(self.server.url(path));
        Self::send(request.header(header::COOKIE, format!("cellar={}", person.cookie))).await
    }

    /// Sends a form with its token.
    async fn post(&self, person: &Person, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = csrf_token(&person.cookie);
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        let request = self
            .client
            .post(self.server.url(path))
            .header(header::COOKIE, format!("cellar={}", person.cookie))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(serde_urlencoded::to_string(fields).unwrap());
        Self::send(request).await
    }

    async fn send(request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, body: answer.text().await.unwrap() }
    }

    /// Entries of one action, the newest first.
    async fn entries(&self, action: &str) -> Vec<Entry> {
        let filter = AuditFilter { action: action.to_owned(), ..AuditFilter::default() };
        self.store.audit_page(&filter, i64::MAX, 1_000).await.unwrap()
    }

    /// The only entry of an action: by whom, by which route, to what.
    async fn told(&self, action: &str) -> (String, String, String) {
        let entries = self.entries(action).await;
        assert_eq!(entries.len(), 1, "{action}: {entries:?}");
        let entry = entries.into_iter().next().unwrap();
        assert_eq!((entry.role.as_str(), entry.address.as_str()), ("admin", "127.0.0.1"));
        (entry.actor, entry.route, entry.object)
    }
}

fn by() -> Actor {
    Actor::server("test")
}

fn now_us() -> i64 {
    Clock::System.now_us()
}

fn told(actor: &str, route: &str, object: &str) -> (String, String, String) {
    (actor.to_owned(), route.to_owned(), object.to_owned())
}

#[tokio::test]
async fn nobody_but_an_administrator_sees_these_pages() {
    let site = Site::start().await;
    let operator = site.person("op", Role::Operator).await;
    for path in ["/users", "/users/new", "/users/1", "/tokens", "/tokens/new", "/audit", "/audit/verify", "/audit.csv"]
    {
        assert_eq!(site.get(&operator, path).await.status, 403, "{path}");
    }
    assert_eq!(site.get(&operator, "/devices").await.status, 200);
    for path in ["/devices/new", "/devices/cu-01/rotate", "/devices/cu-01/disable"] {
        assert_eq!(site.get(&operator, path).await.status, 403, "{path}");
    }
    let viewer = site.person("viewer", Role::Viewer).await;
    assert_eq!(site.get(&viewer, "/devices").await.status, 403);
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_missing() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    for path in [
        "/users/999",
        "/users/x",
        "/users/999/disable",
        "/users/999/reset-second-factor",
        "/tokens/999/revoke",
        "/tokens/x/revoke",
        "/devices/none",
        "/devices/NO",
        "/devices/none/rotate",
        "/devices/none/disable",
    ] {
        assert_eq!(site.get(&admin, path).await.status, 404, "GET {path}");
    }
    for path in [
        "/users/999",
        "/users/999/disable",
        "/users/999/enable",
        "/users/999/link",
        "/users/999/reset-second-factor",
        "/tokens/999/revoke",
        "/devices/none/rotate",
        "/devices/none/disable",
        "/devices/none/enable",
    ] {
        assert_eq!(site.post(&admin, path, &[("reason", "x"), ("role", "viewer")]).await.status, 404, "POST {path}");
    }
}
