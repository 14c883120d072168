//! Notifications: alarms told to people who do not look at the pages, by webhook and e-mail.
//!
//! The leader sends. What is to be sent stands in the database and is struck off when it was delivered, so that a crash
//! between the two sends it twice rather than never.

mod mail;
mod webhook;

use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use self::mail::Mail;
use self::webhook::Webhook;
use super::leader::Term;
use crate::clock::Clock;
use crate::config::Notify;
use crate::store::alarm_list::Alarm;
use crate::store::notices::Notice;
use crate::store::{Store, StoreError};

/// How often alarms without a notice are looked for.
const PERIOD: Duration = Duration::from_secs(1);
/// Alarms older than this are told no more when they were not: a way that was set up today does not tell of last year.
const SINCE_US: i64 = 3_600_000_000;
/// An alarm that nobody answers is told again for so long, µs: whoever did not come within a day is not reached this way.
const REPEAT_FOR_US: i64 = 24 * 3_600_000_000;
/// How often it is looked for those to be told again: their pauses are minutes.
const REPEAT_LOOK: Duration = Duration::from_secs(5);
/// Longest try of one delivery.
const TRY_MAX: Duration = Duration::from_secs(20);
/// Pause after the first failure, doubled each time.
const RETRY_FIRST_US: i64 = 5_000_000;
/// Longest pause.
const RETRY_MAX_US: i64 = 600_000_000;
/// Tries before a notice is given up: half a day.
const TRIES_MAX: i64 = 80;

/// Why a notice was not delivered.
#[derive(Debug, thiserror::Error)]
enum NotDelivered {
    #[error("{0}")]
    Way(String),
    #[error("no answer within {} s", TRY_MAX.as_secs())]
    Silent,
}

/// Sends what is to be sent while this server leads.
pub struct Notifier {
    store: Store,
    clock: Clock,
    ways: Vec<&'static str>,
    warnings: bool,
    /// After how long an alarm that nobody answered is told again, µs.
    repeat_after_us: Option<i64>,
    webhook: Option<Webhook>,
    mail: Option<Mail>,
}

impl Notifier {
    /// A notifier for the settings; `None` when no way is set up.
    ///
    /// # Errors
    /// In words, when an address of the settings cannot be used.
    pub fn new(store: Store, clock: Clock, settings: &Notify) -> Result<Option<Self>, String> {
        let ways = settings.ways();
        if ways.is_empty() {
            return Ok(None);
        }
        let webhook = ways.contains(&"webhook").then(|| Webhook::new(settings)).transpose()?;
        let mail = ways.contains(&"mail").then(|| Mail::new(settings)).transpose()?;
        let repeat_after_us = (settings.repeat_after_s > 0).then(|| i64::from(settings.repeat_after_s) * 1_000_000);
        Ok(Some(Self { store, clock, ways, warnings: settings.warnings, repeat_after_us, webhook, mail }))
    }

    /// Works until `stop` is true (or its sender is gone).
    pub async fn run(self, term: watch::Receiver<Option<Term>>, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut repeated_at = Instant::now();
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            let leads = term.borrow().is_some();
            if leads && repeated_at.elapsed() >= REPEAT_LOOK {
                repeated_at = Instant::now();
                if let Err(error) = self.repeat().await {
                    tracing::debug!(error = &error as &dyn std::error::Error, "notices cannot be repeated");
                }
            }
            if leads && let Err(error) = self.step().await {
                tracing::debug!(error = &error as &dyn std::error::Error, "notices cannot be read");
            }
        }
    }

    /// Queues and sends once whatever is due.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&self) -> Result<(), StoreError> {
        let now_us = self.clock.now_us();
        for way in &self.ways {
            self.store.queue_notices(way, now_us - SINCE_US, self.warnings, now_us).await?;
        }
        for notice in self.store.due_notices(now_us).await? {
            let Some(alarm) = self.store.alarm(notice.alarm).await? else { continue };
            let delivered = timeout(TRY_MAX, self.deliver(&notice, &alarm)).await;
            let now_us = self.clock.now_us();
            match delivered.unwrap_or(Err(NotDelivered::Silent)) {
                Ok(()) => self.store.notice_sent(notice.id, now_us).await?,
                Err(error) => {
                    let due_at_us = next_try_us(notice.attempts, now_us);
                    tracing::warn!(way = notice.way, alarm = %notice.alarm, %error, "a notice was not delivered");
                    self.store.notice_failed(notice.id, due_at_us, &error.to_string()).await?;
                }
            }
        }
        Ok(())
    }

    /// Queues again what nobody answered.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn repeat(&self) -> Result<(), StoreError> {
        let Some(after_us) = self.repeat_after_us else { return Ok(()) };
        let now_us = self.clock.now_us();
        for way in &self.ways {
            self.store.repeat_notices(way, now_us - after_us, now_us - REPEAT_FOR_US, now_us).await?;
        }
        Ok(())
    }

    async fn deliver(&self, notice: &Notice, alarm: &Alarm) -> Result<(), NotDelivered> {
        match (notice.way.as_str(), &self.webhook, &self.mail) {
            ("webhook", Some(webhook), _) => webhook.post(&payload(alarm, notice.is_repeat)).await,
            ("mail", _, Some(mail)) => mail.send(alarm, notice.is_repeat).await,
            (way, ..) => Err(NotDelivered::Way(format!("{way} is not set up here"))),
        }
    }
}

/// When to try again after so many tries; `None`: never.
fn next_try_us(attempts: i64, now_us: i64) -> Option<i64> {
    let pause_us = RETRY_FIRST_US.checked_shl(u32::try_from(attempts).unwrap_or(0).min(20)).unwrap_or(RETRY_MAX_US);
    (attempts + 1 < TRIES_MAX).then(|| now_us + pause_us.clamp(RETRY_FIRST_US, RETRY_MAX_US))
}

/// The body of a webhook.
fn payload(alarm: &Alarm, is_repeat: bool) -> Vec<u8> {
    let named = |pair: &Option<(_, String)>| pair.as_ref().map(|(_, name)| name.clone());
    json!({
        "alarm_id": alarm.id,
        "severity": alarm.severity,
        "code": alarm.code,
        "message": alarm.message,
        "value": alarm.value,
        "limit": alarm.limit,
        "experiment_id": alarm.experiment.as_ref().map(|(id, _)| id),
        "experiment": named(&alarm.experiment.as_ref().map(|(id, name)| (id.0, name.clone()))),
        "station_id": alarm.station.as_ref().map(|(id, _)| id),
        "station": named(&alarm.station.as_ref().map(|(id, name)| (id.0, name.clone()))),
        "device": alarm.device,
        "at_us": alarm.at_us,
        "is_late": alarm.is_late,
        "is_repeat": is_repeat,
    })
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!(next_try_us(0, 0), Some(5_000_000));
        assert_eq!(next_try_us(3, 0), Some(40_000_000));
        assert_eq!(next_try_us(40, 7), Some(RETRY_MAX_US + 7));
        assert_eq!(next_try_us(TRIES_MAX - 1, 0), None);
    }
}
