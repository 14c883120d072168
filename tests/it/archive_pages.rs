//! The archive as people meet it: the same pages and files before, there and after; through the command line, the page, a
//! folder and a store that speaks S3.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use cellar::domain::ids::ExperimentId;
use cellar::domain::sample::Subject;
use cellar::domain::user::Role;
use cellar::store::Store;
use tempfile::TempDir;

use crate::archive::{SECOND, files, over};
use crate::exports::T;
use crate::support::database::Database;
use crate::support::people::{Browser, add};
use crate::support::server::Server;
use crate::support::skip_unless_ci;

const VENV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/target/venv/bin");
const SECRET: &str = "sehr-geheimer-schluessel";
const PATIENCE: Duration = Duration::from_secs(60);

struct Lab {
    server: Server,
    store: Store,
    experiment: ExperimentId,
    settings: PathBuf,
    url: String,
    viewer: Browser,
    _config: TempDir,
}

impl Lab {
    async fn start(url: &str, archive: &str) -> Self {
        let config = TempDir::new().unwrap();
        let settings = config.path().join("cellar.toml");
        std::fs::write(&settings, format!("[archive]\n{archive}")).unwrap();
        let options = ["--config", settings.to_str().unwrap(), "--database-url", url];
        let server = Server::start_with(&options);
        let store = Store::open(url).await.unwrap();
        let experiment = over(&store, "pages").await;
        add(&store, "vera", Role::Viewer).await;
        let mut viewer = Browser::new(&server);
        viewer.sign_in("vera").await;
        Self { server, store, experiment, settings, url: url.to_owned(), viewer, _config: config }
    }

    fn cellar(&self, arguments: &[&str]) -> Output {
        let settings = ["--config", self.settings.to_str().unwrap(), "--database-url", &self.url];
        self.server.cellar(&[arguments, &settings].concat())
    }

    /// What a verb says when it ends well.
    fn well(&self, arguments: &[&str]) -> String {
        let done = self.cellar(arguments);
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// Everything that shows or hands out rows, by its address.
    async fn everything(&mut self) -> Vec<(String, Vec<u8>)> {
        let id = self.experiment;
        let stream = self.store.subject_streams(Subject::Experiment(id)).await.unwrap()[0];
        let (from, to) = (T + 16_300 * SECOND, T + 16_500 * SECOND);
        let mut paths = vec![
            format!("/experiments/{id}/data.csv"),
            format!("/experiments/{id}/data.csv?dialect=wattrex"),
            format!("/experiments/{id}/data.bdf.csv"),
            format!("/experiments/{id}/data.bdf.parquet"),
            format!("/experiments/{id}/report.html"),
            format!("/experiments/{id}/preview.svg"),
            format!("/streams/{stream}/window.csv?from_us={from}&to_us={to}&columns=voltage_v,rim_c"),
            format!("/api/v1/experiments/{id}"),
            format!("/experiments/{id}"),
        ];
        for (from, to) in [(from, to), (T, T + 62_000 * SECOND), (T + 7, T + 40 * SECOND)] {
            paths.push(format!(
                "/api/v1/streams/{stream}/series?columns=voltage_v,rim_c&from_us={from}&to_us={to}&width=300"
            ));
        }
        let mut all = Vec::new();
        for path in paths {
            let request =
                reqwest::Client::new().get(self.server.url(&path)).header("cookie", self.viewer.cookie_line());
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 200, "{path}");
            let mut body = answer.bytes().await.unwrap().to_vec();
            if let Ok(text) = std::str::from_utf8(&body).map(str::to_owned)
                && (path.ends_with("report.html") || path.ends_with(&format!("/experiments/{id}")))
            {
                // When it was made and where it is may differ.
                let differs = ["data-clock", "report-made", "Its samples", "csrf", "nonce", "bell"];
                let kept = text.lines().filter(|line| !differs.iter().any(|word| line.contains(word)));
                body = kept.collect::<Vec<_>>().join("\n").into_bytes();
            }
            all.push((path, body));
        }
        for format in [&["--sql"][..], &["--format", "bdf-parquet", "--names", "labels"]] {
            let file = self.server.data_dir().join("out").display().to_string();
            let id = id.to_string();
            self.well(&[&["export", &id, "-o", &file], format].concat());
            all.push((format!("{format:?}"), std::fs::read(&file).unwrap()));
        }
        all
    }

    async fn assert_same(&mut self, before: &[(String, Vec<u8>)]) {
        for ((path, before), (_, now)) in before.iter().zip(self.everything().await) {
            let texts = || (String::from_utf8_lossy(before).into_owned(), String::from_utf8_lossy(&now).into_owned());
            if *before != now {
                let (before, now) = texts();
                let other = before.lines().zip(now.lines()).find(|(one, other)| one != other);
                panic!("{path} is another one ({} and {} bytes): {other:?}", before.len(), now.len());
            }
        }
    }

    /// What the series of the whole experiment says is missing.
    async fn missing(&mut self) -> Option<String> {
        let id = self.experiment;
        let answer = self.viewer.get(&format!("/api/v1/experiments/{id}/series?columns=voltage_v&width=300")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert!(answer["at_us"].as_array().unwrap().len() > 300, "the pyramid is drawn");
        answer["missing"].as_str().map(str::to_owned)
    }
}

both_engines! {
    async fn every_page_and_every_file_is_the_same_before_there_and_after(database: Database) {
        let folder = TempDir::new().unwrap();
        let mut lab = Lab::start(database.url(), &format!("to = \"{}\"\nafter_days = 0\n", folder.path().display())).await;
        let id = lab.experiment.to_string();
        let before = lab.everything().await;
        assert!(before.iter().all(|(_, body)| body.len() > 200));
        assert!(lab.well(&["archive", "status", &id]).contains("all of it is in the database"));
        assert_eq!(lab.cellar(&["archive", "run"]).status.code(), Some(1), "nothing leaves by itself");
        assert!(lab.well(&["archive", "run", &id, "--json"]).contains("\"rows\":57300"));
        assert!(lab.well(&["archive", "status", &id]).contains("chunks in 3 files"));
        assert!(lab.well(&["archive", "status"]).contains("57300 rows of 1 experiments in 3 files"));
        lab.assert_same(&before).await;
        let page = lab.viewer.get(&format!("/experiments/{id}")).await.body;
        assert!(page.contains("Its samples are archived since") && page.contains(&folder.path().display().to_string()));
        assert!(!page.contains("bring-back"), "a viewer cannot");
        let zip = lab.viewer.get(&format!("/experiments/{id}/data.ro-crate.zip")).await;
        assert_eq!(zip.status, 200);
        assert!(lab.well(&["doctor", "--deep", "--json"]).contains("57300 rows in"));

        // Back by the page: the server that leads does it.
        let mut operator = Browser::signed_in(&lab.server, Role::Operator).await;
        let ask = operator.get(&format!("/experiments/{id}/bring-back")).await;
        assert!(ask.body.contains("Bring back experiment") && ask.body.contains("3 files"), "{}", ask.body);
        assert_eq!(operator.post_bare(&format!("/experiments/{id}/bring-back"), &[]).await.status, 403, "without a token");
        assert_eq!(lab.viewer.post(&format!("/experiments/{id}/bring-back"), &[]).await.status, 403);
        assert!(!lab.store.archived(lab.experiment).await.unwrap().unwrap().is_coming_back);
        let sent = operator.post(&format!("/experiments/{id}/bring-back"), &[]).await;
        assert_eq!((sent.status, sent.location), (303, format!("/experiments/{id}?done=back")));
        let began = Instant::now();
        while lab.store.archive_totals().await.unwrap() != Default::default() {
            assert!(began.elapsed() < PATIENCE, "it does not come back");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new());
        lab.assert_same(&before).await;
        let told: Vec<String> = lab.store.audit_after(0).await.unwrap().into_iter().map(|entry| format!("{} by {}", entry.action, entry.role)).collect();
        for entry in ["archive rows by shell", "bring rows back by operator", "restore rows by server"] {
            assert!(told.iter().any(|one| one == entry), "{entry} is not in {told:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_gone_is_named_on_the_page_and_in_every_answer() {
    let folder = TempDir::new().unwrap();
    let database = Database::sqlite();
    let mut lab = Lab::start(database.url(), &format!("to = \"{}\"\nafter_days = 0\n", folder.path().display())).await;
    let id = lab.experiment.to_string();
    lab.well(&["archive", "run", &id]);
    assert_eq!(lab.missing().await, None);
    lab.server.kill_9();
    let all = files(folder.path());
    let largest = all.iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    std::fs::rename(largest, folder.path().join("elsewhere")).unwrap();
    lab.server.restart();
    let name = largest.file_name().unwrap().to_str().unwrap();
    let missing = lab.missing().await.expect("it says so");
    assert!(missing.contains(name) && missing.contains("missing"), "{missing}");
    let page = lab.viewer.get(&format!("/experiments/{id}")).await;
    assert_eq!(page.status, 200);
    assert!(page.body.contains(name) && page.body.contains("wait until it is back"), "{}", page.body);
    for path in ["data.csv", "data.bdf.parquet", "data.ro-crate.zip", "report", "report.html"] {
        let answer = lab.viewer.get(&format!("/experiments/{id}/{path}")).await;
        assert_eq!(answer.status, 503, "{path}");
        assert!(answer.body.contains(name) && answer.body.contains("put it back"), "{path}: {}", answer.body);
    }
    let out = lab.server.data_dir().join("short.csv");
    let export = lab.cellar(&["export", &id, "-o", out.to_str().unwrap()]);
    assert!(!export.status.success() && !out.exists(), "no short file");
    assert!(String::from_utf8_lossy(&export.stderr).contains(name), "{export:?}");
    let ill = lab.cellar(&["doctor", "--deep"]);
    assert_eq!(ill.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&ill.stdout).contains(name), "{ill:?}");
    assert_eq!(lab.cellar(&["archive", "status", &id]).status.code(), Some(1));
    std::fs::rename(folder.path().join("elsewhere"), largest).unwrap();
    assert_eq!(lab.missing().await, None, "it is read again without a restart");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_of_the_archive_is_open_to_other_programs() {
    let python = format!("{VENV}/python");
    if !std::path::Path::new(&python).exists() {
        return skip_unless_ci("target/venv is missing: run devops/test-setup.sh");
    }
    let folder = TempDir::new().unwrap();
    let database = Database::sqlite();
    let lab = Lab::start(database.url(), &format!("to = \"{}\"\n", folder.path().display())).await;
    lab.well(&["archive", "run", &lab.experiment.to_string()]);
    let all = files(folder.path());
    let largest = all.iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    let script = "import json, math, struct, sys, pyarrow.parquet as pq\nfile = pq.ParquetFile(sys.argv[1])\ntable = file.read()\n\
                  print(table.column_names, table.num_rows, file.num_row_groups)\n\
                  print(table['time_utc'].type, table['time_utc'][0].as_py().isoformat())\n\
                  print(table['seq'].to_pylist()[39999:40001], table['boot'].to_pylist()[0], table['rim_c'].null_count)\n\
                  rim = [v for v in table['rim_c'].to_pylist() if v is not None]\n\
                  print(any(math.copysign(1, v) < 0 and v == 0 for v in rim), any(struct.pack('>d', v).hex() == '7ff8000000001234' for v in rim))\n\
                  meta = {k.decode(): v.decode() for k, v in file.schema_arrow.metadata.items()}\n\
                  facts = json.loads(meta['cellar.experiment'])\n\
                  print(meta['cellar.format'], facts['name'], facts['state'], facts['battery'])\n\
                  print([(c['name'], c['unit']) for c in json.loads(meta['cellar.columns'])])";
    let told = Command::new(python).args(["-c", script]).arg(largest).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let nulls = 40_000_usize.div_ceil(31) + 15_000_usize.div_ceil(31);
    let expected = format!(
        "['boot', 'seq', 'time_utc', 'voltage_v', 'current_a', 'rim_c', 'cycle'] 55000 4\n\
         timestamp[us, tz=UTC] 2026-11-21T06:00:00+00:00\n[39999, 50000] 1 {nulls}\nTrue True\n\
         archive 1 pages finished Battery of pages\n\
         [('voltage_v', 'V'), ('current_a', 'A'), ('rim_c', '°C'), ('cycle', '')]\n"
    );
    assert_eq!(String::from_utf8_lossy(&told.stdout), expected);
}

/// A server that speaks S3, with a bucket. Dropped, it ends.
struct S3 {
    process: Child,
    port: u16,
}

impl S3 {
    async fn start() -> Option<Self> {
        let program = format!("{VENV}/moto_server");
        if !std::path::Path::new(&program).exists() {
            skip_unless_ci("moto is missing in target/venv: run devops/test-setup.sh");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let process = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let s3 = Self { process, port };
        let began = Instant::now();
        while !matches!(reqwest::Client::new().put(s3.url("")).send().await, Ok(answer) if answer.status().is_success())
        {
            assert!(began.elapsed() < PATIENCE, "it does not answer");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        Some(s3)
    }

    fn url(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}/lab-archive{name}", self.port)
    }

    /// Names of the objects.
    async fn names(&self) -> Vec<String> {
        let list = reqwest::Client::new().get(self.url("")).send().await.unwrap().text().await.unwrap();
        list.split("<Key>").skip(1).filter_map(|part| Some(part.split_once('<')?.0.to_owned())).collect()
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

both_engines! {
    async fn a_store_that_speaks_s3_holds_the_rows_as_a_folder_does(database: Database) {
        let Some(mut s3) = S3::start().await else { return };
        let key = TempDir::new().unwrap();
        let file = key.path().join("key");
        std::fs::write(&file, format!("{SECRET}\n")).unwrap();
        let settings = format!(
            "to = \"s3://lab-archive/cellar/lab-1\"\nendpoint = \"http://127.0.0.1:{}\"\naccess_key = \"LAB\"\n\
             secret_key_file = \"{}\"\nafter_days = 0\n",
            s3.port,
            file.display()
        );
        let mut lab = Lab::start(database.url(), &settings).await;
        let id = lab.experiment.to_string();
        let before = lab.everything().await;
        assert!(lab.well(&["archive", "run", &id, "--json"]).contains("\"files\":3"));
        let names = s3.names().await;
        assert!(names.len() == 3 && names.iter().all(|name| name.starts_with(&format!("cellar/lab-1/experiment-{id}/"))), "{names:?}");
        lab.assert_same(&before).await;
        assert!(lab.well(&["doctor", "--deep"]).contains("57300 rows in"));
        lab.well(&["archive", "restore", &id]);
        assert_eq!(s3.names().await, Vec::<String>::new());
        lab.assert_same(&before).await;

        lab.well(&["archive", "run", &id]);
        let names = s3.names().await;
        let archive = cellar::config::Config::load(Some(&lab.settings), []).unwrap().archive;
        let archive = cellar::archive::Archive::of(&archive, cellar::clock::Clock::System).unwrap().unwrap();
        archive.remove(names[0].strip_prefix("cellar/lab-1/").unwrap()).await.unwrap();
        assert_eq!(s3.names().await.len(), 2);
        let export = lab.cellar(&["export", &id, "-o", "out.csv"]);
        let said = String::from_utf8_lossy(&export.stderr).into_owned();
        assert!(!export.status.success() && said.contains(names[0].rsplit('/').next().unwrap()) && said.contains("missing"), "{said}");
        s3.process.kill().unwrap();
        s3.process.wait().unwrap();
        let export = lab.cellar(&["export", &id, "-o", "out.csv"]);
        let said = String::from_utf8_lossy(&export.stderr).into_owned();
        assert!(!export.status.success() && said.contains("s3://lab-archive/cellar/lab-1") && said.contains("cannot be used"), "{said}");
        let told = lab.viewer.get(&format!("/experiments/{id}/data.csv")).await;
        assert_eq!(told.status, 503, "{}", told.body);
        assert!(!lab.server.said().contains(SECRET) && !lab.well(&["config", "print"]).contains(SECRET));
    }
}
