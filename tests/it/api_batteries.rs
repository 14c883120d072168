//! Batteries for programs.

use cellar::domain::audit::Actor;
use cellar::domain::user::Scope;
use cellar::store::audit::AuditFilter;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::program::Program;

both_engines! {
    async fn a_program_adds_reads_and_changes_a_battery(database: Database) {
        let program = Program::on(&database, Scope::Write).await;
        let sent = json!({ "name": "NMC-022", "technology": "lithium", "chemistry": "NMC", "capacity_ah": 4.8 });
        let (status, made) = program.send(Method::POST, "/batteries", Some(sent.clone())).await;
        assert_eq!((status, &made["battery_id"], &made["voltage_max_v"]), (201, &json!(1), &json!(4.2)), "{made}");
        assert_eq!((&made["current_min_a"], &made["kind"], &made["mass_kg"]), (&json!(-9.6), &json!("cell"), &Value::Null));
        assert_eq!(program.send(Method::GET, "/batteries/1", None).await, (200, made));
        let (status, again) = program.send(Method::POST, "/batteries", Some(sent)).await;
        assert_eq!((status, &again["error"]["code"]), (409, &json!("conflict")), "{again}");

        let change = json!({ "location": "Shelf 1", "mass_kg": 0.048, "version": 0 });
        let (status, changed) = program.send(Method::PATCH, "/batteries/1", Some(change.clone())).await;
        assert_eq!((status, &changed["location"], &changed["version"]), (200, &json!("Shelf 1"), &json!(1)), "{changed}");
        assert_eq!(changed["capacity_ah"], json!(4.8), "what is not sent stays");
        let (status, late) = program.send(Method::PATCH, "/batteries/1", Some(change)).await;
        assert_eq!((status, &late["error"]["code"]), (409, &json!("conflict")), "{late}");
        let (_, emptied) = program.send(Method::PATCH, "/batteries/1", Some(json!({ "mass_kg": null }))).await;
        assert_eq!((&emptied["mass_kg"], &emptied["version"]), (&Value::Null, &json!(2)));
        program.send(Method::PATCH, "/batteries/1", Some(json!({ "mass_kg": null }))).await;
        let filter = AuditFilter { object: "battery 1, NMC-022".to_owned(), ..AuditFilter::default() };
        let entries = program.store.audit_page(&filter, i64::MAX, 10).await.unwrap();
        let told: Vec<_> = entries.iter().rev().map(|entry| (entry.action.as_str(), entry.actor.as_str())).collect();
        let script = "ada (token script)";
        assert_eq!(told, [("add battery", script), ("edit battery", script), ("edit battery", script)]);
    }

    async fn each_field_that_does_not_fit_is_named(database: Database) {
        let program = Program::on(&database, Scope::Write).await;
        let wrong = json!({ "name": "", "technology": "lithium", "chemistry": "AGM", "capacity_ah": 0, "current_min_a": 5 });
        let (status, answer) = program.send(Method::POST, "/batteries", Some(wrong)).await;
        let details = answer["error"]["details"].as_array().unwrap();
        let targets: Vec<_> = details.iter().map(|one| one["target"].as_str().unwrap()).collect();
        assert_eq!((status, targets), (422, vec!["name", "chemistry", "capacity_ah", "current_min_a"]), "{answer}");
        assert!(details.iter().all(|one| one["message"].as_str().unwrap().len() > 10), "{answer}");
        for body in [json!({ "volts": 4 }), json!({ "capacity_ah": "4.8" }), json!([]), json!(null)] {
            let (status, answer) = program.send(Method::POST, "/batteries", Some(body.clone())).await;
            assert_eq!((status, &answer["error"]["details"][0]["target"]), (422, &json!("body")), "{body}: {answer}");
        }
        for (path, status) in [("/99", 404), ("/x", 404), ("?technology=gold", 422), ("?page=-5&per_page=100000", 200)] {
            assert_eq!(program.send(Method::GET, &format!("/batteries{path}"), None).await.0, status, "{path}");
        }
        assert_eq!(program.send(Method::PATCH, "/batteries/99", Some(json!({}))).await.0, 404);
    }

    async fn a_token_for_reading_reads_the_list(database: Database) {
        let program = Program::on(&database, Scope::Read).await;
        for name in ["b", "a", "c"] {
            let battery = crate::support::battery::cell(name);
            program.store.add_battery(&Actor::server("test"), &battery, None, 1).await.unwrap();
        }
        let (status, answer) = program.send(Method::GET, "/batteries?sort=name&order=desc&per_page=2&page=1", None).await;
        let names: Vec<_> = answer["batteries"].as_array().unwrap().iter().map(|one| one["name"].clone()).collect();
        assert_eq!((status, names, &answer["total"]), (200, vec![json!("c"), json!("b")], &json!(3)));
        let (_, found) = program.send(Method::GET, "/batteries?q=a&technology=lithium&kind=cell&retired=false", None).await;
        assert_eq!(found["batteries"][0]["name"], json!("a"));
        assert_eq!(program.send(Method::POST, "/batteries", Some(json!({}))).await.0, 403);
        assert_eq!(program.send(Method::PATCH, "/batteries/1", Some(json!({}))).await.0, 403);
    }
}
