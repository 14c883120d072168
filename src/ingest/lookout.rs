//! What the watch over the runs knows and can do, as the pages see it.
//!
//! The watch lives in the node, from memory: its answers do not depend on the database. A process that only serves pages
//! has none, and then everything goes through the database.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::domain::ids::{DeviceId, ExperimentId, StationId};
use crate::store::alarms::NewAlarm;

/// What an emergency stop is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// Every station.
    All,
    /// The stations of one unit.
    Unit(DeviceId),
    /// One station.
    Station(StationId),
}

impl Scope {
    /// Whether a station of a unit belongs to it.
    #[must_use]
    pub fn covers(&self, station: StationId, unit: &DeviceId) -> bool {
        match self {
            Self::All => true,
            Self::Unit(wanted) => wanted == unit,
            Self::Station(wanted) => *wanted == station,
        }
    }
}

/// Whether an output is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Off {
    /// Nobody asked.
    NotAsked,
    /// Its unit confirmed it, so long after it was first told.
    Confirmed(Duration),
    /// It was told, so long ago, and has not answered yet.
    Waiting(Duration),
    /// It was told, so long ago, and says nothing; it rests by itself after the second time at the latest, if it was
    /// started with a lease.
    NoAnswer(Duration, Option<Duration>),
}

/// The output of a station.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// The station, and its name.
    pub station: (StationId, String),
    /// The unit that drives it.
    pub unit: DeviceId,
    /// What runs there, with its name.
    pub run: Option<(ExperimentId, String)>,
    /// The last current heard, A; charging is positive.
    pub last_current_a: Option<f64>,
    /// Whether its unit was heard within the last seconds.
    pub is_heard: bool,
    /// Whether it is off.
    pub off: Off,
}

/// The watch, as others see it.
pub trait Lookout: Send + Sync + 'static {
    /// Switches outputs off now, without asking the database, and goes on until each is confirmed. Asked again, it is the
    /// same stop. The outputs concerned.
    fn halt(&self, scope: &Scope, by: &str) -> Vec<Output>;
    /// Every output known, by name.
    fn outputs(&self) -> Vec<Output>;
    /// Alarms that are not stored yet.
    fn unstored(&self) -> Vec<NewAlarm>;
    /// How long ago the watch last looked.
    fn looked(&self) -> Duration;
}

/// The way to the watch of this process, if it has one. Cheap to clone.
#[derive(Clone, Default)]
pub struct LookoutDesk(Arc<OnceLock<Arc<dyn Lookout>>>);

impl LookoutDesk {
    /// The watch reports here from now on; a second one is ignored.
    pub fn open(&self, lookout: Arc<dyn Lookout>) {
        let _ = self.0.set(lookout);
    }

    /// The watch.
    #[must_use]
    pub fn get(&self) -> Option<&dyn Lookout> {
        self.0.get().map(AsRef::as_ref)
    }
}

impl std::fmt::Debug for LookoutDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LookoutDesk").field("is_open", &self.0.get().is_some()).finish()
    }
}
