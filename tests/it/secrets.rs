//! What opens a door is shown once, to the one it is for: not in a log, on a page, in an export or in the database.

use std::path::Path;
use std::time::Duration;

use cellar::clock::Clock;
use cellar::domain::user::Role;
use cellar::web::routes::{Method, ROUTES};
use sqlx::Connection;

use crate::support::database::mariadb_url_at;
use crate::support::mqtt_client::{Client, Login, Version};
use crate::support::people::{self, Browser, SESSION, totp_code};
use crate::support::server::{Server, cellar};
use crate::support::test_server::TestServer;

const PASSWORD: &str = "canary gravel orbit plum";
const WRONG_PASSWORD: &str = "canary of a wrong password";
const PASSWORD_AS_NAME: &str = "canary-typed-as-name";
const UNKNOWN_SECRET: &str = "canary-secret-of-nobody";
const WRONG_SECRET: &str = "canary-secret-but-wrong";
const DATABASE_PASSWORD: &str = "canary-database";
const BROKER_PASSWORD: &str = "canary-broker";
/// Long enough for a refused connection to be tried and told of again.
const RETRIES: Duration = Duration::from_secs(3);

/// A secret, and the name under which a test tells of it.
type Canary = (&'static str, String);

/// The names of the secrets that stand in a text.
fn found<'a>(canaries: &'a [Canary], text: &[u8]) -> Vec<&'a str> {
    let holds = |secret: &str| text.windows(secret.len()).any(|part| part == secret.as_bytes());
    canaries.iter().filter(|(_, secret)| holds(secret)).map(|(name, _)| *name).collect()
}

/// The texts between `before` and `after`.
fn between<'a>(page: &'a str, before: &str, after: &str) -> Vec<&'a str> {
    page.split(before).skip(1).filter_map(|rest| rest.split_once(after)).map(|(text, _)| text).collect()
}

fn shown_once(page: &str) -> String {
    let shown = between(page, "class=\"secret\"", "</code>");
    shown.first().and_then(|rest| rest.split_once('>')).unwrap_or_else(|| panic!("no secret: {page}")).1.to_owned()
}

/// Options of a server that tells everything it can.
fn talkative(folder: &Path) -> String {
    let file = folder.join("talkative.toml");
    std::fs::write(&file, "[log]\nlevel = \"debug\"\nformat = \"json\"\n").unwrap();
    file.to_str().unwrap().to_owned()
}

/// Sends what is wrong with a form of `path`: nothing, no token, no form at all, too much.
async fn spoil(browser: &mut Browser, server: &Server, path: &str, secrets: &[(&str, &str)]) {
    assert_eq!(browser.post_bare(path, secrets).await.status, 403, "{path} without its token");
    let client = reqwest::Client::new();
    let body: String = secrets.iter().map(|(name, value)| format!("{name}={value}&%%")).collect();
    for (kind, body) in [
        ("application/json", format!("{{\"{body}")),
        ("application/x-www-form-urlencoded", format!("{body}{}", "x".repeat(300_000))),
        ("text/plain", body.clone()),
    ] {
        let request =
            client.post(server.url(path)).header("content-type", kind).header("cookie", browser.cookie_line());
        let answer = request.body(body).send().await.unwrap();
        assert!(answer.status().is_client_error(), "{path}: {}", answer.status());
    }
}

/// Every page and export an administrator can reach, by its address.
async fn pages(browser: &mut Browser, tokens: [&str; 2]) -> Vec<(String, String)> {
    let mut pages = Vec::new();
    let looks = ROUTES.iter().filter(|entry| entry.method == Method::Get && !entry.path.starts_with("/live/"));
    let mut paths: Vec<String> = looks.map(|entry| entry.path.to_owned()).collect();
    paths.extend(
        ["/nowhere", "/users?done=edited", "/devices?text=cu", "/audit?action=add", "/api/v1/nothing"]
            .map(str::to_owned),
    );
    for path in paths {
        for id in ["1", "2", "cu-canary", "x"] {
            let path = path.replace("{id}", id).replace("{token}", "0".repeat(32).as_str());
            let path = path.replace("{version}", "1").replace("{path:.*}", "none.js");
            let answer = browser.get(&path).await;
            assert!(answer.status < 500, "{path}: {}", answer.status);
            pages.push((path, format!("{} {:?} {}", answer.location, answer.headers, answer.body)));
        }
    }
    // A page behind a link leads on with the link's token, and with nothing else that is secret.
    for token in tokens {
        pages.push((token.to_owned(), browser.get(token).await.body.replace(token, "")));
    }
    pages
}

#[tokio::test]
async fn what_is_secret_stands_nowhere_but_where_it_is_shown_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(&["--config", &talkative(folder.path())]);
    let setup = server.setup_path();
    let mut admin = Browser::new(&server);

    // The first administrator, with every slip on the way.
    admin.get(&setup).await;
    spoil(&mut admin, &server, &setup, &[("name", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(admin.post(&setup, &[("name", "A!"), ("password", PASSWORD)]).await.status, 422);
    assert_eq!(admin.post(&setup, &[("name", "ada"), ("password", "canary")]).await.status, 422);
    assert_eq!(admin.post(&setup, &[("name", "ada"), ("password", PASSWORD)]).await.status, 303);
    assert_eq!(admin.get(&setup).await.status, 404);

    // Signing in wrongly, and with a password in the wrong field.
    let mut stranger = Browser::new(&server);
    stranger.get("/login").await;
    spoil(&mut stranger, &server, "/login", &[("name", "ada"), ("password", PASSWORD)]).await;
    assert_eq!(stranger.try_sign_in("ada", WRONG_PASSWORD).await.status, 422);
    let slip = stranger.try_sign_in(PASSWORD_AS_NAME, WRONG_PASSWORD).await;
    assert!(slip.body.contains(PASSWORD_AS_NAME), "the name stays in the form of the one who typed it");

    // The second factor.
    let page = admin.get("/account/second-factor").await.body;
    let key = shown_once(&page);
    assert_eq!(admin.post("/account/second-factor", &[("code", "000000")]).await.status, 422);
    let code = totp_code(&key, Clock::System.now_us());
    let codes_page = admin.post("/account/second-factor", &[("code", &code)]).await;
    let codes: Vec<String> =
        between(&codes_page.body, "<li><code>", "</code>").into_iter().map(str::to_owned).collect();
    assert_eq!((codes_page.status, codes.len()), (200, 10));
    admin.get("/account").await;
    let change = [("current", WRONG_PASSWORD), ("new", WRONG_PASSWORD)];
    assert_eq!(admin.post("/account/password", &change).await.status, 422);
    assert_eq!(admin.post("/account/confirm", &[("password", WRONG_PASSWORD)]).await.status, 422);

    // A link for somebody new: once left as it is, once with every slip.
    admin.get("/users/new").await;
    let added = admin.post("/users/new", &[("name", "otto"), ("role", "operator")]).await;
    let first_link = shown_once(&added.body);
    admin.get("/users/2").await;
    let link = shown_once(&admin.post("/users/2/link", &[]).await.body);
    let links = [&first_link, &link].map(|url| url[url.find("/link/").unwrap()..].to_owned());
    let mut otto = Browser::new(&server);
    let mut open = Vec::new();
    for path in &links {
        if otto.get(path).await.status == 200 {
            spoil(&mut otto, &server, path, &[("password", PASSWORD)]).await;
            assert_eq!(otto.post(path, &[("password", "canary")]).await.status, 422);
            open.push(path.as_str());
        }
    }
    assert!(!open.is_empty(), "a link opens");

    // A program and its token.
    admin.get("/tokens/new").await;
    let fields = [("name", "plots"), ("owner", "ada"), ("scope", "write"), ("days", "9")];
    let token = shown_once(&admin.post("/tokens/new", &fields).await.body);
    let client = reqwest::Client::new();
    let mut damaged = token.clone();
    damaged.replace_range(20..21, if &token[20..21] == "a" { "b" } else { "a" });
    for (sent, path) in
        [(&token, "/api/v1/streams/1/series"), (&damaged, "/api/v1/streams/1/series"), (&token, "/users")]
    {
        let answer = client.get(server.url(path)).bearer_auth(sent).send().await.unwrap();
        assert!(!answer.status().is_success() && !answer.text().await.unwrap().contains(sent.as_str()), "{path}");
    }

    // A device, one with a wrong secret, one nobody knows, and payloads nobody can read.
    admin.get("/devices/new").await;
    let secret = shown_once(&admin.post("/devices/new", &[("id", "cu-canary"), ("kind", "unit")]).await.body);
    let up = "cellar/v1/cu-canary/up/samples";
    for version in Version::BOTH {
        let mut device = Client::connect(server.mqtt_port(), version, &Login::of("cu-canary", &secret)).await.unwrap();
        device.publish(up, b"{\"boot\":", false).await;
        for (name, sent) in [("cu-canary", WRONG_SECRET), ("cu-nobody", UNKNOWN_SECRET), ("Cu/+", UNKNOWN_SECRET)] {
            assert!(Client::connect(server.mqtt_port(), version, &Login::of(name, sent)).await.is_err());
        }
    }

    let session = admin.cookies[SESSION].clone();
    let typed_key: String = key.chars().filter(|letter| *letter != ' ').collect();
    let path_end = |path: &str| path.rsplit('/').next().unwrap().to_owned();
    let mut canaries: Vec<Canary> = vec![
        ("set-up link", path_end(&setup)),
        ("password", PASSWORD.to_owned()),
        ("wrong password", WRONG_PASSWORD.to_owned()),
        ("password typed as a name", PASSWORD_AS_NAME.to_owned()),
        ("session", session),
        ("key of the second factor", typed_key),
        ("key of the second factor, as written", key),
        ("first sign-in link", path_end(&links[0])),
        ("sign-in link", path_end(&links[1])),
        ("API token", token),
        ("damaged API token", damaged),
        ("device secret", secret),
        ("wrong device secret", WRONG_SECRET.to_owned()),
        ("secret of an unknown device", UNKNOWN_SECRET.to_owned()),
    ];
    canaries.extend(codes.into_iter().map(|code| ("recovery code", code)));
    for (name, secret) in &canaries {
        assert!(secret.len() >= 10, "{name} is too short to be looked for: {secret}");
    }

    let mut pages = pages(&mut admin, [open[0], open[open.len() - 1]]).await;
    for path in ["/healthz", "/readyz", "/audit.csv", "/users"] {
        pages.push((format!("{path}, signed out"), Browser::new(&server).get(path).await.body));
    }
    let leaks: Vec<_> = pages
        .iter()
        .flat_map(|(path, page)| found(&canaries, page.as_bytes()).into_iter().map(move |name| (name, path)))
        .collect();
    assert_eq!(leaks, [], "on {} pages", pages.len());

    server_files(&server, &canaries);
    // The console shows the set-up link once, on a line of its own; all others are JSON.
    let said = server.said();
    let console: Vec<&str> = said.lines().filter(|line| line.starts_with('{')).collect();
    assert!(console.iter().any(|line| line.contains("\"DEBUG\"")), "it tells everything");
    assert!(console.iter().any(|line| line.contains("/setup/…")), "it tells of links, not what is behind them");
    let leaks: Vec<_> = console
        .iter()
        .flat_map(|line| found(&canaries, line.as_bytes()).into_iter().map(move |name| (name, line)))
        .collect();
    assert_eq!(leaks, [], "in {} lines", console.len());
    assert_eq!(found(&canaries, server.printed().as_bytes()), [""; 0]);
    assert_eq!(said.matches(&canaries[0].1).count(), 1, "the console shows the set-up link once");
    eprintln!("{} secrets, {} pages, {} lines of log", canaries.len(), pages.len(), console.len());
}

/// No file of the server holds a secret, only hashes. The one exception is meant: codes of a second factor are computed
/// from its key, so the key itself is stored, as bytes.
fn server_files(server: &Server, canaries: &[Canary]) {
    let mut looked_at = 0;
    for entry in std::fs::read_dir(server.data_dir()).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_file() {
            continue;
        }
        looked_at += 1;
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(found(canaries, &bytes), [""; 0], "{}", path.display());
    }
    assert!(looked_at >= 2, "the database and its log of writes");
}

/// What a server that was told of a database or a broker writes anywhere.
#[tokio::test]
async fn passwords_of_the_database_and_the_broker_are_told_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let broker = format!("mqtt://cellar_server:{BROKER_PASSWORD}@127.0.0.1:1");
    let config = talkative(folder.path());
    let server = Server::start_with(&["--config", &config, "--broker-url", &broker]);
    let mut browser = Browser::signed_in(&server, Role::Admin).await;
    tokio::time::sleep(RETRIES).await;
    let mut told = vec![server.said(), server.printed()];
    for path in ["/readyz", "/healthz", "/", "/devices", "/users", "/audit", "/audit.csv", "/nowhere"] {
        told.push(browser.get(path).await.body);
    }
    assert!(server.said().contains("127.0.0.1"), "it tells of the broker it cannot reach: {}", server.said());

    let canaries =
        [("database password", DATABASE_PASSWORD.to_owned()), ("broker password", BROKER_PASSWORD.to_owned())];
    for (flag, url) in [
        ("--database-url", format!("mysql://cellar:{DATABASE_PASSWORD}@127.0.0.1:1/cellar")),
        ("--database-url", format!("mysql://cellar:{DATABASE_PASSWORD}@127.0.0.1:1")),
        ("--database-url", format!("mysql://cellar:{DATABASE_PASSWORD}@127.0.0.1:none/cellar")),
        ("--database-url", format!("postgres://cellar:{DATABASE_PASSWORD}@127.0.0.1/cellar")),
        ("--broker-url", format!("mqtts://cellar_server:{BROKER_PASSWORD}@127.0.0.1")),
        ("--broker-url", format!("mqtt://cellar_server:{BROKER_PASSWORD}@127.0.0.1:none")),
    ] {
        let output = cellar(
            folder.path(),
            &["serve", "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--config", &config, flag, &url],
        );
        assert!(!output.status.success(), "{flag} {url}");
        told.push(format!("{output:?}"));
        let printed = cellar(folder.path(), &["config", "print", flag, &url]);
        told.push(format!("{printed:?}"));
    }
    // A file of settings with a slip in the very line of the password.
    for line in [
        "url = \"mysql://cellar:canary-database@db/cellar",
        "url = [\"mysql://cellar:canary-database@db/cellar\"]",
        "ulr = \"canary-database\"",
    ] {
        let file = folder.path().join("slip.toml");
        std::fs::write(&file, format!("[database]\n{line}\n")).unwrap();
        let output = cellar(folder.path(), &["config", "print", "--config", file.to_str().unwrap()]);
        assert!(!output.status.success() && String::from_utf8_lossy(&output.stderr).contains("line 2"), "{output:?}");
        told.push(format!("{output:?}"));
    }
    for text in &told {
        assert_eq!(found(&canaries, text.as_bytes()), [""; 0], "{text}");
    }
}

#[tokio::test]
async fn a_database_that_goes_away_takes_no_secret_into_the_log() {
    if !TestServer::is_installed("mariadbd") {
        return;
    }
    let database = TestServer::start("mariadb", None, 0);
    let root = mariadb_url_at(database.port());
    let mut connection = sqlx::MySqlConnection::connect(&format!("{root}/mysql")).await.unwrap();
    sqlx::Executor::execute(&mut connection, "CREATE DATABASE cellar_away").await.unwrap();
    connection.close().await.unwrap();
    let url = format!("{root}/cellar_away");
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_with(&["--config", &talkative(folder.path()), "--database-url", &url]);
    let browser = Browser::signed_in(&server, Role::Admin).await;
    database.kill_9();
    let canaries = [
        ("database password", root.split([':', '@']).nth(2).unwrap().to_owned()),
        ("session", browser.cookies[SESSION].clone()),
        ("password", people::PASSWORD.to_owned()),
    ];
    // All at once: each waits for the database in vain.
    let asked = ["/readyz", "/", "/users", "/audit.csv", "/api/v1/streams/1/series"].map(|path| {
        let mut browser = browser.clone();
        tokio::spawn(async move { browser.get(path).await })
    });
    let mut failed = 0;
    for answer in asked {
        let answer = answer.await.unwrap();
        failed += u32::from(answer.status >= 500);
        assert_eq!(found(&canaries, answer.body.as_bytes()), [""; 0], "{}", answer.body);
    }
    assert!(failed >= 3, "without its database the server cannot answer");
    assert_eq!(found(&canaries, server.said().as_bytes()), [""; 0]);
}

#[tokio::test]
async fn nobody_gets_in_with_a_password_that_everybody_knows() {
    const PAIRS: [(&str, &str); 20] = [
        ("admin", "admin"),
        ("admin", "password"),
        ("admin", ""),
        ("administrator", "administrator"),
        ("root", "root"),
        ("root", "toor"),
        ("root", ""),
        ("cellar", "cellar"),
        ("cellar", "cellar-test"),
        ("cellar_server", "cellar_server"),
        ("demo", "demo"),
        ("demo", ""),
        ("operator", "operator"),
        ("user", "user"),
        ("guest", "guest"),
        ("test", "test"),
        ("pi", "raspberry"),
        ("unit", "unit"),
        ("mqtt", "mqtt"),
        ("", ""),
    ];
    let server = Server::start();
    for (name, password) in PAIRS {
        let mut browser = Browser::new(&server);
        let answer = browser.try_sign_in(name, password).await;
        assert!(matches!(answer.status, 422 | 429), "{name}/{password}: {}", answer.status);
        assert_eq!(browser.get("/account").await.status, 303, "{name}/{password}");
        for version in Version::BOTH {
            let tried = Client::connect(server.mqtt_port(), version, &Login::of(name, password)).await;
            assert!(tried.is_err(), "{name}/{password} as {version:?}");
        }
    }
    for version in Version::BOTH {
        assert!(
            Client::connect(server.mqtt_port(), version, &Login::default()).await.is_err(),
            "{version:?}, nameless"
        );
    }
}

#[tokio::test]
async fn a_node_shows_no_pages_and_takes_devices() {
    let mut server = Server::start_with(&["--role", "node"]);
    let login = Login::of("nobody-here", "a secret of sixteen");
    assert!(Client::connect(server.mqtt_port(), Version::V5, &login).await.is_err());
    assert!(server.stop(), "it ends well");
    server.restart();
    assert!(Client::connect(server.mqtt_port(), Version::V5, &login).await.is_err());
}
