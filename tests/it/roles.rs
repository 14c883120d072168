//! Who may do what: every route of the table with every kind of visitor, and every change without proof of its origin.

use cellar::auth::csrf::csrf_token;
use cellar::auth::token::{ApiToken, SessionToken};
use cellar::domain::audit::Actor;
use cellar::domain::ids::UserId;
use cellar::domain::user::{Role, Scope};
use cellar::store::Store;
use cellar::store::audit::AuditFilter;
use cellar::store::sessions::NewSession;
use cellar::store::tokens::NewApiToken;
use cellar::store::users::{NewUser, UserEdit};
use cellar::web::routes::{Access, Entry, Method, ROUTES};
use reqwest::{Client, RequestBuilder, Response};

use crate::support::server::Server;

const HOUR_US: i64 = 3_600_000_000;

/// Whoever may stand before a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Visitor {
    Anonymous,
    Signed(Role),
    Program(Scope),
    /// Somebody with a device's secret.
    Device,
    /// A session of somebody who was disabled.
    Disabled,
    /// A session that was not used for a day.
    Idle,
    /// A session that is a day old.
    Old,
    /// A cookie nobody handed out.
    Forged,
}

const VISITORS: [Visitor; 11] = [
    Visitor::Anonymous,
    Visitor::Signed(Role::Viewer),
    Visitor::Signed(Role::Operator),
    Visitor::Signed(Role::Admin),
    Visitor::Program(Scope::Read),
    Visitor::Program(Scope::Write),
    Visitor::Device,
    Visitor::Disabled,
    Visitor::Idle,
    Visitor::Old,
    Visitor::Forged,
];

/// What the security design allows, written down a second time: the table of the server is checked against it.
fn may(visitor: Visitor, entry: &Entry) -> bool {
    let is_api = entry.path.starts_with("/api/");
    let changes = entry.method.changes();
    match (entry.access, visitor) {
        (Access::Public, _) | (Access::Viewer, Visitor::Signed(_)) => true,
        (Access::Operator, Visitor::Signed(role)) => role != Role::Viewer,
        (Access::Admin, Visitor::Signed(role)) => role == Role::Admin,
        (Access::Viewer, Visitor::Program(Scope::Read)) => is_api && !changes,
        (Access::Viewer | Access::Operator, Visitor::Program(Scope::Write)) => is_api,
        _ => false,
    }
}

struct Lab {
    server: Server,
    store: Store,
    http: Client,
    users: [UserId; 3],
    disabled: UserId,
    read_token: String,
    write_token: String,
    now_us: i64,
}

impl Lab {
    async fn start() -> Self {
        let server = Server::start();
        let store = Store::open(&server.sqlite_url()).await.unwrap();
        let now_us = cellar::clock::Clock::System.now_us();
        let mut users = Vec::new();
        for (name, role) in
            [("vera", Role::Viewer), ("otto", Role::Operator), ("ada", Role::Admin), ("gone", Role::Admin)]
        {
            let user = NewUser {
                name: name.parse().unwrap(),
                full_name: String::new(),
                role,
                password_hash: Some("$argon2id$none".to_owned()),
            };
            users.push(store.add_user(&Actor::server("test"), &user, now_us).await.unwrap());
        }
        let owner = store.user(users[2]).await.unwrap().unwrap();
        let mut tokens = Vec::new();
        for scope in [Scope::Read, Scope::Write] {
            let token = ApiToken::random().unwrap();
            let sha256 = token.sha256();
            let new = NewApiToken { token_sha256: &sha256, name: "script", scope, expires_at_us: now_us + HOUR_US };
            store.add_api_token(&Actor::server("test"), &owner, new, now_us).await.unwrap();
            tokens.push(token.reveal().to_owned());
        }
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        let [read_token, write_token] = <[String; 2]>::try_from(tokens).unwrap();
        let users_of_roles = [users[0], users[1], users[2]];
        let lab =
            Self { server, store, http, users: users_of_roles, disabled: users[3], read_token, write_token, now_us };
        let user = lab.store.user(users[3]).await.unwrap().unwrap();
        let edit = UserEdit { full_name: String::new(), role: Role::Admin, disabled: true };
        lab.store.edit_user(&Actor::server("test"), &user, &edit, "", now_us).await.unwrap();
        lab
    }

    /// A new session, as old as asked for.
    async fn session(&self, user: UserId, begun_us: i64, seen_us: i64) -> String {
        let token = SessionToken::random().unwrap();
        let sha256 = token.sha256();
        let new = NewSession { token_sha256: &sha256, address: "127.0.0.1", agent: "test" };
        let session = self.store.add_session(&Actor::server("test"), user, new, begun_us).await.unwrap();
        self.store.session_seen(session, seen_us).await.unwrap();
        token.reveal().to_owned()
    }

    async fn cookie(&self, visitor: Visitor) -> Option<String> {
        let (now_us, day_us) = (self.now_us, 24 * HOUR_US);
        Some(match visitor {
            Visitor::Signed(Role::Viewer) => self.session(self.users[0], now_us, now_us).await,
            Visitor::Signed(Role::Operator) => self.session(self.users[1], now_us, now_us).await,
            Visitor::Signed(Role::Admin) => self.session(self.users[2], now_us, now_us).await,
            Visitor::Disabled => self.session(self.disabled, now_us, now_us).await,
            Visitor::Idle => self.session(self.users[2], now_us - 9 * HOUR_US, now_us - 9 * HOUR_US).await,
            Visitor::Old => self.session(self.users[2], now_us - day_us, now_us).await,
            Visitor::Forged => "0".repeat(64),
            Visitor::Anonymous | Visitor::Program(_) | Visitor::Device => return None,
        })
    }

    fn request(&self, entry: &Entry) -> RequestBuilder {
        let url = self.server.url(&path_of(entry));
        match entry.method {
            Method::Get => self.http.get(url),
            Method::Post => self.http.post(url),
            Method::Patch => self.http.patch(url),
        }
    }

    /// What the server answers this visitor, who sends everything a page of ours would.
    async fn ask(&self, visitor: Visitor, entry: &Entry) -> Response {
        let mut request = self.request(entry);
        // Before sign-in, forms are bound to the visit.
        let visit = "1".repeat(64);
        let cookie = self.cookie(visitor).await;
        let cookies = cookie.as_ref().map_or(String::new(), |cookie| format!("; cellar={cookie}"));
        request = request.header("cookie", format!("cellar-visit={visit}{cookies}"));
        request = match visitor {
            Visitor::Program(Scope::Read) => request.bearer_auth(&self.read_token),
            Visitor::Program(Scope::Write) => request.bearer_auth(&self.write_token),
            Visitor::Device => request.basic_auth("cu-01", Some("0123456789abcdef0123456789abcdef")),
            _ => request,
        };
        if entry.method.changes() {
            let is_signed_in = matches!(visitor, Visitor::Signed(_));
            let bound_to = cookie.filter(|_| is_signed_in).unwrap_or(visit);
            request = request
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("csrf={}", csrf_token(&bound_to)));
        }
        request.send().await.unwrap()
    }

    /// The newest change that came by a request. What the server does by itself meanwhile proves nothing.
    async fn last_request_audited(&self) -> Option<i64> {
        let newest = self.store.audit_page(&AuditFilter::default(), i64::MAX, 50).await.unwrap();
        newest.iter().find(|entry| entry.role != "server").map(|entry| entry.audit_id)
    }
}

/// The pattern with something in the place of each parameter, which is nobody's.
fn path_of(entry: &Entry) -> String {
    let mut path = String::new();
    let mut rest = entry.path;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').unwrap();
        path.push_str(before);
        path.push_str(if name.starts_with("token") { "00000000000000000000000000000000" } else { "987654321" });
        rest = after;
    }
    path + rest
}

/// Whether an answer is a refusal for lack of rights.
fn is_refused(answer: &Response) -> bool {
    let to_sign_in = answer.headers().get("location").is_some_and(|to| to.as_bytes().starts_with(b"/login?back="));
    matches!(answer.status().as_u16(), 401 | 403) || (answer.status() == 303 && to_sign_in) || is_home_to_login(answer)
}

/// The way back to `/` needs no mention.
fn is_home_to_login(answer: &Response) -> bool {
    answer.status() == 303
        && answer.url().path() == "/"
        && answer.headers().get("location").is_some_and(|to| to == "/login")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_lets_in_exactly_who_may() {
    let lab = Lab::start().await;
    let mut mismatches = Vec::new();
    for entry in ROUTES {
        for visitor in VISITORS {
            let answer = lab.ask(visitor, entry).await;
            let status = answer.status();
            let was_let_in = !is_refused(&answer);
            if was_let_in != may(visitor, entry) || status.is_server_error() && entry.path != "/readyz" {
                mismatches.push(format!("{visitor:?} {} {}: {status}", entry.method.as_str(), entry.path));
            }
        }
    }
    assert!(ROUTES.len() >= 8 && mismatches.is_empty(), "{} mismatches:\n{}", mismatches.len(), mismatches.join("\n"));
}

/// What is wrong, the body, and headers a browser adds.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_change_is_made_without_proof_that_our_page_sent_it() {
    let lab = Lab::start().await;
    let mut accepted = Vec::new();
    let changing: Vec<_> = ROUTES.iter().filter(|entry| entry.method.changes()).collect();
    for &entry in &changing {
        let cookie = lab.cookie(Visitor::Signed(Role::Admin)).await.unwrap();
        let other = lab.cookie(Visitor::Signed(Role::Admin)).await.unwrap();
        let before = lab.last_request_audited().await;
        let good = format!("csrf={}", csrf_token(&cookie));
        let host = lab.server.url("");
        let cases: [Case; 8] = [
            ("no token", "a=b", &[]),
            ("an empty token", "csrf=", &[]),
            ("a token of another session", &format!("csrf={}", csrf_token(&other)), &[]),
            ("the right token, sent by another site", &good, &[("sec-fetch-site", "cross-site")]),
            ("the right token, sent by a neighbour", &good, &[("sec-fetch-site", "same-site")]),
            ("the right token, from another origin", &good, &[("origin", "https://evil.example")]),
            ("the right token, from no origin", &good, &[("origin", "null")]),
            ("the right token, from another port", &good, &[("origin", "http://127.0.0.1:1")]),
        ];
        for (name, body, headers) in cases {
            let mut request = lab.request(entry).header("cookie", format!("cellar={cookie}"));
            request = request.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned());
            for (header, value) in headers {
                request = request.header(*header, *value);
            }
            let status = request.send().await.unwrap().status();
            if status != 403 {
                accepted.push(format!("{}: {name}: {status}", entry.path));
            }
        }
        // The same request with everything right is not refused for that: the cases above fail for their reason only.
        let request = lab.request(entry).header("cookie", format!("cellar={cookie}")).header("origin", &host);
        let request =
            request.header("sec-fetch-site", "same-origin").header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(lab.last_request_audited().await, before, "{}", entry.path);
        let status = request.body(good).send().await.unwrap().status();
        if status == 403 {
            accepted.push(format!("{}: refused with everything right", entry.path));
        }
    }
    assert!(!changing.is_empty() && accepted.is_empty(), "{}", accepted.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_tells_browsers_what_they_may_do() {
    let lab = Lab::start().await;
    let mut answers = Vec::new();
    for entry in ROUTES {
        for visitor in [Visitor::Anonymous, Visitor::Signed(Role::Admin)] {
            answers.push((format!("{} as {visitor:?}", entry.path), lab.ask(visitor, entry).await));
        }
    }
    let url = |path: &str| lab.server.url(path);
    let huge = lab.http.post(url("/theme")).body(vec![b'x'; 2 * 1024 * 1024]).send().await;
    answers.extend(huge.map(|answer| ("too large".to_owned(), answer)));
    answers.push(("unknown page".to_owned(), lab.http.get(url("/nowhere")).send().await.unwrap()));
    answers.push(("wrong method".to_owned(), lab.http.delete(url("/theme")).send().await.unwrap()));
    answers.push(("unknown file".to_owned(), lab.http.get(url("/static/0/none.css")).send().await.unwrap()));
    let strange = lab.http.get(url("/")).header("host", "evil.example").send().await.unwrap();
    assert_eq!(strange.status(), 421);
    answers.push(("strange host".to_owned(), strange));
    let needed = [
        ("content-security-policy", "default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("permissions-policy", "camera=()"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("x-frame-options", "DENY"),
        ("cache-control", ""),
        ("x-request-id", ""),
    ];
    let mut missing = Vec::new();
    for (what, answer) in &answers {
        for (name, begins) in needed {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            let is_sandbox = name == "content-security-policy" && value.is_some_and(|value| value.contains("sandbox"));
            if !is_sandbox && !value.is_some_and(|value| value.starts_with(begins)) {
                missing.push(format!("{what}: {name}: {value:?}"));
            }
        }
        let policy = answer.headers()["content-security-policy"].to_str().unwrap();
        assert!(!policy.contains("unsafe"), "{what}: {policy}");
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}
