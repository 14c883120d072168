//! Tokens are made, shown once, listed and taken back.

use cellar::auth::token::ApiToken;
use cellar::domain::user::{Role, Scope};
use cellar::store::users::UserEdit;

use super::{Site, by, now_us, told};

const DAY_US: i64 = 86_400_000_000;

#[tokio::test]
async fn a_token_is_shown_once_works_and_is_taken_back() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    assert!(site.get(&admin, "/tokens").await.body.contains("No tokens yet."));
    assert_eq!(site.get(&admin, "/tokens/new").await.between("id=\"days\" name=\"days\" value=\"", "\""), "90");
    let fields = [("name", "night plots"), ("owner", "chief"), ("scope", "read"), ("days", "10")];
    let made = site.post(&admin, "/tokens/new", &fields).await;
    let text = made.secret().to_owned();
    let token = site.store.api_token(&ApiToken::parse(&text).unwrap().sha256()).await.unwrap().expect("it is stored");
    assert_eq!((token.name.as_str(), token.owner.as_str(), token.scope), ("night plots", "chief", Scope::Read));
    assert!((token.expires_at_us - now_us() - 10 * DAY_US).abs() < 600_000_000);
    assert_eq!(site.told("add token").await, told("chief", "POST /tokens/new", "token night plots of chief"));
    let asks = || site.client.get(site.server.url("/api/v1/streams/1/series?from_us=0&to_us=1")).bearer_auth(&text);
    assert_eq!(Site::send(asks()).await.status, 404, "let in, and there is no such stream");

    let list = site.get(&admin, "/tokens").await;
    assert!(list.body.contains("Expires soon") && !list.body.contains(&text), "{}", list.body);
    let again = site.post(&admin, "/tokens/new", &fields).await;
    assert_eq!(again.problem("name"), "chief has a token “night plots” that works. Choose another name.");

    let path = format!("/tokens/{}/revoke", token.api_token_id);
    assert!(site.get(&admin, &path).await.body.contains(">Revoke night plots</button>"));
    for _ in 0..2 {
        let done = site.post(&admin, &path, &[]).await;
        let list = site.get(&admin, done.leads_to()).await;
        assert!(list.body.contains("“night plots” of chief was revoked; it no longer works."), "{}", list.body);
    }
    assert_eq!(
        site.told("revoke token").await,
        told("chief", "POST /tokens/{id}/revoke", "token night plots of chief")
    );
    assert_eq!(Site::send(asks()).await.status, 401);
    assert_eq!(site.get(&admin, &path).await.leads_to(), "/tokens");
    assert_eq!(site.post(&admin, "/tokens/new", &fields).await.status, 200, "the name is free again");
}

#[tokio::test]
async fn each_problem_of_a_new_token_stands_beside_its_field() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let gone = site.person("gone", Role::Operator).await;
    let edit = UserEdit { full_name: String::new(), role: Role::Operator, disabled: true };
    site.store.edit_user(&by(), &site.user(gone.id).await, &edit, "", now_us()).await.unwrap();
    assert!(!site.get(&admin, "/tokens/new").await.body.contains("value=\"gone\""));
    let fields = [("name", " \t"), ("owner", "gone"), ("scope", "all"), ("days", "367")];
    let answer = site.post(&admin, "/tokens/new", &fields).await;
    assert!(answer.problem("name").starts_with("Say what the token is for"));
    assert_eq!(answer.problem("owner"), "Choose somebody who may sign in.");
    assert_eq!(answer.problem("scope"), "Choose read or write.");
    assert_eq!(answer.problem("days"), "Enter a whole number of days from 1 to 366.");
    assert!(answer.body.contains("value=\"367\""), "what was typed stays");
    assert_eq!(site.store.api_tokens().await.unwrap(), []);
}
