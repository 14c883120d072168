//! One line of the wall: a station or a probe, how it is, and its values.

use crate::analysis::forecast::Standing;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId, StreamId};
use crate::domain::profile::{Step, StepMode, Steps};
use crate::store::monitor::{MeasureLine, ProbeLine, StationLine};
use crate::store::streams::Latest;

use super::numbers::{Reading, duration_words, quantities, value_text};
use super::quantities::Quantity;
use super::status::{AWAY, Group, MEASURING, RUNNING, Status, judge};

/// A unit sends a heartbeat every 5 s; after three missed ones it is away.
pub(in crate::web::pages) const UNIT_SILENT_US: i64 = 15_000_000;
/// Probes send in batches, some only every half minute.
const PROBE_SILENT_US: i64 = 60_000_000;
/// A line as shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// `station=3` or `probe=pr-01`: as in the address of the page.
    pub key: String,
    /// “Station A4” is called `A4`, a probe by its battery.
    pub name: String,
    /// What stands beside the name: the battery of a station, the device of a probe.
    pub beside: Option<String>,
    /// Group of the list.
    pub group: Group,
    /// Icon, word and colour.
    pub status: Status,
    /// When the device was last heard, if it is silent now.
    pub silent_since_us: Option<i64>,
    /// Time of the latest values.
    pub at_us: Option<i64>,
    /// The latest values.
    pub readings: Vec<Reading>,
    /// The station, if it is one.
    pub station: Option<StationId>,
    /// The unit that drives the station, or the probe.
    pub device: Option<DeviceId>,
    /// Number and name of the experiment.
    pub experiment: Option<(ExperimentId, String)>,
    /// Where the experiment stands.
    pub run_state: Option<ExperimentState>,
    /// Name of the profile.
    pub profile: Option<String>,
    /// Steps of the profile.
    pub steps: Option<Steps>,
    /// Step reported by the station, from 1.
    pub step: Option<u32>,
    /// Cycle reported by the station, from 1.
    pub cycle: Option<u32>,
    /// Why it is as it is, in the words of the station.
    pub reason: Option<String>,
    /// When the experiment began, µs UTC.
    pub started_us: Option<i64>,
    /// When the station last reported a change, µs UTC.
    pub reported_us: Option<i64>,
    /// The battery of the experiment.
    pub battery: Option<BatteryId>,
    /// The time series.
    pub stream: Option<StreamId>,
    /// The newest values by column.
    pub latest: Vec<(String, Option<f64>)>,
    /// What its chart can show.
    pub quantities: Vec<Quantity>,
    /// Where the run stands; `None` when nothing runs, or nobody can tell.
    pub standing: Option<Standing>,
}

impl Line {
    /// A station as it is at the moment `now_us`.
    #[must_use]
    pub fn station(station: StationLine, now_us: i64) -> Self {
        let at_us = station.latest.as_ref().map(|latest| latest.at_us);
        let taken_us = station.latest.as_ref().map(|latest| latest.received_at_us);
        let heard_us = station.unit_seen_at_us.max(taken_us).max(station.reported_at_us);
        let silent_since_us = silent_since(heard_us, UNIT_SILENT_US, now_us);
        let (group, status) = judge(station.state, silent_since_us.is_some() || heard_us.is_none());
        let experiment = station.experiment;
        let latest = latest_values(station.latest.as_ref());
        Self {
            key: format!("station={}", station.station),
            name: station.name,
            beside: experiment.as_ref().map(|experiment| experiment.battery_name.clone()),
            group,
            status,
            silent_since_us,
            at_us,
            readings: readings(&latest, &station.measures),
            quantities: Quantity::among(latest.iter().map(|(column, _)| column.as_str()), &station.measures),
            standing: None,
            station: Some(station.station),
            device: station.unit,
            profile: experiment.as_ref().map(|experiment| experiment.profile_name.clone()),
            steps: experiment.as_ref().map(|experiment| experiment.steps.clone()),
            step: station.step.filter(|_| group != Group::Free),
            cycle: station.cycle.filter(|_| group != Group::Free),
            reason: Some(station.reason).filter(|reason| !reason.is_empty()),
            run_state: experiment.as_ref().map(|experiment| experiment.state),
            started_us: experiment.as_ref().and_then(|experiment| experiment.started_at_us),
            reported_us: station.reported_at_us,
            battery: experiment.as_ref().map(|experiment| experiment.battery),
            experiment: experiment.map(|experiment| (experiment.experiment, experiment.name)),
            stream: station.stream,
            latest,
        }
    }

    /// A probe as it is at the moment `now_us`.
    #[must_use]
    pub fn probe(probe: ProbeLine, now_us: i64) -> Self {
        let at_us = probe.latest.as_ref().map(|latest| latest.at_us);
        let heard_us = probe.seen_at_us.max(probe.latest.as_ref().map(|latest| latest.received_at_us));
        let silent_since_us = silent_since(heard_us, PROBE_SILENT_US, now_us);
        let is_silent = silent_since_us.is_some() || heard_us.is_none();
        let latest = latest_values(probe.latest.as_ref());
        Self {
            key: format!("probe={}", probe.device),
            name: probe.battery_name,
            beside: Some(probe.device.to_string()),
            group: Group::Probes,
            status: if is_silent { AWAY } else { MEASURING },
            silent_since_us,
            at_us,
            readings: readings(&latest, &[]),
            quantities: Quantity::among(latest.iter().map(|(column, _)| column.as_str()), &[]),
            standing: None,
            station: None,
            device: Some(probe.device),
            experiment: None,
            run_state: None,
            profile: None,
            steps: None,
            step: None,
            cycle: None,
            reason: None,
            started_us: None,
            reported_us: None,
            battery: Some(probe.battery),
            stream: Some(probe.stream),
            latest,
        }
    }

    /// Whether this is a station; otherwise it is a probe.
    #[must_use]
    pub fn is_station(&self) -> bool {
        self.station.is_some()
    }

    /// Heading of the chosen line.
    #[must_use]
    pub fn title(&self) -> String {
        if self.is_station() { format!("Station {}", self.name) } else { self.name.clone() }
    }

    /// The value of a column as shown; a dash when it was not measured.
    #[must_use]
    pub fn value(&self, column: &str) -> String {
        let latest = self.latest.iter().find(|(name, _)| name == column).and_then(|(_, value)| *value);
        latest.map_or_else(|| "–".to_owned(), |value| value_text(column, value))
    }

    /// State of charge in per cent as shown, where the probe reckons it.
    #[must_use]
    pub fn soc(&self) -> Option<&Reading> {
        self.readings.iter().find(|reading| reading.column.starts_with("soc"))
    }

    /// Whether the values are of now.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.silent_since_us.is_none() && self.at_us.is_some()
    }

    pub(super) fn steps(&self) -> &[Step] {
        self.steps.as_ref().map_or(&[], |steps| &steps.steps)
    }

    /// Number of the present step from 1, if the station works on one.
    #[must_use]
    pub fn step(&self) -> Option<usize> {
        let step = usize::try_from(self.step?).ok()?;
        (step >= 1).then_some(step)
    }

    /// How many steps the profile has.
    #[must_use]
    pub fn step_count(&self) -> usize {
        self.steps().len()
    }

    /// How often the steps are executed; `None` when only once.
    #[must_use]
    pub fn cycles(&self) -> Option<u32> {
        self.steps.as_ref().map(Steps::cycle_count).filter(|cycles| *cycles > 1)
    }

    fn present_step(&self) -> Option<&Step> {
        self.steps().get(self.step()?.checked_sub(1)?)
    }

    /// What happens now, as a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        match self.present_step() {
            Some(step) => step.words(),
            None => match self.group {
                Group::Probes => "Measuring".to_owned(),
                Group::Free => "Nothing runs here".to_owned(),
                _ => self.status.word.to_owned(),
            },
        }
    }

    /// What happens now in one word with its direction: “↓ Discharging”.
    #[must_use]
    pub fn deed(&self) -> Option<&'static str> {
        Some(match self.present_step()?.mode {
            StepMode::Rest | StepMode::Loop { .. } => "– Resting",
            StepMode::Cc { current_a: rate }
            | StepMode::CcCv { current_a: rate, .. }
            | StepMode::Cp { power_w: rate }
                if rate > 0.0 =>
            {
                "↑ Charging"
            }
            StepMode::Cc { .. } | StepMode::CcCv { .. } | StepMode::Cp { .. } => "↓ Discharging",
            StepMode::Cv { .. } => "→ Holding",
        })
    }

    /// [`Line::deed`] of a station that runs; others say their state instead.
    #[must_use]
    pub fn deed_now(&self) -> Option<&'static str> {
        (self.status == RUNNING).then(|| self.deed())?
    }

    /// What comes after the present step, as words.
    #[must_use]
    pub fn then(&self) -> Option<String> {
        let after = self.steps().get(self.step()?);
        match after {
            Some(step) => Some(step.words()),
            None => {
                let (cycle, cycles) = (self.cycle?, self.cycles()?);
                (cycle < cycles).then(|| self.steps().first().map(Step::words))?
            }
        }
    }
}

/// How far a run is, in words that change as it goes on.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Progress {
    /// Per cent done, whole.
    pub pct: u8,
    /// “2 h 5 min left”; empty for a run that stands still.
    pub left: String,
    /// “about 31 min left in this step”; empty when the step takes longer than anybody thought.
    pub step_left: String,
}

impl Line {
    /// How far the run is; `None` when nothing runs, or nobody can tell.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 0 to 1; times are clamped")]
    pub fn progress(&self) -> Option<Progress> {
        /// Nobody plans further than ten years.
        const LEFT_MAX_S: f64 = 10.0 * 366.0 * 86_400.0;
        let standing = self.standing?;
        let is_running = self.group == Group::Running;
        let words = |seconds: f64| duration_words((seconds.clamp(0.0, LEFT_MAX_S) * 1e6) as i64);
        let step_left = is_running && standing.step_left_s >= 1.0;
        Some(Progress {
            // Never called done before it is.
            pct: (standing.share * 100.0).clamp(0.0, 99.0) as u8,
            left: if is_running { format!("{} left", words(standing.left_s)) } else { String::new() },
            step_left: if step_left {
                format!("About {} left in this step", words(standing.step_left_s))
            } else {
                String::new()
            },
        })
    }

    /// What its chart can show, for the script of the page.
    #[must_use]
    pub fn quantities_json(&self) -> String {
        Quantity::to_json(&self.quantities)
    }
}

fn silent_since(heard_us: Option<i64>, limit_us: i64, now_us: i64) -> Option<i64> {
    heard_us.filter(|heard_us| now_us.saturating_sub(*heard_us) > limit_us)
}

fn latest_values(latest: Option<&Latest>) -> Vec<(String, Option<f64>)> {
    latest.map(|latest| latest.values().into_iter().collect()).unwrap_or_default()
}

/// The values worth a place on the page: what people chose for the station, in their order, or else what is known, the
/// most asked-for first.
fn readings(latest: &[(String, Option<f64>)], measures: &[MeasureLine]) -> Vec<Reading> {
    let of = |column: &str| latest.iter().find(|(name, _)| name == column);
    if measures.is_empty() {
        let found = quantities().filter_map(of);
        return found.filter_map(|(column, value)| Reading::of(column, *value)).collect();
    }
    let value = |measure: &MeasureLine| of(&measure.column).and_then(|(_, value)| *value);
    let is_there = |measure: &&MeasureLine| of(&measure.column).is_some();
    measures.iter().filter(is_there).map(|measure| Reading::of_measure(measure, value(measure))).collect()
}

#[cfg(test)]
pub(crate) mod tests;
