//! People in front of browsers: cookies, form tokens, sign-in.

use std::collections::BTreeMap;

use cellar::auth::password::{Cost, Hasher, Password};
use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::user::Role;
use cellar::store::users::{NewUser, User};
use cellar::store::{Store, StoreError};

use super::server::Server;

/// The password of everybody the tests add.
pub(crate) const PASSWORD: &str = "plum orbit gravel seven";
/// Cookie of a session, over plain HTTP.
pub(crate) const SESSION: &str = "cellar";
/// Cookie of a visit before sign-in.
pub(crate) const VISIT: &str = "cellar-visit";

/// Adds somebody with [`PASSWORD`], unless they are there, and returns them.
pub(crate) async fn add(store: &Store, name: &str, role: Role) -> User {
    let hash = Hasher::with_cost(Cost::FOR_TESTS).hash(Password::new(PASSWORD.to_owned())).await.unwrap();
    let user = NewUser {
        name: name.parse().unwrap(),
        full_name: String::new(),
        role,
        password_hash: Some(hash.into_string()),
    };
    match store.add_user(&Actor::server("test"), &user, Clock::System.now_us()).await {
        Ok(_) | Err(StoreError::Duplicate { .. }) => {}
        Err(error) => panic!("{error}"),
    }
    store.user_named(name).await.unwrap().unwrap()
}

/// What a browser got.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Where it is led to; empty for nowhere.
    pub(crate) location: String,
    /// `Set-Cookie` lines.
    pub(crate) cookies: Vec<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The form token of the page; empty without one.
    pub(crate) fn csrf(&self) -> &str {
        self.field("csrf")
    }

    /// Problem beside a field, which must also stand in the summary.
    pub(crate) fn problem(&self, field: &str) -> &str {
        assert_eq!(self.status, 422, "{}", self.body);
        assert!(self.body.contains(&format!("<li><a href=\"#{field}\">")), "no {field} in the summary: {}", self.body);
        let (_, beside) =
            self.body.split_once(&format!("id=\"{field}-problem\">")).expect("a problem beside the field");
        let (beside, _) = beside.split_once("</p>").unwrap();
        beside.rsplit('>').next().unwrap()
    }

    /// The value of a hidden field; empty without one.
    pub(crate) fn field(&self, name: &str) -> &str {
        let begin = format!("name=\"{name}\" value=\"");
        self.body.split_once(&begin).and_then(|(_, rest)| rest.split_once('"')).map_or("", |(value, _)| value)
    }
}

/// A browser: keeps cookies and the form token of the last page, follows nothing by itself.
#[derive(Debug, Clone)]
pub(crate) struct Browser {
    client: reqwest::Client,
    base: String,
    pub(crate) cookies: BTreeMap<String, String>,
    pub(crate) csrf: String,
}

impl Browser {
    /// A new one, nobody signed in.
    pub(crate) fn new(server: &Server) -> Self {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { client, base: server.url(""), cookies: BTreeMap::new(), csrf: String::new() }
    }

    /// One in which somebody of that role is signed in: `viewer`, `operator` or `admin`, added at first use.
    pub(crate) async fn signed_in(server: &Server, role: Role) -> Self {
        let store = Store::open(&server.database_url()).await.unwrap();
        add(&store, role.as_str(), role).await;
        store.close().await;
        let mut browser = Self::new(server);
        browser.sign_in(role.as_str()).await;
        browser
    }

    /// Signs in with [`PASSWORD`], and loads the account page for its form token.
    pub(crate) async fn sign_in(&mut self, name: &str) {
        let answer = self.try_sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        assert_eq!(self.get("/account").await.status, 200);
    }

    /// Loads the sign-in page and sends its form.
    pub(crate) async fn try_sign_in(&mut self, name: &str, password: &str) -> Answer {
        self.get("/login").await;
        self.post("/login", &[("name", name), ("password", password)]).await
    }

    /// Loads a page and keeps its form token, if it has one.
    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.client.get(format!("{}{path}", self.base));
        self.send(request).await
    }

    /// Sends a form with the token of the last page.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf.clone();
        let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(fields.iter().copied()).collect();
        self.post_bare(path, &fields).await
    }

    /// Sends a form to a server that may die meanwhile; whether it answered.
    pub(crate) async fn try_post(&mut self, path: &str, fields: &[(&str, &str)]) -> bool {
        let fields: String = fields.iter().map(|(name, value)| format!("&{name}={}", encoded(value))).collect();
        let body = format!("csrf={}{fields}", encoded(&self.csrf));
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", self.cookie_line())
            .body(body);
        request.send().await.is_ok()
    }

    /// Sends a form without adding a token.
    pub(crate) async fn post_bare(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body =
            fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
        let request = self
            .client
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        self.send(request).await
    }

    /// Sends a body of any kind.
    pub(crate) async fn post_body(&mut self, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        let request = self.client.post(format!("{}{path}", self.base)).header("content-type", content_type).body(body);
        self.send(request).await
    }

    /// The line of cookies this browser sends.
    pub(crate) fn cookie_line(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.header("cookie", self.cookie_line());
        let answer = request.send().await.expect("the server answers");
        let headers = answer.headers().clone();
        let text = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        let cookies: Vec<String> =
            headers.get_all("set-cookie").iter().map(|line| line.to_str().unwrap().to_owned()).collect();
        for line in &cookies {
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let (status, location) = (answer.status().as_u16(), text("location"));
        let answer = Answer { status, location, cookies, headers, body: answer.text().await.unwrap() };
        if !answer.csrf().is_empty() {
            self.csrf = answer.csrf().to_owned();
        }
        answer
    }
}

/// Text as it stands in a form that is sent.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
        encoded
    })
}

/// The code an app shows at a time, from the key as the page writes it out.
pub(crate) fn totp_code(key: &str, at_us: i64) -> String {
    use hmac::{Hmac, KeyInit as _, Mac as _};
    let letters = key.bytes().filter(|letter| *letter != b' ');
    let bits: String = letters
        .map(|letter| if letter >= b'A' { letter - b'A' } else { letter - b'2' + 26 })
        .map(|value| format!("{value:05b}"))
        .collect();
    let secret: Vec<u8> = bits
        .as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect();
    let mut mac = Hmac::<sha1::Sha1>::new_from_slice(&secret).unwrap();
    mac.update(&(at_us / 30_000_000).to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let at = usize::from(hash[19] & 15);
    let word = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}
