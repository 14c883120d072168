//! The pages of profiles: the library, the editor with its two views, downloads. Each test runs the real program and sends
//! what a browser would. Many tests name a fault of the application our users come from: ours must not have it.

use cellar::domain::ids::ProfileId;
use cellar::domain::profile::text;
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::audit::{AuditFilter, Entry};
use cellar::store::profiles::Profile;
use serde_json::Value;

use crate::support::database::Database;
use crate::support::people::{Answer, Browser};
use crate::support::server::Server;

struct Lab {
    server: Server,
    store: Store,
    operator: Browser,
}

impl Lab {
    async fn start() -> Self {
        let server = Server::start();
        let url = server.sqlite_url();
        Self::of(server, &url).await
    }

    async fn on(database: &Database) -> Self {
        Self::of(Server::start_with(&["--database-url", database.url()]), database.url()).await
    }

    async fn of(server: Server, url: &str) -> Self {
        let store = Store::open(url).await.unwrap();
        let operator = Browser::signed_in(&server, Role::Operator).await;
        Self { server, store, operator }
    }

    /// Sends the form with a text; `once` makes it another form each time.
    async fn save(&mut self, name: &str, steps: &str) -> Answer {
        self.operator.get("/profiles/new").await;
        let fields = [("name", name), ("view", "text"), ("text", steps), ("same", "1"), ("act", "save")];
        self.operator.post("/profiles/new", &fields).await
    }

    async fn made(&mut self, name: &str, steps: &str) -> Profile {
        let answer = self.save(name, steps).await;
        self.led_to(&answer).await
    }

    /// The profile an answer leads to.
    async fn led_to(&self, answer: &Answer) -> Profile {
        assert_eq!(answer.status, 303, "{}", answer.body);
        let id = answer.location.strip_prefix("/profiles/").and_then(|rest| rest.split('?').next()).unwrap();
        self.store.profile(ProfileId(id.parse().unwrap())).await.unwrap().expect("it is stored")
    }

    async fn names(&self) -> Vec<String> {
        self.store.profiles().await.unwrap().into_iter().map(|profile| profile.name).collect()
    }

    async fn entries(&self, action: &str) -> Vec<Entry> {
        let filter = AuditFilter { action: action.to_owned(), ..AuditFilter::default() };
        self.store.audit_page(&filter, i64::MAX, 1_000).await.unwrap()
    }
}

/// The problems a page tells, from its summary.
fn problems(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.status, 422, "{}", answer.body);
    let items = answer.body.split("<li><a href=\"#").skip(1);
    let told = items.filter_map(|item| item.split("</a>").next()?.split_once("\">"));
    told.map(|(field, message)| (field.to_owned(), message.to_owned())).collect()
}

both_engines! {
    async fn a_profile_is_written_changed_retired_and_brought_back(database: Database) {
        let mut lab = Lab::on(&database).await;
        let profile = lab.made("Slow charge", "# for new cells\nCC, C/10, VOLTAGE, 4.2\n").await;
        assert_eq!((profile.name.as_str(), profile.version), ("Slow charge", 0));
        assert_eq!(profile.text, "# for new cells\nCC, C/10, VOLTAGE, 4.2\n");
        let path = format!("/profiles/{}", profile.profile_id);
        let page = lab.operator.get(&path).await;
        assert!(page.body.contains("Charging at 0.1 C until 4.200 V") && page.body.contains("# for new cells"), "{}", page.body);

        let edit = format!("{path}/edit");
        let form = lab.operator.get(&edit).await;
        assert!(form.body.contains("name=\"row-0-at\" value=\"0.1C\""), "{}", form.body);
        let fields = [
            ("name", "Slow charge"), ("description", "Now with a rest."), ("version", "0"), ("act", "save"),
            ("row-0-do", "CC"), ("row-0-at", "0,2C"), ("row-0-k0", "VOLTAGE"), ("row-0-v0", "4,2"),
            ("row-1-do", "WAIT"), ("row-1-k0", "TIME"), ("row-1-v0", "10 min"),
        ];
        assert_eq!(lab.operator.post(&edit, &fields).await.location, format!("{path}?done=edited"));
        let changed = lab.store.profile(profile.profile_id).await.unwrap().unwrap();
        assert_eq!((text::write(&changed.program).as_str(), changed.version), ("CC, 0.2C, VOLTAGE, 4.2\nWAIT, 600\n", 1));
        assert_eq!(lab.operator.post(&edit, &fields.map(|(name, value)| (name, if name == "version" { "1" } else { value }))).await.location, format!("{path}?done=same"));

        // Somebody who loaded the form before is told, and nothing of theirs is lost.
        let stale = lab.operator.post(&edit, &fields.map(|(name, value)| (name, if value == "0,2C" { "0.3C" } else { value }))).await;
        assert_eq!(stale.status, 409);
        for part in ["Somebody else changed Slow charge", "value=\"0.3C\"", "As it is now", "CC, 0.2C, VOLTAGE, 4.2", "name=\"version\" value=\"1\""] {
            assert!(stale.body.contains(part), "{part}: {}", stale.body);
        }

        let retire = format!("{path}/retire");
        assert_eq!(lab.operator.post(&retire, &[("version", "0")]).await.status, 409);
        assert_eq!(lab.operator.post(&retire, &[("version", "1")]).await.location, format!("{path}?done=retired"));
        let choices = lab.store.profile_choices(100).await.unwrap();
        assert!(choices.iter().all(|choice| choice.name != "Slow charge"));
        assert!(!lab.operator.get("/profiles?text=slow").await.body.contains("Slow charge</a>"));
        assert!(lab.operator.get("/profiles?text=SLOW&show=retired").await.body.contains("Slow charge</a>"));
        assert_eq!(lab.operator.post(&format!("{path}/bring-back"), &[]).await.location, format!("{path}?done=back"));
        assert!(lab.store.profile(profile.profile_id).await.unwrap().unwrap().retired_at_us.is_none());
        for (action, count) in [("add profile", 1), ("edit profile", 1), ("retire profile", 1), ("bring back profile", 1)] {
            let entries = lab.entries(action).await;
            let own: Vec<_> = entries.iter().filter(|entry| entry.object == "profile Slow charge").collect();
            assert_eq!(own.len(), count, "{action}");
            assert_eq!(own[0].actor, "operator");
        }
    }

    async fn a_form_sent_twice_stores_one_profile(database: Database) {
        let mut lab = Lab::on(&database).await;
        let form = lab.operator.get("/profiles/new").await;
        let once = form.field("once").to_owned();
        assert_eq!(once.len(), 32);
        let fields = [("name", "Twice"), ("once", once.as_str()), ("view", "text"), ("text", "WAIT, 77"), ("act", "save")];
        let mut second = lab.operator.clone();
        let (first, again) = tokio::join!(lab.operator.post("/profiles/new", &fields), second.post("/profiles/new", &fields));
        assert_eq!((first.status, again.status), (303, 303), "{} {}", first.body, again.body);
        assert_eq!(first.location, again.location);
        assert_eq!(lab.names().await.iter().filter(|name| *name == "Twice").count(), 1);
        assert_eq!(lab.entries("add profile").await.len(), 1);
    }

    async fn the_same_steps_are_offered_instead_of_stored_again(database: Database) {
        let mut lab = Lab::on(&database).await;
        lab.made("First", "CC, 1, TIME, 11").await;
        lab.operator.get("/profiles/new").await;
        let fields = [("name", "Second"), ("view", "text"), ("text", "cc,1.0,time,11 # the same"), ("act", "save")];
        let told = lab.operator.post("/profiles/new", &fields).await;
        assert_eq!(told.status, 409);
        assert!(told.body.contains("First</a> does the same already.") && told.body.contains("# the same"), "{}", told.body);
        assert!(!lab.names().await.contains(&"Second".to_owned()));
        // Whoever insists gets it.
        let fields: Vec<_> = fields.into_iter().chain([("same", told.field("same"))]).collect();
        assert_eq!(lab.operator.post("/profiles/new", &fields).await.status, 303);
        assert!(lab.names().await.contains(&"Second".to_owned()));
    }

    async fn large_times_and_values_are_stored_as_typed(database: Database) {
        let mut lab = Lab::on(&database).await;
        let steps = "WAIT, 86400\nCC, 1, TIME, 100000\nCC, 1.001, TIME, 10\nCC, 1.005, TIME, 10\nCC, 0.0000025, TIME, 864000\nCC, C/11, TIME, 10\n";
        let profile = lab.made("Large and small", steps).await;
        assert_eq!(text::write(&profile.program), steps);
    }
}

#[tokio::test]
async fn a_refused_profile_leaves_nothing_behind_and_keeps_what_was_typed() {
    let mut lab = Lab::start().await;
    let before = lab.names().await;
    for steps in
        ["CC, 100000000, TIME, 10", "WAIT, -0.001", "CC, 1, CURRENT, 1", "LOOP, 1, 2", "", "nonsense", "WAIT, 1e12"]
    {
        let refused = lab.save("Refused", steps).await;
        assert!(!problems(&refused).is_empty(), "{steps}");
        assert!(refused.body.contains(&format!(">{steps}</textarea>")), "{}", refused.body);
    }
    for name in ["", &"n".repeat(81), "\u{202e}"] {
        assert_eq!(problems(&lab.save(name, "WAIT, 5").await)[0].0, "name");
    }
    lab.made("Taken", "WAIT, 5").await;
    assert_eq!(
        problems(&lab.save("Taken", "WAIT, 6").await)[0],
        ("name".to_owned(), "Taken is there already. Choose another name.".to_owned())
    );
    assert_eq!(lab.names().await.len(), before.len() + 1);
}

#[tokio::test]
async fn every_problem_is_told_with_its_place_and_stands_beside_its_field() {
    let mut lab = Lab::start().await;
    let told = problems(&lab.save("Wrong", "CC, x, TIME, y\nWAIT, 5\nFLY, 1").await);
    let places: Vec<&str> = told.iter().map(|(_, message)| message.split(':').next().unwrap()).collect();
    assert_eq!(places, ["Line 1, column 5", "Line 1, column 14", "Line 3, column 1"]);

    let fields = [
        ("name", ""),
        ("act", "save"),
        ("row-0-do", "CC"),
        ("row-0-at", "1.234,5"),
        ("row-0-k0", "CURRENT"),
        ("row-0-v0", "1"),
        ("row-1-do", "LOOP"),
        ("row-1-at", "9"),
        ("row-1-at2", "2"),
    ];
    lab.operator.get("/profiles/new").await;
    let answer = lab.operator.post("/profiles/new", &fields).await;
    let told = problems(&answer);
    let at: Vec<&str> = told.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(at, ["name", "row-0-at"]);
    assert!(told[1].1.contains("1234.5"), "{told:?}");
    assert!(
        answer.body.contains("id=\"row-0-at-problem\"") && answer.body.contains("value=\"1.234,5\""),
        "{}",
        answer.body
    );
    let fields = fields.map(|(name, value)| (name, if name == "row-0-at" { "1" } else { value }));
    let at: Vec<String> =
        problems(&lab.operator.post("/profiles/new", &fields).await).into_iter().map(|(field, _)| field).collect();
    assert_eq!(at, ["name", "row-0-k0", "row-1-at"]);
}

#[tokio::test]
async fn the_text_shown_can_be_pasted_back_and_the_form_agrees_with_the_check() {
    let mut lab = Lab::start().await;
    let steps = "CC, -C/3, VOLTAGE, 2.5, TIME, 36000\nCP, 10, TIME, 60\nLOOP, 1, 4\n";
    let profile = lab.made("Shown", steps).await;
    let page = lab.operator.get(&format!("/profiles/{}", profile.profile_id)).await;
    let (_, shown) = page.body.split_once("aria-label=\"Steps as text\">").unwrap();
    let shown = shown.split("</pre>").next().unwrap().to_owned();
    assert_eq!(shown, steps);
    assert_eq!(lab.made("Pasted", &shown).await.program, profile.program);
    // One reader: what the check says is what saving says.
    for steps in ["CC,1,TIME,10", "CP, 10, TIME, 10", "CC, 1, CAPACITY, 1", "CC, 1, POWER, 1", "CC, 1, TIME", "WAIT, 0"]
    {
        let checked = lab.operator.post("/profiles/check", &[("view", "text"), ("text", steps)]).await;
        let checked: Value = serde_json::from_str(&checked.body).unwrap();
        let fits = checked["problems"].as_array().unwrap().is_empty();
        let saved = lab.save(&format!("Check of {steps}"), steps).await;
        assert_eq!(fits, saved.status == 303, "{steps}: {checked}");
    }
}

#[tokio::test]
async fn the_table_works_by_buttons_alone() {
    let mut lab = Lab::start().await;
    lab.operator.get("/profiles/new").await;
    let row = |act| {
        [
            ("act", act),
            ("name", "By hand"),
            ("row-0-do", "CC"),
            ("row-0-at", "1"),
            ("row-0-k0", "TIME"),
            ("row-0-v0", "5"),
            ("row-1-do", "WAIT"),
            ("row-1-k0", "TIME"),
            ("row-1-v0", "6"),
        ]
    };
    for (act, part) in [
        ("add", "id=\"row-2-do\""),
        ("copy-0", "name=\"row-1-at\" value=\"1\""),
        ("down-0", "name=\"row-1-at\" value=\"1\""),
        ("up-1", "name=\"row-1-at\" value=\"1\""),
        ("remove-1", "name=\"row-0-at\" value=\"1\""),
        ("view-text", "CC, 1, TIME, 5\nWAIT, 6\n</textarea>"),
    ] {
        let answer = lab.operator.post("/profiles/new", &row(act)).await;
        assert_eq!(answer.status, 200, "{act}");
        assert!(answer.body.contains(part) && answer.body.contains("value=\"By hand\""), "{act}: {}", answer.body);
    }
    let removed = lab.operator.post("/profiles/new", &row("remove-1")).await;
    assert!(!removed.body.contains("id=\"row-1-do\""));
    let table = [("act", "view-table"), ("view", "text"), ("text", "CV, 4.2, CURRENT, 0.05C\nLOOP, 1, 9")];
    let table = lab.operator.post("/profiles/new", &table).await;
    assert!(
        table.body.contains("name=\"row-1-at2\" value=\"9\"") && table.body.contains("value=\"0.05C\""),
        "{}",
        table.body
    );
}

#[tokio::test]
async fn files_of_other_programs_open_in_the_editor_and_nothing_is_stored() {
    let mut lab = Lab::start().await;
    let before = lab.names().await.len();
    let unicycler =
        r#"{"record":{"time_s":10},"method":[{"step":"constant_current","rate_C":"C/2","until_voltage_V":4.2}]}"#;
    for (file, status, parts) in [
        ("CC_MODE, 1.0, TIME, 3.0", 200, ["Read as the text form", "name=\"row-0-v0\" value=\"3\""]),
        (unicycler, 200, ["Read as a unicycler protocol", "name=\"row-0-at\" value=\"0.5C\""]),
        ("[(\"Discharge at 1C until 2.5 V\",)] * 3", 200, ["Read as PyBaMM", "name=\"row-0-at\" value=\"-1C\""]),
        ("CC, 1, TIME", 422, ["Line 1, column 12", "CC, 1, TIME</textarea>"]),
        ("", 422, ["Choose a file", "id=\"file-problem\""]),
        ("{\"method\":[{\"step\":\"voltage_scan\"}]}", 422, ["method[0]", "voltage scan"]),
    ] {
        lab.operator.get("/profiles/new").await;
        let part = |name: &str, value: &str| {
            format!("--xyz\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let body = format!("{}{}--xyz--\r\n", part("csrf", &lab.operator.csrf), part("file", file));
        let request = reqwest::Client::new()
            .post(lab.server.url("/profiles/upload"))
            .header("cookie", lab.operator.cookie_line())
            .header("content-type", "multipart/form-data; boundary=xyz")
            .body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{file}");
        let page = answer.text().await.unwrap();
        for part in parts {
            assert!(page.contains(part), "{file}: no {part:?} in {page}");
        }
    }
    assert_eq!(lab.names().await.len(), before);
}

#[tokio::test]
async fn downloads_say_what_they_hold() {
    let mut lab = Lab::start().await;
    let profile = lab.made("Out / \"there\"", "CC, -1, TIME, 60 # down\nCP, 5, TIME, 60\n").await;
    let path = format!("/profiles/{}", profile.profile_id);
    let file = lab.operator.get(&format!("{path}.txt")).await;
    assert_eq!(file.body, "CC, -1, TIME, 60 # down\nCP, 5, TIME, 60\n");
    assert_eq!(file.headers["content-disposition"], "attachment; filename=\"Out-there.txt\"");
    let file: Value = serde_json::from_str(&lab.operator.get(&format!("{path}.json")).await.body).unwrap();
    assert_eq!(file["method"].as_array().unwrap().len(), 1);
    assert_eq!(file["method"][0]["current_mA"], -1000.0);
    let file = lab.operator.get(&format!("{path}.pybamm.txt")).await;
    assert!(
        file.body.contains("\"Discharge at 1 A for 60 seconds\"") && file.body.contains("\"Charge at 5 W"),
        "{}",
        file.body
    );
    let page = lab.operator.get(&path).await;
    assert!(page.body.contains("Step 2 is left out: unicycler has no constant power."), "{}", page.body);
    for ending in [".txt", ".json", ".pybamm.txt", "", "/edit", "/copy", "/retire"] {
        assert_eq!(lab.operator.get(&format!("/profiles/4711{ending}")).await.status, 404, "{ending}");
    }
}

#[tokio::test]
async fn the_library_is_searched_sorted_and_paged() {
    let mut lab = Lab::start().await;
    for number in 0..60 {
        let steps = format!("WAIT, {}\n", 1000 + number).repeat(if number == 7 { 9 } else { 1 });
        lab.made(&format!("Ü row {number:02}"), &steps).await;
    }
    let first = lab.operator.get("/profiles?text=%C3%BC+ROW").await;
    assert!(
        first.body.contains("60 found") && first.body.contains("Ü row 49</a>") && !first.body.contains("Ü row 50</a>"),
        "{}",
        first.body
    );
    assert!(first.body.len() < 100_000, "{}", first.body.len());
    let second = lab.operator.get("/profiles?text=%C3%BC+ROW&page=2").await;
    assert!(second.body.contains("Ü row 50</a>") && !second.body.contains("Ü row 49</a>"));
    let sorted = lab.operator.get("/profiles?sort=steps&order=desc").await;
    assert!(sorted.body.contains("aria-sort=\"descending\""));
    let (nine, other) =
        (sorted.body.find("Ü row 07</a>").unwrap(), sorted.body.find("Ü row 08</a>").unwrap_or(usize::MAX));
    assert!(nine < other);
    assert!(lab.operator.get("/profiles?text=nothing+like+it").await.body.contains("No profile fits."));
    // What nobody means says nothing, and breaks nothing.
    assert_eq!(lab.operator.get("/profiles?sort=%27&order=x&page=-1&show=y").await.status, 200);
}

#[tokio::test]
async fn a_viewer_looks_and_an_operator_changes() {
    let mut lab = Lab::start().await;
    let profile = lab.made("Seen", "WAIT, 5").await;
    let path = format!("/profiles/{}", profile.profile_id);
    let mut viewer = Browser::signed_in(&lab.server, Role::Viewer).await;
    for look in ["/profiles", &path, &format!("{path}.txt")] {
        assert_eq!(viewer.get(look).await.status, 200, "{look}");
    }
    assert!(!viewer.get(&path).await.body.contains("/edit\""));
    for deed in ["/profiles/new", &format!("{path}/edit"), &format!("{path}/retire")] {
        assert_eq!(viewer.get(deed).await.status, 403, "{deed}");
    }
}

#[tokio::test]
async fn a_dry_run_tells_duration_energy_and_what_does_not_fit() {
    let mut lab = Lab::start().await;
    let profile = lab.made("Trial", "CC, -1C, VOLTAGE, 2.5\nWAIT, 600\n").await;
    let path = format!("/profiles/{}", profile.profile_id);
    let page = lab.operator.get(&format!("{path}?cell=nmc&capacity=5&soc=100")).await;
    assert!(page.body.contains("<svg") && page.body.contains("1 h ") && page.body.contains("0.0 / 1"), "{}", page.body);
    let wrong = lab.operator.get(&format!("{path}?capacity=much&soc=101&battery=4711")).await;
    let told: Vec<String> = problems(&wrong).into_iter().map(|(field, _)| field).collect();
    assert_eq!(told, ["battery", "soc", "capacity"]);
    let endless = lab.made("Endless", "WAIT, VOLTAGE, 1").await;
    let page = lab.operator.get(&format!("/profiles/{}", endless.profile_id)).await;
    assert!(page.body.contains("Step 1 goes on after"), "{}", page.body);
}
