//! A MariaDB of a case's own.

use std::path::Path;

use sqlx::{Connection, Executor};
use tempfile::TempDir;

use crate::support::database::mariadb_url_at;
use crate::support::test_server::TestServer;

/// A MariaDB of a case's own, which may be killed.
pub(super) struct Maria {
    server: Option<TestServer>,
    pub(super) port: u16,
    folder: TempDir,
}

impl Maria {
    pub(super) fn start(place: Option<&Path>) -> Option<Self> {
        if !TestServer::is_installed("mariadbd") {
            return None;
        }
        let folder = place.map_or_else(TempDir::new, TempDir::new_in).expect("a temporary folder");
        let server = TestServer::start("mariadb", Some(folder.path()), 0);
        let maria = Self { port: server.port(), server: Some(server), folder };
        let url = format!("{}/mysql", mariadb_url_at(maria.port));
        super::rig::block_on(async move {
            let mut root = sqlx::MySqlConnection::connect(&url).await.expect("MariaDB answers");
            root.execute("CREATE DATABASE cellar").await.expect("it is new");
        });
        Some(maria)
    }

    /// As a power cut would.
    pub(super) fn kill_9(&mut self) {
        self.server.take().expect("it runs").kill_9();
    }

    /// Ends it, if it has not ended by itself.
    pub(super) fn end(&mut self) {
        drop(self.server.take());
    }

    pub(super) fn pid(&self) -> u32 {
        self.server.as_ref().expect("it runs").pid()
    }

    /// Starts it again on the same port and folder.
    pub(super) fn restart(&mut self) {
        self.server = Some(TestServer::start("mariadb", Some(self.folder.path()), self.port));
    }
}
