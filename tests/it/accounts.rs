//! The two accounts on MariaDB: the server's own cannot touch what is written in the audit log.

use cellar::domain::audit::{Actor, Change};
use cellar::store::Store;
use cellar::store::lease::LEADER;
use sqlx::Executor;

use crate::support::database::Database;

const ACCOUNTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/devops/mariadb-accounts.sql"));

#[tokio::test]
async fn the_servers_account_adds_to_the_audit_log_and_cannot_edit_it() {
    let Some(database) = Database::mariadb().await else { return };
    let owner = Store::open(database.url()).await.unwrap();
    owner.migrate().await.unwrap();
    let tables: std::collections::BTreeSet<_> =
        owner.table_columns().await.unwrap().into_iter().map(|(table, _)| table).collect();
    for table in &tables {
        let is_granted = ACCOUNTS.contains(&format!("ON cellar.{table} TO cellar;"));
        assert_eq!(is_granted, table != "audit", "{table} in devops/mariadb-accounts.sql");
    }

    // The file itself, for this test's database and an account of its own.
    let name = database.url().rsplit('/').next().unwrap().to_owned();
    let account = format!("app_{:08x}", fastrand::u32(..));
    let grants = ACCOUNTS
        .lines()
        .filter(|line| !line.starts_with("--") && !line.contains("cellar_migrate") && !line.contains("DATABASE"))
        .collect::<Vec<_>>()
        .join(" ")
        .replace("cellar.", &format!("{name}."))
        .replace("TO cellar;", &format!("TO {account};"))
        .replace("EXISTS cellar ", &format!("EXISTS {account} "));
    let statements: Vec<&str> = grants.split(';').map(str::trim).filter(|text| !text.is_empty()).collect();
    assert!(statements.len() > 10, "{statements:?}");
    database.run(&statements).await;

    let url = database.url().replace("cellar:cellar-test@", &format!("{account}:change-me-2@"));
    assert_ne!(url, database.url());
    let store = Store::open(&url).await.unwrap();
    // The tables are up to date, so nothing needs the right to change them.
    store.migrate().await.unwrap();
    let free = store.lease(LEADER).await.unwrap();
    assert_eq!(store.take_lease(LEADER, &free, "a", 1).await.unwrap(), Some(1));
    store.audit(&Actor::server("test"), &Change::new("try", "the log"), 1).await.unwrap();
    assert_eq!(store.verify_audit().await.unwrap().entries, 1);
    let pool = sqlx::MySqlPool::connect(&url).await.unwrap();
    for edit in [
        "UPDATE audit SET actor = 'x'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "DROP TABLE audit",
        "ALTER TABLE audit ADD x INT",
    ] {
        let error = pool.execute(edit).await.unwrap_err().to_string();
        assert!(error.contains("denied"), "{edit}: {error}");
    }
}
