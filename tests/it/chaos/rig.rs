//! A server with its database and broker, and devices whose journal is the truth about them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cellar::auth::token::SessionToken;
use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::user::Role;
use cellar::sim::timing::{Timing, quantile};
use cellar::store::Store;
use cellar::store::sessions::NewSession;
use cellar::store::users::NewUser;
use sqlx::Connection;
use tempfile::TempDir;

use super::maria::Maria;
use crate::support::database::mariadb_url_at;
use crate::support::mosquitto::{Mosquitto, SERVER_USER};
use crate::support::server::{Server, program};

/// Devices of a lab, unless a case needs more.
pub(super) const DEVICES: usize = 4;
/// Rows each of them measures per second: ten messages.
const RATE: &str = "500";
/// A minute to deliver what is left, and a loaded machine.
const DRAIN_PATIENCE: Duration = Duration::from_secs(180);

/// Who holds the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Sqlite,
    MariaDb,
}

/// What devices connect to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Endpoint,
    /// The built-in endpoint over TLS; the pages too.
    EndpointTls,
    Broker,
}

pub(super) fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}

/// The time of day, µs UTC, as journals have it.
pub(super) fn now_us() -> i64 {
    Clock::System.now_us()
}

/// A server under test.
pub(super) struct Rig {
    pub(super) server: Server,
    pub(super) maria: Option<Maria>,
    pub(super) broker: Option<Mosquitto>,
    transport: Transport,
    name: String,
    database_url: String,
    folder: TempDir,
}

impl Rig {
    /// Starts everything; `None` where something is not installed and need not be.
    pub(super) fn start(engine: Engine, transport: Transport) -> Option<Self> {
        Self::start_in(engine, transport, None, &[])
    }

    /// The same with the database's files in a folder of the case's choice, and an environment for the server.
    pub(super) fn start_in(
        engine: Engine,
        transport: Transport,
        place: Option<&std::path::Path>,
        environment: &[(&str, &str)],
    ) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let maria = match engine {
            Engine::Sqlite => None,
            Engine::MariaDb => Some(Maria::start(place)?),
        };
        let database_url = match &maria {
            Some(maria) => format!("{}/cellar", mariadb_url_at(maria.port)),
            None => format!("sqlite://{}", place.unwrap_or(folder.path()).join("cellar.db").display()),
        };
        let users: Vec<(String, String)> =
            (1..=DEVICES).map(|n| (format!("sim-load-{n:02}"), format!("pw-{n}"))).collect();
        let broker = match transport {
            Transport::Endpoint | Transport::EndpointTls => None,
            Transport::Broker => {
                let users = users.iter().map(|(name, password)| (name.as_str(), password.as_str()));
                Some(Mosquitto::start(&users.chain([(SERVER_USER, "server-pw")]).collect::<Vec<_>>())?)
            }
        };
        let broker_url = broker.as_ref().map(|broker| broker.url(SERVER_USER, "server-pw"));
        let mut options = vec!["--database-url", database_url.as_str()];
        options.extend(broker_url.iter().flat_map(|url| ["--broker-url", url.as_str()]));
        if transport == Transport::EndpointTls {
            options.push("--tls");
        }
        let server = Server::start_in(&options, environment);
        let by = match transport {
            Transport::Endpoint => "built-in endpoint",
            Transport::EndpointTls => "built-in endpoint over TLS",
            Transport::Broker => "Mosquitto",
        };
        let name = format!("{}, {by}", if engine == Engine::Sqlite { "SQLite" } else { "MariaDB" });
        let rig = Self { server, maria, broker, transport, name, database_url, folder };
        if rig.broker.is_some() {
            // This registers the devices and measures nothing; at the broker they have passwords of their own.
            let lab = rig.lab_with(&["--rate", "0.001", "--duration", "0"], "registration");
            assert!(lab.ended().success(), "the devices cannot be registered");
            let lines = users.iter().map(|(name, pw)| format!("{{\"device\":\"{name}\",\"secret\":\"{pw}\"}}\n"));
            std::fs::write(rig.secrets(), lines.collect::<String>()).expect("the folder is writable");
        }
        Some(rig)
    }

    fn secrets(&self) -> PathBuf {
        self.folder.path().join("secrets")
    }

    pub(super) fn is_over_tls(&self) -> bool {
        self.transport == Transport::EndpointTls
    }

    pub(super) fn database_url(&self) -> &str {
        &self.database_url
    }

    /// Devices that send until they are told to finish, with further options of `cellar simulate`.
    pub(super) fn lab(&self, options: &[&str]) -> Lab {
        self.lab_with(options, "journal")
    }

    fn lab_with(&self, options: &[&str], journal: &str) -> Lab {
        let port = self.broker.as_ref().map_or_else(|| self.server.mqtt_port(), Mosquitto::port);
        let journal = self.folder.path().join(journal);
        let log = std::fs::File::create(journal.with_extension("log")).expect("the folder is writable");
        let mut command = Command::new(program());
        command
            .args(["simulate", "--json", "--scenario", "load", "--seed", "7"])
            .args(["--database-url", &self.database_url, "--journal"])
            .arg(&journal)
            .args(options);
        if self.is_over_tls() {
            command.args(["--url", &format!("mqtts://127.0.0.1:{port}"), "--tls-ca"]);
            command.arg(self.server.data_dir().join("tls/ca.pem"));
        } else {
            command.args(["--url", &format!("mqtt://127.0.0.1:{port}")]);
        }
        for (flag, value) in [("--rate", RATE), ("--devices", &DEVICES.to_string())] {
            if !options.contains(&flag) {
                command.args([flag, value]);
            }
        }
        if self.broker.is_some() {
            command.arg("--end-to-end-ack");
            if self.secrets().exists() {
                command.arg("--secrets").arg(self.secrets());
            }
        }
        let process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).spawn().expect("cellar runs");
        Lab { process, journal }
    }

    /// The most memory the present server process ever held, MiB.
    pub(super) fn peak_mib(&self) -> u64 {
        memory_mib(self.server.pid(), "VmHWM:")
    }

    /// Signs somebody in who was last seen minutes ago; the value of the cookie.
    pub(super) fn sign_in(&self) -> String {
        let url = self.database_url.clone();
        block_on(async move {
            let store = Store::open(&url).await.expect("the database opens");
            let by = Actor::server("test");
            let name = "vera".parse().expect("a name");
            let password_hash = Some("$argon2id$none".to_owned());
            let user = NewUser { name, full_name: String::new(), role: Role::Admin, password_hash };
            let user = store.add_user(&by, &user, 1).await.expect("she is new");
            let token = SessionToken::random().expect("chance");
            let sha256 = token.sha256();
            let new = NewSession { token_sha256: &sha256, address: "127.0.0.1", agent: "chaos" };
            let seen_us = now_us() - 300_000_000;
            let session = store.add_session(&by, user, new, seen_us).await.expect("she signs in");
            store.session_seen(session, seen_us).await.expect("she was seen");
            store.close().await;
            token.reveal().to_owned()
        })
    }

    /// Status and body of a page, asked for without a session.
    pub(super) fn get(&self, path: &str) -> (u16, String) {
        self.get_as(path, "none")
    }

    /// The same with the cookie of a session.
    pub(super) fn get_as(&self, path: &str, cookie: &str) -> (u16, String) {
        get(&self.server.url(""), path, cookie)
    }

    /// Waits until the server says that it is ready, or that it is not; what it said last.
    pub(super) fn wait_ready(&self, wanted: u16, patience: Duration) -> String {
        let began = Instant::now();
        loop {
            let (status, body) = self.get("/readyz");
            if status == wanted || began.elapsed() > patience {
                assert_eq!(status, wanted, "{body}");
                return body;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Stops the devices, lets them deliver, and compares; fails unless the database has exactly what was measured.
    /// `what` and what `more` says of the times become the line of the case.
    pub(super) fn finish(self, lab: Lab, what: &str, more: impl FnOnce(&Report) -> String) {
        let report = self.report(lab);
        let more = more(&report);
        let Report { counts, created, .. } = &report;
        say(&format!("{what} | {} | {counts} | of {created} rows | {more}", self.name));
        assert_eq!(counts, "missing 0 duplicate 0 altered 0 acked_missing 0", "{what}: {:?}", report.examples);
        assert!(*created > 1_000, "{what}: too little was measured to prove anything: {created} rows");
    }

    fn report(&self, mut lab: Lab) -> Report {
        let pid = lab.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let mut printed = String::new();
        lab.process.stdout.take().expect("it is piped").read_to_string(&mut printed).expect("it is text");
        let journal = lab.journal.clone();
        let status = lab.ended();
        let log = || std::fs::read_to_string(journal.with_extension("log")).unwrap_or_default();
        let tail = || log().lines().rev().take(20).collect::<Vec<_>>().join("\n");
        assert!(status.success(), "readings stayed unacknowledged: {printed}\n{}", tail());
        let checked = self.server.cellar(&[
            "simulate",
            "check",
            "--json",
            "--journal",
            journal.to_str().expect("UTF-8"),
            "--database-url",
            &self.database_url,
        ]);
        let verdict: serde_json::Value =
            serde_json::from_slice(&checked.stdout).unwrap_or_else(|_| panic!("no verdict: {checked:?}"));
        let count = |name: &str| format!("{name} {}", verdict[name]);
        Report {
            counts: ["missing", "duplicate", "altered", "acked_missing"].map(count).join(" "),
            created: verdict["created"].as_u64().expect("a count"),
            examples: verdict["examples"].to_string(),
            timing: Timing::read(&journal).expect("the journal reads"),
            summary: serde_json::from_str(&printed).unwrap_or_default(),
            peak_mib: self.peak_mib(),
        }
    }
}

/// Status and body of a page of the server at this address.
pub(super) fn get(address: &str, path: &str, cookie: &str) -> (u16, String) {
    let asked = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address.trim_start_matches("http://"))?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncookie: cellar={cookie}\r\nconnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer = asked().unwrap_or_default();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer)
}

/// Rows of a table of a SQLite file.
pub(super) fn count_rows(url: &str, table: &str) -> i64 {
    let (count,): (i64,) = block_on(async {
        let mut connection = sqlx::SqliteConnection::connect(url).await.expect("the file opens");
        let text = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}"));
        sqlx::query_as(text).fetch_one(&mut connection).await.expect("the table is there")
    });
    count
}

/// One line of the protocol of `make chaos`.
pub(super) fn say(line: &str) {
    eprintln!("chaos: {line}");
}

/// A figure of `/proc/PID/status`, MiB.
pub(super) fn memory_mib(pid: u32, figure: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Simulated devices; killed when a case fails.
pub(super) struct Lab {
    process: Child,
    journal: PathBuf,
}

impl Lab {
    fn ended(mut self) -> std::process::ExitStatus {
        let began = Instant::now();
        while began.elapsed() < DRAIN_PATIENCE {
            if let Some(status) = self.process.try_wait().expect("it is ours") {
                return status;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the simulation did not end in {DRAIN_PATIENCE:?}");
    }

    /// How the acknowledgements stand so far.
    pub(super) fn timing(&self) -> Timing {
        // Made by the simulation once its devices are registered.
        if !self.journal.exists() {
            return Timing::default();
        }
        Timing::read(&self.journal).expect("the journal reads")
    }

    /// Waits until every one of the devices was acknowledged something.
    pub(super) fn wait_for_all(&self, devices: usize, patience: Duration) {
        let began = Instant::now();
        while self.timing().devices() < devices {
            assert!(began.elapsed() < patience, "only {} devices were acknowledged anything", self.timing().devices());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What became of a run.
pub(super) struct Report {
    counts: String,
    created: u64,
    examples: String,
    pub(super) timing: Timing,
    /// What `cellar simulate --json` printed.
    pub(super) summary: serde_json::Value,
    pub(super) peak_mib: u64,
}

impl Report {
    /// The longest that it took, s, from each of these moments, µs, to the next acknowledgement.
    pub(super) fn first_commit_s(&self, backs_us: &[i64]) -> f64 {
        let first =
            |back_us: &i64| self.timing.first_ack_after(*back_us).map_or(f64::INFINITY, |at| seconds(at - back_us));
        backs_us.iter().map(first).fold(0.0, f64::max)
    }

    /// How long 99 % of what was measured in a stretch of time waited for their acknowledgement at most, s.
    pub(super) fn p99_s(&self, from_us: i64, to_us: i64) -> f64 {
        quantile(&self.timing.waits_us(from_us, to_us), 0.99).map_or(f64::INFINITY, seconds)
    }
}

pub(super) fn seconds(us: i64) -> f64 {
    us as f64 / 1e6
}

/// Checks a time against its limit. On a machine that does other work meanwhile, `CELLAR_CHAOS_SLACK` stretches limits.
pub(super) fn assert_within(what: &str, took_s: f64, limit_s: f64) {
    let slack = std::env::var("CELLAR_CHAOS_SLACK").ok().and_then(|slack| slack.parse::<f64>().ok()).unwrap_or(1.0);
    assert!(took_s <= limit_s * slack, "{what}: {took_s:.2} s, the limit is {limit_s} s (slack {slack})");
}
