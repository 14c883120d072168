//! What experiments did to their batteries, kept while it is true: their rows are read through once, not for each look, and
//! nobody waits for those of a long experiment.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::download::aside;
use super::{State, WebError};
use crate::analysis::cycling::Summary;
use crate::domain::ids::ExperimentId;
use crate::exchange::report::measured;
use crate::store::experiments::Experiment;

/// Most summaries kept; each has a few kilobytes.
const KEPT_MAX: usize = 256;
/// Longest experiment that is read through while somebody waits for the page, in rows: a tenth of a second of work.
const ROWS_AT_ONCE_MAX: i64 = 2_000_000;
/// What is kept of a run that goes on is good while it grew by less than this part.
const GREW_PARTS: i64 = 50;
/// Long experiments read through at the same time: it takes a processor.
const AT_ONCE_MAX: usize = 1;
/// One that could not be read is tried again after this time at the earliest: pages look every few seconds.
const AGAIN_AFTER: Duration = Duration::from_secs(60);

/// What is known of an experiment's cycles.
#[derive(Debug, Clone)]
pub enum Found {
    /// This.
    Known(Arc<Summary>),
    /// It has no rows that tell anything.
    Nothing,
    /// Its rows are being read: look again.
    Soon,
    /// They could not be read, for this reason.
    Failed(String),
}

/// A summary with the number of rows it is of.
#[derive(Debug)]
struct Kept {
    rows: i64,
    found: Found,
    at: Instant,
}

#[derive(Debug)]
struct Inner {
    kept: Mutex<HashMap<ExperimentId, Kept>>,
    /// Whose rows are being read, or wait for it.
    at_work: Mutex<HashSet<ExperimentId>>,
    turns: Semaphore,
}

/// The kept summaries.
#[derive(Debug, Clone)]
pub struct Summaries(Arc<Inner>);

impl Default for Summaries {
    fn default() -> Self {
        Self(Arc::new(Inner { kept: Mutex::default(), at_work: Mutex::default(), turns: Semaphore::new(AT_ONCE_MAX) }))
    }
}

impl Summaries {
    /// The summary of an experiment that has so many rows. Of a long one the last that is known, however old, while a new one
    /// is being worked out.
    ///
    /// # Errors
    /// When the database fails or holds a damaged block; of a long one that is [`Found::Failed`].
    pub async fn of(&self, state: &State, experiment: &Experiment, rows: i64) -> Result<Found, WebError> {
        let id = experiment.experiment;
        let earlier = lock(&self.0.kept).get(&id).map(|kept| (kept.is_good(rows, experiment), kept.found.clone()));
        if let Some((true, found)) = earlier {
            return Ok(found);
        }
        // What is in the archive is fetched first, perhaps from far away: nobody waits for that.
        if rows <= ROWS_AT_ONCE_MAX && state.store.archived(id).await?.is_none() {
            let found = work_out(state, experiment).await?;
            self.keep(id, rows, found.clone());
            return Ok(found);
        }
        if lock(&self.0.at_work).insert(id) {
            let (summaries, state, experiment) = (self.clone(), state.clone(), experiment.clone());
            tokio::spawn(async move {
                // Nobody closes it.
                let _turn = summaries.0.turns.acquire().await;
                let found = work_out(&state, &experiment).await.unwrap_or_else(|error| {
                    tracing::warn!(%error, experiment = %id, "the cycles of an experiment could not be worked out");
                    Found::Failed(error.to_string())
                });
                summaries.keep(id, rows, found);
                lock(&summaries.0.at_work).remove(&id);
            });
        }
        Ok(match earlier {
            Some((_, found @ Found::Known(_))) => found,
            _ => Found::Soon,
        })
    }

    fn keep(&self, id: ExperimentId, rows: i64, found: Found) {
        let mut kept = lock(&self.0.kept);
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(id, Kept { rows, found, at: Instant::now() });
    }
}

impl Kept {
    fn is_good(&self, rows: i64, experiment: &Experiment) -> bool {
        match self.found {
            Found::Failed(_) => self.at.elapsed() < AGAIN_AFTER,
            _ => self.rows == rows || !experiment.state.is_over() && rows - self.rows < self.rows / GREW_PARTS,
        }
    }
}

async fn work_out(state: &State, experiment: &Experiment) -> Result<Found, WebError> {
    let (store, experiment) = (state.store.clone(), experiment.clone());
    let found = aside(move || async move { measured(&store, &experiment, false).await }).await??;
    Ok(found.map_or(Found::Nothing, |found| Found::Known(Arc::new(found.summary))))
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
