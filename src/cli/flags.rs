//! Flags that several verbs share, laid over the settings.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::{Config, ConfigError, LogFormat, Role};

/// Flags of everything that opens the database or the network.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct ServerFlags {
    /// Folder of everything the server writes [default: ./cellar-data]
    #[arg(long, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Address of the pages and the API; port 0 picks a free one [default: 127.0.0.1:8869]
    #[arg(long, value_name = "ADDR")]
    pub(super) http: Option<SocketAddr>,
    /// Address of the built-in MQTT endpoint; port 0 picks a free one [default: 127.0.0.1:1883]
    #[arg(long, value_name = "ADDR")]
    pub(super) mqtt: Option<SocketAddr>,
    /// mysql://user:password@host:3306/database [default: SQLite in the data folder]
    #[arg(long, value_name = "URL")]
    pub(super) database_url: Option<String>,
    /// mqtt://user:password@host:1883, a broker to use instead of the built-in endpoint
    #[arg(long, value_name = "URL")]
    pub(super) broker_url: Option<String>,
    /// Which part of the server to run: all, web or node [default: all]
    #[arg(long, value_name = "ROLE")]
    pub(super) role: Option<Role>,
    /// Settings file (TOML)
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Speak TLS on both addresses, with a certificate of the lab's own authority unless files are given
    #[arg(long)]
    pub(super) tls: bool,
    /// Certificate of your own (PEM, with its chain) instead of the lab's
    #[arg(long, value_name = "FILE")]
    pub(super) tls_certificate: Option<PathBuf>,
    /// Key of that certificate (PEM)
    #[arg(long, value_name = "FILE")]
    pub(super) tls_key: Option<PathBuf>,
    /// Allow addresses other than loopback without TLS
    #[arg(long)]
    pub(super) insecure_lan: bool,
}

impl ServerFlags {
    /// The settings in use: built-in values, file, environment, these flags.
    pub(super) fn settings(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load(self.config.as_deref(), std::env::vars())?;
        if let Some(data_dir) = &self.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let Some(address) = self.http {
            config.http.address = address;
        }
        if let Some(address) = self.mqtt {
            config.mqtt.address = address;
        }
        if let Some(url) = &self.database_url {
            config.database.url.clone_from(url);
        }
        if let Some(url) = &self.broker_url {
            config.broker.url.clone_from(url);
        }
        if let Some(role) = self.role {
            config.role = role;
        }
        if let Some(file) = &self.tls_certificate {
            config.tls.certificate.clone_from(file);
        }
        if let Some(file) = &self.tls_key {
            config.tls.key.clone_from(file);
        }
        config.tls.enabled |= self.tls;
        config.http.insecure_lan |= self.insecure_lan;
        config.validate()?;
        Ok(config)
    }
}

/// Flags of what only reads and writes the database; `--role` is free for the role of a person.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct StoreFlags {
    /// Folder of everything the server writes [default: ./cellar-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// mysql://user:password@host:3306/database [default: SQLite in the data folder]
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Settings file (TOML)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl StoreFlags {
    /// The settings in use: built-in values, file, environment, these flags.
    pub(super) fn settings(&self) -> Result<Config, ConfigError> {
        let Self { data_dir, database_url, config } = self.clone();
        ServerFlags { data_dir, database_url, config, ..ServerFlags::default() }.settings()
    }
}

/// Starts the log; on standard error, because standard output is for results.
pub(super) fn start_log(config: &Config) -> Result<(), ConfigError> {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.log.level).map_err(|error| ConfigError::Value {
        key: "log.level",
        reason: format!("{error}; write error, warn, info or debug"),
    })?;
    let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(is_terminal);
    // A second log in one process is refused; the first one goes on.
    let _ = match config.log.format {
        LogFormat::Text => log.compact().try_init(),
        LogFormat::Json => log.json().try_init(),
    };
    Ok(())
}
