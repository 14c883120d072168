//! Profiles for programs.

use cellar::domain::user::Scope;
use cellar::store::audit::AuditFilter;
use reqwest::Method;
use serde_json::json;

use crate::support::program::Program;

both_engines! {
    async fn a_program_stores_and_reads_a_profile(database: Database) {
        let program = Program::on(&database, Scope::Write).await;
        let text = "# formation\nCC, 0.5C, VOLTAGE, 4.2\nWAIT, 60\n";
        let once = "0123456789abcdef0123456789abcdef";
        let sent = json!({ "name": "Break-in 7", "text": text, "once": once });
        let (status, made) = program.send(Method::POST, "/profiles", Some(sent.clone())).await;
        assert_eq!((status, &made["text"], &made["cycles"]), (201, &json!(text), &json!(1)), "{made}");
        assert_eq!((&made["steps"][0]["rate_c"], &made["notes"]), (&json!(0.5), &json!([])), "{made}");
        let id = &made["profile_id"];
        let (status, shown) = program.send(Method::GET, &format!("/profiles/{id}"), None).await;
        assert_eq!((status, &shown["steps"], &shown["name"]), (200, &made["steps"], &json!("Break-in 7")));
        let (status, again) = program.send(Method::POST, "/profiles", Some(sent)).await;
        assert_eq!((status, &again["profile_id"]), (201, id), "sent twice, stored once");
        let other = json!({ "name": "Break-in 7", "text": "WAIT, 5" });
        assert_eq!(program.send(Method::POST, "/profiles", Some(other)).await.0, 409);

        let pybamm = json!({ "name": "From PyBaMM", "text": "Discharge at 1 A for 1 minute\nRest for 5 minutes" });
        let (status, read) = program.send(Method::POST, "/profiles", Some(pybamm)).await;
        assert_eq!((status, &read["text"]), (201, &json!("CC, -1, TIME, 60\nWAIT, 300\n")), "{read}");

        let (_, found) = program.send(Method::GET, "/profiles?q=break-in%207&per_page=1", None).await;
        assert_eq!((&found["total"], &found["profiles"][0]["profile_id"]), (&json!(1), id), "{found}");
        let filter = AuditFilter { actor: "ada (token script)".to_owned(), ..AuditFilter::default() };
        let told = program.store.audit_page(&filter, i64::MAX, 10).await.unwrap();
        assert_eq!(told.len(), 2, "{told:?}");
    }

    async fn a_text_that_cannot_be_read_is_told_with_line_and_column(database: Database) {
        let program = Program::on(&database, Scope::Write).await;
        let wrong = json!({ "name": "", "text": "WAIT, 60\n\n  CC, fast, TIME, 60\nFLY, 4.2\n" });
        let (status, answer) = program.send(Method::POST, "/profiles", Some(wrong)).await;
        let details = answer["error"]["details"].as_array().unwrap();
        assert_eq!((status, &details[0]["target"]), (422, &json!("name")), "{answer}");
        assert_eq!((&details[1]["line"], &details[1]["column"]), (&json!(3), &json!(7)), "{answer}");
        assert_eq!(details[2]["line"], json!(4), "{answer}");
        assert!(details[1]["message"].as_str().unwrap().contains("“fast”"), "{answer}");
        for body in [json!({ "txt": "" }), json!("WAIT, 5"), json!({ "name": 5 })] {
            let (status, answer) = program.send(Method::POST, "/profiles", Some(body)).await;
            assert_eq!((status, &answer["error"]["details"][0]["target"]), (422, &json!("body")), "{answer}");
        }
        for (path, status) in [("/profiles/99", 404), ("/profiles/x", 404), ("/profiles?page=9&retired=all", 200)] {
            assert_eq!(program.send(Method::GET, path, None).await.0, status, "{path}");
        }
    }
}
