//! What a session is worth: when it begins, whose it is, and when it ends.

use std::time::Duration;

use cellar::domain::user::Role;
use cellar::store::Store;
use futures_util::StreamExt;

use crate::support::people::{Browser, PASSWORD, SESSION, VISIT, add};
use crate::support::server::Server;

/// A stream is cut within 15 s of the end of its session; the rest is for a loaded machine.
const CUT_MAX: Duration = Duration::from_secs(60);
const HOUR_US: i64 = 3_600_000_000;

/// What the account page says to this cookie: 200 signed in, 303 not.
async fn status_with(server: &Server, cookie: &str) -> u16 {
    let mut browser = Browser::new(server);
    browser.cookies.insert(SESSION.to_owned(), cookie.to_owned());
    browser.get("/account").await.status
}

/// The numbers of the sessions listed on the account page.
fn listed(page: &str) -> Vec<String> {
    let ends = page.split("/account/sessions/").skip(1).filter_map(|rest| rest.split_once("/end\"")).map(|(id, _)| id);
    ends.filter(|id| id.bytes().all(|c| c.is_ascii_digit())).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_cookie_before_sign_in_never_becomes_the_session() {
    let server = Server::start();
    let mut browser = Browser::new(&server);
    let planted = "a".repeat(64);
    for name in [SESSION, VISIT] {
        browser.cookies.insert(name.to_owned(), planted.clone());
    }
    add(&Store::open(&server.database_url()).await.unwrap(), "viewer", Role::Viewer).await;
    browser.sign_in("viewer").await;
    assert_ne!(browser.cookies[SESSION], planted);
    assert_eq!(status_with(&server, &planted).await, 303, "what was planted opens nothing");
    assert_eq!(status_with(&server, &browser.cookies[SESSION]).await, 200);
}

#[tokio::test]
async fn signing_in_again_ends_the_session_before() {
    let server = Server::start();
    let mut browser = Browser::signed_in(&server, Role::Viewer).await;
    let first = browser.cookies[SESSION].clone();
    let answer = browser.post("/login", &[("name", "viewer"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_ne!(browser.cookies[SESSION], first);
    assert_eq!(status_with(&server, &first).await, 303);
    assert_eq!(browser.get("/account").await.status, 200);
}

#[tokio::test]
async fn the_cookie_is_closed_to_scripts_and_other_sites_and_lasts_no_longer_than_the_session() {
    let server = Server::start();
    let mut browser = Browser::signed_in(&server, Role::Viewer).await;
    let answer = browser.post("/login", &[("name", "viewer"), ("password", PASSWORD)]).await;
    let line = answer.cookies.iter().find(|line| line.starts_with("cellar=")).unwrap();
    for part in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age=43200"] {
        assert!(line.contains(part), "{line}");
    }
}

#[tokio::test]
async fn signing_out_ends_the_session_on_the_server() {
    let server = Server::start();
    let mut browser = Browser::signed_in(&server, Role::Viewer).await;
    let cookie = browser.cookies[SESSION].clone();
    let answer = browser.post("/logout", &[]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/login?after=sign-out"));
    assert!(!browser.cookies.contains_key(SESSION), "the browser forgets the cookie");
    assert!(browser.get(&answer.location).await.body.contains("You are signed out."));
    assert_eq!(status_with(&server, &cookie).await, 303, "a kept cookie opens nothing");
}

both_engines! {
    async fn a_session_ends_when_it_is_idle_or_old(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let now_us = cellar::clock::Clock::System.now_us();
        for (seen, begun, status) in [(7, 7, 200), (9, 9, 303), (0, 11, 200), (0, 13, 303)] {
            let mut browser = Browser::signed_in(&server, Role::Viewer).await;
            let (seen_us, begun_us) = (now_us - seen * HOUR_US, now_us - begun * HOUR_US);
            database.run(&[&format!("UPDATE session SET seen_at_us = {seen_us}, created_at_us = {begun_us}")]).await;
            assert_eq!(browser.get("/account").await.status, status, "used {seen} h ago, begun {begun} h ago");
        }
    }

    async fn whoever_is_disabled_is_out_at_once_everywhere(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let mut browsers = [Browser::signed_in(&server, Role::Viewer).await, Browser::signed_in(&server, Role::Viewer).await];
        let disabled = server.cellar_reading(&["user", "disable", "viewer"], "");
        assert!(disabled.status.success(), "{}", String::from_utf8_lossy(&disabled.stderr));
        for browser in &mut browsers {
            assert_eq!(browser.get("/account").await.status, 303);
        }
        assert!(server.cellar_reading(&["user", "enable", "viewer"], "").status.success());
        assert_eq!(browsers[0].get("/account").await.status, 303, "the old session stays ended");
        browsers[0].sign_in("viewer").await;
    }

    async fn a_new_password_ends_all_other_sessions_and_changes_the_cookie_of_this_one(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let mut here = Browser::signed_in(&server, Role::Operator).await;
        let mut there = Browser::signed_in(&server, Role::Operator).await;
        let before = here.cookies[SESSION].clone();
        let new = "tundra violin eleven pebble";
        let answer = here.post("/account/password", &[("current", PASSWORD), ("new", new)]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/account?after=password"), "{}", answer.body);
        assert_ne!(here.cookies[SESSION], before);
        assert_eq!(here.get("/account").await.status, 200);
        assert_eq!(there.get("/account").await.status, 303);
        assert_eq!(status_with(&server, &before).await, 303);
        assert_eq!(there.try_sign_in("operator", PASSWORD).await.status, 422);
        assert_eq!(there.try_sign_in("operator", new).await.status, 303);
    }

    async fn one_ends_ones_own_sessions_and_nobody_elses(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let mut mine = Browser::signed_in(&server, Role::Operator).await;
        let mut mine_too = Browser::signed_in(&server, Role::Operator).await;
        let mut theirs = Browser::signed_in(&server, Role::Viewer).await;
        let of_theirs = listed(&theirs.get("/account").await.body).remove(0);
        mine.get("/account").await;
        assert_eq!(mine.post(&format!("/account/sessions/{of_theirs}/end"), &[]).await.status, 404);
        assert_eq!(theirs.get("/account").await.status, 200);

        let own = listed(&mine.get("/account").await.body);
        assert_eq!(own.len(), 2, "{own:?}");
        let newest = own.iter().max_by_key(|id| id.parse::<i64>().unwrap()).unwrap();
        assert_eq!(mine.post(&format!("/account/sessions/{newest}/end"), &[]).await.status, 303);
        assert_eq!((mine.get("/account").await.status, mine_too.get("/account").await.status), (200, 303));

        mine_too.sign_in("operator").await;
        assert_eq!(mine.post("/account/sessions/end-others", &[]).await.status, 303);
        assert_eq!((mine.get("/account").await.status, mine_too.get("/account").await.status), (200, 303));
        assert_eq!(theirs.get("/account").await.status, 200);
    }

    async fn what_needs_a_fresh_password_asks_for_it_and_changes_the_cookie(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let mut browser = Browser::signed_in(&server, Role::Admin).await;
        let before = browser.cookies[SESSION].clone();
        assert_eq!(browser.get("/account/second-factor").await.status, 200);
        let long_ago_us = cellar::clock::Clock::System.now_us() - HOUR_US;
        database.run(&[&format!("UPDATE session SET confirmed_at_us = {long_ago_us}")]).await;
        let led = browser.get("/account/second-factor").await;
        assert_eq!(led.location, "/account/confirm?back=%2Faccount%2Fsecond-factor");
        let page = browser.get(&led.location).await;
        let back = page.field("back").to_owned();
        let wrong = browser.post("/account/confirm", &[("password", "not this one"), ("back", &back)]).await;
        assert!(wrong.status == 422 && wrong.body.contains("The password is not right. 4 tries left"), "{}", wrong.body);
        let answer = browser.post("/account/confirm", &[("password", PASSWORD), ("back", &back)]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/account/second-factor"));
        assert_eq!(status_with(&server, &before).await, 303);
        assert_eq!(browser.get("/account/second-factor").await.status, 200);
    }
}

#[tokio::test]
async fn a_change_of_role_ends_all_sessions() {
    let server = Server::start();
    let mut browser = Browser::signed_in(&server, Role::Operator).await;
    let store = Store::open(&server.database_url()).await.unwrap();
    let user = store.user_named("operator").await.unwrap().unwrap();
    let edit = cellar::store::users::UserEdit { full_name: String::new(), role: Role::Viewer, disabled: false };
    let by = cellar::domain::audit::Actor::server("test");
    store.edit_user(&by, &user, &edit, "", 0).await.unwrap();
    assert_eq!(browser.get("/account").await.status, 303);
}

#[tokio::test]
async fn an_open_event_stream_ends_with_its_session() {
    let server = Server::start();
    let mut browser = Browser::signed_in(&server, Role::Viewer).await;
    let request = reqwest::Client::new().get(server.url("/live/monitor")).header("cookie", browser.cookie_line());
    let mut events = request.send().await.unwrap().error_for_status().unwrap().bytes_stream();
    let first = events.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"event: "), "{first:?}");
    browser.post("/logout", &[]).await;
    let rest = async {
        let mut last = Vec::new();
        while let Some(Ok(bytes)) = events.next().await {
            last = bytes.to_vec();
        }
        last
    };
    let last = tokio::time::timeout(CUT_MAX, rest).await.expect("the stream ends");
    assert!(String::from_utf8_lossy(&last).contains("event: ended"), "the page is told why");
}

#[tokio::test]
async fn a_page_that_does_not_exist_knows_who_looks_and_has_forms_that_work() {
    let server = Server::start();
    let mut browser = Browser::signed_in(&server, Role::Viewer).await;
    for (path, status) in [("/nowhere", 404), ("/theme", 405)] {
        let page = browser.get(path).await;
        assert_eq!(page.status, status);
        assert!(page.body.contains("Sign out"), "{path} does not show who is signed in");
        assert_ne!(page.csrf(), "");
        assert_eq!(browser.post("/theme", &[("theme", "dark")]).await.status, 303, "the form of {path} was refused");
    }
}
