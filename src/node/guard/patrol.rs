//! The rounds of the guard: looks for silence, repeats stops, renews leases, learns what runs, writes down what it did.
//!
//! Three tasks, so that a database that hangs holds up neither the looking nor the stopping.

use std::collections::HashMap;
use std::time::Duration;

use serde_json::json;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::record;
use super::{Guard, of_server};
use crate::domain::command::Verb;
use crate::domain::ids::{CommandId, DeviceId, ExperimentId};
use crate::domain::safety::pulse::DEAF;
use crate::domain::safety::{Code, Finding, Phase, Severity};
use crate::ingest::health::Health;
use crate::node::leader::Term;
use crate::store::stations_read::StationFilter;
use crate::store::{Store, StoreError};

/// How often the guard looks: silence is found within this of its time.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it learns what runs.
const REFRESH_EVERY: Duration = Duration::from_secs(1);
/// Every so many times it also learns which stations there are.
const STATIONS_EVERY: u32 = 5;
/// Longest wait for the database before trying anew.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// Pause after a failure to write.
const WRITE_PAUSE: Duration = Duration::from_millis(500);
/// A lease is renewed this often within its time: three messages may be lost.
const RENEWALS: u32 = 4;
/// Nothing was stored for so long: then it is an alarm, not a hiccup.
const TROUBLE_US: i64 = 5_000_000;

impl Guard {
    /// Walks its rounds until `stop` is true (or its sender is gone).
    pub async fn run(
        self,
        store: Store,
        health: Health,
        term: watch::Receiver<Option<Term>>,
        stop: watch::Receiver<bool>,
    ) {
        let looking = self.clone().look_out(health, term, stop.clone());
        let learning = self.clone().learn(store.clone(), stop.clone());
        let writing = self.write_down(store, stop);
        // Tasks of their own: one that panics is seen, and the others go on.
        let tasks = [tokio::spawn(looking), tokio::spawn(learning), tokio::spawn(writing)];
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a part of the watch over the runs broke down");
            }
        }
    }

    async fn look_out(self, health: Health, term: watch::Receiver<Option<Term>>, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut renewed = HashMap::new();
        let mut is_down = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = told_to_stop(&mut stop) => return,
            }
            let trouble = health.trouble();
            let now_us = self.inner.clock.now_us();
            let leads = term.borrow().is_some();
            self.look(trouble.is_none(), leads);
            self.renew(leads, &mut renewed);
            let down = trouble.filter(|trouble| now_us.saturating_sub(trouble.since_us) >= TROUBLE_US);
            if down.is_some() != is_down {
                is_down = down.is_some();
                let mut state = self.state();
                match down {
                    Some(trouble) => {
                        let message = format!("Nothing can be stored: {}", trouble.error);
                        state.diary.raise(of_server(Code::StorageDown, Severity::Alarm, message, now_us));
                    }
                    None => state.diary.clear(Default::default(), Code::StorageDown),
                }
                drop(state);
                self.inner.news.notify_one();
            }
        }
    }

    /// Looks once: who is silent, which stops are to be repeated.
    pub(super) fn look(&self, is_stored: bool, leads: bool) {
        let now = self.now();
        let mut state = self.state();
        self.watch_oneself(&mut state, now);
        let mut found: Vec<(ExperimentId, Vec<Finding>)> = Vec::new();
        for run in state.table.runs_mut() {
            // Of a device that speaks to another server, only the leader judges, by what the database says.
            if !run.is_heard_here && !leads {
                continue;
            }
            let phase = run.phase();
            if let Some(hearing) = run.pulse.look(now, phase, is_stored) {
                let findings = self.hearing(run, hearing, phase, now);
                found.push((run.open.experiment, findings));
            }
        }
        for (experiment, findings) in found {
            self.act(&mut state, experiment, findings, now);
        }
        let mut overdue = Vec::new();
        for stop in state.table.stops_mut() {
            if stop.is_due(now) {
                self.send(stop, now);
            }
            if stop.becomes_overdue(now) {
                let why = stop.refusal().map_or_else(String::new, |refusal| format!(" It says: {refusal}."));
                let message = format!("No answer to the stop of this station. Go and look.{why}");
                let alarm = of_server(Code::StopUnconfirmed, Severity::Critical, message, self.inner.clock.now_us());
                overdue.push(crate::store::alarms::NewAlarm { source: stop.source(), ..alarm });
            }
        }
        for alarm in overdue {
            tracing::error!(source = ?alarm.source, "a stop is not confirmed");
            state.diary.raise(alarm);
            self.inner.news.notify_one();
        }
    }

    /// A watch that slept says so.
    fn watch_oneself(&self, state: &mut super::State, now: Duration) {
        let gap = now.saturating_sub(state.looked_at);
        state.looked_at = now;
        let was_late = std::mem::replace(&mut state.is_late, gap > DEAF);
        if state.is_late {
            let message = format!("The watch over the runs did not look for {} s", gap.as_secs());
            tracing::error!("{message}");
            state.diary.raise(of_server(Code::WatchLate, Severity::Alarm, message, self.inner.clock.now_us()));
        } else if was_late {
            state.diary.clear(Default::default(), Code::WatchLate);
        }
    }

    /// Tells the units with runs that the server is there. Units given up are left to their dead-man.
    pub(super) fn renew(&self, leads: bool, renewed: &mut HashMap<DeviceId, Duration>) {
        let Some(post) = self.inner.post.get() else { return };
        if post.reaches_all() && !leads {
            return;
        }
        let now = self.now();
        let mut state = self.state();
        let mut leases: HashMap<DeviceId, Duration> = HashMap::new();
        for run in state.table.runs().filter(|run| run.has_lease() && run.phase() != Phase::GivenUp) {
            let lease = leases.entry(run.open.device.clone()).or_insert(Duration::MAX);
            *lease = (*lease).min(run.lease());
        }
        renewed.retain(|unit, _| leases.contains_key(unit));
        for (unit, lease) in leases {
            let is_due = renewed.get(&unit).is_none_or(|at| now.saturating_sub(*at) >= lease / RENEWALS);
            if !is_due {
                continue;
            }
            state.last_command = (state.last_command - 1).min(-self.inner.clock.now_us());
            let payload = json!({
                "command_id": CommandId(state.last_command),
                "epoch": self.inner.epoch.get(),
                "verb": Verb::Renew.as_str(),
            });
            // One that is away is tried again with the next look.
            if post.send(&unit, payload.to_string().into_bytes()) {
                renewed.insert(unit, now);
            }
        }
    }

    async fn learn(self, store: Store, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(REFRESH_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut round = 0_u32;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                () = told_to_stop(&mut stop) => return,
            }
            let with_stations = round.is_multiple_of(STATIONS_EVERY);
            // What is known stays while the database is away.
            match timeout(STORE_PATIENCE, self.refresh(&store, with_stations)).await {
                Ok(Ok(())) => round = round.wrapping_add(1),
                Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "runs are not read"),
                Err(_) => tracing::debug!("runs are not read: the database does not answer"),
            }
        }
    }

    /// Learns what runs, and which stations there are.
    ///
    /// # Errors
    /// When the database fails; what was known stays.
    pub async fn refresh(&self, store: &Store, with_stations: bool) -> Result<(), StoreError> {
        let open = store.open_runs().await?;
        let rows = store.rows_of_running().await?;
        let stations = match with_stations {
            true => Some(store.stations(&StationFilter::default()).await?),
            false => None,
        };
        let now = self.now();
        let mut state = self.state();
        let over = state.table.refresh(open, now);
        state.table.stored(rows, now);
        if !over.is_empty() {
            self.inner.news.notify_one();
        }
        for (source, code) in over {
            state.diary.clear(source, code);
        }
        if let Some(stations) = stations {
            let live = stations.into_iter().filter(|station| station.retired_at_us.is_none());
            state.table.set_places(live.filter_map(|station| Some((station.station_id, station.name, station.unit?))));
        }
        Ok(())
    }

    async fn write_down(self, store: Store, mut stop: watch::Receiver<bool>) {
        let mut is_failing = false;
        loop {
            let stops = tokio::select! {
                () = self.inner.news.notified() => false,
                () = told_to_stop(&mut stop) => true,
            };
            if stops {
                // A last try, so that a clean stop leaves nothing unsaid.
                let _ = timeout(WRITE_PAUSE, self.write_once(&store)).await;
                return;
            }
            while !self.state().diary.is_empty() {
                let written = timeout(STORE_PATIENCE, self.write_once(&store)).await;
                let words = match written {
                    Ok(Ok(())) => {
                        is_failing = false;
                        continue;
                    }
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "the database does not answer".to_owned(),
                };
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(words, "alarms and stops cannot be written down, trying again");
                }
                tokio::select! {
                    () = tokio::time::sleep(WRITE_PAUSE) => {}
                    () = told_to_stop(&mut stop) => return,
                }
            }
        }
    }

    /// Writes down what is next. An entry the database will never take is given up alone.
    ///
    /// # Errors
    /// When the database fails; then everything is kept.
    pub async fn write_once(&self, store: &Store) -> Result<(), StoreError> {
        let entries = self.state().diary.next();
        if entries.is_empty() {
            return Ok(());
        }
        let now_us = self.inner.clock.now_us();
        match record::write(store, &entries, now_us).await {
            Ok(()) => {
                self.state().diary.done(&entries);
                return Ok(());
            }
            Err(error) if error.may_pass() => return Err(error),
            Err(_) => {}
        }
        for entry in &entries {
            let entry = std::slice::from_ref(entry);
            match record::write(store, entry, now_us).await {
                Err(error) if error.may_pass() => return Err(error),
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, ?entry, "not written down");
                }
                Ok(()) => {}
            }
            self.state().diary.done(entry);
        }
        Ok(())
    }
}

/// Waits for the order to stop; its sender being gone is one too.
async fn told_to_stop(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
