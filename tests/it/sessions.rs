//! Signing in and out, and what a session is worth.

use cellar::domain::user::Role;

use crate::support::people::{Browser, PASSWORD, SESSION, VISIT};
use crate::support::server::Server;

#[tokio::test]
async fn a_page_leads_to_the_sign_in_and_back() {
    let server = Server::start();
    let mut browser = Browser::signed_in(&server, Role::Viewer).await;
    let mut stranger = Browser::new(&server);
    let led = stranger.get("/account?x=1").await;
    assert_eq!((led.status, led.location.as_str()), (303, "/login?back=%2Faccount%3Fx%3D1"));
    let page = stranger.get(&led.location).await;
    let answer =
        stranger.post("/login", &[("name", "viewer"), ("password", PASSWORD), ("back", page.field("back"))]).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/account?x=1"));
    assert_eq!(browser.get("/account").await.status, 200);
}

#[tokio::test]
async fn the_cookie_before_sign_in_never_becomes_the_session() {
    let server = Server::start();
    Browser::signed_in(&server, Role::Viewer).await;
    let mut browser = Browser::new(&server);
    let planted = "a".repeat(64);
    browser.cookies.insert(SESSION.to_owned(), planted.clone());
    browser.cookies.insert(VISIT.to_owned(), planted.clone());
    browser.sign_in("viewer").await;
    let session = browser.cookies[SESSION].clone();
    assert_ne!(session, planted);
    let mut thief = Browser::new(&server);
    thief.cookies.insert(SESSION.to_owned(), planted);
    assert_eq!(thief.get("/account").await.status, 303, "what was planted opens nothing");
    thief.cookies.insert(SESSION.to_owned(), session);
    assert_eq!(thief.get("/account").await.status, 200, "only the session does");
}
