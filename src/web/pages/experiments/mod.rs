//! Experiments: the list, one of them, the queue of a station, and queueing a new one.

pub mod add;
pub mod archive;
pub(in crate::web) mod asked;
pub mod cancel;
mod cycles;
pub mod data;
mod facts;
pub mod hold;
pub mod import;
pub mod list;
pub mod order;
pub mod picked;
pub mod preview;
pub mod queue;
pub mod report;
pub mod show;
pub mod views;
pub mod window_csv;

use super::monitor::status::Status;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::ExperimentId;
use crate::store::experiments::Experiment;
use crate::web::{State, WebError};

/// How an experiment stands: icon, word and colour.
#[must_use]
pub fn status(state: ExperimentState) -> Status {
    let (icon, tone) = match state {
        ExperimentState::Draft => ("pencil", "away"),
        ExperimentState::Queued => ("clock", "queued"),
        ExperimentState::Starting | ExperimentState::Running | ExperimentState::Finishing => ("player-play", "running"),
        ExperimentState::Paused => ("player-pause", "warning"),
        ExperimentState::Finished => ("check", "good"),
        ExperimentState::Stopping | ExperimentState::Stopped => ("hand-stop", "away"),
        ExperimentState::CommsLost => ("plug-connected-x", "warning"),
        ExperimentState::Fault => ("alert-octagon", "alarm"),
        ExperimentState::Aborted => ("ban", "away"),
    };
    Status { icon, word: state.title(), tone }
}

/// The experiment of an address.
pub(in crate::web) async fn find(state: &State, id: &str) -> Result<Experiment, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such experiment");
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.experiment(ExperimentId(id)).await?.ok_or(UNKNOWN)
}
