//! Starts and stops the parts of the server in the right order.

use std::net::SocketAddr;

use crate::config::Config;
use crate::store::{Store, StoreError};

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder cannot be made.
    #[error("cannot make the data folder {folder}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        #[source]
        cause: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Opens the database of the settings; makes the data folder when SQLite lives there.
///
/// # Errors
/// [`StartError`] says what cannot be opened and why.
pub async fn open_store(config: &Config) -> Result<Store, StartError> {
    if config.database.url.is_empty() {
        std::fs::create_dir_all(&config.data_dir)
            .map_err(|cause| StartError::Folder { folder: config.data_dir.display().to_string(), cause })?;
    }
    Ok(Store::open(&config.database_url()).await?)
}

/// A running server.
#[derive(Debug)]
pub struct App {
    store: Store,
}

impl App {
    /// Starts what the settings ask for.
    ///
    /// # Errors
    /// [`StartError`] says what does not start and why.
    pub async fn start(config: &Config) -> Result<Self, StartError> {
        let store = open_store(config).await?;
        store.migrate().await?;
        Ok(Self { store })
    }

    /// Where the pages are, if this process serves them.
    #[must_use]
    pub fn http(&self) -> Option<SocketAddr> {
        None
    }

    /// Where devices connect, if this process takes them.
    #[must_use]
    pub fn mqtt(&self) -> Option<SocketAddr> {
        None
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stops everything: what was received is committed and acknowledged first.
    pub async fn stop(self) {
        self.store.close().await;
    }
}
