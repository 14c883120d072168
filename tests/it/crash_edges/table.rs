//! Every change of a run's state, and who causes it when the server dies of it.

use cellar::domain::experiment::ExperimentState::{
    self, Aborted, CommsLost, Draft, Fault, Finished, Finishing, Paused, Queued, Running, Starting, Stopped, Stopping,
};

/// Who causes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The unit reports this of its station.
    Said(&'static str),
    /// The unit refuses the start.
    Refused,
    /// The unit does not know of the run any more.
    Forgot,
    /// Somebody presses this button.
    Pressed(&'static str),
    /// The scheduler.
    Scheduler,
    /// The watch over the runs: the unit has fallen silent.
    Silence,
    /// A process that makes this change and nothing else: it takes a coincidence, or no part of the program makes it today.
    Alone,
}

/// Every change, and who causes it here.
pub(super) const DEATHS: &[(ExperimentState, ExperimentState, Way)] = &[
    (Draft, Queued, Way::Alone),
    (Draft, Aborted, Way::Pressed("cancel")),
    (Queued, Starting, Way::Scheduler),
    (Queued, Aborted, Way::Pressed("cancel")),
    (Queued, Running, Way::Said("running")),
    (Queued, Paused, Way::Said("paused")),
    (Starting, Queued, Way::Scheduler),
    (Starting, Running, Way::Said("running")),
    (Starting, Paused, Way::Said("paused")),
    (Starting, Finished, Way::Said("finished")),
    (Starting, Stopping, Way::Pressed("stop")),
    (Starting, Stopped, Way::Said("stopped")),
    (Starting, CommsLost, Way::Alone),
    (Starting, Fault, Way::Said("fault")),
    (Starting, Fault, Way::Refused),
    (Running, Paused, Way::Said("paused")),
    (Running, Finishing, Way::Alone),
    (Running, Finished, Way::Said("finished")),
    (Running, Stopping, Way::Pressed("stop")),
    (Running, Stopped, Way::Said("stopped")),
    (Running, CommsLost, Way::Silence),
    (Running, Fault, Way::Said("fault")),
    (Running, Fault, Way::Forgot),
    (Paused, Running, Way::Said("running")),
    (Paused, Finishing, Way::Alone),
    (Paused, Finished, Way::Said("finished")),
    (Paused, Stopping, Way::Pressed("stop")),
    (Paused, Stopped, Way::Said("stopped")),
    (Paused, CommsLost, Way::Alone),
    (Paused, Fault, Way::Said("fault")),
    (Finishing, Finished, Way::Said("finished")),
    (Finishing, Stopping, Way::Pressed("stop")),
    (Finishing, Stopped, Way::Said("stopped")),
    (Finishing, CommsLost, Way::Alone),
    (Finishing, Fault, Way::Said("fault")),
    (Stopping, Finished, Way::Said("finished")),
    (Stopping, Stopped, Way::Said("stopped")),
    (Stopping, Fault, Way::Said("fault")),
    (CommsLost, Finished, Way::Said("finished")),
    (CommsLost, Stopping, Way::Pressed("stop")),
    (CommsLost, Stopped, Way::Said("stopped")),
    (CommsLost, Fault, Way::Said("fault")),
];

/// The states whose changes are tried one after another: a test each.
pub(super) const WALKS: [&[ExperimentState]; 5] =
    [&[Draft, Queued], &[Starting], &[Running], &[Paused, Finishing], &[Stopping, CommsLost]];

/// One death: a change, who causes it, and whether it is stored when the process dies.
#[derive(Debug, Clone, Copy)]
pub(super) struct Death {
    pub(super) from: ExperimentState,
    pub(super) to: ExperimentState,
    pub(super) way: Way,
    pub(super) is_stored: bool,
}

impl Death {
    pub(super) fn place(&self) -> String {
        let when = if self.is_stored { "after-commit" } else { "before-commit" };
        format!("{}-{}-{when}", self.from.as_str(), self.to.as_str())
    }

    /// Whether the run was told to stop before the process died: then nobody has to ask again.
    pub(super) fn is_told_to_stop(&self) -> bool {
        let is_told = |state| matches!(state, Stopping | CommsLost);
        is_told(self.from) || (self.is_stored && is_told(self.to))
    }
}
