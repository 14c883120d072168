//! The named scenarios of `cellar simulate`: which devices there are, and what they do once they are registered.

use super::plan::{LoadPlan, Plan, ProbePlan, StationPlan, UnitPlan, VandalPlan, Work};
use crate::analysis::cell_model::cell::Cell;
use crate::analysis::cell_model::preset::Preset;
use crate::domain::device::DeviceKind;
use crate::domain::ids::{BatteryId, DeviceId, ExperimentId, StationId};
use crate::domain::profile::{Step, StepEnd, StepMode, Steps};
use crate::domain::sample::Subject;

/// Stations of a simulated unit.
const STATIONS_PER_UNIT: usize = 2;
/// Most devices of a run: as many as connect within seconds from one process with the usual limit of open files.
pub const DEVICES_MAX: usize = 10_000;
/// Cycles of an experiment nobody waits for the end of.
const CYCLES: u32 = 1_000;
const ROOM_C: f64 = 23.0;

/// What kind of lab is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// Units with cycler stations.
    Lab,
    /// Probes on batteries in use.
    Probes,
    /// Many rows from many devices.
    Load,
    /// Devices that send twice, out of order and from cut connections, and one that sends nonsense.
    Faults,
}

impl std::str::FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "lab" => Ok(Self::Lab),
            "probes" => Ok(Self::Probes),
            "load" => Ok(Self::Load),
            "faults" => Ok(Self::Faults),
            other => Err(format!("“{other}” is not a scenario: use lab, probes, load or faults")),
        }
    }
}

/// A device a scenario needs, to be registered before the run.
#[derive(Debug, Clone, PartialEq)]
pub struct Demand {
    /// Its id.
    pub device: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// What it works on: stations of a unit, the battery of a probe.
    pub places: Vec<PlaceDemand>,
}

/// One battery, and for a unit the station and experiment it lies in.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceDemand {
    /// A name for people.
    pub name: String,
    /// The battery.
    pub preset: Preset,
    /// What the experiment executes; nobody executes anything on the battery of a probe.
    pub steps: Steps,
}

/// What registration said of a [`Demand`].
#[derive(Debug, Clone)]
pub struct Registered {
    /// Password of the device.
    pub secret: String,
    /// One per place of the demand.
    pub places: Vec<PlaceIds>,
}

/// Numbers of a place.
#[derive(Debug, Clone, Copy)]
pub struct PlaceIds {
    /// The battery.
    pub battery: BatteryId,
    /// The station; of no meaning for probes.
    pub station: StationId,
    /// The experiment; of no meaning for probes.
    pub experiment: ExperimentId,
    /// Whether the server orders it to start; otherwise the unit begins by itself.
    pub is_ordered: bool,
}

/// How much and how fast.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// Decides all values.
    pub seed: u64,
    /// Rows per second: of each station in `lab`, else of each device. `None` for the scenario's own, or for what the server
    /// orders of a run.
    pub rows_per_s: Option<f64>,
    /// Seconds of the batteries' time per second of real time.
    pub speed: f64,
}

impl Scenario {
    /// Number of devices when none is asked for.
    #[must_use]
    pub fn devices_default(self) -> usize {
        match self {
            Self::Lab => 2,
            Self::Probes => 3,
            Self::Load => 8,
            Self::Faults => 5,
        }
    }

    fn rows_per_s_default(self) -> f64 {
        match self {
            Self::Lab | Self::Probes => 10.0,
            Self::Load => 1_000.0,
            Self::Faults => 500.0,
        }
    }

    /// The devices it needs. Of `faults` the last one is the vandal.
    #[must_use]
    pub fn demands(self, devices: usize) -> Vec<Demand> {
        let (kind, word) = match self {
            Self::Lab => (DeviceKind::Unit, "unit"),
            Self::Probes => (DeviceKind::Probe, "probe"),
            Self::Load => (DeviceKind::Probe, "load"),
            Self::Faults => (DeviceKind::Probe, "clumsy"),
        };
        (0..devices.min(DEVICES_MAX))
            .filter_map(|index| {
                let is_vandal = self == Self::Faults && index > 0 && index + 1 == devices;
                let name = if is_vandal { "sim-vandal".to_owned() } else { format!("sim-{word}-{:02}", index + 1) };
                let count = if kind == DeviceKind::Unit { STATIONS_PER_UNIT } else { 1 };
                let places = (0..count).map(|place| {
                    let preset = Preset::ALL[(index * count + place) % Preset::ALL.len()];
                    PlaceDemand { name: format!("{name}/{}", place + 1), preset, steps: standard_cycle(preset, CYCLES) }
                });
                Some(Demand { device: name.parse().ok()?, kind, places: places.collect() })
            })
            .collect()
    }

    /// The plan for devices that were registered.
    #[must_use]
    pub fn plan(self, devices: &[(Demand, Registered)], pace: Pace) -> Plan {
        let rows_per_s = pace.rows_per_s.unwrap_or(self.rows_per_s_default());
        let mut seeds = fastrand::Rng::with_seed(pace.seed);
        let mut plan = Plan::default();
        for (index, (demand, registered)) in devices.iter().enumerate() {
            let (device, secret, seed) = (demand.device.clone(), registered.secret.clone(), seeds.u64(..));
            let places = demand.places.iter().zip(&registered.places);
            let Some((first, ids)) = places.clone().next() else { continue };
            let cell = |preset: Preset, seed: u64| {
                let soc = 0.5 + 0.4 * fastrand::Rng::with_seed(seed).f64();
                Cell::new(preset.parameters(), soc, ROOM_C)
            };
            let load = LoadPlan {
                device: device.clone(),
                secret: secret.clone(),
                subject: Subject::Battery(ids.battery),
                rows_per_s,
                seed,
            };
            match self {
                Self::Lab => {
                    let stations = places.zip(0..).map(|((place, ids), number)| StationPlan {
                        station: ids.station,
                        experiment: ids.experiment,
                        cell: Some(cell(place.preset, seed ^ number)),
                        work: if ids.is_ordered { Work::Ordered } else { Work::Profile(place.steps.clone()) },
                        current_max_a: current_max_a(place.preset),
                        speed: pace.speed,
                        seed: seed ^ number,
                    });
                    let (obeys_period, stations) = (pace.rows_per_s.is_none(), stations.collect());
                    plan.units.push(UnitPlan { device, secret, rows_per_s, obeys_period, stations });
                }
                Self::Probes => plan.probes.push(ProbePlan {
                    device,
                    secret,
                    battery: ids.battery,
                    cell: cell(first.preset, seed),
                    rows_per_s,
                    speed: pace.speed,
                    seed,
                }),
                Self::Load => plan.loads.push(load),
                Self::Faults if index > 0 && index + 1 == devices.len() => {
                    plan.vandals.push(VandalPlan { device, secret, victim: devices[0].0.device.clone(), seed });
                }
                Self::Faults => plan.clumsy.push(load),
            }
        }
        plan
    }
}

/// Largest current of a channel for a battery: twice its capacity per hour.
#[must_use]
pub fn current_max_a(preset: Preset) -> f64 {
    2.0 * preset.parameters().capacity_ah
}

/// The everyday cycle of a lab: discharge in one hour (lead-acid ten), rest, charge with constant current then constant
/// voltage, rest.
#[must_use]
pub fn standard_cycle(preset: Preset, cycles: u32) -> Steps {
    let parameters = preset.parameters();
    let (discharge_c, charge_c, end_c) =
        if preset == Preset::LeadAcid12V { (0.1, 0.1, 0.02) } else { (1.0, 0.5, 0.05) };
    let current_a = |rate_c: f64| rate_c * parameters.capacity_ah;
    let step = |mode: StepMode, until: &[StepEnd]| Step { mode, until: until.to_vec() };
    let rest = step(StepMode::Rest, &[StepEnd::TimeS(1200.0)]);
    let hold_ends = [StepEnd::CurrentA(current_a(end_c)), StepEnd::TimeS(4.0 * 3600.0)];
    Steps {
        steps: vec![
            step(StepMode::Cc { current_a: current_a(-discharge_c) }, &[StepEnd::VoltageV(parameters.voltage_min_v)]),
            rest.clone(),
            step(StepMode::Cc { current_a: current_a(charge_c) }, &[StepEnd::VoltageV(parameters.voltage_max_v)]),
            step(StepMode::Cv { voltage_v: parameters.voltage_max_v }, &hold_ends),
            rest,
        ],
        cycles,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::battery::BatteryFacts;
    use crate::domain::limits::Limits;
    use crate::domain::safety::limits_for;
    use crate::sim::cycler::{Cycler, Progress};

    #[test]
    fn every_preset_survives_its_standard_cycle() {
        for preset in Preset::ALL {
            let (parameters, steps) = (preset.parameters(), standard_cycle(preset, 3));
            let cell = Cell::new(parameters.clone(), 0.7, ROOM_C);
            let (technology, chemistry) = preset.family();
            let battery = BatteryFacts {
                voltage_min_v: parameters.voltage_min_v,
                voltage_max_v: parameters.voltage_max_v,
                ..BatteryFacts::usual("B", technology, chemistry, parameters.cells_series, parameters.capacity_ah)
            };
            // Within the limits that a server sends with the start.
            let limits = limits_for(&battery, &Limits::WIDE, &steps);
            let mut cycler = Cycler::new(cell, steps, current_max_a(preset), 1).within(limits);
            let mut rows = Vec::new();
            while *cycler.progress() == Progress::Running && cycler.test_time_s() < 400_000.0 {
                cycler.advance(60.0, &mut rows);
            }
            assert_eq!(*cycler.progress(), Progress::Finished, "{preset:?} {:?}", rows.last());
            // The second cycle moves most of the capacity in each direction.
            let nominal_ah = preset.parameters().capacity_ah;
            let discharged = rows.iter().rfind(|row| (row.cycle, row.step) == (2, 1)).unwrap();
            assert!(-discharged.capacity_ah > 0.7 * nominal_ah, "{preset:?} {discharged:?}");
            let hottest = rows.iter().filter_map(|row| row.temperature_c).fold(0.0, f64::max);
            assert!((24.0..55.0).contains(&hottest), "{preset:?} {hottest}");
        }
    }

    #[test]
    fn the_same_seed_plans_the_same_lab() {
        let devices: Vec<(Demand, Registered)> = Scenario::Lab
            .demands(2)
            .into_iter()
            .map(|demand| {
                let (battery, station, experiment) = (BatteryId(1), StationId(2), ExperimentId(3));
                let ids = PlaceIds { battery, station, experiment, is_ordered: false };
                (demand, Registered { secret: "s".into(), places: vec![ids; 2] })
            })
            .collect();
        let lab = |seed| format!("{:?}", Scenario::Lab.plan(&devices, Pace { seed, rows_per_s: None, speed: 60.0 }));
        assert_eq!(lab(1), lab(1));
        assert_ne!(lab(1), lab(2));
    }

    #[test]
    fn one_of_the_faulty_devices_is_a_vandal() {
        let names: Vec<String> = Scenario::Faults.demands(3).iter().map(|demand| demand.device.to_string()).collect();
        assert_eq!(names, ["sim-clumsy-01", "sim-clumsy-02", "sim-vandal"]);
    }
}
