//! Signing in: what is told, what is counted, second factors, the first run, one-time links.

use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::audit::AuditFilter;

use crate::support::people::{Browser, PASSWORD, SESSION, VISIT, add, totp_code};
use crate::support::server::Server;

async fn store_of(server: &Server) -> Store {
    Store::open(&server.database_url()).await.unwrap()
}

/// What the page says is wrong.
fn problem(page: &str) -> String {
    let (_, rest) = page.split_once("class=\"field-problem\"").unwrap_or_else(|| panic!("nothing is wrong: {page}"));
    let (_, rest) = rest.split_once("</svg>").unwrap();
    rest.split_once("</p>").unwrap().0.trim().to_owned()
}

#[tokio::test]
async fn a_page_leads_to_the_sign_in_and_back() {
    let server = Server::start();
    add(&store_of(&server).await, "viewer", Role::Viewer).await;
    let mut browser = Browser::new(&server);
    let led = browser.get("/account?x=1").await;
    assert_eq!((led.status, led.location.as_str()), (303, "/login?back=%2Faccount%3Fx%3D1"));
    let page = browser.get(&led.location).await;
    let fields = [("name", " Viewer "), ("password", PASSWORD), ("back", page.field("back"))];
    let answer = browser.post("/login", &fields).await;
    assert_eq!((answer.status, answer.location.as_str()), (303, "/account?x=1"));
    assert_eq!(browser.get("/login").await.location, "/", "who is signed in needs no sign-in page");
}

#[tokio::test]
async fn the_way_back_stays_on_this_server() {
    let server = Server::start();
    add(&store_of(&server).await, "viewer", Role::Viewer).await;
    for elsewhere in
        ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "/a\r\nx: y"]
    {
        let mut browser = Browser::new(&server);
        browser.get("/login").await;
        let answer = browser.post("/login", &[("name", "viewer"), ("password", PASSWORD), ("back", elsewhere)]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/"), "{elsewhere:?}");
    }
    let page = Browser::new(&server).get("/login?back=//evil.example/").await;
    assert_eq!(page.field("back"), "/");
}

#[tokio::test]
async fn nobody_can_be_signed_in_by_another_site() {
    let server = Server::start();
    add(&store_of(&server).await, "viewer", Role::Viewer).await;
    let fields = [("name", "viewer"), ("password", PASSWORD)];
    let mut victim = Browser::new(&server);
    assert_eq!(victim.post_bare("/login", &fields).await.status, 403, "no token");
    let mut attacker = Browser::new(&server);
    attacker.get("/login").await;
    victim.get("/login").await;
    victim.csrf = attacker.csrf.clone();
    assert_eq!(victim.post("/login", &fields).await.status, 403, "the token of another visit");
    assert!(!victim.cookies.contains_key(SESSION) && victim.cookies.contains_key(VISIT));
}

both_engines! {
    async fn wrong_passwords_are_counted_and_lead_to_a_pause(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let store = store_of(&server).await;
        add(&store, "viewer", Role::Viewer).await;
        // Known from before or not, the words are the same.
        for name in ["viewer", "nobody-here"] {
            let mut browser = Browser::new(&server);
            for left in ["4 tries", "3 tries", "2 tries", "1 try"] {
                let answer = browser.try_sign_in(name, "wrong horse").await;
                assert_eq!(answer.status, 422);
                let words = format!("User name or password is not right. {left} left before a pause of 1 s.");
                assert_eq!(problem(&answer.body), words);
            }
            let last = browser.try_sign_in(name, "wrong horse").await;
            assert_eq!(problem(&last.body), "User name or password is not right. The next try is possible in 1 s.");
            let mut early = browser.try_sign_in(name, PASSWORD).await;
            // On a slow machine the pause of 1 s is over by now; the next ones are longer.
            for _ in 0..4 {
                if early.status == 429 {
                    break;
                }
                browser.try_sign_in(name, "wrong horse").await;
                early = browser.try_sign_in(name, PASSWORD).await;
            }
            assert_eq!(early.status, 429, "the right password does not help before the pause is over");
            assert!(problem(&early.body).starts_with("Too many tries were wrong. The next one is possible in "));
            assert!(!browser.cookies.contains_key(SESSION));
        }
        let entries = store.audit_page(&AuditFilter::default(), i64::MAX, 100).await.unwrap();
        let refused: Vec<_> =
            entries.iter().filter(|entry| entry.action == "refuse sign-in").map(|entry| entry.object.as_str()).collect();
        assert_eq!(refused, ["a name nobody has", "user viewer"], "each once, and no name that was typed");
        let said = server.said();
        assert!(said.contains("sign-in refused") && !said.contains("wrong horse") && !said.contains("nobody-here"));
    }

    async fn a_second_factor_asks_for_a_code_that_counts_once(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let mut browser = Browser::signed_in(&server, Role::Admin).await;
        let page = browser.get("/account/second-factor").await;
        let key = page.body.split_once("<code class=\"secret\">").unwrap().1.split_once("</code>").unwrap().0.to_owned();
        assert!(page.body.contains("<svg ") && key.len() == 39, "{key}");
        let wrong = browser.post("/account/second-factor", &[("code", "000000")]).await;
        assert_eq!(wrong.status, 422);
        let now_us = cellar::clock::Clock::System.now_us();
        let on = browser.post("/account/second-factor", &[("code", &totp_code(&key, now_us))]).await;
        assert_eq!(on.status, 200, "{}", on.body);
        let codes: Vec<String> = on.body.split("<li><code>").skip(1).map(|rest| rest[..11].to_owned()).collect();
        assert_eq!(codes.len(), 10);
        assert!(!browser.get("/account").await.body.contains(&codes[0]), "they are shown once");

        let mut other = Browser::new(&server);
        let half = other.try_sign_in("admin", PASSWORD).await;
        let ticket = half.field("ticket").to_owned();
        assert!(half.status == 200 && !ticket.is_empty() && !other.cookies.contains_key(SESSION));
        assert_eq!(other.get("/account").await.status, 303, "the password alone opens nothing");
        let used = other.post("/login", &[("ticket", &ticket), ("code", &totp_code(&key, now_us))]).await;
        assert!(problem(&used.body).starts_with("The code is not right, or it was used before. 4 tries left"));
        let next = totp_code(&key, now_us + 30_000_000);
        let mut thief = Browser::new(&server);
        thief.get("/login").await;
        let stolen = thief.post("/login", &[("ticket", &ticket), ("code", &next)]).await;
        assert!(stolen.status == 422 && stolen.body.contains("another browser"), "a ticket is of one browser");
        other.get("/login").await;
        let done = other.post("/login", &[("ticket", &ticket), ("code", &next)]).await;
        assert_eq!(done.status, 303, "{}", done.body);
        assert_eq!(other.get("/account").await.status, 200);

        for (code, status) in [(&next, 422), (&codes[0], 303), (&codes[0], 422)] {
            let mut browser = Browser::new(&server);
            let half = browser.try_sign_in("admin", PASSWORD).await;
            let ticket = half.field("ticket").to_owned();
            let answer = browser.post("/login", &[("ticket", &ticket), ("code", code)]).await;
            assert_eq!(answer.status, status, "{code}: {}", answer.body);
        }
        assert!(other.get("/account").await.body.contains("9 recovery codes are left"));

        let new = other.post("/account/second-factor/codes", &[("password", PASSWORD), ("code", &codes[1])]).await;
        assert!(new.status == 200 && new.body.matches("<li><code>").count() == 10 && !new.body.contains(&codes[2]));
        let old = other.post("/account/second-factor/off", &[("password", PASSWORD), ("code", &codes[2])]).await;
        assert_eq!(old.status, 422, "an old recovery code no longer works");
        let fresh = new.body.split("<li><code>").nth(1).unwrap()[..11].to_owned();
        let off = other.post("/account/second-factor/off", &[("password", PASSWORD), ("code", &fresh)]).await;
        assert_eq!(off.location, "/account?after=second-factor-off", "{}", off.body);
        Browser::new(&server).sign_in("admin").await;
    }

    async fn the_set_up_link_makes_one_administrator(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let path = server.setup_path();
        let mut browser = Browser::new(&server);
        let strange = browser.get(&format!("/setup/{}", "0".repeat(32))).await;
        assert!(strange.status == 404 && strange.body.contains("restart it and open the new link"));
        assert_eq!(browser.get(&path).await.status, 200);
        let weak = browser.post(&path, &[("name", "Ada"), ("password", "password1234")]).await;
        assert!(weak.status == 422 && weak.body.contains("is not a user name") && weak.body.contains("The password "));
        let fields = [("name", "ada"), ("full_name", "Ada L."), ("password", PASSWORD)];
        let mut second = browser.clone();
        let (one, other) = tokio::join!(browser.post(&path, &fields), second.post(&path, &[("name", "eve"), ("password", PASSWORD)]));
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [303, 404], "of two at once one becomes administrator");
        let mut winner = if one.status == 303 { browser } else { second };
        assert_eq!(winner.get("/account").await.status, 200, "and is signed in");
        assert_eq!(winner.get(&path).await.status, 404);
        assert_eq!(store_of(&server).await.users().await.unwrap().len(), 1);
    }

    async fn a_link_lets_somebody_choose_a_password_once(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let mut before = Browser::signed_in(&server, Role::Operator).await;
        let link = server.cellar_reading(&["user", "link", "operator"], "");
        let path = String::from_utf8(link.stdout).unwrap().trim().to_owned();
        let mut browser = Browser::new(&server);
        assert!(browser.get(&path).await.body.contains("<b>operator</b>"));
        assert_eq!(browser.post(&path, &[("password", "operator")]).await.status, 422);
        let new = "tundra violin eleven pebble";
        let answer = browser.post(&path, &[("password", new)]).await;
        assert_eq!((answer.status, answer.location.as_str()), (303, "/login?after=password&name=operator"));
        let page = browser.get(&answer.location).await.body;
        assert!(page.contains("Your password is set. Sign in with it.") && page.contains("value=\"operator\""));
        assert_eq!(before.get("/account").await.status, 303, "sessions from before have ended");
        assert_eq!(browser.get(&path).await.status, 404);
        assert_eq!(browser.post(&path, &[("password", PASSWORD)]).await.status, 404);
        assert_eq!(browser.try_sign_in("operator", new).await.status, 303);
        let late = server.cellar_reading(&["user", "link", "operator"], "");
        database.run(&["UPDATE sign_in_link SET expires_at_us = 1"]).await;
        let path = String::from_utf8(late.stdout).unwrap().trim().to_owned();
        assert!(Browser::new(&server).get(&path).await.body.contains("it is too old"));
    }
}

#[tokio::test]
async fn somebody_disabled_is_told_no_more_than_a_stranger() {
    let server = Server::start();
    add(&store_of(&server).await, "viewer", Role::Viewer).await;
    assert!(server.cellar_reading(&["user", "disable", "viewer"], "").status.success());
    let told = Browser::new(&server).try_sign_in("viewer", PASSWORD).await;
    let stranger = Browser::new(&server).try_sign_in("no-such-name", PASSWORD).await;
    assert_eq!((told.status, problem(&told.body)), (stranger.status, problem(&stranger.body)));
}

#[tokio::test]
async fn a_set_up_link_opens_nothing_once_there_is_an_administrator() {
    let server = Server::start();
    let path = server.setup_path();
    let input = format!("{PASSWORD}\n");
    let added = server.cellar_reading(&["user", "add", "ada", "--role", "admin", "--password-stdin"], &input);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    assert_eq!(Browser::new(&server).get(&path).await.status, 404);
    Browser::new(&server).sign_in("ada").await;
}

#[tokio::test]
async fn a_hash_of_other_days_is_renewed_at_sign_in() {
    let server = Server::start();
    let store = store_of(&server).await;
    let before = add(&store, "viewer", Role::Viewer).await.password_hash.unwrap();
    Browser::new(&server).sign_in("viewer").await;
    let after = store.user_named("viewer").await.unwrap().unwrap().password_hash.unwrap();
    assert!(before.contains("m=8,") && after.contains("m=19456,t=2,p=1"), "{before} {after}");
    Browser::new(&server).sign_in("viewer").await;
}
