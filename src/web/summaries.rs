//! What experiments did to their batteries, kept while it is true: their rows are read through once, not for each look.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::download::aside;
use super::{State, WebError};
use crate::analysis::cycling::Summary;
use crate::domain::ids::ExperimentId;
use crate::exchange::report::measured;
use crate::store::experiments::Experiment;

/// Most summaries kept; each has a few kilobytes.
const KEPT_MAX: usize = 256;
/// Longest experiment that is read through for a look, in rows: half a second of work. Its report always is.
const ROWS_MAX: i64 = 2_000_000;
/// What is kept of a run that goes on is good while it grew by less than this part.
const GREW_PARTS: i64 = 50;

/// Summaries with the number of rows they are of.
type Kept = HashMap<ExperimentId, (i64, Arc<Summary>)>;

/// The kept summaries.
#[derive(Debug, Clone, Default)]
pub struct Summaries(Arc<Mutex<Kept>>);

impl Summaries {
    /// The summary of an experiment that has so many rows; `None` when it has too many for a look, or none.
    ///
    /// # Errors
    /// When the database fails or holds a damaged block.
    pub async fn of(
        &self,
        state: &State,
        experiment: &Experiment,
        rows: i64,
    ) -> Result<Option<Arc<Summary>>, WebError> {
        let id = experiment.experiment;
        if let Some((of_rows, summary)) = self.lock().get(&id)
            && (*of_rows == rows || !experiment.state.is_over() && rows - of_rows < of_rows / GREW_PARTS)
        {
            return Ok(Some(Arc::clone(summary)));
        }
        if rows > ROWS_MAX {
            return Ok(None);
        }
        let (store, experiment) = (state.store.clone(), experiment.clone());
        let found = aside(move || async move { measured(&store, &experiment, false).await }).await??;
        let Some(summary) = found.map(|found| Arc::new(found.summary)) else { return Ok(None) };
        let mut kept = self.lock();
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(id, (rows, Arc::clone(&summary)));
        Ok(Some(summary))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
