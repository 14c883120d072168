//! Experiments in open forms: what public readers say of our Parquet, research objects whose hashes are right, and SQL that
//! a database takes.

use std::process::Command;

use cellar::domain::ids::ExperimentId;
use cellar::domain::sample::Subject;
use cellar::domain::user::Role;
use cellar::store::Store;

use crate::exports::{T, begun};
use crate::support::people::Browser;
use crate::support::series::{column, store_rows};
use crate::support::server::Server;
use crate::support::skip_unless_ci;

const PYTHON: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin/python");
const ROWS: i64 = 3_000;

/// Two cycles of charge and discharge, a sample a second, with a NaN, a null and a quantity the vocabulary has no word for.
async fn measured(store: &Store, name: &str) -> ExperimentId {
    let experiment = begun(store, name).await;
    let row_of = |row: i64| f64::from(i32::try_from(row).unwrap());
    let times: Vec<i64> = (0..ROWS).map(|row| T + row * 1_000_000).collect();
    let values = |of: fn(f64) -> f64| (0..ROWS).map(|row| of(row_of(row))).collect::<Vec<f64>>();
    let mut rim = values(|row| 20.0 + row / 1e3);
    rim[7] = f64::NAN;
    let columns = [
        column("voltage_v", &values(|row| 3.0 + (row % 750.0) / 1e3), &[]),
        column("current_a", &values(|row| if row % 1_500.0 < 750.0 { 2.5 } else { -2.5 }), &[]),
        column("temperature_c", &values(|row| 25.0 + row / 1e4), &[3]),
        column("rim_c", &rim, &[]),
        column("step", &values(|row| if row % 1_500.0 < 750.0 { 1.0 } else { 2.0 }), &[]),
        column("cycle", &values(|row| 1.0 + (row / 1_500.0).floor()), &[]),
    ];
    store_rows(store, "cu-5", Subject::Experiment(experiment), (1, 0), 1_000, &times, &columns).await;
    experiment
}

/// What Python prints; it gets the script and arguments.
fn python(program: &str, script: &str, arguments: &[&str]) -> String {
    let told = Command::new(program).args(["-c", script]).args(arguments).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap()
}

#[tokio::test]
async fn the_public_reader_of_the_battery_data_format_takes_every_form_of_it() {
    if !std::path::Path::new(PYTHON).exists() {
        return skip_unless_ci("target/venv is missing: run devops/test-setup.sh");
    }
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let id = measured(&store, "open").await.to_string();
    let mut files = Vec::new();
    for (format, names) in
        [("bdf-parquet", "machine"), ("bdf-parquet", "labels"), ("bdf-csv", "machine"), ("bdf-csv", "labels")]
    {
        let ending = format.trim_start_matches("bdf-");
        let file = server.data_dir().join(format!("{names}.bdf.{ending}")).display().to_string();
        let written = server.cellar(&["export", &id, "--format", format, "--names", names, "-o", &file]);
        assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
        files.push(file);
    }
    let script = "import sys, bdf\nfor file in sys.argv[1:]:\n report = bdf.validate(file)\n assert report['ok'], (file, report)\n \
                  rows = bdf.read(file)\n print(len(rows), float(rows.iloc[-1, 0]), rows.iloc[-1, 1])";
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    assert_eq!(python(PYTHON, script, &files), "3000 2999.0 3.749\n".repeat(4));
    let script = "import sys, pyarrow.parquet as pq\ntable = pq.read_table(sys.argv[1])\nprint(table.column_names)\n\
                  print(table['temperature_t1_celsius'].null_count, table['rim_c'].null_count)\n\
                  print(table['step_count'].to_pylist()[-1], table['cycle_count'].to_pylist()[-1])";
    let told = python(PYTHON, script, &files[..1]);
    assert_eq!(
        told,
        "['test_time_second', 'voltage_volt', 'current_ampere', 'unix_time_second', 'cycle_count', 'step_count', \
         'step_id', 'temperature_t1_celsius', 'rim_c']\n1 1\n4 2.0\n"
    );
}

#[tokio::test]
async fn a_research_object_names_every_file_with_its_size_and_hash() {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let (first, second) = (measured(&store, "Zyklus ä").await, measured(&store, "two").await);
    let script = "import hashlib, io, json, sys, urllib.parse, zipfile\nz = zipfile.ZipFile(sys.argv[1])\n\
                  assert z.testzip() is None\ngraph = json.loads(z.read('ro-crate-metadata.json'))['@graph']\n\
                  files = [e for e in graph if e['@type'] == 'File']\nseen = ['ro-crate-metadata.json']\n\
                  for e in files:\n name = urllib.parse.unquote(e['@id'])\n data = z.read(name)\n seen.append(name)\n \
                  assert e['sha256'] == hashlib.sha256(data).hexdigest() and int(e['contentSize']) == len(data), e\n \
                  assert e['about']['@id'] in [x['@id'] for x in graph], e\n\
                  assert sorted(seen) == sorted(z.namelist()), (seen, z.namelist())\n\
                  root = [e for e in graph if e['@id'] == './'][0]\n\
                  assert sorted(p['@id'] for p in root['hasPart']) == sorted(e['@id'] for e in files)\n\
                  battinfo = json.loads(z.read([n for n in z.namelist() if n.endswith('.battinfo.json')][0]))\n\
                  print(len(files), battinfo['@type'], battinfo['hasTestObject']['schema:productID'])";
    let file = server.data_dir().join("all.zip").display().to_string();
    let written =
        server.cellar(&["export", &first.to_string(), &second.to_string(), "--format", "ro-crate", "-o", &file]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    assert_eq!(python("python3", script, &[&file]), "8 BatteryTest Battery of Zyklus ä\n");

    let mut viewer = Browser::signed_in(&server, Role::Viewer).await;
    let one = server.data_dir().join("one.zip").display().to_string();
    for (path, count) in [
        (format!("/experiments/{first}/data.ro-crate.zip"), 4),
        (format!("/experiments/download?pick={first}&pick={second}&as=ro-crate"), 8),
    ] {
        let request = reqwest::Client::new().get(server.url(&path)).header("cookie", viewer.cookie_line());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert!(answer.headers()["content-disposition"].to_str().unwrap().contains(".ro-crate.zip"));
        std::fs::write(&one, answer.bytes().await.unwrap()).unwrap();
        assert_eq!(python("python3", script, &[&one]), format!("{count} BatteryTest Battery of Zyklus ä\n"));
    }
    assert_eq!(viewer.get(&format!("/experiments/download?pick={first}&as=xlsx")).await.status, 404);
    assert_eq!(viewer.get(&format!("/experiments/{first}/data.bdf.parquet?names=short")).await.status, 422);
}

#[tokio::test]
async fn sql_of_an_experiment_fills_a_table_with_its_rows() {
    let server = Server::start();
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let id = measured(&store, "sql").await;
    let file = server.data_dir().join("rows.sql").display().to_string();
    let written = server.cellar(&["export", &id.to_string(), "--sql", "-o", &file]);
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stderr));
    let script = "import sqlite3, sys\ndb = sqlite3.connect(':memory:')\ndb.executescript(open(sys.argv[1]).read())\n\
                  print(db.execute('SELECT COUNT(*), MIN(at_us), MAX(voltage_v), COUNT(temperature_c), COUNT(rim_c) FROM ' + sys.argv[2]).fetchone())";
    let told = python("python3", script, &[&file, &format!("sample_{id}")]);
    assert_eq!(told, format!("(3000, {T}, 3.749, 2999, 2999)\n"));
}
