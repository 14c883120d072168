//! What the guard knows by heart: the runs under way, the stations, and the stops on their way.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use super::stop::Stop;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, CommandId, DeviceId, ExperimentId, StationId};
use crate::domain::run::{LEASE_S, SAMPLE_PERIOD_MS};
use crate::domain::safety::{Code, Finding, Phase, Pulse, Watch, Witness};
use crate::domain::sample::Batch;
use crate::ingest::lookout::{Off, Output, Scope};
use crate::store::alarms::Source;
use crate::store::runs::OpenRun;

/// A unit heard within this time is there: heartbeats come every 5 s.
const HEARD: Duration = Duration::from_secs(15);
/// An output that has not answered after this time is shown as one that does not.
const ANSWER: Duration = Duration::from_secs(2);
/// Confirmed stops are remembered so long, for the page that tells of them.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Rows that are stored so long after this process heard the last came by another server.
const ELSEWHERE: Duration = Duration::from_secs(3);
/// Independent probes watched on one battery.
const PROBES_MAX: usize = 8;

/// A run under way.
pub(super) struct Run {
    pub(super) open: OpenRun,
    pub(super) pulse: Pulse,
    watch: Option<Watch>,
    probes: HashMap<DeviceId, Watch>,
    last_current_a: Option<f64>,
    /// What is wrong with it now.
    pub(super) raised: BTreeSet<Code>,
    /// Whether this process heard it last.
    pub(super) is_heard_here: bool,
    /// Rows stored of it, whoever heard them.
    stored_rows: Option<i64>,
}

impl Run {
    fn new(open: OpenRun, now: Duration) -> Self {
        let period_ms = open.terms.map_or(SAMPLE_PERIOD_MS, |terms| terms.sample_period_ms);
        let watch = open.terms.map(|terms| Watch::new(terms.limits, period_ms, Witness::Station));
        let pulse = Pulse::new(Duration::from_millis(period_ms.into()), now);
        Self {
            open,
            pulse,
            watch,
            probes: HashMap::new(),
            last_current_a: None,
            raised: BTreeSet::new(),
            is_heard_here: false,
            stored_rows: None,
        }
    }

    /// What is expected of it now.
    pub(super) fn phase(&self) -> Phase {
        match self.open.state {
            ExperimentState::Running => Phase::Running,
            ExperimentState::Stopping | ExperimentState::CommsLost => Phase::GivenUp,
            _ => Phase::Held,
        }
    }

    pub(super) fn source(&self) -> Source {
        Source {
            experiment: Some(self.open.experiment),
            station: Some(self.open.station),
            device: Some(self.open.device.clone()),
        }
    }

    /// Its station measured something.
    pub(super) fn measured(&mut self, batch: &Batch, now: Duration) -> Vec<Finding> {
        self.pulse.measured(now);
        self.is_heard_here = true;
        let current = batch.columns.iter().find(|column| column.name == "current_a");
        if let Some(current_a) = current.and_then(|column| column.get(batch.rows().checked_sub(1)?)) {
            self.last_current_a = Some(current_a);
        }
        self.watch.as_mut().map_or_else(Vec::new, |watch| watch.hear(batch))
    }

    /// An independent probe on its battery measured something.
    pub(super) fn probed(&mut self, probe: &DeviceId, batch: &Batch) -> Vec<Finding> {
        let Some(terms) = self.open.terms else { return Vec::new() };
        if !self.probes.contains_key(probe) && self.probes.len() >= PROBES_MAX {
            return Vec::new();
        }
        let watch = self
            .probes
            .entry(probe.clone())
            .or_insert_with(|| Watch::new(terms.limits, terms.sample_period_ms, Witness::Probe));
        watch.hear(batch)
    }

    pub(super) fn lease(&self) -> Duration {
        Duration::from_secs(self.open.terms.map_or(LEASE_S, |terms| terms.lease_s).into())
    }

    pub(super) fn has_lease(&self) -> bool {
        self.open.terms.is_some()
    }
}

/// A station with its unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) station: StationId,
    pub(super) name: String,
    pub(super) unit: DeviceId,
    /// What runs there.
    pub(super) experiment: Option<ExperimentId>,
}

/// Everything by heart.
#[derive(Default)]
pub(super) struct Table {
    runs: HashMap<ExperimentId, Run>,
    batteries: HashMap<BatteryId, ExperimentId>,
    /// Units, with the runs of each and when they were last heard.
    units: HashMap<DeviceId, (Vec<ExperimentId>, Option<Duration>)>,
    probes_wanted: bool,
    places: HashMap<StationId, Place>,
    stops: HashMap<StationId, Stop>,
}

impl Table {
    /// Whether anything a device says matters here. Nearly all devices of a large lab are told apart by this alone.
    pub(super) fn concerns(&self, device: &DeviceId) -> bool {
        self.probes_wanted || self.units.contains_key(device)
    }

    /// Takes over what the database says: runs that are known keep what was learnt of them. What was wrong with runs that are
    /// over now is over too: it is returned.
    pub(super) fn refresh(&mut self, open: Vec<OpenRun>, now: Duration) -> Vec<(Source, Code)> {
        let mut before = std::mem::take(&mut self.runs);
        self.batteries.clear();
        for (runs, _) in self.units.values_mut() {
            runs.clear();
        }
        self.probes_wanted = !open.is_empty();
        for open in open {
            let experiment = open.experiment;
            self.batteries.insert(open.battery, experiment);
            self.units.entry(open.device.clone()).or_default().0.push(experiment);
            let run = match before.remove(&experiment) {
                Some(known) if known.open.terms == open.terms && known.open.device == open.device => {
                    // It goes on after a pause: what it did not measure meanwhile is no silence.
                    let resumes = known.open.state != open.state && open.state == ExperimentState::Running;
                    let mut run = Run { open, ..known };
                    if resumes {
                        run.pulse.measured(now);
                    }
                    run
                }
                _ => Run::new(open, now),
            };
            self.runs.insert(experiment, run);
        }
        for place in self.places.values_mut() {
            place.experiment = None;
        }
        for run in self.runs.values() {
            let (station, open) = (run.open.station, &run.open);
            let place = self.places.entry(station).or_insert_with(|| Place {
                station,
                name: open.station_name.clone(),
                unit: open.device.clone(),
                experiment: None,
            });
            place.unit = open.device.clone();
            place.experiment = Some(open.experiment);
        }
        let places = &self.places;
        self.stops.retain(|station, stop| {
            let is_forgotten =
                stop.confirmed_at().is_some_and(|confirmed_at| now.saturating_sub(confirmed_at) >= REMEMBERED);
            // What runs there now is not what was stopped: a stop that comes late must not end it.
            let runs = places.get(station).and_then(|place| place.experiment);
            !is_forgotten && (runs.is_none() || runs == stop.experiment)
        });
        let ended = before.into_values().filter(|run| !self.runs.contains_key(&run.open.experiment));
        ended.flat_map(|run| run.raised.iter().map(|code| (run.source(), *code)).collect::<Vec<_>>()).collect()
    }

    /// Takes over how many rows are stored of each run. Those of a run that is not heard here tell that another server hears it.
    pub(super) fn stored(&mut self, rows: Vec<(ExperimentId, i64)>, now: Duration) {
        for (experiment, rows) in rows {
            let Some(run) = self.runs.get_mut(&experiment) else { continue };
            let is_news = run.stored_rows.replace(rows).is_some_and(|before| before != rows);
            if is_news && run.pulse.silence(now) > ELSEWHERE {
                run.is_heard_here = false;
                run.pulse.measured(now);
            }
        }
    }

    /// Takes over the stations there are, with their units.
    pub(super) fn set_places(&mut self, places: impl Iterator<Item = (StationId, String, DeviceId)>) {
        let before = std::mem::take(&mut self.places);
        for (station, name, unit) in places {
            let experiment = before.get(&station).and_then(|place| place.experiment);
            self.units.entry(unit.clone()).or_default();
            self.places.insert(station, Place { station, name, unit, experiment });
        }
        // A station with a run is one, whatever the list says.
        for (station, place) in before {
            if place.experiment.is_some() {
                self.places.entry(station).or_insert(place);
            }
        }
    }

    pub(super) fn unit_heard(&mut self, device: &DeviceId, now: Duration) {
        let Some((runs, heard_at)) = self.units.get_mut(device) else { return };
        *heard_at = Some(now);
        for experiment in runs {
            if let Some(run) = self.runs.get_mut(experiment) {
                run.pulse.unit_heard(now);
            }
        }
    }

    pub(super) fn run_mut(&mut self, experiment: ExperimentId) -> Option<&mut Run> {
        self.runs.get_mut(&experiment)
    }

    /// The run of an experiment, if it is this device's.
    pub(super) fn run_of(&mut self, experiment: ExperimentId, device: &DeviceId) -> Option<&mut Run> {
        self.runs.get_mut(&experiment).filter(|run| run.open.device == *device)
    }

    /// The run on a battery.
    pub(super) fn run_on(&mut self, battery: BatteryId) -> Option<&mut Run> {
        let experiment = self.batteries.get(&battery)?;
        self.runs.get_mut(experiment)
    }

    pub(super) fn runs_mut(&mut self) -> impl Iterator<Item = &mut Run> {
        self.runs.values_mut()
    }

    pub(super) fn runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.values()
    }

    pub(super) fn set_stop(&mut self, stop: Stop) {
        self.stops.insert(stop.station, stop);
    }

    pub(super) fn stop_of(&mut self, station: StationId, device: &DeviceId) -> Option<&mut Stop> {
        self.stops.get_mut(&station).filter(|stop| stop.device == *device)
    }

    pub(super) fn stop_numbered(&mut self, command: CommandId, device: &DeviceId) -> Option<&mut Stop> {
        self.stops.values_mut().find(|stop| stop.command == command && stop.device == *device)
    }

    pub(super) fn stops_mut(&mut self) -> impl Iterator<Item = &mut Stop> {
        self.stops.values_mut()
    }

    /// The stations an emergency stop concerns.
    pub(super) fn places(&self, scope: &Scope) -> Vec<Place> {
        self.places.values().filter(|place| scope.covers(place.station, &place.unit)).cloned().collect()
    }

    /// Every output, by the name of its station.
    pub(super) fn outputs(&self, now: Duration) -> Vec<Output> {
        let mut outputs: Vec<Output> = self.places.values().map(|place| self.output(place, now)).collect();
        outputs.sort_by(|a, b| a.station.1.cmp(&b.station.1));
        outputs
    }

    fn output(&self, place: &Place, now: Duration) -> Output {
        let run = place.experiment.and_then(|experiment| self.runs.get(&experiment));
        let heard_at = self.units.get(&place.unit).and_then(|(_, heard_at)| *heard_at);
        let off = match self.stops.get(&place.station).filter(|stop| stop.is_about(place.experiment)) {
            None => Off::NotAsked,
            Some(stop) => match stop.confirmed_at() {
                Some(confirmed_at) => Off::Confirmed(confirmed_at.saturating_sub(stop.first_at)),
                None => {
                    let since = now.saturating_sub(stop.first_at);
                    if since < ANSWER {
                        Off::Waiting(since)
                    } else {
                        // Whatever the server said last reached it at the latest when it was last heard.
                        let rests_at = run.filter(|run| run.has_lease()).zip(heard_at);
                        let rests_in = rests_at.map(|(run, heard_at)| (heard_at + run.lease()).saturating_sub(now));
                        Off::NoAnswer(since, rests_in)
                    }
                }
            },
        };
        Output {
            station: (place.station, place.name.clone()),
            unit: place.unit.clone(),
            run: run.map(|run| (run.open.experiment, run.open.name.clone())),
            last_current_a: run.and_then(|run| run.last_current_a),
            is_heard: heard_at.is_some_and(|heard_at| now.saturating_sub(heard_at) < HEARD),
            off,
        }
    }
}
