//! Settings of notifications: where alarms are told outside of the pages.

use serde::{Deserialize, Serialize};

use super::{ConfigError, without_password};

/// After how long an alarm is told again when nobody answered it, s.
const REPEAT_AFTER_S: u32 = 900;

/// Settings of notifications. Only the administrator sets them: the server calls no address that anybody else could give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// `https://host/path` that gets a POST for every alarm; empty: none.
    pub webhook_url: String,
    /// Key of the signature in the header `x-cellar-signature`.
    pub webhook_secret: String,
    /// `smtps://user:password@host` or `smtp://user:password@host:587?tls=required`; empty: no e-mail.
    pub smtp_url: String,
    /// Who the e-mail is from.
    pub mail_from: String,
    /// Whom it goes to, with commas between them.
    pub mail_to: String,
    /// Also tells of warnings; otherwise of alarms only.
    pub warnings: bool,
    /// An alarm that nobody answered is told again after so many seconds, for a day; 0: once only.
    #[serde(deserialize_with = "seconds")]
    pub repeat_after_s: u32,
}

/// Whole seconds, as a number or, in the environment, as text.
fn seconds<'de, D: serde::Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Number(u32),
        Text(String),
    }
    match Written::deserialize(from)? {
        Written::Number(seconds) => Ok(seconds),
        Written::Text(text) => text.trim().parse().map_err(|_| serde::de::Error::custom("write whole seconds")),
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            webhook_url: String::new(),
            webhook_secret: String::new(),
            smtp_url: String::new(),
            mail_from: String::new(),
            mail_to: String::new(),
            warnings: false,
            repeat_after_s: REPEAT_AFTER_S,
        }
    }
}

impl Notify {
    /// The ways that are set up.
    #[must_use]
    pub fn ways(&self) -> Vec<&'static str> {
        let webhook = (!self.webhook_url.is_empty()).then_some("webhook");
        let mail = (!self.smtp_url.is_empty()).then_some("mail");
        webhook.into_iter().chain(mail).collect()
    }

    /// The addresses e-mail goes to.
    pub fn recipients(&self) -> impl Iterator<Item = &str> {
        self.mail_to.split(',').map(str::trim).filter(|address| !address.is_empty())
    }

    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |key, reason: &str| Err(ConfigError::Value { key, reason: reason.to_owned() });
        if !self.webhook_url.is_empty() {
            if !self.webhook_url.starts_with("https://") && !self.webhook_url.starts_with("http://") {
                return wrong("notify.webhook_url", "write https://host/path");
            }
            if self.webhook_secret.is_empty() {
                return wrong("notify.webhook_secret", "a webhook is signed: write a key that its receiver knows too");
            }
        }
        if !self.smtp_url.is_empty() {
            if !self.smtp_url.starts_with("smtps://") && !self.smtp_url.starts_with("smtp://") {
                return wrong("notify.smtp_url", "write smtps://user:password@host");
            }
            if self.mail_from.is_empty() || self.recipients().next().is_none() {
                return wrong("notify.mail_to", "e-mail needs notify.mail_from and notify.mail_to");
            }
        }
        Ok(())
    }

    /// The same as it may be shown.
    pub(super) fn without_secrets(&self) -> Self {
        Self {
            webhook_url: without_password(&self.webhook_url),
            webhook_secret: if self.webhook_secret.is_empty() { String::new() } else { "…".to_owned() },
            smtp_url: without_password(&self.smtp_url),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_and_secrets_are_not_shown() {
        let mut notify = Notify { webhook_url: "https://hook/x".into(), ..Notify::default() };
        assert!(notify.validate().unwrap_err().to_string().contains("webhook_secret"));
        notify.webhook_secret = "key-1".into();
        notify.smtp_url = "smtps://u:pass-1@mail".into();
        assert!(notify.validate().unwrap_err().to_string().contains("mail_to"));
        (notify.mail_from, notify.mail_to) = ("a@x".into(), "b@x, c@x,".into());
        assert_eq!((notify.validate(), notify.ways()), (Ok(()), vec!["webhook", "mail"]));
        assert_eq!(notify.recipients().collect::<Vec<_>>(), ["b@x", "c@x"]);
        let shown = format!("{:?}", notify.without_secrets());
        assert!(!shown.contains("key-1") && !shown.contains("pass-1"), "{shown}");
        assert!(Notify { webhook_url: "ftp://x".into(), ..Notify::default() }.validate().is_err());
    }
}
