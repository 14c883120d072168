//! A MariaDB or Mosquitto process of the tests, run by `devops/test-server.sh`.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

/// A running server; it ends when this is dropped, and also when the test process is killed.
#[derive(Debug)]
pub(crate) struct TestServer {
    script: Child,
    stdin: Option<ChildStdin>,
    port: u16,
    pid: u32,
}

impl TestServer {
    /// Starts `kind` (`mariadb`, `mosquitto`) on `dir` (`None`: a new one, removed at the end) and `port` (0: a free one).
    ///
    /// # Panics
    /// When it does not start; its log is on standard error.
    pub(crate) fn start(kind: &str, dir: Option<&Path>, port: u16) -> Self {
        let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/devops/test-server.sh"))
            .arg(kind)
            .arg(dir.unwrap_or(Path::new("-")))
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A signal to the test's process group must reach the script only as the end of its input.
            .process_group(0)
            .spawn()
            .expect("devops/test-server.sh runs");
        let mut line = String::new();
        BufReader::new(script.stdout.take().expect("it is piped")).read_line(&mut line).expect("it is text");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, port, pid] = words[..] else { panic!("{kind} did not start: {line:?}") };
        let (port, pid) = (port.parse().expect("a port"), pid.parse().expect("a process id"));
        Self { stdin: script.stdin.take(), script, port, pid }
    }

    /// Whether the program is installed; in CI it must be.
    pub(crate) fn is_installed(program: &str) -> bool {
        let found = std::env::var("PATH")
            .unwrap_or_default()
            .split(':')
            .chain(["/usr/sbin"])
            .any(|folder| Path::new(folder).join(program).is_file());
        if !found {
            super::skip_unless_ci(&format!("{program} is not installed: run `make test` once"));
        }
        found
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The process of the server itself.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Kills the server itself (`kill -9`), as a power cut would.
    pub(crate) fn kill_9(mut self) {
        let killed = Command::new("kill").args(["-KILL", &self.pid.to_string()]).status().expect("kill runs");
        assert!(killed.success(), "the server was already gone");
        self.end();
    }

    /// Makes the server read its files again (SIGHUP).
    pub(crate) fn reload(&self) {
        let told = Command::new("kill").args(["-HUP", &self.pid.to_string()]).status().expect("kill runs");
        assert!(told.success(), "the server is gone");
    }

    fn end(&mut self) {
        drop(self.stdin.take());
        // The script has nothing more to do than to kill and remove: it ends.
        let _ = self.script.wait();
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.end();
    }
}
