//! People are added, changed, shut out and let in again.

use cellar::auth::token::LinkToken;
use cellar::domain::user::Role;
use cellar::store::second_factor::SecondFactor;
use cellar::store::users::NewUser;

use super::{Site, by, now_us, told};

#[tokio::test]
async fn somebody_new_gets_a_link_that_is_shown_once_and_works() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let form = site.get(&admin, "/users/new").await;
    assert!(form.body.contains(r#"value="viewer" checked"#), "the least role is picked: {}", form.body);
    let fields = [("name", "m.okafor"), ("full_name", "  M. Okafor\u{202e} "), ("role", "operator")];
    let made = site.post(&admin, "/users/new", &fields).await;
    let (base, token) = made.secret().split_once("/link/").expect("a link");
    assert_eq!(base, site.server.url(""));
    let token = LinkToken::parse(token).expect("a token").sha256();
    let user = site.store.sign_in_link(&token, now_us()).await.unwrap().expect("it works");
    assert_eq!((user.name.as_str(), user.full_name.as_str(), user.role), ("m.okafor", "M. Okafor", Role::Operator));
    let hours_71_us = now_us() + 71 * 3_600_000_000;
    assert!(site.store.sign_in_link(&token, hours_71_us).await.unwrap().is_some());
    assert!(site.store.sign_in_link(&token, hours_71_us + 3_700_000_000).await.unwrap().is_none());
    assert_eq!(site.entries("add user").await[0].actor, "chief");
    assert_eq!(site.told("make sign-in link").await, told("chief", "POST /users/new", "user m.okafor"));
    let list = site.get(&admin, "/users").await;
    assert!(list.body.contains(">m.okafor</a>") && list.body.contains("No password yet"), "{}", list.body);
    assert!(!site.get(&admin, &format!("/users/{}", user.user_id)).await.body.contains("/link/"));

    // The same form once more, as an impatient hand sends it.
    let again = site.post(&admin, "/users/new", &fields).await;
    assert_eq!(again.problem("name"), "m.okafor is there already. Choose another user name.");
    assert!(site.store.sign_in_link(&token, now_us()).await.unwrap().is_some(), "the first link still works");
    assert_eq!(site.entries("add user").await.iter().filter(|entry| entry.object == "user m.okafor").count(), 1);
}

#[tokio::test]
async fn each_problem_of_a_new_person_stands_beside_its_field() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let long = "x".repeat(81);
    let answer =
        site.post(&admin, "/users/new", &[("name", "M. <b>Okafor"), ("full_name", &long), ("role", "owner")]).await;
    assert!(answer.problem("name").contains("use 2 to 32 of a-z"), "{}", answer.body);
    assert_eq!(answer.problem("full_name"), "The full name has 81 characters. Use 80 or fewer.");
    assert!(answer.problem("role").starts_with("Choose what they may do"));
    assert!(answer.body.contains("3 things do not fit.") && answer.body.contains(&long), "what was typed stays");
    assert!(!answer.body.contains("<b>Okafor"), "what was typed is text");
    assert_eq!(site.post(&admin, "/users/new", &[]).await.status, 422);
    assert_eq!(site.store.users().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_person_is_changed_by_who_saw_the_present_values() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let other = site.person("ann", Role::Viewer).await;
    let path = format!("/users/{}", other.id);
    let page = site.get(&admin, &path).await;
    let version = page.hidden("version").to_owned();
    let edit = [("full_name", "Ann Bell"), ("role", "operator"), ("version", version.as_str())];
    let done = site.post(&admin, &path, &edit).await;
    assert_eq!(done.leads_to(), format!("{path}?done=edited"));
    assert!(site.get(&admin, done.leads_to()).await.body.contains("ann was changed."));
    assert_eq!(site.told("edit user").await, told("chief", "POST /users/{id}", "user ann"));
    assert_eq!(site.get(&other, "/").await.status, 303, "another role ends the session");

    // The same form once more changes nothing; one of an old page with other values is a conflict.
    assert_eq!(site.post(&admin, &path, &edit).await.leads_to(), format!("{path}?done=same"));
    let late = [("full_name", "Anna"), ("role", "viewer"), ("version", version.as_str())];
    let conflict = site.post(&admin, &path, &late).await;
    assert_eq!(conflict.status, 409);
    assert!(conflict.body.contains("Somebody else changed ann in the meantime"), "{}", conflict.body);
    assert!(conflict.body.contains("value=\"Anna\"") && conflict.body.contains("<dd>Ann Bell</dd>"), "both are shown");
    assert_eq!(site.user(other.id).await.full_name, "Ann Bell");
    let version = conflict.hidden("version");
    let after = [("full_name", "Anna"), ("role", "viewer"), ("version", version)];
    assert_eq!(site.post(&admin, &path, &after).await.leads_to(), format!("{path}?done=edited"));

    let wrong = site.post(&admin, &path, &[("full_name", &"y".repeat(81)), ("role", ""), ("version", "0")]).await;
    assert!(wrong.problem("role").starts_with("Choose") && wrong.problem("full_name").contains("81"));
    assert!(!site.get(&admin, &format!("{path}?done=<script>")).await.body.contains("<script>"));
}

#[tokio::test]
async fn somebody_is_shut_out_with_a_reason_and_let_in_again() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let other = site.person("ann", Role::Operator).await;
    let path = format!("/users/{}/disable", other.id);
    let form = site.get(&admin, &path).await;
    assert!(form.body.contains(">Disable ann</button>"), "{}", form.body);
    let version = form.hidden("version");
    let none = site.post(&admin, &path, &[("version", version), ("reason", "  ")]).await;
    assert!(none.problem("reason").starts_with("Say why"));
    let long = site.post(&admin, &path, &[("version", version), ("reason", &"x".repeat(501))]).await;
    assert!(long.problem("reason").contains("500"));
    assert_eq!(site.get(&other, "/").await.status, 200);

    let fields = [("version", version), ("reason", "left the lab")];
    let done = site.post(&admin, &path, &fields).await;
    assert!(site.get(&admin, done.leads_to()).await.body.contains("ann was disabled and signed out everywhere."));
    assert_eq!(site.get(&other, "/").await.status, 303);
    assert_eq!(site.post(&admin, &path, &fields).await.status, 303, "the same form once more changes nothing");
    assert_eq!(site.told("disable user").await, told("chief", "POST /users/{id}/disable", "user ann"));
    assert_eq!(site.entries("disable user").await[0].reason, "left the lab");
    let link = site.post(&admin, &format!("/users/{}/link", other.id), &[]).await;
    assert_eq!(link.status, 409);
    assert!(link.body.contains("Enable ann first"), "{}", link.body);

    let enable = format!("/users/{}/enable", other.id);
    let done = site.post(&admin, &enable, &[]).await;
    assert!(site.get(&admin, done.leads_to()).await.body.contains("ann may sign in again."));
    assert_eq!(site.post(&admin, &enable, &[]).await.status, 303);
    assert_eq!(site.told("enable user").await, told("chief", "POST /users/{id}/enable", "user ann"));
    let stale = site.post(&admin, &path, &fields).await;
    assert_eq!((stale.status, site.user(other.id).await.disabled), (409, false));
    assert!(stale.body.contains("Somebody else changed ann"), "{}", stale.body);
}

both_engines! {
    async fn the_last_administrator_stays(database: Database) {
        let site = Site::on(&database).await;
        let admin = site.person("chief", Role::Admin).await;
        // A second one who has not chosen a password yet cannot take charge, but may try.
        let new = NewUser {
            name: "second".parse().unwrap(), full_name: String::new(), role: Role::Admin, password_hash: None,
        };
        let second = site.store.add_user(&by(), &new, now_us()).await.unwrap();
        let second = site.sign_in(second, "second").await;
        let path = format!("/users/{}", admin.id);
        let demote = [("full_name", ""), ("role", "operator"), ("version", "0")];
        for person in [&admin, &second] {
            let answer = site.post(person, &path, &demote).await;
            assert_eq!(answer.status, 409, "{}", person.name);
            assert!(answer.body.contains("chief is the only administrator who can sign in."), "{}", answer.body);
        }
        let disable = format!("{path}/disable");
        let answer = site.post(&second, &disable, &[("version", "0"), ("reason", "try")]).await;
        assert_eq!(answer.status, 409);
        assert!(answer.body.contains("chief is the only administrator who can sign in."), "{}", answer.body);
        for answer in [
            site.get(&admin, &disable).await,
            site.post(&admin, &disable, &[("version", "0"), ("reason", "slip")]).await,
        ] {
            assert_eq!(answer.status, 409);
            assert!(answer.body.contains("This is you."), "{}", answer.body);
        }
        let chief = site.user(admin.id).await;
        assert_eq!((chief.role, chief.disabled, chief.version), (Role::Admin, false, 0));
        site.person("third", Role::Admin).await;
        assert_eq!(site.post(&second, &path, &demote).await.status, 303);
    }
}

#[tokio::test]
async fn a_new_link_ends_the_one_before() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let other = site.person("ann", Role::Viewer).await;
    let path = format!("/users/{}/link", other.id);
    let token = |link: &str| LinkToken::parse(link.rsplit('/').next().unwrap()).unwrap().sha256();
    let first = token(site.post(&admin, &path, &[]).await.secret());
    assert_eq!(site.told("make sign-in link").await, told("chief", "POST /users/{id}/link", "user ann"));
    let second = token(site.post(&admin, &path, &[]).await.secret());
    assert!(site.store.sign_in_link(&first, now_us()).await.unwrap().is_none());
    assert!(site.store.sign_in_link(&second, now_us()).await.unwrap().is_some());
}

#[tokio::test]
async fn a_lost_second_factor_is_reset_after_a_question() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let other = site.person("ann", Role::Viewer).await;
    let path = format!("/users/{}/reset-second-factor", other.id);
    assert_eq!(site.get(&admin, &path).await.leads_to(), format!("/users/{}", other.id), "there is none to reset");
    let user = site.user(other.id).await;
    let factor = SecondFactor { secret: &[7; 20], step: 1, codes_sha256: &[[1; 32]] };
    site.store.set_second_factor(&by(), &user, Some(factor), now_us()).await.unwrap();
    assert!(site.get(&admin, &path).await.body.contains(">Reset the second factor of ann</button>"));
    for _ in 0..2 {
        let done = site.post(&admin, &path, &[]).await;
        assert!(site.get(&admin, done.leads_to()).await.body.contains("The second factor of ann was turned off."));
    }
    assert_eq!(site.user(other.id).await.totp_secret, None);
    assert_eq!(
        site.told("turn off second factor").await,
        told("chief", "POST /users/{id}/reset-second-factor", "user ann")
    );
}
