//! What the pages in `docs/` promise to be complete is complete.

use cellar::config::Config;

#[test]
fn every_setting_is_documented() {
    let page = include_str!("../../docs/configuration.md");
    let mut settings = Vec::new();
    names("", &toml::from_str(&Config::default().to_toml()).unwrap(), &mut settings);
    assert!(settings.contains(&"http.address".to_owned()), "{settings:?}");
    settings.retain(|name| !page.contains(&format!("\n| `{name}` |")));
    assert_eq!(settings, Vec::<String>::new(), "not in the table of docs/configuration.md");
}

/// Every table of the database has its row in the page about it.
#[test]
fn every_table_is_documented() {
    let page = include_str!("../../docs/database.md");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let texts = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let mut tables: Vec<String> = texts
        .flat_map(|text| {
            let made = text.split("CREATE TABLE IF NOT EXISTS ").skip(1);
            made.map(|rest| rest.split_whitespace().next().unwrap().to_owned()).collect::<Vec<_>>()
        })
        .collect();
    assert!(tables.contains(&"block".to_owned()), "{tables:?}");
    let (_, overview) = page.split_once("## Tables").unwrap();
    tables.retain(|name| !overview.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{name}`"))));
    assert_eq!(tables, Vec::<String>::new(), "not in docs/database.md");
}

/// Every test that the page of parity names is there.
#[test]
fn every_test_named_as_a_proof_exists() {
    let page = include_str!("../../docs/parity.md");
    let mut sources = String::new();
    for folder in ["tests/it", "src/domain"] {
        read_all(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut sources);
    }
    let proofs = page.split('`').skip(1).step_by(2).filter_map(|name| name.rsplit_once("::")).map(|(_, test)| test);
    let mut tests: Vec<&str> = proofs.filter(|test| test.matches('_').count() >= 3).collect();
    assert!(tests.len() > 30, "{tests:?}");
    tests.retain(|test| {
        let test = test.trim_end_matches('…');
        !sources.contains(&format!("fn {test}"))
    });
    assert_eq!(tests, Vec::<&str>::new(), "named in docs/parity.md, but not there");
}

fn read_all(folder: &std::path::Path, into: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

fn names(section: &str, table: &toml::Table, into: &mut Vec<String>) {
    for (key, value) in table {
        match value {
            toml::Value::Table(inner) => names(&format!("{section}{key}."), inner, into),
            _ => into.push(format!("{section}{key}")),
        }
    }
}
