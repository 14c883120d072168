//! The verbs `user`, `token` and `audit` as somebody at the shell meets them.

use std::process::Output;

use cellar::domain::user::Role;

use crate::support::people::{Browser, PASSWORD};
use crate::support::server::Server;

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn assert_bad_input(output: &Output, words: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(words) && output.stdout.is_empty(), "{said}");
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(&out(output)).unwrap()
}

both_engines! {
    async fn people_are_added_listed_and_shut_out(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        let run = |arguments: &[&str], input: &str| server.cellar_reading(arguments, input);
        let add = ["user", "add", "ada", "--role", "admin", "--full-name", "Ada L.", "--password-stdin"];
        assert_bad_input(&run(&add, "short\n"), "at least 12");
        assert_bad_input(&run(&["user", "add", "Ada", "--role", "admin"], ""), "is not a user name");
        assert_bad_input(&run(&["user", "add", "ada", "--role", "queen"], ""), "viewer, operator or admin");
        out(&run(&add, &format!("{PASSWORD}\n")));
        assert_bad_input(&run(&add, &format!("{PASSWORD}\n")), "exists already");
        let list = json(&run(&["user", "list", "--json"], ""));
        assert_eq!((&list[0]["name"], &list[0]["role"], &list[0]["has_password"]), (&"ada".into(), &"admin".into(), &true.into()));
        assert!(!list.to_string().contains("argon2"), "{list}");
        assert_bad_input(&run(&["user", "disable", "ada"], ""), "only administrator");
        out(&run(&["user", "add", "otto", "--role", "operator"], ""));
        assert_bad_input(&run(&["user", "disable", "nobody"], ""), "nobody is called");
        out(&run(&["user", "disable", "otto"], ""));
        assert!(out(&run(&["user", "list"], "")).contains("disabled"));
        assert_bad_input(&run(&["user", "link", "otto"], ""), "is disabled");
        let new = "tundra violin eleven pebble";
        out(&run(&["user", "password", "ada", "--password-stdin"], &format!("{new}\n")));
        assert_eq!(Browser::new(&server).try_sign_in("ada", new).await.status, 303);
        assert!(out(&run(&["user", "reset-second-factor", "ada"], "")).contains("was off already"));

        let check = json(&run(&["audit", "verify", "--json"], ""));
        assert_eq!((&check["good"], &check["faults"]), (&true.into(), &serde_json::json!([])));
        let csv = out(&run(&["audit", "export", "-o", "-"], ""));
        assert!(csv.starts_with("id,at,actor,") && csv.contains("add user") && csv.contains("shell"), "{csv}");
        assert!(!csv.contains(PASSWORD) && !csv.contains(new) && !csv.contains("argon2"), "{csv}");
        database.run(&["UPDATE audit SET object = 'user eve' WHERE audit_id = 1"]).await;
        let tampered = run(&["audit", "verify"], "");
        assert_eq!(tampered.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&tampered.stdout).contains("entry 1 was changed"));
    }

    async fn a_token_opens_the_api_until_it_is_revoked(database: Database) {
        let server = Server::start_with(&["--database-url", database.url()]);
        Browser::signed_in(&server, Role::Operator).await;
        let run = |arguments: &[&str]| server.cellar_reading(arguments, "");
        let add = ["token", "add", "--user", "operator", "--scope", "read", "--name", "export script"];
        let token = out(&run(&add)).trim().to_owned();
        assert!(token.starts_with("cellar_") && token.len() == 56, "{token}");
        let ask = async |token: &str| {
            let request = reqwest::Client::new().get(server.url("/api/v1/streams/987654321/series")).bearer_auth(token);
            request.send().await.unwrap().status().as_u16()
        };
        assert_eq!(ask(&token).await, 404, "let in; there is no such stream");
        let list = json(&run(&["token", "list", "--json"]));
        assert_eq!((&list[0]["name"], &list[0]["scope"]), (&"export script".into(), &"read".into()));
        let days = (list[0]["expires_at_us"].as_i64().unwrap() - list[0]["created_at_us"].as_i64().unwrap()) / 86_400_000_000;
        assert_eq!(days, 90);
        assert!(!list.to_string().contains(&token));
        let id = list[0]["id"].to_string();
        assert!(out(&run(&["token", "revoke", &id])).contains("is revoked"));
        assert!(out(&run(&["token", "revoke", &id])).contains("was revoked before"));
        assert_eq!(ask(&token).await, 401);
        assert_bad_input(&run(&["token", "revoke", "999"]), "there is no token 999");
        let mut long = add.to_vec();
        long.extend(["--days", "367"]);
        assert_bad_input(&run(&long), "367");
    }
}
