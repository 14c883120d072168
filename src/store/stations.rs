//! Stations and what their units report of them.

use super::group::on_group;
use super::sql::{InsertedId, on_read, on_write, statements};
use super::{Group, Store, StoreError};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{DeviceId, StationId};
use crate::domain::message::StationReport;
use crate::domain::station::StationState;

statements! {
    INSERT = "
        INSERT INTO station (name, live_name, device_id)
        VALUES (?, ?, ?)";
    BY_NAME = "
        SELECT station_id
        FROM station
        WHERE live_name = ?";
    UNIT_OF = "
        SELECT device_id
        FROM station
        WHERE station_id = ?";
    REPORT = "
        UPDATE station
        SET state = ?, experiment_id = ?, step = ?, cycle = ?, reason = ?, reported_at_us = ?
        WHERE station_id = ?";
}

/// What became of a station's report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOutcome {
    /// The page shows it now.
    Noted,
    /// There is no such station.
    NoStation,
    /// The station belongs to another unit.
    NotYours,
}

impl Store {
    /// Stores a station driven by the unit `device`, with wide limits and without instruments: for simulations and tests.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_station(&self, name: &str, device: &DeviceId) -> Result<StationId, StoreError> {
        let done = on_write!(&self.db, pool, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(name)
                .bind(name)
                .bind(device.as_str())
                .execute(pool)
                .await
                .map(|done| done.inserted_id())
        });
        done.map(StationId).map_err(|error| StoreError::or_duplicate(error, "A station named", name))
    }

    /// The live station of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_named(&self, name: &str) -> Result<Option<StationId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_NAME.text(dialect)).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| StationId(id)))
    }
}

impl Group {
    /// Notes what a unit says of one of its stations, and moves the experiment along with it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_report(
        &mut self,
        device: &DeviceId,
        report: &StationReport,
        now_us: i64,
    ) -> Result<ReportOutcome, StoreError> {
        let owner: Option<(Option<String>,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(UNIT_OF.text(dialect)).bind(report.station.0).fetch_optional(conn).await?
        });
        match owner {
            None => return Ok(ReportOutcome::NoStation),
            Some((owner,)) if owner.as_deref() != Some(device.as_str()) => return Ok(ReportOutcome::NotYours),
            Some(_) => {}
        }
        on_group!(self, conn, dialect => {
            sqlx::query(REPORT.text(dialect))
                .bind(report.state.as_str())
                .bind(report.experiment.map(|id| id.0))
                .bind(report.step.map(i64::from))
                .bind(report.cycle.map(i64::from))
                .bind(report.reason.as_deref().unwrap_or_default())
                .bind(now_us)
                .bind(report.station.0)
                .execute(conn)
                .await?;
        });
        if let Some(experiment) = report.experiment
            && let Some(state) = experiment_state(report.state)
        {
            let reason = report.reason.as_deref().unwrap_or_default();
            self.report_experiment(report.station, experiment, state, device.as_str(), reason, now_us).await?;
        }
        Ok(ReportOutcome::Noted)
    }
}

/// What a station's state says of its experiment.
fn experiment_state(state: StationState) -> Option<ExperimentState> {
    match state {
        StationState::Idle => None,
        StationState::Running => Some(ExperimentState::Running),
        StationState::Paused => Some(ExperimentState::Paused),
        StationState::Finished => Some(ExperimentState::Finished),
        StationState::Stopped => Some(ExperimentState::Stopped),
        StationState::Fault => Some(ExperimentState::Fault),
    }
}
