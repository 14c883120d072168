//! Settings: built-in values, then a TOML file, then the environment, then flags.

mod archive;
mod environment;
mod notify;
mod tls;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use archive::{Archive, ArchivePlace};
pub use environment::PREFIX;
pub use notify::Notify;
pub use tls::{Tls, is_host};

/// All settings. `cellar config print` shows them, `docs/configuration.md` explains them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Folder of everything the server writes.
    pub data_dir: PathBuf,
    /// The web pages and the HTTP API.
    pub http: Http,
    /// The built-in MQTT endpoint.
    pub mqtt: Mqtt,
    /// Encryption of both.
    pub tls: Tls,
    /// Where data is kept.
    pub database: Database,
    /// A broker to use instead of the built-in endpoint.
    pub broker: Broker,
    /// Where the rows of finished experiments go.
    pub archive: Archive,
    /// Where alarms are told outside of the pages.
    pub notify: Notify,
    /// What is logged, and how.
    pub log: Log,
    /// Which part of the server this process is.
    pub role: Role,
    /// Whether whoever sits at this machine is let in as an operator: `cellar demo` sets it, no setting can.
    #[serde(skip)]
    pub is_demo: bool,
}

/// Settings of the web pages and the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port; port 0 picks a free one.
    pub address: SocketAddr,
    /// Allows an address other than loopback without TLS, here and for the MQTT endpoint.
    pub insecure_lan: bool,
    /// Host names this server answers to, besides its addresses and `localhost`.
    pub names: Vec<String>,
}

/// Settings of the built-in MQTT endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mqtt {
    /// Address and port; port 0 picks a free one.
    pub address: SocketAddr,
}

/// Settings of the database.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:///folder/file.db` or `mysql://user:password@host:port/database`; empty: SQLite in `data_dir`.
    pub url: String,
}

/// Settings of a broker.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Broker {
    /// `mqtt://user:password@host:port`; empty: none, the built-in endpoint takes the devices.
    pub url: String,
}

/// Settings of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// What is logged: `error`, `warn`, `info`, `debug`, or per module, as in `info,cellar::ingest=debug`.
    pub level: String,
    /// Lines for people or JSON for programs.
    pub format: LogFormat,
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Which part of the server a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything in one process.
    All,
    /// Only pages and API.
    Web,
    /// Only devices and schedule.
    Node,
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "all" => Ok(Self::All),
            "web" => Ok(Self::Web),
            "node" => Ok(Self::Node),
            other => Err(format!("“{other}” is not a role: use all, web or node")),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("./cellar-data"),
            http: Http::default(),
            mqtt: Mqtt::default(),
            tls: Tls::default(),
            database: Database::default(),
            broker: Broker::default(),
            archive: Archive::default(),
            notify: Notify::default(),
            log: Log::default(),
            role: Role::All,
            is_demo: false,
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 8869)), insecure_lan: false, names: Vec::new() }
    }
}

impl Default for Mqtt {
    fn default() -> Self {
        Self { address: SocketAddr::from(([127, 0, 0, 1], 1883)) }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Text }
    }
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The file is not there or cannot be read.
    #[error("cannot read the settings file {path}: {reason}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The file or the environment is not what settings look like.
    #[error("settings in {place}: {reason}")]
    Form {
        /// The file, or the environment variable.
        place: String,
        /// What is wrong, with line and column where there are any.
        reason: String,
    },
    /// A value makes no sense.
    #[error("setting {key}: {reason}")]
    Value {
        /// Which one, as `section.key`.
        key: &'static str,
        /// What is wrong and what to write instead.
        reason: String,
    },
}

impl Config {
    /// Built-in values, overlaid by the file if one is given, overlaid by `CELLAR__SECTION__KEY` variables.
    ///
    /// # Errors
    /// [`ConfigError`] names the file or variable and what is wrong with it.
    pub fn load(
        file: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let mut table = match file {
            None => toml::Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| ConfigError::File { path: path.to_owned(), reason: error.to_string() })?;
                let form = |error: toml::de::Error| ConfigError::Form {
                    place: path.display().to_string(),
                    reason: place_and_reason(&text, &error),
                };
                // Read as settings first: errors then carry the line in the file.
                toml::from_str::<Self>(&text).map_err(form)?;
                toml::from_str(&text).map_err(form)?
            }
        };
        environment::overlay(&mut table, variables)?;
        table.try_into().map_err(|error: toml::de::Error| ConfigError::Form {
            place: format!("the environment ({PREFIX}…)"),
            reason: error.to_string().trim_end().to_owned(),
        })
    }

    /// Checks what no single value shows.
    ///
    /// # Errors
    /// [`ConfigError::Value`] names the key to fix.
    pub fn validate(&self) -> Result<(), ConfigError> {
        self.tls.validate()?;
        self.notify.validate()?;
        self.archive.validate(self.http.insecure_lan)?;
        for (key, address) in self.listens() {
            if !address.ip().is_loopback() && !self.tls.is_on() && !self.http.insecure_lan {
                return Err(ConfigError::Value {
                    key,
                    reason: format!(
                        "{address} can be reached from the network, where passwords and secrets would be readable: \
                         encrypt with --tls, use 127.0.0.1, or insist with --insecure-lan (http.insecure_lan)"
                    ),
                });
            }
        }
        if !self.broker.url.is_empty() && !self.broker.url.starts_with("mqtt://") {
            return Err(ConfigError::Value {
                key: "broker.url",
                reason: "write mqtt://user:password@host:1883".to_owned(),
            });
        }
        Ok(())
    }

    /// The addresses this process listens on, each with the key that sets it.
    fn listens(&self) -> impl Iterator<Item = (&'static str, SocketAddr)> {
        let http = (self.role != Role::Node).then_some(("http.address", self.http.address));
        let mqtt = self.takes_devices().then_some(("mqtt.address", self.mqtt.address));
        http.into_iter().chain(mqtt)
    }

    /// Whether devices connect to this process, not to a broker or to another process.
    #[must_use]
    pub fn takes_devices(&self) -> bool {
        self.role != Role::Web && self.broker.url.is_empty()
    }

    /// The database in use: the given URL, or SQLite in the data folder.
    #[must_use]
    pub fn database_url(&self) -> String {
        if self.database.url.is_empty() {
            format!("sqlite://{}", self.data_dir.join("cellar.db").display())
        } else {
            self.database.url.clone()
        }
    }

    /// The settings as TOML, passwords replaced by `…`.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut shown = self.clone();
        shown.database.url = without_password(&self.database.url);
        shown.broker.url = without_password(&self.broker.url);
        shown.notify = self.notify.without_secrets();
        shown.archive = self.archive.without_secrets();
        toml::to_string(&shown).unwrap_or_default()
    }
}

/// Line, column and what is wrong there; not the line itself, which may hold a password.
fn place_and_reason(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    let place = before.map(|before| {
        let line = before.rsplit('\n').next().unwrap_or_default();
        format!("line {}, column {}: ", before.matches('\n').count() + 1, line.chars().count() + 1)
    });
    place.unwrap_or_default() + error.message()
}

/// A URL as it may be shown: the password replaced by `…`.
#[must_use]
pub fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let Some((login, place)) = rest.rsplit_once('@') else { return url.to_owned() };
    match login.split_once(':') {
        Some((user, _)) => format!("{scheme}://{user}:…@{place}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cellar.toml");
        std::fs::write(&file, "[http]\naddress = \"127.0.0.1:1\"\n[log]\nlevel = \"warn\"\n").unwrap();
        let set = variables(&[
            ("CELLAR__HTTP__ADDRESS", "127.0.0.1:2"),
            ("CELLAR__HTTP__INSECURE_LAN", "true"),
            ("HOME", "/"),
        ]);
        let config = Config::load(Some(&file), set).unwrap();
        assert_eq!((config.http.address.port(), config.http.insecure_lan), (2, true));
        assert_eq!(config.log.level, "warn");
    }

    #[test]
    fn an_unknown_key_is_named() {
        let error = Config::load(None, variables(&[("CELLAR__HTTP__ADRESS", "x")])).unwrap_err().to_string();
        assert!(error.contains("adress"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cellar.toml");
        std::fs::write(&file, "[http]\nport = 1\n").unwrap();
        let error = Config::load(Some(&file), []).unwrap_err().to_string();
        assert!(error.contains("cellar.toml") && error.contains("port") && error.contains("line 2"), "{error}");
    }

    #[test]
    fn an_error_of_the_file_does_not_repeat_its_lines() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cellar.toml");
        for line in ["url = \"geheim", "url = [\"geheim\"]", "ulr = \"geheim\""] {
            std::fs::write(&file, format!("[database]\n{line}\n")).unwrap();
            let error = Config::load(Some(&file), []).unwrap_err().to_string();
            assert!(error.contains("line 2, column") && !error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn what_is_printed_can_be_read_again_and_holds_no_password() {
        let mut config = Config::default();
        assert_eq!(toml::from_str::<Config>(&config.to_toml()).unwrap(), config);
        config.database.url = "mysql://cellar:geh@eim@db:3306/cellar".to_owned();
        assert!(!config.to_toml().contains("eim") && config.to_toml().contains("cellar:…@db:3306"));
    }

    #[test]
    fn the_network_is_not_reached_by_accident() {
        let open = SocketAddr::from(([0, 0, 0, 0], 8869));
        let reaching = |key: &str| {
            let mut config = Config::default();
            let place = if key == "http.address" { &mut config.http.address } else { &mut config.mqtt.address };
            *place = open;
            config
        };
        for key in ["http.address", "mqtt.address"] {
            let config = reaching(key);
            let error = config.validate().unwrap_err().to_string();
            assert!([key, "--tls", "--insecure-lan"].iter().all(|word| error.contains(word)), "{error}");
            let insists = Http { insecure_lan: true, ..config.http.clone() };
            assert_eq!(Config { http: insists, ..config.clone() }.validate(), Ok(()), "{key}");
            let tls = Tls { enabled: true, ..Tls::default() };
            assert_eq!(Config { tls, ..config }.validate(), Ok(()), "{key}");
        }
    }

    #[test]
    fn an_address_that_is_not_used_is_not_judged() {
        let open = SocketAddr::from(([0, 0, 0, 0], 1883));
        let mqtt = Config { mqtt: Mqtt { address: open }, ..Config::default() };
        assert_eq!(Config { role: Role::Web, ..mqtt.clone() }.validate(), Ok(()));
        let broker = Broker { url: "mqtt://lab:1883".to_owned() };
        assert_eq!(Config { broker, ..mqtt }.validate(), Ok(()));
        let http = Http { address: open, insecure_lan: false, names: Vec::new() };
        assert_eq!(Config { http, role: Role::Node, ..Config::default() }.validate(), Ok(()));
    }

    #[test]
    fn names_from_the_environment_have_commas_between_them() {
        let config = Config::load(None, variables(&[("CELLAR__TLS__NAMES", "lab-pc,192.0.2.7")])).unwrap();
        assert_eq!(config.tls.names, ["lab-pc", "192.0.2.7"]);
    }
}
