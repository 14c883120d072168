//! Settings of the archive: where the rows of finished experiments go, and when.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ConfigError;

/// Days after its end that an experiment stays in the database.
const AFTER_DAYS: u32 = 365;
/// What stands for a secret that is set.
const HIDDEN: &str = "…";

/// Settings of the archive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Archive {
    /// A folder by its whole path, or `s3://bucket/prefix`; empty: there is no archive.
    pub to: String,
    /// Days after its end that an experiment moves there by itself; 0: only by `cellar archive run`.
    #[serde(deserialize_with = "days")]
    pub after_days: u32,
    /// Address of the S3 store: `https://host:port`; empty: Amazon's in `region`.
    pub endpoint: String,
    /// Region of the S3 store.
    pub region: String,
    /// Who signs in there.
    pub access_key: String,
    /// What that account signs with.
    pub secret_key: String,
    /// File that holds the secret key instead.
    pub secret_key_file: PathBuf,
}

/// Where the archive is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArchivePlace<'a> {
    /// Below a folder.
    Folder(&'a Path),
    /// In a bucket, below a prefix that may be empty.
    Bucket {
        /// Its name.
        bucket: &'a str,
        /// What the names of all objects begin with, without a slash at its end.
        prefix: &'a str,
    },
}

/// Whole days, as a number or, in the environment, as text.
fn days<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u32),
        Text(String),
    }
    match Written::deserialize(from)? {
        Written::Number(days) => Ok(days),
        Written::Text(text) => text.trim().parse().map_err(|_| serde::de::Error::custom("write whole days")),
    }
}

impl Default for Archive {
    fn default() -> Self {
        Self {
            to: String::new(),
            after_days: AFTER_DAYS,
            endpoint: String::new(),
            region: "us-east-1".to_owned(),
            access_key: String::new(),
            secret_key: String::new(),
            secret_key_file: PathBuf::new(),
        }
    }
}

impl Archive {
    /// Where the archive is; `None` without one.
    #[must_use]
    pub fn place(&self) -> Option<ArchivePlace<'_>> {
        if self.to.is_empty() {
            return None;
        }
        Some(match self.to.strip_prefix("s3://") {
            None => ArchivePlace::Folder(Path::new(&self.to)),
            Some(rest) => {
                let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
                ArchivePlace::Bucket { bucket, prefix: prefix.trim_end_matches('/') }
            }
        })
    }

    /// Address of the S3 store.
    #[must_use]
    pub fn endpoint(&self) -> String {
        if self.endpoint.is_empty() {
            format!("https://s3.{}.amazonaws.com", self.region)
        } else {
            self.endpoint.trim_end_matches('/').to_owned()
        }
    }

    pub(super) fn validate(&self, insecure_lan: bool) -> Result<(), ConfigError> {
        let wrong = |key, reason: String| Err(ConfigError::Value { key, reason });
        match self.place() {
            None => Ok(()),
            Some(ArchivePlace::Folder(folder)) if folder.is_absolute() => Ok(()),
            Some(ArchivePlace::Folder(_)) => wrong(
                "archive.to",
                format!(
                    "“{}” is no place: write the whole path of a folder, as /srv/archive, or s3://bucket/prefix",
                    self.to
                ),
            ),
            Some(ArchivePlace::Bucket { bucket, prefix }) => {
                if !is_bucket(bucket) || !prefix.bytes().all(is_plain) {
                    return wrong(
                        "archive.to",
                        "write s3://bucket/prefix, with letters, digits, “-”, “_”, “.” and “/” in the prefix"
                            .to_owned(),
                    );
                }
                if self.access_key.is_empty()
                    || self.secret_key.is_empty() == self.secret_key_file.as_os_str().is_empty()
                {
                    return wrong(
                        "archive.access_key",
                        "an S3 store needs archive.access_key and either archive.secret_key or archive.secret_key_file"
                            .to_owned(),
                    );
                }
                if self.region.is_empty() || !self.region.bytes().all(is_plain) {
                    return wrong("archive.region", "write the region of the store, as eu-central-1".to_owned());
                }
                let endpoint = self.endpoint();
                let host = endpoint.strip_prefix("https://").or_else(|| endpoint.strip_prefix("http://"));
                let Some(host) = host.filter(|host| !host.is_empty() && !host.contains(['/', '@', '?', '#', ' ']))
                else {
                    return wrong("archive.endpoint", "write https://host or https://host:port".to_owned());
                };
                if endpoint.starts_with("http://") && !insecure_lan && !is_here(host) {
                    return wrong(
                        "archive.endpoint",
                        "measurements would be readable on their way: use https://, or insist with --insecure-lan \
                         (http.insecure_lan)"
                            .to_owned(),
                    );
                }
                Ok(())
            }
        }
    }

    /// The same, as it may be shown.
    pub(super) fn without_secrets(&self) -> Self {
        let mut shown = self.clone();
        if !shown.secret_key.is_empty() {
            HIDDEN.clone_into(&mut shown.secret_key);
        }
        shown
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/')
}

fn is_bucket(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
}

/// Whether a host, perhaps with a port, is this computer.
fn is_here(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name == "localhost" || name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3() -> Archive {
        Archive {
            to: "s3://lab-archive/cellar/".to_owned(),
            access_key: "AKIA".to_owned(),
            secret_key: "geheim".to_owned(),
            ..Archive::default()
        }
    }

    #[test]
    fn a_place_is_a_folder_or_a_bucket_and_at_first_none() {
        assert_eq!(Archive::default().place(), None);
        let folder = Archive { to: "/srv/archive".to_owned(), ..Archive::default() };
        assert_eq!(folder.place(), Some(ArchivePlace::Folder(Path::new("/srv/archive"))));
        assert_eq!(s3().place(), Some(ArchivePlace::Bucket { bucket: "lab-archive", prefix: "cellar" }));
        assert!([Archive::default(), folder, s3()].iter().all(|archive| archive.validate(false).is_ok()));
    }

    #[test]
    fn what_cannot_work_is_named_before_the_start() {
        let http = |endpoint: &str| Archive { endpoint: endpoint.to_owned(), ..s3() };
        for (archive, key) in [
            (Archive { to: "archive".to_owned(), ..Archive::default() }, "archive.to"),
            (Archive { to: "s3://A/x".to_owned(), ..s3() }, "archive.to"),
            (Archive { secret_key: String::new(), ..s3() }, "archive.access_key"),
            (Archive { region: String::new(), ..s3() }, "archive.region"),
            (http("ftp://host"), "archive.endpoint"),
            (http("https://user@host"), "archive.endpoint"),
            (http("http://192.0.2.1:9000"), "archive.endpoint"),
        ] {
            let error = archive.validate(false).unwrap_err().to_string();
            assert!(error.contains(key), "{error}");
        }
        assert_eq!(http("http://127.0.0.1:9000").validate(false), Ok(()));
        assert_eq!(http("http://192.0.2.1:9000").validate(true), Ok(()));
        assert!(!format!("{:?}", s3().without_secrets()).contains("geheim"));
    }

    #[test]
    fn days_come_as_a_number_or_as_text() {
        assert_eq!(toml::from_str::<Archive>("after_days = 30").unwrap().after_days, 30);
        assert_eq!(toml::from_str::<Archive>("after_days = \"30\"").unwrap().after_days, 30);
        assert!(toml::from_str::<Archive>("after_days = \"soon\"").is_err());
    }
}
