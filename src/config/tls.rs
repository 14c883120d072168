//! Settings of TLS.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, Serialize};

use super::ConfigError;

/// Most names beside the built-in ones: a certificate stays a packet or two.
const NAMES_MAX: usize = 50;
/// Longest host name, RFC 1035.
const NAME_CHARS_MAX: usize = 253;
/// Longest part of a host name between two dots.
const LABEL_CHARS_MAX: usize = 63;

/// Settings of TLS, for the pages and for the built-in MQTT endpoint alike.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// Whether both speak TLS; files of one's own switch it on too.
    pub enabled: bool,
    /// Certificate chain of one's own, PEM, the server's certificate first; empty: one of the lab's own authority.
    pub certificate: PathBuf,
    /// The key of that certificate, PEM; empty when `certificate` is.
    pub key: PathBuf,
    /// Host names and addresses in the lab's certificate, beside those of this computer.
    #[serde(deserialize_with = "list")]
    pub names: Vec<String>,
}

impl Tls {
    /// Whether pages and endpoint speak TLS.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.enabled || self.has_own_files()
    }

    /// Whether somebody brought a certificate.
    #[must_use]
    pub fn has_own_files(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let missing = |key, given, flag| ConfigError::Value {
            key,
            reason: format!("is missing although {given} is set: give both files, as in {flag} FILE, or none"),
        };
        match (self.has_own_files(), !self.key.as_os_str().is_empty()) {
            (true, false) => return Err(missing("tls.key", "tls.certificate", "--tls-key")),
            (false, true) => return Err(missing("tls.certificate", "tls.key", "--tls-certificate")),
            _ => {}
        }
        let wrong = |reason| Err(ConfigError::Value { key: "tls.names", reason });
        if self.names.len() > NAMES_MAX {
            return wrong(format!("{} names are too many: at most {NAMES_MAX}", self.names.len()));
        }
        match self.names.iter().find(|name| !is_host(name)) {
            Some(name) => wrong(format!("“{name}” is neither a host name nor an address: write lab-pc or 192.0.2.7")),
            None => Ok(()),
        }
    }
}

/// Whether this can be the name of a host in a certificate: an address, or labels of letters, digits and hyphens.
#[must_use]
pub fn is_host(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=LABEL_CHARS_MAX).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.parse::<IpAddr>().is_ok() || (name.len() <= NAME_CHARS_MAX && name.split('.').all(is_label))
}

/// A list, or from the environment words with commas between them.
fn list<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Form {
        List(Vec<String>),
        Words(String),
    }
    Ok(match Form::deserialize(from)? {
        Form::List(names) => names,
        Form::Words(words) => {
            words.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_ones_own_come_in_pairs_and_switch_tls_on() {
        let files =
            |certificate: &str, key: &str| Tls { certificate: certificate.into(), key: key.into(), ..Tls::default() };
        assert!(!files("", "").is_on() && files("a.pem", "b.pem").is_on());
        assert_eq!(files("a.pem", "b.pem").validate(), Ok(()));
        let error = files("a.pem", "").validate().unwrap_err().to_string();
        assert!(error.contains("tls.key") && error.contains("--tls-key"), "{error}");
        let error = files("", "b.pem").validate().unwrap_err().to_string();
        assert!(error.contains("setting tls.certificate") && error.contains("--tls-certificate"), "{error}");
    }

    #[test]
    fn names_are_hosts_and_what_is_none_is_named() {
        let names = |names: &[&str]| Tls { names: names.iter().map(ToString::to_string).collect(), ..Tls::default() };
        assert_eq!(names(&["lab-pc", "cellar.example.org", "192.0.2.7", "fe80::1"]).validate(), Ok(()));
        for bad in ["", "lab pc", "-lab", "a..b", "lab\0", "https://lab", "lab:8869", &"a".repeat(64)] {
            let error = names(&["lab-pc", bad]).validate().unwrap_err().to_string();
            assert!(error.contains("tls.names") && error.contains(bad), "{error}");
        }
        assert!(names(&["a"; NAMES_MAX + 1]).validate().is_err());
    }

    #[test]
    fn names_are_a_list_or_words_with_commas() {
        for text in ["names = [\"lab-pc\", \"192.0.2.7\"]", "names = \"lab-pc, 192.0.2.7,\""] {
            assert_eq!(toml::from_str::<Tls>(text).unwrap().names, ["lab-pc", "192.0.2.7"], "{text}");
        }
    }
}
