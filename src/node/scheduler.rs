//! The scheduler: starts what is next at each free station, and looks after runs that are not as they were ordered.
//!
//! It works only while its server leads. Whatever it does is a compare-and-set, so a second one would do no harm.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::leader::Term;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::experiment::ExperimentState;
use crate::domain::profile::fit;
use crate::domain::run::{LEASE_S, RunTerms, SAMPLE_PERIOD_MS};
use crate::domain::run_doubt::{PRESENT_US, Verdict, judge};
use crate::domain::safety::limits::without_temperature;
use crate::domain::safety::limits_for;
use crate::domain::station::StationState;
use crate::store::run_orders::heads::Head;
use crate::store::run_orders::start::StartOrder;
use crate::store::{Store, StoreError};

/// How often queues and runs are looked at: nobody notices a second between two experiments.
const PERIOD: Duration = Duration::from_secs(1);

/// The scheduler of one server.
pub struct Scheduler {
    store: Store,
    clock: Clock,
    term: watch::Receiver<Option<Term>>,
    /// The last term in which the runs found in between were asked about.
    asked_in: Option<Term>,
}

/// Who starts what waits.
#[must_use]
pub fn actor() -> Actor {
    Actor { name: "scheduler".to_owned(), ..Actor::server("scheduler") }
}

impl Scheduler {
    /// A scheduler that knows whether its server leads.
    #[must_use]
    pub fn new(store: Store, clock: Clock, term: watch::Receiver<Option<Term>>) -> Self {
        Self { store, clock, term, asked_in: None }
    }

    /// Works until `stop` is true (or its sender is gone).
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            match self.step().await {
                Ok(()) => is_failing = false,
                Err(error) if !is_failing => {
                    is_failing = true;
                    tracing::warn!(error = &error as &dyn std::error::Error, "nothing can be scheduled, trying again");
                }
                Err(_) => {}
            }
        }
    }

    /// Looks once at every run in doubt and every queue.
    ///
    /// # Errors
    /// When the database fails; what was done before stays done.
    pub async fn step(&mut self) -> Result<(), StoreError> {
        let term = *self.term.borrow();
        if term.is_none() {
            return Ok(());
        }
        self.look_after_runs(term).await?;
        for head in self.store.queue_heads().await? {
            match self.try_start(&head).await {
                Err(error) if error.may_pass() => return Err(error),
                // One that cannot be read holds up its own station only.
                Err(error) => tracing::warn!(
                    experiment = %head.experiment,
                    error = &error as &dyn std::error::Error,
                    "this experiment cannot be started"
                ),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    /// Asks about runs found in between when a term begins, and later about those that stay so for too long.
    async fn look_after_runs(&mut self, term: Option<Term>) -> Result<(), StoreError> {
        let is_new_term = self.asked_in != term;
        for run in self.store.doubted_runs().await? {
            let now_us = self.clock.now_us();
            let is_between = matches!(run.facts.state, ExperimentState::Starting | ExperimentState::Stopping);
            let verdict = if is_new_term && is_between { Verdict::Ask } else { judge(&run.facts, now_us) };
            if verdict != Verdict::Leave {
                tracing::info!(experiment = %run.experiment, unit = %run.unit, ?verdict, "a run is not as it was ordered");
                self.store.settle(&actor(), &run, verdict, now_us).await?;
            }
        }
        self.asked_in = term;
        let now_us = self.clock.now_us();
        for stray in self.store.stray_runs(now_us).await? {
            tracing::warn!(experiment = %stray.experiment, unit = %stray.unit, "works on what is over here, told to stop");
            self.store.stop_stray(&actor(), &stray, now_us).await?;
        }
        Ok(())
    }

    async fn try_start(&self, head: &Head) -> Result<(), StoreError> {
        let now_us = self.clock.now_us();
        let wait_reason = match obstacle(head, now_us) {
            Some(reason) => reason,
            None => match self.check(head).await? {
                Err(reason) => reason,
                Ok(order) => {
                    if let Some(command) = self.store.order_start(&actor(), &order, now_us).await? {
                        tracing::info!(experiment = %head.experiment, station = head.station_name, %command, "ordered to start");
                    }
                    return Ok(());
                }
            },
        };
        if wait_reason != head.wait_reason {
            self.store.note_waiting(head, &wait_reason).await?;
        }
        Ok(())
    }

    /// The order to start, or what battery and steps say against it.
    async fn check(&self, head: &Head) -> Result<Result<StartOrder, String>, StoreError> {
        let Some(battery) = self.store.battery(head.battery).await? else {
            return Ok(Err("Its battery is not there any more.".to_owned()));
        };
        if battery.retired_at_us.is_some() {
            return Ok(Err(format!("{} is retired.", battery.name)));
        }
        if let Some(other) = head.battery_in {
            let other = self.store.experiment_name(other).await?;
            return Ok(Err(format!("{} is in another run: {other}.", battery.name)));
        }
        let steps = self.store.experiment(head.experiment).await?.and_then(|experiment| experiment.steps);
        let Some(steps) = steps.filter(|steps| !steps.steps.is_empty()) else {
            return Ok(Err("Its profile has no steps that can be read.".to_owned()));
        };
        let limits = battery.limits();
        let misfits =
            fit::check(&steps, Some((&battery.name, &limits)), Some((&head.station_name, &head.station_limits)));
        if let Some(misfit) = misfits.first() {
            return Ok(Err(format!("Step {}: {}", misfit.step, misfit.message)));
        }
        let limits = limits_for(&battery.facts, &head.station_limits, &steps);
        let limits = if head.measures_temperature { limits } else { without_temperature(limits) };
        let terms = RunTerms { limits, sample_period_ms: SAMPLE_PERIOD_MS, lease_s: LEASE_S };
        Ok(Ok(StartOrder { experiment: head.experiment, version: head.version, steps, terms }))
    }
}

/// What stands in the way of the experiment that is next at a station, as far as station and unit are concerned.
fn obstacle(head: &Head, now_us: i64) -> Option<String> {
    let name = &head.station_name;
    if let Some((by, reason)) = &head.held {
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        return Some(format!("The queue of {name} is held by {by}{because}."));
    }
    let Some(unit) = &head.unit else { return Some(format!("No unit drives {name}.")) };
    if head.unit_is_disabled {
        return Some(format!("{unit} is shut out. Enable it under Devices."));
    }
    if head.busy_with.is_some() {
        return Some(format!("{name} has another run."));
    }
    if head.unit_seen_at_us.is_none_or(|at_us| now_us >= at_us.saturating_add(PRESENT_US)) {
        return Some(format!("No message from {unit}, which drives {name}."));
    }
    match head.station_state {
        Some(StationState::Idle | StationState::Finished | StationState::Stopped) => None,
        Some(StationState::Fault) => {
            let because =
                if head.station_reason.is_empty() { String::new() } else { format!(": {}", head.station_reason) };
            Some(format!("{name} reports a fault{because}. Look at it, then relaunch it."))
        }
        Some(StationState::Running | StationState::Paused) => {
            Some(format!("{name} works on something that was not ordered here."))
        }
        None => Some(format!("{unit} has not reported {name} yet.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BatteryId, ExperimentId, StationId};
    use crate::domain::limits::Limits;

    const NOW_US: i64 = 1_000_000_000;

    fn free() -> Head {
        Head {
            experiment: ExperimentId(7),
            version: 0,
            battery: BatteryId(1),
            wait_reason: String::new(),
            station: StationId(1),
            station_name: "A1".to_owned(),
            station_limits: Limits::WIDE,
            unit: Some("cu-01".parse().unwrap()),
            unit_is_disabled: false,
            unit_seen_at_us: Some(NOW_US - 14_000_000),
            station_state: Some(StationState::Finished),
            station_reason: String::new(),
            held: None,
            busy_with: None,
            battery_in: None,
            measures_temperature: true,
        }
    }

    #[test]
    fn a_free_station_whose_unit_is_there_starts() {
        assert_eq!(obstacle(&free(), NOW_US), None);
        for state in [StationState::Idle, StationState::Stopped] {
            assert_eq!(obstacle(&Head { station_state: Some(state), ..free() }, NOW_US), None);
        }
    }

    #[test]
    fn whatever_stands_in_the_way_is_said() {
        let away = Head { unit_seen_at_us: Some(NOW_US - PRESENT_US), ..free() };
        let fault =
            Head { station_state: Some(StationState::Fault), station_reason: "overvoltage".to_owned(), ..free() };
        let cases = [
            (away, "No message from cu-01, which drives A1."),
            (Head { unit_seen_at_us: None, ..free() }, "No message from cu-01, which drives A1."),
            (Head { unit: None, ..free() }, "No unit drives A1."),
            (Head { unit_is_disabled: true, ..free() }, "cu-01 is shut out. Enable it under Devices."),
            (Head { busy_with: Some(ExperimentId(6)), ..free() }, "A1 has another run."),
            (Head { station_state: None, ..free() }, "cu-01 has not reported A1 yet."),
            (fault, "A1 reports a fault: overvoltage. Look at it, then relaunch it."),
            (
                Head { held: Some(("ada".to_owned(), "new cables".to_owned())), ..free() },
                "The queue of A1 is held by ada: new cables.",
            ),
            (
                Head { station_state: Some(StationState::Running), ..free() },
                "A1 works on something that was not ordered here.",
            ),
        ];
        for (head, words) in cases {
            assert_eq!(obstacle(&head, NOW_US).as_deref(), Some(words));
        }
    }
}
