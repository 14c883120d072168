//! The processes under load: `cellar serve`, MariaDB, Mosquitto. Each ends when it is dropped.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A server that does not answer after this time does not start.
const START_MAX: Duration = Duration::from_secs(60);

/// A running process.
pub(crate) struct Process {
    child: Child,
    pub(crate) port: u16,
}

impl Process {
    /// Processor time used so far, in seconds, by all its threads.
    pub(crate) fn cpu_s(&self) -> f64 {
        cpu_s(&self.child.id().to_string())
    }
}

/// Processor time of a process, `self` for this one.
pub(crate) fn cpu_s(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = behind_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    // Linux counts in ticks of 10 ms towards user space, on every machine.
    ticks.sum::<f64>() / 100.0
}

impl Drop for Process {
    fn drop(&mut self) {
        // SIGTERM first, so that each ends as in production.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(15) {
            if matches!(self.child.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A library that delays every fsync, compiled into `folder`.
pub(crate) fn slow_fsync(folder: &Path) -> PathBuf {
    let library = folder.join("slow_fsync.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/ingest/slow_fsync.c");
    let mut cc = Command::new("cc");
    let compiled = cc.args(["-O2", "-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl").status().unwrap();
    assert!(compiled.success(), "cc could not compile {source}");
    library
}

/// `cellar serve` on a database, behind a broker if one is named. With the role `web` the port is that of its pages, else
/// that of its MQTT endpoint.
pub(crate) fn cellar(
    role: &str,
    folder: &Path,
    database_url: &str,
    broker_url: Option<&str>,
    preload: Option<&Path>,
) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cellar"));
    command.args(["serve", "--role", role, "--http", "127.0.0.1:0", "--mqtt", "127.0.0.1:0", "--data-dir"]);
    command.arg(folder).args(["--database-url", database_url]);
    command.args(broker_url.iter().flat_map(|url| ["--broker-url", url]));
    let mut child = preloaded(command, preload).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addresses: serde_json::Value = serde_json::from_str(&line).expect("the addresses in one line");
    let door = if role == "web" { "http" } else { "mqtt" };
    let port = addresses[door].as_str().and_then(|address| address.rsplit(':').next()?.parse().ok());
    Process { child, port: port.unwrap_or(0) }
}

/// MariaDB with the settings of production, and a database `cellar` in it.
pub(crate) fn mariadb(folder: &Path, preload: Option<&Path>) -> Process {
    let settings = concat!(env!("CARGO_MANIFEST_DIR"), "/devops/mariadb.cnf");
    let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let (data, port) = (folder.join("data"), free_port());
    let mut install = Command::new("mariadb-install-db");
    install.arg("--no-defaults").arg(format!("--datadir={}", data.display())).arg(format!("--user={user}"));
    let installed = install.args(["--auth-root-authentication-method=normal", "--skip-test-db"]).output().unwrap();
    assert!(installed.status.success(), "{}", String::from_utf8_lossy(&installed.stderr));
    let init = folder.join("init.sql");
    let grants = "CREATE USER cellar@'127.0.0.1' IDENTIFIED BY 'bench'; GRANT ALL ON *.* TO cellar@'127.0.0.1';
        CREATE DATABASE cellar;";
    std::fs::write(&init, grants.replace('\n', " ").replace("; ", ";\n")).unwrap();
    let mut command = Command::new(program("mariadbd"));
    command.arg(format!("--defaults-file={settings}")).arg(format!("--datadir={}", data.display()));
    command.arg(format!("--socket={}", folder.join("mariadb.sock").display()));
    command.arg(format!("--pid-file={}", folder.join("mariadb.pid").display()));
    command.args([format!("--port={port}"), "--bind-address=127.0.0.1".to_owned(), format!("--user={user}")]);
    command.arg(format!("--init-file={}", init.display()));
    let log = std::fs::File::create(folder.join("log")).unwrap();
    started(preloaded(command, preload).stderr(log).stdout(Stdio::null()), port)
}

/// The URL of that database.
pub(crate) fn mariadb_url(port: u16) -> String {
    format!("mysql://cellar:bench@127.0.0.1:{port}/cellar")
}

/// Mosquitto with the settings of production; `users` have their name as password.
pub(crate) fn mosquitto(folder: &Path, users: &[String]) -> Process {
    let devops = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/devops"));
    let port = free_port();
    std::fs::create_dir_all(folder.join("data")).unwrap();
    std::fs::copy(devops.join("mosquitto.acl"), folder.join("mosquitto.acl")).unwrap();
    let settings = std::fs::read_to_string(devops.join("mosquitto.conf")).unwrap();
    let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
    let settings = settings.replace("listener 1883", &format!("listener {port} 127.0.0.1\nuser {user}"));
    std::fs::write(folder.join("mosquitto.conf"), settings).unwrap();
    let passwords = folder.join("passwd");
    std::fs::write(&passwords, "").unwrap();
    for user in users {
        let mut command = Command::new("mosquitto_passwd");
        let added = command.arg("-b").arg(&passwords).args([user, user]).output().unwrap();
        assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    }
    let mut command = Command::new(program("mosquitto"));
    command.args(["-c", "mosquitto.conf"]).current_dir(folder);
    started(command.stdout(Stdio::null()).stderr(Stdio::null()), port)
}

/// Debian keeps servers outside the users' path.
fn program(name: &str) -> PathBuf {
    let of_root = Path::new("/usr/sbin").join(name);
    if of_root.exists() { of_root } else { name.into() }
}

fn preloaded(mut command: Command, library: Option<&Path>) -> Command {
    if let Some(library) = library {
        command.env("LD_PRELOAD", library);
    }
    command
}

fn started(command: &mut Command, port: u16) -> Process {
    let child = command.stdin(Stdio::null()).spawn().unwrap();
    let mut process = Process { child, port };
    let began = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let status = process.child.try_wait().unwrap();
        assert!(status.is_none() && began.elapsed() < START_MAX, "{command:?} does not start: {status:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
    process
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
