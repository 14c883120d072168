//! Runs that are over here while their unit works on: it is told to stop until it rests.
//!
//! A start that was under way may arrive after the stop that overtook it, and after the run was given up. Nobody watches
//! the limits of such a run.

use serde_json::json;

use crate::domain::audit::Actor;
use crate::domain::command::Verb;
use crate::domain::ids::{DeviceId, ExperimentId, StationId};
use crate::store::devices::read_id;
use crate::store::outbox::NewCommand;
use crate::store::sql::{on_read, statements};
use crate::store::{Store, StoreError};

statements! {
    STRAYS = "
        SELECT s.station_id, s.device_id, s.experiment_id
        FROM station s
        JOIN experiment e ON e.experiment_id = s.experiment_id
        WHERE s.state IN ('running', 'paused') AND s.device_id IS NOT NULL
            AND e.state IN ('finished', 'stopped', 'fault', 'aborted')
            AND NOT EXISTS (SELECT 1 FROM outbox o
                WHERE o.experiment_id = e.experiment_id AND o.verb = 'stop'
                    AND (o.state IN ('queued', 'sent', 'accepted') OR o.created_at_us > ?))
        ORDER BY s.station_id";
}

/// How long a unit may take to report that it rests before it is told again, µs.
const AGAIN_US: i64 = 10_000_000;

/// A run that its unit works on though it is over here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stray {
    /// Where.
    pub station: StationId,
    /// Who drives the station.
    pub unit: DeviceId,
    /// The run.
    pub experiment: ExperimentId,
}

impl Store {
    /// Stations whose last report says that they work on a run that is over here, and that were not told to stop just now.
    ///
    /// # Errors
    /// When the database fails or holds what this version cannot read.
    pub async fn stray_runs(&self, now_us: i64) -> Result<Vec<Stray>, StoreError> {
        let rows: Vec<(i64, String, i64)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(STRAYS.text(dialect)).bind(now_us.saturating_sub(AGAIN_US)).fetch_all(pool).await?
        });
        rows.into_iter()
            .map(|(station, unit, experiment)| {
                Ok(Stray { station: StationId(station), unit: read_id(&unit)?, experiment: ExperimentId(experiment) })
            })
            .collect()
    }

    /// Tells a unit to stop what is over here. The run itself stays as it ended.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn stop_stray(&self, by: &Actor, stray: &Stray, now_us: i64) -> Result<(), StoreError> {
        let payload = json!({
            "station": stray.station,
            "experiment": stray.experiment,
            "reason": "this run is over",
        });
        let stop = NewCommand { device: &stray.unit, verb: Verb::Stop, payload, expires_at_us: None };
        let mut group = self.begin_group().await?;
        group.add_run_command(by, &stop, stray.experiment, now_us).await?;
        group.commit().await
    }
}
