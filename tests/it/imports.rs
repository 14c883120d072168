//! Files of finished experiments: what was written is read back without loss, what cannot be read leaves nothing behind,
//! and nobody ever sees half of it.

use std::path::{Path, PathBuf};

use cellar::domain::battery::Technology;
use cellar::domain::experiment::ExperimentState;
use cellar::domain::ids::{DeviceId, ExperimentId};
use cellar::domain::sample::Subject;
use cellar::domain::user::Role;
use cellar::exchange::import::{ImportError, Reading, Wishes, inspect, load};
use cellar::report::csv::Dialect;
use cellar::store::Store;
use cellar::store::imports::NewImport;

use crate::exports::csv;
use crate::support::lab::{experiment, tester, unit};
use crate::support::people::Browser;
use crate::support::series::{column, store_rows};

/// 21 Nov 2026, 06:00 UTC.
const T: i64 = 1_795_240_800_000_000;

/// Writes a file and imports it.
async fn import(store: &Store, text: &str, wishes: &Wishes) -> Result<ExperimentId, ImportError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("Run 7.csv");
    std::fs::write(&path, text).unwrap();
    import_file(store, &path, wishes).await
}

async fn import_file(store: &Store, path: &Path, wishes: &Wishes) -> Result<ExperimentId, ImportError> {
    let inspected = inspect(path, &Reading::default(), T)?;
    load(store, &tester(), (path, "Run 7.csv"), &inspected, wishes).await
}

/// Everything an import may leave.
async fn traces(store: &Store) -> (usize, usize) {
    let actions = store.audit_after(0).await.unwrap();
    let imports = actions.iter().filter(|entry| entry.action == "import experiment").count();
    (imports, store.sweep_imports(i64::MAX).await.unwrap())
}

both_engines! {
    async fn what_was_exported_is_imported_and_exported_byte_by_byte(store: Store) {
        store.seed(1).await.unwrap();
        let unit = unit(&store, "cu-01").await;
        let station = store.add_station("A1", &unit).await.unwrap();
        let experiment = experiment(&store, "Odd values", station).await;
        let odd = [1.0 / 3.0, -0.0, f64::NAN, f64::INFINITY, 5e-324, f64::MAX, 3.7012, 1e22, 123_456_789.123_456_78];
        let times: Vec<i64> = (0..9).map(|row| T + row * 333_333).collect();
        let mut columns = vec![
            column("temperature_2_c", &odd, &[0, 8]),
            column("current_a", &odd.map(|value| -value), &[1]),
            column("never_v", &[0.0; 9], &[0, 1, 2, 3, 4, 5, 6, 7, 8]),
            column("elapsed_s", &[1.0; 9], &[]),
            column("step", &[1.0; 9], &[3]),
        ];
        store_rows(&store, "cu-01", Subject::Experiment(experiment), (1, 0), 4, &times, &columns).await;
        let later: Vec<i64> = times.iter().map(|at_us| at_us + 86_400_000_000).collect();
        columns.push(column("new_ohm", &odd, &[]));
        columns.swap(0, 3);
        store_rows(&store, "cu-01", Subject::Experiment(experiment), (7, 0), 100, &later, &columns).await;

        let first = csv(&store, experiment, Dialect::Cellar).await;
        let imported = import(&store, &first, &Wishes::default()).await.unwrap();
        assert_eq!(csv(&store, imported, Dialect::Cellar).await, first);
        // And once more, from what was imported.
        let wishes = Wishes { again: true, ..Wishes::default() };
        let again = import(&store, &first, &wishes).await.unwrap();
        assert_eq!(csv(&store, again, Dialect::Cellar).await, first);
    }

    async fn a_file_becomes_a_finished_experiment_of_the_virtual_station(store: Store) {
        store.seed(1).await.unwrap();
        let battery = store.add_battery(&tester(), &crate::support::battery::cell("NMC-1"), None, 1).await.unwrap();
        let text = "timestamp,voltage,current,Cell temp\n2026-11-21 06:00:00.000000,3.7,-1,25\n2026-11-21 06:00:01.500000,3.6,-1,\n";
        let wishes = Wishes { name: "From the old rig".into(), description: "Two rows".into(), battery: Some(battery), ..Wishes::default() };
        let id = import(&store, text, &wishes).await.unwrap();
        let made = store.experiment(id).await.unwrap().unwrap();
        assert_eq!((made.name.as_str(), made.description.as_str(), made.state), ("From the old rig", "Two rows", ExperimentState::Finished));
        assert_eq!((made.battery_name.as_str(), made.station_name.as_str()), ("NMC-1", "Virtual"));
        assert_eq!((made.started_at_us, made.finished_at_us), (Some(T), Some(T + 1_500_000)));
        let file = store.imported_file(id).await.unwrap().unwrap();
        assert_eq!((file.file_name.as_str(), file.format.as_str()), ("Run 7.csv", "wattrex-import-csv"));
        let stream = store.subject_streams(Subject::Experiment(id)).await.unwrap()[0];
        let latest = store.latest(stream).await.unwrap().unwrap();
        assert_eq!((latest.row_total, latest.first_at_us, latest.at_us), (2, T, T + 1_500_000));
        assert_eq!(latest.values().get("voltage_v"), Some(&Some(3.6)));
        assert_eq!(traces(&store).await, (1, 0));
    }

    async fn without_a_battery_a_generic_one_is_added_with_the_experiment(store: Store) {
        store.seed(1).await.unwrap();
        let text = |first: f64| format!("timestamp,voltage,current\n2026-11-21 06:00:00.000000,{first},-1\n2026-11-21 06:00:01.500000,3.6,0\n");
        let one = import(&store, &text(3.7), &Wishes::default()).await.unwrap();
        let two = import(&store, &text(3.8), &Wishes::default()).await.unwrap();
        let one = store.experiment(one).await.unwrap().unwrap();
        let two = store.experiment(two).await.unwrap().unwrap();
        assert_eq!((one.name.as_str(), one.battery_name.as_str(), two.battery_name.as_str()), ("Run 7", "Run 7", "Run 7 2"));
        let battery = store.battery(two.battery).await.unwrap().unwrap();
        assert_eq!((battery.facts.technology, battery.facts.voltage_min_v, battery.facts.voltage_max_v), (Technology::Generic, 3.6, 3.8));
    }

    async fn the_same_file_twice_is_noticed(store: Store) {
        store.seed(1).await.unwrap();
        let text = "timestamp,voltage,current\n2026-11-21 06:00:00.000000,3.7,-1\n";
        let first = import(&store, text, &Wishes::default()).await.unwrap();
        match import(&store, text, &Wishes::default()).await {
            Err(ImportError::Again { experiment }) => assert_eq!(experiment, first),
            other => panic!("{other:?}"),
        }
        import(&store, &text.replace("3.7", "3.8"), &Wishes::default()).await.unwrap();
        import(&store, text, &Wishes { again: true, ..Wishes::default() }).await.unwrap();
        assert_eq!(traces(&store).await, (3, 0));
    }

    async fn what_fails_leaves_nothing_behind(store: Store) {
        store.seed(1).await.unwrap();
        let good = "timestamp,voltage,current\n2026-11-21 06:00:00.000000,3.7,-1\n";
        let bad = format!("{good}2026-11-21 06:00:01.000000,3.7 V,-1\n");
        let error = import(&store, &bad, &Wishes::default()).await.unwrap_err();
        assert!(error.to_string().starts_with("line 3, column “voltage”: “3.7 V” is not a number; "), "{error}");
        // A battery that is not there is noticed last, when all rows are stored.
        let wishes = Wishes { battery: Some(999.into()), ..Wishes::default() };
        let error = import(&store, good, &wishes).await.unwrap_err();
        assert!(error.to_string().contains("such battery"), "{error}");
        // So is a file that changed between the two looks at it.
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("x.csv");
        std::fs::write(&path, good).unwrap();
        let inspected = inspect(&path, &Reading::default(), T).unwrap();
        std::fs::write(&path, good.replace("3.7", "3.9")).unwrap();
        let error = load(&store, &tester(), (&path, "x.csv"), &inspected, &Wishes::default()).await.unwrap_err();
        assert!(error.to_string().contains("changed while it was read"), "{error}");
        assert_eq!(traces(&store).await, (0, 0));
        assert!(store.import_of_file(&inspected.sha256).await.unwrap().is_none());
    }

    async fn an_import_cut_short_is_never_seen_and_taken_away_later(store: Store) {
        store.seed(1).await.unwrap();
        let new = NewImport { file_name: "x.csv", sha256: [7; 32], bytes: 1, format: "csv" };
        let mut loading = store.begin_import(&tester(), &new, T).await.unwrap();
        for block in 0..250 {
            store.load_rows(&mut loading, &[T + block], &[column("voltage_v", &[3.7], &[])], T).await.unwrap();
        }
        // The process is killed here: nothing points at the rows.
        assert!(store.streams_since(0).await.unwrap().is_empty());
        assert!(store.import_of_file(&[7; 32]).await.unwrap().is_none());
        let device: DeviceId = "import-1".parse().unwrap();
        assert!(store.device_streams(&device).await.is_err(), "the stream is about no subject that pages know");
        assert_eq!(store.sweep_imports(T).await.unwrap(), 0, "somebody may still be at it");
        assert_eq!(store.sweep_imports(T + 1).await.unwrap(), 1);
        assert!(store.device_streams(&device).await.unwrap().is_empty());
        // Whoever was at it after all cannot go on.
        let error = store.load_rows(&mut loading, &[T], &[column("voltage_v", &[3.7], &[])], T).await.unwrap_err();
        assert!(error.to_string().contains("given up"), "{error}");
    }

    async fn no_device_can_call_itself_like_an_import(store: Store) {
        let device: DeviceId = "import-1".parse().unwrap();
        let secret = cellar::domain::secret::DeviceSecret::from_random([7; 16]);
        let kind = cellar::domain::device::DeviceKind::Probe;
        let error = store.register_device(&tester(), &device, kind, &secret, 1).await.unwrap_err();
        assert!(error.to_string().contains("Choose another id"), "{error}");
    }
}

#[tokio::test]
async fn the_command_line_imports_into_a_folder_no_server_ran_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.csv"), FILE).unwrap();
    let output = crate::support::server::cellar(folder.path(), &["import", "x.csv"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("Imported as experiment 1."));
}

#[tokio::test]
async fn the_command_line_tells_what_a_file_is_and_imports_it() {
    let server = crate::support::server::Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let path = server.data_dir().join("Lab__X1__20261121.bdf.csv");
    std::fs::write(&path, "Test Time / s,Voltage / V,Current / A\n0,3.7,1\n1.5,3.71,1\n").unwrap();
    let file = path.to_str().unwrap();
    let told = |arguments: &[&str]| {
        let output = server.cellar(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), text, String::from_utf8(output.stderr).unwrap())
    };
    let (status, text, _) = told(&["import", file, "--dry-run"]);
    assert_eq!(status, Some(0));
    assert!(text.contains("Battery Data Format, 2 rows") && text.contains("The file has no dates"), "{text}");
    assert!(text.contains("Voltage / V is voltage_v, 3.7 to 3.71 V") && text.contains("Nothing was stored."), "{text}");

    let (status, text, _) = told(&["import", file, "--start", "2026-11-21T07:00:00+01:00", "--json"]);
    assert_eq!(status, Some(0));
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&report["rows"], &report["started_at_us"], &report["format"]),
        (&2.into(), &T.into(), &"bdf-csv".into())
    );
    let made = store.experiment(ExperimentId(report["experiment_id"].as_i64().unwrap())).await.unwrap().unwrap();
    assert_eq!((made.name.as_str(), made.started_at_us), ("Lab__X1__20261121", Some(T)));

    let (status, _, said) = told(&["import", file]);
    assert_eq!(status, Some(1));
    assert!(said.contains(&format!("imported before, as experiment {}", made.experiment)), "{said}");
    let (status, _, said) = told(&["import", file, "--again", "--battery", "999"]);
    assert_eq!((status, said.contains("such battery")), (Some(1), true), "{said}");
    let (status, _, said) = told(&["import", "/nowhere/x.csv"]);
    assert_eq!((status, said.contains("/nowhere/x.csv: the file cannot be read")), (Some(1), true), "{said}");
}

/// A form with a file, as browsers send it.
fn multipart(fields: &[(&str, &str)], file: &str) -> (&'static str, Vec<u8>) {
    let mut body = String::new();
    for (name, value) in fields {
        body.push_str(&format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"));
    }
    body.push_str(&format!(
        "--b0undary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"Run <7>.csv\"\r\nContent-Type: text/csv\r\n\r\n\
         {file}\r\n--b0undary--\r\n"
    ));
    ("multipart/form-data; boundary=b0undary", body.into_bytes())
}

const FILE: &str = "timestamp,voltage,current\n2026-11-21 06:00:00.000000,3.7,-1\n2026-11-21 06:00:01.000000,3.6,-1\n";

#[tokio::test]
async fn a_file_is_looked_at_and_imported_on_the_pages() {
    let server = crate::support::server::Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    store.add_battery(&tester(), &crate::support::battery::cell("NMC-1"), None, 1).await.unwrap();
    let mut operator = Browser::signed_in(&server, Role::Operator).await;
    let uploads = server.data_dir().join("uploads");
    let waiting = || std::fs::read_dir(&uploads).map_or(0, Iterator::count);
    assert!(operator.get("/experiments/import").await.body.contains("Look at the file"));

    let csrf = operator.csrf.clone();
    let (kind, body) = multipart(&[("csrf", &csrf), ("format", "auto"), ("start", "")], "a,b\n1,2\n");
    let answer = operator.post_body("/experiments/import", kind, body).await;
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.problem("file").contains("no format fits"), "{}", answer.body);
    assert!(answer.body.contains("Run &#60;7&#62;.csv"), "{}", answer.body);
    assert_eq!(waiting(), 0, "what cannot be read does not stay");
    let (kind, body) = multipart(&[("csrf", "0"), ("format", "auto")], FILE);
    assert_eq!(operator.post_body("/experiments/import", kind, body).await.status, 403);

    let csrf = operator.csrf.clone();
    let (kind, body) = multipart(&[("csrf", &csrf), ("format", "auto"), ("start", "")], FILE);
    let review = operator.post_body("/experiments/import", kind, body).await;
    assert_eq!(review.status, 200, "{}", review.body);
    for told in
        ["import file of the Battery Experiments Manager", "voltage_v", "3.6", "Nothing is stored yet", "taken as UTC"]
    {
        assert!(review.body.contains(told), "{told}: {}", review.body);
    }
    assert_eq!((waiting(), traces(&store).await), (1, (0, 0)));
    let (upload, file_name) = (review.field("upload").to_owned(), "Run <7>.csv");
    let wrong = [
        ("upload", upload.as_str()),
        ("file_name", file_name),
        ("format", "auto"),
        ("battery", "Nobody"),
        ("name", "Mine"),
    ];
    let answer = operator.post("/experiments/import/confirm", &wrong).await;
    assert!(answer.problem("battery").contains("no battery of that number or name"), "{}", answer.body);
    assert!(answer.body.contains("Mine") && answer.body.contains("Nobody"), "what was typed stays: {}", answer.body);
    let right = [
        ("upload", upload.as_str()),
        ("file_name", file_name),
        ("format", "auto"),
        ("battery", "NMC-1"),
        ("name", "Mine"),
    ];
    let first = operator.post("/experiments/import/confirm", &right).await;
    let second = operator.post("/experiments/import/confirm", &right).await;
    assert_eq!((first.status, second.status), (303, 303), "{}", first.body);
    assert_eq!(first.location, second.location, "sent twice makes one");
    let page = operator.get(&first.location).await;
    assert!(page.body.contains("The file is imported.") && page.body.contains("Discharged"), "{}", page.body);
    assert!(page.body.contains("/data.csv") && page.body.contains("/report"), "{}", page.body);
    assert_eq!((waiting(), traces(&store).await), (0, (1, 0)));

    // The same file again is noticed, and imported on purpose only.
    let (kind, body) = multipart(&[("csrf", &operator.csrf.clone())], FILE);
    let review = operator.post_body("/experiments/import", kind, body).await;
    assert!(review.body.contains("The same file was imported before"), "{}", review.body);
    let upload = review.field("upload").to_owned();
    let answer = operator.post("/experiments/import/confirm", &[("upload", &upload), ("format", "auto")]).await;
    assert!(answer.problem("again").contains("became experiment"), "{}", answer.body);
    let answer =
        operator.post("/experiments/import/confirm", &[("upload", &upload), ("format", "auto"), ("again", "1")]).await;
    assert_eq!(answer.status, 303, "{}", answer.body);
    assert_eq!(waiting(), 0);
}

#[tokio::test]
async fn a_program_imports_a_file_and_gets_the_report_on_it() {
    let server = crate::support::server::Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let mut operator = Browser::signed_in(&server, Role::Operator).await;
    let csrf = operator.csrf.clone();
    let mut send = async |fields: &[(&str, &str)], file: &str| {
        let fields: Vec<(&str, &str)> = [("csrf", csrf.as_str())].iter().chain(fields).copied().collect();
        let (kind, body) = multipart(&fields, file);
        let answer = operator.post_body("/api/v1/imports", kind, body).await;
        let json: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status, answer.location, json)
    };
    let (status, _, report) = send(&[("dry_run", "true")], FILE).await;
    assert_eq!(
        (status, &report["rows"], &report["experiment_id"]),
        (200, &2.into(), &serde_json::Value::Null),
        "{report}"
    );
    let (status, location, report) = send(&[("name", "From a script")], FILE).await;
    assert_eq!((status, location), (201, format!("/api/v1/experiments/{}", report["experiment_id"])), "{report}");
    assert_eq!(
        (&report["format"], &report["columns"][1]["column"]),
        (&"wattrex-import-csv".into(), &"voltage_v".into())
    );
    assert_eq!(report["sha256"].as_str().map(str::len), Some(64));
    let (status, _, error) = send(&[], FILE).await;
    assert_eq!((status, &error["error"]["code"]), (409, &"conflict".into()), "{error}");
    let (status, _, error) = send(&[], &FILE.replace("3.6", "x")).await;
    assert_eq!((status, &error["error"]["details"][0]["target"]), (422, &"file".into()), "{error}");
    assert!(error["error"]["message"].as_str().unwrap().starts_with("line 3, column “voltage”"), "{error}");
    for (field, value) in [("battery", "x"), ("start", "yesterday"), ("battery", "999")] {
        let (status, _, error) = send(&[(field, value)], &FILE.replace("3.6", "3.5")).await;
        assert_eq!((status, &error["error"]["details"][0]["target"]), (422, &field.into()), "{error}");
    }
    assert_eq!(traces(&store).await, (1, 0));
    assert_eq!(std::fs::read_dir(server.data_dir().join("uploads")).unwrap().count(), 0);
}
