//! The lab of the demo: four stations, three probes, and what each works on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::simulate_register::new_battery;
use crate::analysis::cell_model::cell::Cell;
use crate::analysis::cell_model::preset::Preset;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::device::DeviceKind;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId};
use crate::domain::profile::{Step, StepEnd, StepMode, Steps};
use crate::domain::secret::DeviceSecret;
use crate::sim::Finished;
use crate::sim::plan::{Plan, ProbePlan, StationPlan, UnitPlan, Work};
use crate::sim::replay::Recording;
use crate::sim::scenario::{PlaceDemand, current_max_a, standard_cycle};
use crate::sim::station::Runaway;
use crate::store::Store;
use crate::store::alarm_list::AlarmFilter;
use crate::store::experiments::NewExperiment;

/// Rows per second of each station: the curve moves, and a day is 864,000 rows.
const STATION_ROWS_PER_S: f64 = 10.0;
/// Rows per second of each probe.
const PROBE_ROWS_PER_S: f64 = 2.0;
const ROOM_C: f64 = 23.0;
/// Below this a recorded step counts as rest, A.
const REST_MAX_A: f64 = 0.05;

struct Place {
    unit: &'static str,
    station: &'static str,
    battery: &'static str,
    profile: &'static str,
    preset: Preset,
    cycles: u32,
    soc: f64,
}

const STATIONS: [Place; 4] = [
    Place {
        unit: "cu-01",
        station: "A1",
        battery: "NMC-031",
        profile: "Ageing 1C",
        preset: Preset::Nmc21700,
        cycles: 50,
        soc: 0.9,
    },
    Place {
        unit: "cu-01",
        station: "A2",
        battery: "LFP-104",
        profile: "Rate test 1C",
        preset: Preset::Lfp26650,
        cycles: 20,
        soc: 0.6,
    },
    Place {
        unit: "cu-02",
        station: "A3",
        battery: "PB-003",
        profile: "Capacity check C/10",
        preset: Preset::LeadAcid12V,
        cycles: 5,
        soc: 0.8,
    },
    Place {
        unit: "cu-02",
        station: "A4",
        battery: "LEAF-33",
        profile: "Discharge 1C",
        preset: Preset::NmcPouch,
        cycles: 5,
        soc: 0.95,
    },
];

const PROBES: [(&str, &str, Preset); 3] = [
    ("probe-01", "NMC-009", Preset::Nmc21700),
    ("probe-02", "LFP-017", Preset::Lfp26650),
    ("probe-03", "PB-011", Preset::LeadAcid12V),
];

/// The station whose cooling fails, how long after its start, s, and how fast its battery warms then, °C/s: every demo shows
/// how the server stops a station.
const RUNAWAY: (&str, Runaway) = ("A2", Runaway { after_s: 150.0, rate_c_per_s: 0.6 });
/// How often the stations are looked after, and for how many looks one that was stopped stands still when nobody answers its
/// alarm.
const LOOK_EVERY: Duration = Duration::from_secs(5);
const STANDS_STILL: u32 = 36;

/// Keeps the simulated stations at work.
pub(super) struct DemoLab {
    store: Store,
    speed: f64,
    measured: Option<Arc<Recording>>,
}

impl DemoLab {
    /// A lab in the given database; `measured` is what the fourth station plays.
    pub(super) fn new(store: Store, speed: f64, measured: Option<&Path>) -> anyhow::Result<Self> {
        let measured = measured.map(Recording::read).transpose()?.map(Arc::new);
        if measured.is_none() {
            tracing::info!(
                "no measured run found: station A4 is simulated like the others (`make real-data` fetches one)"
            );
        }
        Ok(Self { store, speed, measured })
    }

    /// Registers everything that is missing and says what the devices shall do.
    pub(super) async fn plan(&self) -> anyhow::Result<Plan> {
        let mut plan = Plan::default();
        for (index, place) in STATIONS.iter().enumerate() {
            let device: DeviceId = place.unit.parse()?;
            if !plan.units.iter().any(|unit| unit.device == device) {
                let secret = self.register(&device, DeviceKind::Unit).await?;
                plan.units.push(UnitPlan {
                    device: device.clone(),
                    secret,
                    rows_per_s: STATION_ROWS_PER_S,
                    obeys_period: false,
                    stations: Vec::new(),
                });
            }
            let station = match self.store.station_named(place.station).await? {
                Some(known) => known,
                None => self.store.add_station(place.station, &device).await?,
            };
            let (experiment, work) = self.work(index, station).await?;
            let cell = Cell::new(place.preset.parameters(), place.soc, ROOM_C);
            if place.station == RUNAWAY.0 {
                plan.runaways.push((station, RUNAWAY.1));
            }
            if let Some(unit) = plan.units.iter_mut().find(|unit| unit.device == device) {
                unit.stations.push(self.station_plan(index, station, experiment, work, Some(cell)));
            }
        }
        for (index, (device, battery, preset)) in (0..).zip(PROBES) {
            let device: DeviceId = device.parse()?;
            let secret = self.register(&device, DeviceKind::Probe).await?;
            plan.probes.push(ProbePlan {
                device,
                secret,
                battery: self.battery(battery, preset).await?,
                cell: Cell::new(preset.parameters(), 0.7, ROOM_C),
                rows_per_s: PROBE_ROWS_PER_S,
                speed: self.speed,
                seed: 100 + index,
            });
        }
        Ok(plan)
    }

    /// Gives a station that was stopped its next experiment: when its alarms are answered, or else after a while.
    pub(super) async fn mind_the_stopped(store: Store, speed: f64) {
        let lab = Self { store, speed, measured: None };
        let mut idle = [0_u32; STATIONS.len()];
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            for (index, rounds) in idle.iter_mut().enumerate() {
                match lab.next_after_stop(index, *rounds).await {
                    Ok(is_idle) => *rounds = if is_idle { *rounds + 1 } else { 0 },
                    Err(error) => tracing::debug!(error = format!("{error:#}"), "the stations are not looked after"),
                }
            }
        }
    }

    /// Whether a station stands still after a stop; queues its next experiment if it has for long enough.
    async fn next_after_stop(&self, index: usize, rounds: u32) -> anyhow::Result<bool> {
        let Some(station) = self.store.station_named(STATIONS[index].station).await? else { return Ok(false) };
        let works = self.store.experiment_at_work(station).await?.is_some();
        if works || !self.store.queue(station).await?.is_empty() || self.store.held_queue(station).await?.is_some() {
            return Ok(false);
        }
        let of_station = AlarmFilter { station: Some(station), ..AlarmFilter::default() };
        let is_answered = self.store.alarms(&of_station, 1).await?.is_empty();
        if is_answered && rounds > 0 || rounds >= STANDS_STILL {
            self.queue(index, station).await?;
            return Ok(false);
        }
        Ok(true)
    }

    /// Gives every station that comes to the end of its experiment the next one.
    pub(super) async fn keep_busy(self, mut finished: mpsc::Receiver<Finished>) {
        while let Some(Finished { station, next, .. }) = finished.recv().await {
            match self.next_plan(station).await {
                // A unit that is stopping does not take it any more; one that is told to start needs none.
                Ok(Some(plan)) => drop(next.send(plan)),
                Ok(None) => {}
                Err(error) => tracing::error!(%station, error = format!("{error:#}"), "no next experiment"),
            }
        }
    }

    /// The next experiment of a station, if its unit begins it by itself; otherwise it waits in the queue.
    async fn next_plan(&self, station: StationId) -> anyhow::Result<Option<StationPlan>> {
        for (index, place) in STATIONS.iter().enumerate() {
            if self.store.station_named(place.station).await? != Some(station) {
                continue;
            }
            let Some(recording) = self.recording(index) else {
                self.keep_queued(index, station).await?;
                return Ok(None);
            };
            let experiment = self.queue(index, station).await?;
            let work = Work::Replay { recording: Arc::clone(recording), repeat_rest_s: None };
            return Ok(Some(self.station_plan(index, station, experiment, work, None)));
        }
        // Somebody built it: what runs there is theirs.
        Ok(None)
    }

    async fn register(&self, device: &DeviceId, kind: DeviceKind) -> anyhow::Result<String> {
        let secret = DeviceSecret::draw()?;
        self.store.register_device(&Actor::shell("cellar demo"), device, kind, &secret, Clock::System.now_us()).await?;
        Ok(secret.reveal().to_owned())
    }

    async fn battery(&self, name: &str, preset: Preset) -> anyhow::Result<BatteryId> {
        if let Some(known) = self.store.battery_named(name).await? {
            return Ok(known);
        }
        let place = PlaceDemand { name: name.to_owned(), preset, steps: standard_cycle(preset, 1) };
        Ok(self
            .store
            .add_battery(&Actor::shell("cellar demo"), &new_battery(&place), None, Clock::System.now_us())
            .await?)
    }

    /// What a station begins with: the run that was under way when the demo ended, the measured run it plays, or else what
    /// the server orders.
    async fn work(&self, index: usize, station: StationId) -> anyhow::Result<(ExperimentId, Work)> {
        let place = &STATIONS[index];
        let recording = self.recording(index);
        // What plays a measured run does not take orders.
        let (by, now_us) = (Actor::shell("cellar demo"), Clock::System.now_us());
        self.store.hold_queue(&by, station, recording.is_some(), "it plays a measured run", now_us).await?;
        if let Some(recording) = recording {
            let experiment = match self.store.open_experiment(station).await? {
                Some(open) => open,
                None => self.queue(index, station).await?,
            };
            return Ok((experiment, Work::Replay { recording: Arc::clone(recording), repeat_rest_s: None }));
        }
        if let Some((experiment, _, _)) = self.store.experiment_at_work(station).await? {
            return Ok((experiment, Work::Profile(standard_cycle(place.preset, place.cycles))));
        }
        Ok((self.keep_queued(index, station).await?, Work::Ordered))
    }

    /// The experiment that is next at a station; one is queued where there is none.
    async fn keep_queued(&self, index: usize, station: StationId) -> anyhow::Result<ExperimentId> {
        match self.store.queue(station).await?.first() {
            Some(waiting) => Ok(waiting.experiment),
            None => self.queue(index, station).await,
        }
    }

    async fn queue(&self, index: usize, station: StationId) -> anyhow::Result<ExperimentId> {
        let place = &STATIONS[index];
        let now_us = Clock::System.now_us();
        let (name, steps) = match self.recording(index) {
            Some(recording) => (format!("{}, measured run", place.profile), recorded_steps(recording)),
            None => (place.profile.to_owned(), standard_cycle(place.preset, place.cycles)),
        };
        let profile = match self.store.profile_named(&name).await? {
            Some(known) => known,
            None => self.store.add_profile(&name, &steps, now_us).await?,
        };
        let battery = self.battery(place.battery, place.preset).await?;
        let experiment = NewExperiment::new(format!("{name} on {}", place.battery), battery, station, profile);
        Ok(self.store.queue_experiment(&Actor::shell("cellar demo"), &experiment, None, now_us).await?)
    }

    /// What the station plays instead of simulating, if anything.
    fn recording(&self, index: usize) -> Option<&Arc<Recording>> {
        self.measured.as_ref().filter(|_| index + 1 == STATIONS.len())
    }

    fn station_plan(
        &self,
        index: usize,
        station: StationId,
        experiment: ExperimentId,
        work: Work,
        cell: Option<Cell>,
    ) -> StationPlan {
        let place = &STATIONS[index];
        StationPlan {
            station,
            experiment,
            cell,
            work,
            current_max_a: current_max_a(place.preset),
            speed: self.speed,
            seed: u64::try_from(index).unwrap_or(0),
        }
    }
}

/// The steps of a measured run as far as the file tells them, at the numbers it gives them: what was held, for how long.
fn recorded_steps(recording: &Recording) -> Steps {
    let number = |step: u32| usize::try_from(step).unwrap_or(0);
    let count = recording.rows().iter().map(|row| number(row.step)).max().unwrap_or(1);
    // A number the file leaves out was not executed.
    let mut steps = vec![Step { mode: StepMode::Rest, until: vec![StepEnd::TimeS(0.0)] }; count.max(1)];
    let mut executed = recording.rows().chunk_by(|a, b| a.step == b.step).collect::<Vec<_>>();
    // Backwards, so that of a step executed in several cycles the first one stands.
    executed.reverse();
    for rows in executed {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
        let Some(step) = number(first.step).checked_sub(1).and_then(|index| steps.get_mut(index)) else { continue };
        let mut currents: Vec<f64> = rows.iter().map(|row| row.current_a).collect();
        currents.sort_by(f64::total_cmp);
        let median_a = (currents[currents.len() / 2] * 100.0).round() / 100.0;
        step.mode = if median_a.abs() < REST_MAX_A { StepMode::Rest } else { StepMode::Cc { current_a: median_a } };
        step.until = vec![StepEnd::TimeS((last.test_time_s - first.test_time_s).round())];
    }
    Steps { steps, cycles: recording.rows().iter().map(|row| row.cycle).max().unwrap_or(1).max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_of_a_measured_run_keep_their_numbers() {
        let file = "Time(s),Cycle,Step,Current(A),Voltage(V)\n0,1,3,0.0,3.1\n10,1,3,0.0,3.2\n20,1,2,-30.6,3.0\n80,1,2,-30.6,2.8\n90,2,3,0.01,3.1\n95,2,3,0,3.1\n";
        let steps = recorded_steps(&Recording::parse("run.csv", file.as_bytes()).unwrap());
        let words: Vec<String> = steps.steps.iter().map(Step::words).collect();
        assert_eq!(words, ["Resting for 0 s", "Discharging at 30.60 A for 1 min", "Resting for 10 s"]);
        assert_eq!(steps.cycles, 2);
    }
}
