//! A program with an API token against a running server.

use cellar::auth::token::ApiToken;
use cellar::domain::audit::Actor;
use cellar::domain::user::{Role, Scope};
use cellar::store::Store;
use cellar::store::tokens::NewApiToken;
use reqwest::Method;
use serde_json::Value;

use super::database::Database;
use super::people::add;
use super::server::Server;

const HOUR_US: i64 = 3_600_000_000;

/// A program, its server and the server's database.
pub(crate) struct Program {
    /// The server.
    pub(crate) server: Server,
    /// Its database.
    pub(crate) store: Store,
    token: String,
    http: reqwest::Client,
}

impl Program {
    /// A program of an administrator, ada, with a token of the scope.
    pub(crate) async fn on(database: &Database, scope: Scope) -> Self {
        let server = Server::start_with(&["--database-url", database.url()]);
        let store = Store::open(database.url()).await.unwrap();
        let owner = add(&store, "ada", Role::Admin).await;
        let token = ApiToken::random().unwrap();
        let now_us = cellar::clock::Clock::System.now_us();
        let sha256 = token.sha256();
        let new = NewApiToken { token_sha256: &sha256, name: "script", scope, expires_at_us: now_us + HOUR_US };
        store.add_api_token(&Actor::server("test"), &owner, new, now_us).await.unwrap();
        Self { server, store, token: token.reveal().to_owned(), http: reqwest::Client::new() }
    }

    /// Sends to a path below `/api/v1`; the status and the answer.
    pub(crate) async fn send(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = self.server.url(&format!("/api/v1{path}"));
        let mut request = self.http.request(method, url).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }
}
