//! Keeps the boundaries that `docs/architecture.md` draws: who may import whom, which crate is named where, where the
//! clock is read, how long a file is, what a template may hold. A failure names file, line and reason.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a check that cannot read the sources fails at that line")]

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// A longer file is split by meaning.
const FILE_LINES_MAX: usize = 400;

/// Each module of the crate with those of ours it may use. The table in `docs/architecture.md` says why.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("series", &["domain"]),
    ("analysis", &["domain", "series"]),
    ("fleet", &["domain", "analysis"]),
    ("import", &["domain", "analysis"]),
    ("report", &["domain", "series", "analysis"]),
    ("config", &["domain"]),
    ("clock", &["domain"]),
    ("tls", &["domain", "config", "clock"]),
    ("archive", &["domain", "series", "config", "clock", "outbound"]),
    ("store", &["domain", "series", "config", "clock", "archive"]),
    ("auth", &["domain", "store", "clock"]),
    ("ingest", &["domain", "series", "analysis", "fleet", "store", "clock", "archive"]),
    ("outbound", &[]),
    ("node", &["domain", "ingest", "store", "config", "clock", "outbound"]),
    ("sim", &["domain", "analysis", "clock"]),
    ("exchange", &["domain", "series", "analysis", "import", "report", "store", "clock"]),
    (
        "web",
        &[
            "domain", "series", "analysis", "fleet", "import", "report", "config", "clock", "store", "exchange",
            "auth", "ingest", "archive",
        ],
    ),
];

/// Modules that put the others together and may use all of them.
const MAY_USE_ALL: &[&str] = &["app", "cli", "lib", "main"];

/// Crates that are named in one place only, and why.
const FENCES: &[(&str, &[&str], &str)] = &[
    ("sqlx", &["src/store/"], "SQL stays in the store"),
    ("rumqttc", &["src/node/bridge.rs", "src/node/bridge/", "src/sim/"], "the bridge can be replaced in one place"),
    ("mqtt_protocol_core", &["src/node/endpoint/"], "the protocol library can be replaced in one place"),
    ("actix_web", &["src/web/", "src/app.rs"], "nothing below the web knows HTTP"),
    (
        "ureq",
        &["src/outbound.rs", "src/node/notify/webhook.rs", "src/archive/bucket.rs"],
        "requests to others are made in few places",
    ),
    ("rcgen", &["src/tls/"], "certificates are made in one place"),
    ("plotters", &["src/report/chart.rs", "src/report/chart/"], "charts on paper are drawn in one place"),
];

/// What reads the time of day.
const CLOCK_READS: &[&str] = &["SystemTime::now", "Utc::now", "Local::now"];

/// A broken rule.
#[derive(Debug, PartialEq, Eq)]
struct Violation {
    file: String,
    line: usize,
    reason: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

/// The rules of a Rust file under `src/`; `path` is relative to the repository.
fn source_violations(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut report = |line: usize, reason: String| found.push(Violation { file: path.to_owned(), line, reason });

    if !text.starts_with("//!") {
        report(1, "a file begins with `//!` and says what it is for".to_owned());
    }
    let line_count = text.lines().count();
    if line_count > FILE_LINES_MAX {
        report(line_count, format!("more than {FILE_LINES_MAX} lines: split it by meaning"));
    }
    let module = module_of(path);
    let may_use = MAY_USE.iter().find(|(name, _)| *name == module).map(|(_, others)| *others);
    let is_free = MAY_USE_ALL.contains(&module);
    if may_use.is_none() && !is_free {
        report(1, format!("module `{module}` is in no row of the table: add it here and to docs/architecture.md"));
    }
    for (line, code) in code_lines(text) {
        for used in used_modules(&code) {
            if !is_free && used != module && may_use.is_some_and(|others| !others.contains(&used.as_str())) {
                report(line, format!("`{module}` must not use `{used}`: see the table in docs/architecture.md"));
            }
        }
        for (krate, places, why) in FENCES {
            if names_crate(&code, krate) && !places.iter().any(|place| path.starts_with(place)) {
                report(line, format!("`{krate}` is named only in {}: {why}", places.join(", ")));
            }
        }
        if let Some(read) = CLOCK_READS.iter().find(|read| code.contains(*read) && path != "src/clock.rs") {
            report(line, format!("`{read}`: the time of day is read only in src/clock.rs, so that tests can set it"));
        }
    }
    found
}

/// The rules of a file under `templates/`.
fn template_violations(path: &str, text: &str) -> Vec<Violation> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut report = |reason: &str| {
            found.push(Violation { file: path.to_owned(), line: number + 1, reason: reason.to_owned() });
        };
        let lower = line.to_lowercase();
        if lower.replace(' ', "").contains("|safe") && !lower.contains("svg") {
            report("`|safe` only for our own SVG: everything else is escaped");
        }
        if opens_inline_script(&lower) {
            report("no inline script: the content security policy refuses it; use a file in static/js");
        }
        if lower.contains("<style") || has_attribute(&lower, |name| name == "style") {
            report("no inline style: the content security policy refuses it; use a class");
        }
        if has_attribute(&lower, |name| name.len() > 2 && name.starts_with("on")) {
            report("no inline event handler: the content security policy refuses it; use a file in static/js");
        }
    }
    found
}

/// `store` for `src/store/blocks.rs` and `src/store.rs`.
fn module_of(path: &str) -> &str {
    let inner = path.strip_prefix("src/").unwrap_or(path);
    inner.split('/').next().unwrap_or(inner).trim_end_matches(".rs")
}

/// The lines of code with their numbers: without comments, and without the tests at the foot of the file.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.starts_with("#[cfg(test)]") {
            break;
        }
        let code = line.split_once("//").map_or(line, |(before, _)| before);
        // `use crate::{` over several lines is one statement, reported at its beginning.
        match lines.last_mut() {
            Some((_, open)) if open.trim_start().contains("use crate::{") && !open.contains(';') => open.push_str(code),
            _ => lines.push((index + 1, code.to_owned())),
        }
    }
    lines.into_iter()
}

/// The modules of this crate that a line names as `crate::…` or `cellar::…`.
fn used_modules(code: &str) -> BTreeSet<String> {
    let mut used = BTreeSet::new();
    for root in ["crate::", "cellar::"] {
        for (at, _) in code.match_indices(root) {
            let is_start = !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_:$".contains(c));
            let rest = &code[at + root.len()..];
            match rest.strip_prefix('{') {
                _ if !is_start => {}
                Some(list) => used.extend(top_level_names(list)),
                None => used.extend(name_at_start(rest)),
            }
        }
    }
    used
}

/// The first names in `a, b::{c, d}, e}`: a, b, e.
fn top_level_names(list: &str) -> Vec<String> {
    let (mut depth, mut names, mut item) = (0, Vec::new(), String::new());
    for c in list.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(name_at_start(std::mem::take(&mut item).trim())),
            _ if depth == 0 => item.push(c),
            _ => {}
        }
    }
    names.extend(name_at_start(item.trim()));
    names
}

/// A module's name is in lower case: `crate::Error` and the like are of the crate root.
fn name_at_start(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    name.starts_with(|c: char| c.is_ascii_lowercase()).then_some(name)
}

fn names_crate(code: &str, krate: &str) -> bool {
    code.match_indices(krate).any(|(at, _)| {
        let is_start = !code[..at].ends_with(|c: char| c.is_alphanumeric() || "_\"".contains(c));
        let rest = &code[at + krate.len()..];
        let is_use = code.trim_start().starts_with(&format!("use {krate}"));
        is_start && (rest.starts_with("::") || is_use && rest.starts_with([';', ' ']))
    })
}

fn opens_inline_script(line: &str) -> bool {
    line.match_indices("<script").any(|(at, _)| {
        let tag = &line[at..];
        let tag = tag.split_once('>').map_or(tag, |(tag, _)| tag);
        !tag.contains("src=") && !tag.contains("application/json")
    })
}

/// Whether a tag on this line has an attribute of such a name.
fn has_attribute(line: &str, is_such: impl Fn(&str) -> bool) -> bool {
    line.match_indices("=\"").any(|(at, _)| {
        let before = &line[..at];
        let start = before.rfind(|c: char| !c.is_alphanumeric() && c != '-').map_or(0, |index| index + 1);
        let follows_space = start > 0 && before[..start].ends_with([' ', '\t', '"']);
        (follows_space || start == 0) && is_such(&before[start..])
    })
}

fn files(folder: &str, extension: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for path in entries.map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.push((name, std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

fn assert_none(violations: &[Violation]) {
    let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{} broken rules:\n{}", list.len(), list.join("\n"));
}

#[test]
fn the_sources_keep_the_boundaries() {
    let sources = files("src", "rs");
    assert!(sources.len() > 10, "the sources are not where this test looks");
    let violations: Vec<_> = sources.iter().flat_map(|(path, text)| source_violations(path, text)).collect();
    assert_none(&violations);
}

#[test]
fn the_templates_keep_the_content_security_policy() {
    let violations: Vec<_> =
        files("templates", "html").iter().flat_map(|(path, text)| template_violations(path, text)).collect();
    assert_none(&violations);
}

#[test]
fn no_test_file_is_longer_than_a_source_file_may_be() {
    let long = files("tests", "rs").into_iter().filter(|(_, text)| text.lines().count() > FILE_LINES_MAX);
    assert_eq!(long.map(|(path, _)| path).collect::<Vec<_>>(), Vec::<String>::new());
}

#[test]
fn the_architecture_page_shows_the_same_table() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/architecture.md")).unwrap();
    let (_, table) = page.split_once("### Who may import whom").expect("the page has that heading");
    for (module, others) in MAY_USE {
        let row = table.lines().find(|line| line.starts_with(&format!("| `{module}` |")));
        let row = row.unwrap_or_else(|| panic!("docs/architecture.md has no row for `{module}`"));
        let named: BTreeSet<&str> = row.split('|').nth(2).unwrap().split('`').skip(1).step_by(2).collect();
        assert_eq!(named, others.iter().copied().collect(), "row `{module}` of docs/architecture.md");
    }
}

mod the_check_itself {
    use super::*;

    fn reasons(path: &str, code: &str) -> Vec<String> {
        source_violations(path, &format!("//! What it is.\n{code}\n")).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn finds_a_forbidden_import_in_every_spelling() {
        for code in [
            "use crate::store::Store;",
            "use crate::{domain::ids::DeviceId, store};",
            "use crate::{\n    domain,\n    store::{Store, StoreError},\n};",
            "fn open() -> crate::store::Store {}",
            "pub(crate) use crate::store as place;",
        ] {
            let found = reasons("src/series/window.rs", code);
            assert_eq!(found.len(), 1, "{code}: {found:?}");
            assert!(found[0].starts_with("src/series/window.rs:2: `series` must not use `store`"), "{}", found[0]);
        }
    }

    #[test]
    fn lets_the_allowed_the_commented_and_the_tested_pass() {
        for code in [
            "use crate::domain::ids::DeviceId;",
            "use crate::series::ranges;",
            "// crate::store would be wrong here",
            "/// See [`crate::store::Store`].",
            "use crate::{domain::{ids, sample}, series};",
            "#[cfg(test)]\nmod tests {\n    use crate::store::Store;\n}",
            "let t = std::time::Instant::now();",
        ] {
            assert_eq!(reasons("src/series/window.rs", code), Vec::<String>::new(), "{code}");
        }
        assert_eq!(reasons("src/cli/serve.rs", "use crate::{store, web, sim};"), Vec::<String>::new());
    }

    #[test]
    fn finds_a_crate_outside_its_fence() {
        assert_eq!(reasons("src/web/pages.rs", "let row = sqlx::query(\"x\");").len(), 1);
        assert_eq!(reasons("src/store/blocks.rs", "let row = sqlx::query(\"x\");"), Vec::<String>::new());
        assert_eq!(reasons("src/node/mod.rs", "use rumqttc::v5::AsyncClient;").len(), 1);
        assert_eq!(reasons("src/node/bridge.rs", "use rumqttc::v5::AsyncClient;"), Vec::<String>::new());
        assert_eq!(reasons("src/node/mod.rs", "use mqtt_protocol_core as mqtt;").len(), 1);
        assert_eq!(reasons("src/store/mod.rs", "fn f() -> actix_web::HttpResponse {}").len(), 1);
        assert_eq!(reasons("src/report/html.rs", "use plotters::prelude::*;").len(), 1);
        assert_eq!(reasons("src/cli/flags.rs", "let filter = \"sqlx::query=warn\";"), Vec::<String>::new());
    }

    #[test]
    fn finds_a_clock_that_tests_cannot_set() {
        assert_eq!(reasons("src/ingest/writer.rs", "let now = chrono::Utc::now();").len(), 1);
        assert_eq!(reasons("src/clock.rs", "let now = chrono::Utc::now();"), Vec::<String>::new());
    }

    #[test]
    fn finds_what_is_too_long_undocumented_or_unknown() {
        assert_eq!(reasons("src/domain/cell.rs", &"\n".repeat(FILE_LINES_MAX)).len(), 1);
        assert_eq!(source_violations("src/domain/cell.rs", "struct Cell;\n").len(), 1);
        assert!(reasons("src/helpers.rs", "")[0].contains("`helpers` is in no row"));
    }

    #[test]
    fn finds_what_a_template_must_not_hold() {
        for (bad, line) in [
            ("safe", "<p>{{ name|safe }}</p>"),
            ("safe", "<p>{{ name | safe }}</p>"),
            ("script", "<script>alert(1)</script>"),
            ("script", "<p></p><script type=\"module\">"),
            ("style", "<style>p {}</style>"),
            ("style", "<p class=\"x\" style=\"color: red\">"),
            ("handler", "<button onclick=\"go()\">"),
        ] {
            let found = template_violations("templates/x.html", line);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].reason.contains(bad), "{line}: {found:?}");
        }
    }

    #[test]
    fn lets_a_good_template_pass() {
        for line in [
            "<script src=\"{{ asset }}\" type=\"module\"></script>",
            "<script type=\"application/json\" id=\"points\">{{ points }}</script>",
            "<figure>{{ chart.svg()|safe }}</figure>",
            "<a href=\"/x?on=1\" data-style=\"x\" data-on=\"y\">switched on=\"yes\"?</a>",
        ] {
            assert_eq!(template_violations("templates/x.html", line), Vec::new(), "{line}");
        }
    }
}
