//! The built program as a process: `cellar serve` on free ports.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// `serve` answers within this time even on a loaded machine; a cold start takes well under a second.
const READY_MAX: Duration = Duration::from_secs(60);
/// The contract gives 10 s for a clean stop; the rest is for a loaded machine.
const STOP_MAX: Duration = Duration::from_secs(30);

/// A running `cellar serve`. Dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    options: Vec<String>,
    http: String,
    mqtt: String,
    folder: TempDir,
    said: Said,
    printed: Said,
}

/// What servers wrote to standard error, or to standard output.
type Said = Arc<Mutex<String>>;

impl Server {
    /// Starts on a new data folder with SQLite in it.
    pub(crate) fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts on a new data folder with `options` after `serve --data-dir … --http … --mqtt …`.
    pub(crate) fn start_with(options: &[&str]) -> Self {
        Self::start_in(options, &[])
    }

    /// The same with an environment of its own; [`Server::restart`] does not keep that.
    pub(crate) fn start_in(options: &[&str], environment: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let options: Vec<String> = options.iter().map(ToString::to_string).collect();
        let (said, printed) = (Said::default(), Said::default());
        let (process, ready) = spawn(folder.path(), &options, environment, ["127.0.0.1:0"; 2], [&said, &printed]);
        let (http, mqtt) = (address(&ready, "http"), address(&ready, "mqtt"));
        Self { process, options, http, mqtt, folder, said, printed }
    }

    /// `http://127.0.0.1:PORT` followed by `path`, which begins with a slash.
    ///
    /// # Panics
    /// When it shows no pages: `--role node`.
    pub(crate) fn url(&self, path: &str) -> String {
        assert!(!self.http.is_empty(), "it shows no pages");
        format!("http://{}{path}", self.http)
    }

    /// Host and port of the MQTT endpoint; empty for `--role web`.
    pub(crate) fn mqtt(&self) -> &str {
        &self.mqtt
    }

    /// Port of the MQTT endpoint.
    pub(crate) fn mqtt_port(&self) -> u16 {
        self.mqtt.rsplit(':').next().and_then(|port| port.parse().ok()).expect("the address ends in a port")
    }

    /// The data folder; it stays over [`Server::restart`].
    pub(crate) fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the database in the data folder, when no other was asked for.
    pub(crate) fn sqlite_url(&self) -> String {
        format!("sqlite://{}", self.folder.path().join("cellar.db").display())
    }

    /// The URL of the database it runs on.
    pub(crate) fn database_url(&self) -> String {
        let named = self.options.iter().skip_while(|option| *option != "--database-url").nth(1);
        named.cloned().unwrap_or_else(|| self.sqlite_url())
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// `kill -9`.
    pub(crate) fn kill_9(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it is ours");
    }

    /// SIGTERM, as systemd and containers stop it; returns whether it ended well.
    ///
    /// # Panics
    /// When it does not stop.
    pub(crate) fn stop(&mut self) -> bool {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs").success());
        let began = Instant::now();
        while began.elapsed() < STOP_MAX {
            if let Some(status) = self.process.try_wait().expect("it is ours") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the server did not stop in {STOP_MAX:?}");
    }

    /// Starts again after [`Server::kill_9`] or [`Server::stop`]: same folder, same ports, same options.
    pub(crate) fn restart(&mut self) {
        let addresses = [&self.http, &self.mqtt].map(|had| if had.is_empty() { "127.0.0.1:0" } else { had.as_str() });
        self.process = spawn(self.folder.path(), &self.options, &[], addresses, [&self.said, &self.printed]).0;
    }

    /// The same with something more in its environment, by which it may die before it is ready.
    pub(crate) fn restart_in(&mut self, environment: &[(&str, &str)]) {
        let addresses = [&self.http, &self.mqtt].map(|had| if had.is_empty() { "127.0.0.1:0" } else { had.as_str() });
        let said = [&self.said, &self.printed];
        self.process = match try_spawn(self.folder.path(), &self.options, environment, addresses, said) {
            Ok((process, _)) | Err((process, _)) => process,
        };
    }

    /// `kill -9`, unless it is dead already.
    pub(crate) fn end(&mut self) {
        if !self.is_dead() {
            self.kill_9();
        }
    }

    /// Whether it has ended by itself.
    pub(crate) fn is_dead(&mut self) -> bool {
        self.process.try_wait().expect("it is ours").is_some()
    }

    /// What it wrote to standard error so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().expect("no reader panicked").clone()
    }

    /// What it wrote to standard output so far.
    pub(crate) fn printed(&self) -> String {
        self.printed.lock().expect("no reader panicked").clone()
    }

    /// The path of the set-up link that the console shows.
    ///
    /// # Panics
    /// When it shows none.
    pub(crate) fn setup_path(&self) -> String {
        let began = Instant::now();
        while began.elapsed() < READY_MAX {
            if let Some((_, rest)) = self.said().split_once("/setup/") {
                return format!("/setup/{}", rest.split_whitespace().next().unwrap_or_default());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("the console shows no set-up link: {}", self.said());
    }

    /// Runs another verb with a text on standard input, on the same database, and returns what it printed.
    pub(crate) fn cellar_reading(&self, arguments: &[&str], input: &str) -> Output {
        let mut process = command(self.folder.path(), arguments)
            .args(["--database-url", &self.database_url()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("cellar runs");
        let mut stdin = process.stdin.take().expect("it is piped");
        // A verb that refuses its flags reads nothing.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        process.wait_with_output().expect("it ends")
    }

    /// Runs another verb of the program on the same data folder and returns what it printed.
    pub(crate) fn cellar(&self, arguments: &[&str]) -> Output {
        cellar(self.folder.path(), arguments)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs `cellar ARGUMENTS --data-dir FOLDER` to its end.
pub(crate) fn cellar(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().expect("cellar runs")
}

/// The program: the one that was built for the tests, or another one that is to be measured.
pub(crate) fn program() -> String {
    std::env::var("CELLAR_TEST_PROGRAM").unwrap_or_else(|_| env!("CARGO_BIN_EXE_cellar").to_owned())
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program());
    command.args(arguments).arg("--data-dir").arg(folder).current_dir(folder);
    command
}

/// Starts `serve` at `[http, mqtt]` and returns with its first line of output, the addresses.
fn spawn(
    folder: &Path,
    options: &[String],
    environment: &[(&str, &str)],
    addresses: [&str; 2],
    said: [&Said; 2],
) -> (Child, serde_json::Value) {
    try_spawn(folder, options, environment, addresses, said).unwrap_or_else(|(mut process, why)| {
        // Nobody else would end it.
        let _ = process.kill();
        panic!("cellar serve {options:?}: {why} (status {:?})", process.wait())
    })
}

/// The same; a process that did not become ready comes back with the reason.
fn try_spawn(
    folder: &Path,
    options: &[String],
    environment: &[(&str, &str)],
    [http, mqtt]: [&str; 2],
    [said, printed]: [&Said; 2],
) -> Result<(Child, serde_json::Value), (Child, String)> {
    let mut process = command(folder, &["serve", "--http", http, "--mqtt", mqtt])
        .args(options)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("cellar runs");
    let (stderr, said) = (process.stderr.take().expect("it is piped"), Arc::clone(said));
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            eprintln!("{line}");
            said.lock().expect("no reader panicked").push_str(&(line + "\n"));
        }
    });
    let (stdout, printed) = (process.stdout.take().expect("it is piped"), Arc::clone(printed));
    let (sender, receiver) = std::sync::mpsc::channel();
    // A thread of its own, so that a silent server fails the test; it then drains what a test never reads.
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            printed.lock().expect("no reader panicked").push_str(&format!("{line}\n"));
            let _ = sender.send(line);
        }
    });
    let line = receiver.recv_timeout(READY_MAX).map_err(|_| "no addresses were printed".to_owned());
    let ready = line.and_then(|line| serde_json::from_str(&line).map_err(|_| format!("not addresses: {line}")));
    match ready {
        Ok(ready) => Ok((process, ready)),
        Err(why) => Err((process, why)),
    }
}

/// Host and port of one part of the server; empty when it does not run in this process.
fn address(ready: &serde_json::Value, key: &str) -> String {
    let address = ready[key].as_str().unwrap_or_default();
    address.rsplit("//").next().unwrap_or(address).trim_end_matches('/').to_owned()
}
