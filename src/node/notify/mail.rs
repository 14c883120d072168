//! E-mail of alarms.

use lettre::message::{Mailbox, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

use super::NotDelivered;
use crate::config::Notify;
use crate::store::alarm_list::Alarm;

/// The way to a mail server.
pub(super) struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Vec<Mailbox>,
}

impl Mail {
    pub(super) fn new(settings: &Notify) -> Result<Self, String> {
        // The URL may hold a password: what is wrong with it is not repeated.
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.smtp_url)
            .map_err(|_| "notify.smtp_url cannot be used: write smtps://user:password@host".to_owned())?
            .build();
        let mailbox = |address: &str| {
            address.parse::<Mailbox>().map_err(|error| format!("“{address}” is no e-mail address: {error}"))
        };
        let to = settings.recipients().map(mailbox).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { transport, from: mailbox(settings.mail_from.trim())?, to })
    }

    pub(super) async fn send(&self, alarm: &Alarm, is_repeat: bool) -> Result<(), NotDelivered> {
        let station = alarm.station.as_ref().map_or("server", |(_, name)| name.as_str());
        let still = if is_repeat { "STILL " } else { "" };
        let subject = format!("{still}{}: {station}: {}", alarm.severity.as_str().to_uppercase(), alarm.message);
        let experiment = alarm.experiment.as_ref().map(|(id, name)| format!("Experiment {id}, {name}\n"));
        let text = format!(
            "{}\n\nStation {station}\n{}Alarm {}, code {}\n\nOpen the page of alarms to answer it.\n",
            alarm.message,
            experiment.unwrap_or_default(),
            alarm.id,
            alarm.code
        );
        let failed = |error: &dyn std::error::Error| NotDelivered::Way(error.to_string());
        let mut message = Message::builder().from(self.from.clone()).subject(subject);
        for to in &self.to {
            message = message.to(to.clone());
        }
        let message = message.header(ContentType::TEXT_PLAIN).body(text).map_err(|error| failed(&error))?;
        self.transport.send(message).await.map_err(|error| failed(&error))?;
        Ok(())
    }
}
