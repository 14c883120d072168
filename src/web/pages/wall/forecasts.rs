//! Forecasts of the runs on the wall: each is computed once, however many screens show it.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::Mutex;

use super::super::monitor::line::Line;
use super::super::profiles::trial::On;
use crate::analysis::forecast::{Forecast, Standing};
use crate::domain::ids::ExperimentId;
use crate::domain::profile::{Program, Steps};
use crate::web::State;
use crate::web::pages::profiles::trial::begins_with_charge;

/// Forecasts kept: more experiments than stations of a hall do not run at once.
const KEPT_MAX: usize = 1_000;
/// State of charge a run is taken to begin with, %: nearly full before a discharge, nearly empty before a charge.
const FULL_PCT: f64 = 95.0;
const EMPTY_PCT: f64 = 5.0;

/// The forecasts computed so far; `None` where there is none.
#[derive(Debug, Default)]
pub struct Forecasts {
    kept: Mutex<HashMap<ExperimentId, Option<Arc<Forecast>>>>,
}

impl Forecasts {
    /// Where the run of a station stands; `None` when nothing runs there or nobody can tell.
    pub async fn standing(&self, state: &State, line: &Line, now_us: i64) -> Option<Standing> {
        let (experiment, _) = line.experiment.as_ref()?;
        let (step, cycle) = (line.step?, line.cycle.unwrap_or(1));
        let forecast = self.of(state, *experiment, line).await?;
        let seconds_since = |at_us: i64| (now_us - at_us).max(0) as f64 / 1e6;
        // Stations report when a step begins.
        let in_step_s = line.reported_us.map_or(0.0, seconds_since);
        Some(forecast.standing(cycle, step, in_step_s, line.started_us.map(seconds_since)))
    }

    async fn of(&self, state: &State, experiment: ExperimentId, line: &Line) -> Option<Arc<Forecast>> {
        // Held while one is computed: whoever comes meanwhile wants the same ones.
        let mut kept = self.kept.lock().await;
        if let Some(known) = kept.get(&experiment) {
            return known.clone();
        }
        let forecast = self.compute(state, line).await;
        if kept.len() >= KEPT_MAX {
            kept.clear();
        }
        kept.insert(experiment, forecast.clone());
        forecast
    }

    async fn compute(&self, state: &State, line: &Line) -> Option<Arc<Forecast>> {
        let battery = state.store.battery(line.battery?).await.ok().flatten()?;
        let steps: Steps = line.steps.clone()?;
        let soc_pct = if begins_with_charge(&Program::from(&steps)) { EMPTY_PCT } else { FULL_PCT };
        let model = On::battery(&battery, soc_pct)?.model();
        let computed = tokio::task::spawn_blocking(move || Forecast::new(&steps, &model)).await;
        computed.ok().flatten().map(Arc::new)
    }
}
