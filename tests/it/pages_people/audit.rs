//! The audit log is paged, filtered, checked and exported.

use cellar::domain::audit::{Actor, Change};
use cellar::domain::user::Role;
use serde_json::json;

use super::{Person, Site};

const DAY_US: i64 = 86_400_000_000;

fn actor(name: &str) -> Actor {
    Actor {
        name: name.to_owned(),
        role: "operator".to_owned(),
        address: "10.0.0.7".to_owned(),
        route: "test".to_owned(),
    }
}

/// Numbers of the entries on a page.
async fn numbers(site: &Site, admin: &Person, path: &str) -> Vec<i64> {
    let page = site.get(admin, path).await;
    assert_eq!(page.status, 200, "{path}: {}", page.body);
    page.body.split("No. ").skip(1).map(|rest| rest.split('<').next().unwrap().parse().unwrap()).collect()
}

both_engines! {
    async fn the_log_is_read_page_by_page_and_by_filters(database: Database) {
        let site = Site::on(&database).await;
        let admin = site.person("chief", Role::Admin).await;
        // Noon of two days, so that every zone agrees on the day.
        let first_day_us = 20_000 * DAY_US + DAY_US / 2;
        for number in 0..130 {
            let change = Change::new(if number % 2 == 0 { "edit battery" } else { "add_battery" }, format!("battery B_{}", number % 10))
                .from(json!({ "capacity_ah": 4.8, "name": "old" }))
                .to(json!({ "capacity_ah": 4.9, "name": "old" }))
                .because(if number == 100 { "<i>checked</i>" } else { "" });
            let at_us = first_day_us + (number / 65) * DAY_US + number;
            site.store.audit(&actor(if number < 3 { "ann" } else { "bob" }), &change, at_us).await.unwrap();
        }
        let all = numbers(&site, &admin, "/audit").await;
        assert_eq!(all, (83..=132).rev().collect::<Vec<_>>(), "two entries are of the sign-in");
        let page = site.get(&admin, "/audit").await;
        let older = page.between("href=\"/audit?before=", "\"").to_owned();
        assert_eq!(older, "83");
        assert!(page.body.contains("<del>4.8</del>") && page.body.contains("<ins>4.9</ins>"), "{}", page.body);
        assert!(!page.body.contains("<del>old</del>") && page.body.contains("&#60;i&#62;checked"), "{}", page.body);
        assert_eq!(numbers(&site, &admin, "/audit?before=83").await, (33..83).rev().collect::<Vec<_>>());
        assert_eq!(numbers(&site, &admin, "/audit?before=33").await, (1..33).rev().collect::<Vec<_>>());
        assert!(!site.get(&admin, "/audit?before=33").await.body.contains("rel=\"next\""));

        assert_eq!(numbers(&site, &admin, "/audit?actor=ann").await, [5, 4, 3]);
        assert_eq!(numbers(&site, &admin, "/audit?actor=an").await, Vec::<i64>::new(), "a person is named in full");
        assert_eq!(numbers(&site, &admin, "/audit?actor=ann&action=ADD_").await, [4]);
        assert_eq!(numbers(&site, &admin, "/audit?action=t_b").await, Vec::<i64>::new(), "_ stands for itself");
        assert_eq!(numbers(&site, &admin, "/audit?object=b_9").await.len(), 13);
        assert_eq!(numbers(&site, &admin, "/audit?from=2024-10-05&to=2024-10-05").await.len(), 50);
        assert_eq!(numbers(&site, &admin, "/audit?from=2024-10-05&to=2024-10-05&before=69").await, [68]);
        assert_eq!(numbers(&site, &admin, "/audit?to=2024-10-04&actor=bob&before=7").await, [6]);
        let kept = site.get(&admin, "/audit?action=battery&object=B_").await;
        assert!(kept.body.contains("href=\"/audit?action=battery&#38;object=B_&#38;before="), "{}", kept.body);
        assert!(kept.body.contains("href=\"/audit.csv?action=battery&#38;object=B_\""), "{}", kept.body);
        assert!(site.get(&admin, "/audit?actor=nobody").await.body.contains("No entry fits."));
        for (path, field) in [("/audit?from=today", "from"), ("/audit?from=2024-10-05&to=2024-10-04", "to")] {
            assert!(!site.get(&admin, path).await.problem(field).is_empty());
        }
        assert_eq!(site.get(&admin, "/audit?before=x").await.status, 422);
    }
}

#[tokio::test]
async fn the_export_has_every_row_and_no_formula() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    // More than the store reads at a time.
    let mut group = site.store.begin_group().await.unwrap();
    for number in 0..1_100 {
        let change = Change::new("edit", format!("=cmd{number}")).because("+1, \"so\"\nit is");
        group.audit(&actor("-"), &change, 1_000_000 * number).await.unwrap();
    }
    group.commit().await.unwrap();
    let file = site.get(&admin, "/audit.csv").await;
    assert_eq!((file.status, file.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert_eq!(file.header("content-security-policy"), "sandbox");
    assert_eq!(file.header("cache-control"), "no-store");
    let name = file.header("content-disposition");
    assert!(name.starts_with("attachment; filename=\"cellar-audit-") && name.ends_with(".csv\""), "{name}");
    let mut reader = csv::Reader::from_reader(file.body.as_bytes());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    let numbers: Vec<i64> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(numbers, (1..=1_103).rev().collect::<Vec<_>>(), "the export is the newest entry of itself");
    let row = rows.iter().find(|row| &row[0] == "3").unwrap();
    assert_eq!(&row[1], "1970-01-01T00:00:00.000000Z");
    assert_eq!([&row[2], &row[7], &row[10]], ["'-", "'=cmd0", "'+1, \"so\"\nit is"]);
    assert_eq!((&rows[0][6], &rows[0][2], &rows[0][5]), ("export audit log", "chief", "GET /audit.csv"));
    assert_eq!((row[11].len(), row[12].len()), (64, 64));

    let some = site.get(&admin, "/audit.csv?object=cmd109&actor=-").await;
    assert_eq!(some.body.lines().filter(|line| line.contains("=cmd109")).count(), 11);
    assert_eq!(site.entries("export").await[0].new_json.as_deref(), Some(r#"{"actor":"-","object":"cmd109"}"#));
    assert_eq!(site.get(&admin, "/audit.csv?from=today").await.status, 422);
    assert_eq!(site.entries("export").await.len(), 2, "what was refused is no export");
}

#[tokio::test]
async fn a_damaged_log_is_told_from_a_whole_one() {
    let database = crate::support::database::Database::sqlite();
    let site = Site::on(&database).await;
    let admin = site.person("chief", Role::Admin).await;
    let whole = site.get(&admin, "/audit/verify").await;
    assert!(whole.body.contains("The log is whole.") && whole.body.contains("<dd>2</dd>"), "{}", whole.body);
    let head = whole.between("class=\"hash\">", "<");
    assert_eq!(head, site.store.verify_audit().await.unwrap().head);
    database.run(&["UPDATE audit SET object = 'user eve' WHERE audit_id = 1"]).await;
    let damaged = site.get(&admin, "/audit/verify").await;
    assert!(damaged.body.contains("The log was changed past the program."), "{}", damaged.body);
    assert!(damaged.body.contains("entry 1 was changed after it was written"), "{}", damaged.body);
}
