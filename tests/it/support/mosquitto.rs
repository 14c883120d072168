//! A Mosquitto with the project's configuration and the users a test names.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::test_server::TestServer;

/// User name of the server at a broker; the access list in `devops/mosquitto.acl` names it.
pub(crate) const SERVER_USER: &str = "cellar_server";

/// A broker. Dropped, it is gone with all it held.
#[derive(Debug)]
pub(crate) struct Mosquitto {
    server: Option<TestServer>,
    port: u16,
    folder: TempDir,
}

impl Mosquitto {
    /// Starts a broker that lets in `users` (name, password); `None` where Mosquitto is not installed and need not be.
    pub(crate) fn start(users: &[(&str, &str)]) -> Option<Self> {
        if !TestServer::is_installed("mosquitto") {
            return None;
        }
        let folder = TempDir::new().expect("a temporary folder");
        for (name, password) in users {
            add_user(&folder.path().join("passwd"), name, password);
        }
        let server = TestServer::start("mosquitto", Some(folder.path()), 0);
        Some(Self { port: server.port(), server: Some(server), folder })
    }

    /// Starts a broker on the files that `cellar device export-mosquitto` wrote into the folder `export`.
    pub(crate) fn start_on(export: &Path) -> Option<Self> {
        if !TestServer::is_installed("mosquitto") {
            return None;
        }
        let folder = TempDir::new().expect("a temporary folder");
        adopt(export, folder.path());
        let server = TestServer::start("mosquitto", Some(folder.path()), 0);
        Some(Self { port: server.port(), server: Some(server), folder })
    }

    /// Takes newly exported files, as somebody who copies them and sends SIGHUP does.
    pub(crate) fn reload(&self, export: &Path) {
        adopt(export, self.folder.path());
        self.server.as_ref().expect("the broker runs").reload();
    }

    /// The port on 127.0.0.1, the same after a restart.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// What `--broker-url` takes, for a user given to [`Mosquitto::start`].
    pub(crate) fn url(&self, name: &str, password: &str) -> String {
        format!("mqtt://{name}:{password}@127.0.0.1:{}", self.port)
    }

    /// Kills the broker as a power cut would: what it did not save is forgotten.
    pub(crate) fn kill_9(&mut self) {
        self.server.take().expect("the broker runs").kill_9();
    }

    /// Starts the broker again after [`Mosquitto::kill_9`], on the same port and folder.
    pub(crate) fn restart(&mut self) {
        assert!(self.server.is_none(), "the broker runs already");
        self.server = Some(TestServer::start("mosquitto", Some(self.folder.path()), self.port));
    }
}

fn adopt(export: &Path, folder: &Path) {
    for (exported, name) in [("passwords", "passwd"), ("acl", "mosquitto.acl")] {
        std::fs::copy(export.join(exported), folder.join(name)).expect("it was exported");
    }
}

fn add_user(file: &Path, name: &str, password: &str) {
    let mut command = Command::new("mosquitto_passwd");
    command.arg("-b");
    if !file.exists() {
        command.arg("-c");
    }
    let added = command.arg(file).args([name, password]).output().expect("mosquitto_passwd runs");
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
}
