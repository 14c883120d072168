//! Building stations, changing them by successors, retiring them.
//!
//! A station never changes what it measures with: whoever changes it makes a successor, and what was measured stays with the
//! old one. Everything that belongs to such a change is one transaction: the instruments pass over, experiments that wait
//! move along, the unit is told.

use serde_json::{Value, json};

use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::stations_read::Station;
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{DeviceId, InstrumentId, StationId};
use crate::domain::limits::Limits;
use crate::domain::measure::Measure;

statements! {
    INSERT = "
        INSERT INTO station
            (name, live_name, location, description, device_id, voltage_min_v, voltage_max_v, current_min_a, current_max_a,
             parent_station_id, created_at_us, updated_at_us, once_token)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    BY_ONCE = "
        SELECT station_id
        FROM station
        WHERE once_token = ?";
    RETIRE = "
        UPDATE station
        SET retired_at_us = ?, updated_at_us = ?, live_name = NULL, version = version + 1
        WHERE station_id = ? AND version = ? AND retired_at_us IS NULL AND is_virtual = 0";
    BUSY = "
        SELECT name
        FROM experiment
        WHERE station_id = ? AND state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')
        LIMIT 1" | "
        SELECT name
        FROM experiment
        WHERE station_id = ? AND state IN ('starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')
        LIMIT 1
        FOR UPDATE";
    WAITING = "
        SELECT COUNT(*)
        FROM experiment
        WHERE station_id = ? AND state IN ('draft', 'queued')";
    MOVE_WAITING = "
        UPDATE experiment
        SET station_id = ?, version = version + 1
        WHERE station_id = ? AND state IN ('draft', 'queued')";
    RELEASE = "
        UPDATE station_instrument
        SET live_instrument_id = NULL, to_us = ?
        WHERE station_id = ? AND live_instrument_id IS NOT NULL";
    TAKE = "
        INSERT INTO station_instrument (station_id, instrument_id, from_us, live_instrument_id)
        VALUES (?, ?, ?, ?)";
    MEASURE = "
        INSERT INTO station_measure (station_id, position, instrument_id, quantity, column_name, name, unit)
        VALUES (?, ?, ?, ?, ?, ?, ?)";
    UNIT_OF_INSTRUMENT = "
        SELECT device_id
        FROM instrument
        WHERE instrument_id = ?";
}

/// How often a change is tried that the database gave up because of another one at the same moment.
const TRIES_MAX: usize = 3;

/// A station to be built.
#[derive(Debug, Clone, PartialEq)]
pub struct NewStation {
    /// What people call it; unique among the live ones.
    pub name: String,
    /// Where it stands.
    pub location: String,
    /// What else there is to know.
    pub description: String,
    /// The unit that drives it.
    pub unit: DeviceId,
    /// What it may apply.
    pub limits: Limits,
    /// What it consists of; all of them found by the unit.
    pub instruments: Vec<InstrumentId>,
    /// What it measures, in the order of the form.
    pub measures: Vec<Measure>,
}

impl NewStation {
    /// As the audit log tells it.
    fn told(&self, id: StationId, parent: Option<StationId>) -> Value {
        let measures: Vec<_> = self
            .measures
            .iter()
            .map(|measure| format!("{} ({}, {})", measure.name, measure.column, measure.unit))
            .collect();
        json!({ "station": id.0, "name": self.name, "location": self.location, "description": self.description,
            "unit": self.unit.as_str(), "limits": told_limits(&self.limits), "follows": parent.map(|id| id.0),
            "instruments": self.instruments.iter().map(|id| id.0).collect::<Vec<_>>(), "measures": measures })
    }
}

pub(super) fn told_limits(limits: &Limits) -> Value {
    json!({ "voltage_min_v": limits.voltage_min_v, "voltage_max_v": limits.voltage_max_v,
        "current_min_a": limits.current_min_a, "current_max_a": limits.current_max_a })
}

impl Store {
    /// Builds a station, or the successor of `parent` as that was read: then the parent is retired, its instruments and
    /// name are free for the successor, and the experiments that wait for it move along. The unit is told.
    ///
    /// With the same `once` a second time it makes nothing and returns the station made the first time.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when a live station has the name; [`StoreError::Conflict`] when an instrument belongs to
    /// another station or unit, or the parent runs an experiment or was changed meanwhile.
    pub async fn build_station(
        &self,
        by: &Actor,
        new: &NewStation,
        parent: Option<&Station>,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<StationId, StoreError> {
        let mut tries = 1;
        loop {
            if let Some(once) = once
                && let Some(made) = self.station_made_once(once).await?
            {
                return Ok(made);
            }
            match self.try_build_station(by, new, parent, once, now_us).await {
                Err(error) if error.may_pass() && tries < TRIES_MAX => tries += 1,
                // The same form, sent twice at the same moment: the other one was faster.
                Err(error @ (StoreError::Duplicate { .. } | StoreError::Conflict(_))) => {
                    let made = match once {
                        Some(once) => self.station_made_once(once).await?,
                        None => None,
                    };
                    return made.ok_or(error);
                }
                done => return done,
            }
        }
    }

    async fn try_build_station(
        &self,
        by: &Actor,
        new: &NewStation,
        parent: Option<&Station>,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<StationId, StoreError> {
        let mut group = self.begin_group().await?;
        // One change of stations at a time: what a unit is told of all its stations is then complete.
        group.lock_devices().await?;
        if let Some(parent) = parent {
            group.retire(parent, now_us).await?;
        }
        let id = group.insert_station(new, parent.map(|parent| parent.station_id), once, now_us).await?;
        group.take_instruments(id, new, now_us).await?;
        group.add_measures(id, new).await?;
        let mut moved = 0;
        if let Some(parent) = parent {
            moved = group.move_waiting(parent.station_id, id).await?;
        }
        let action = if parent.is_some() { "modify station" } else { "build station" };
        let mut told = new.told(id, parent.map(|parent| parent.station_id));
        if parent.is_some() {
            told["moved_experiments"] = json!(moved);
        }
        let change = Change::new(action, format!("station {}", new.name)).to(told);
        group.audit(by, &change, now_us).await?;
        group.tell_stations(by, &new.unit, now_us).await?;
        if let Some(other) = parent.and_then(|parent| parent.unit.as_ref()).filter(|unit| **unit != new.unit) {
            group.tell_stations(by, other, now_us).await?;
        }
        group.commit().await?;
        Ok(id)
    }

    /// Retires a station as it was read; the experiments that wait for it move to `heir`, and without one there must be
    /// none. Its instruments are free from then on, and its unit is told.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when it runs an experiment, experiments wait for it and there is no heir, the heir is no
    /// live station, or somebody else changed it.
    pub async fn retire_station(
        &self,
        by: &Actor,
        station: &Station,
        heir: Option<StationId>,
        reason: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        group.lock_devices().await?;
        group.retire(station, now_us).await?;
        let (waiting,): (i64,) = on_group!(group, conn, dialect => {
            sqlx::query_as(WAITING.text(dialect)).bind(station.station_id.0).fetch_one(conn).await?
        });
        if waiting > 0 {
            let heir = heir.filter(|heir| *heir != station.station_id).ok_or_else(|| {
                StoreError::Conflict(format!(
                    "{waiting} {} for {}. Choose a station to move them to, or cancel them first.",
                    if waiting == 1 { "experiment waits" } else { "experiments wait" },
                    station.name
                ))
            })?;
            let takes = self.station(heir).await?.is_some_and(|heir| heir.is_live() && !heir.is_virtual);
            if !takes {
                return Err(StoreError::Conflict("The station to move the experiments to is retired.".to_owned()));
            }
            group.move_waiting(station.station_id, heir).await?;
        }
        let change = Change::new("retire station", format!("station {}", station.name))
            .from(json!({ "station": station.station_id.0, "name": station.name }))
            .to(json!({ "moved_experiments": waiting, "to_station": heir.filter(|_| waiting > 0).map(|id| id.0) }))
            .because(reason);
        group.audit(by, &change, now_us).await?;
        if let Some(unit) = &station.unit {
            group.tell_stations(by, unit, now_us).await?;
        }
        group.commit().await
    }

    /// Tells the unit of a station its stations once more, for one that was replaced or lost its memory.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the station is retired or has no unit.
    pub async fn relaunch_station(&self, by: &Actor, station: &Station, now_us: i64) -> Result<(), StoreError> {
        let unit = station.unit.as_ref().filter(|_| station.is_live()).ok_or_else(|| {
            StoreError::Conflict(format!("No unit drives {}, so there is nobody to tell.", station.name))
        })?;
        let mut group = self.begin_group().await?;
        group.lock_devices().await?;
        group.tell_stations(by, unit, now_us).await?;
        let change = Change::new("relaunch station", format!("station {}", station.name));
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }

    /// The station made by a form with this mark.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_made_once(&self, once: &str) -> Result<Option<StationId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ONCE.text(dialect)).bind(once).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| StationId(id)))
    }
}

impl Group {
    /// Takes a station out of use; its instruments are free.
    async fn retire(&mut self, station: &Station, now_us: i64) -> Result<(), StoreError> {
        let id = station.station_id.0;
        // First, so that it is locked before its experiments are looked at.
        let retired = on_group!(self, conn, dialect => {
            sqlx::query(RETIRE.text(dialect))
                .bind(now_us)
                .bind(now_us)
                .bind(id)
                .bind(station.version)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if retired != 1 {
            return Err(StoreError::Conflict(format!(
                "Somebody else changed or retired {} in the meantime. Look at it again.",
                station.name
            )));
        }
        let busy: Option<(String,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(BUSY.text(dialect)).bind(id).fetch_optional(conn).await?
        });
        if let Some((experiment,)) = busy {
            return Err(StoreError::Conflict(format!(
                "{} works on the experiment “{experiment}”. Stop that, or wait for its end.",
                station.name
            )));
        }
        on_group!(self, conn, dialect => {
            sqlx::query(RELEASE.text(dialect)).bind(now_us).bind(id).execute(conn).await?;
        });
        Ok(())
    }

    async fn insert_station(
        &mut self,
        new: &NewStation,
        parent: Option<StationId>,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<StationId, StoreError> {
        let done = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(&new.name)
                .bind(&new.name)
                .bind(&new.location)
                .bind(&new.description)
                .bind(new.unit.as_str())
                .bind(new.limits.voltage_min_v)
                .bind(new.limits.voltage_max_v)
                .bind(new.limits.current_min_a)
                .bind(new.limits.current_max_a)
                .bind(parent.map(|parent| parent.0))
                .bind(now_us)
                .bind(now_us)
                .bind(once)
                .execute(conn)
                .await
                .map(|done| done.inserted_id())
        });
        done.map(StationId).map_err(|error| StoreError::or_duplicate(error, "A station named", &new.name))
    }

    async fn take_instruments(&mut self, id: StationId, new: &NewStation, now_us: i64) -> Result<(), StoreError> {
        // In order, so that two who want the same ones wait for each other and not both for ever.
        let mut instruments = new.instruments.clone();
        instruments.sort_unstable();
        instruments.dedup();
        for instrument in instruments {
            let unit: Option<(String,)> = on_group!(self, conn, dialect => {
                sqlx::query_as(UNIT_OF_INSTRUMENT.text(dialect)).bind(instrument.0).fetch_optional(conn).await?
            });
            if unit.is_none_or(|(unit,)| unit != new.unit.as_str()) {
                return Err(StoreError::Conflict(format!("Instrument {instrument} does not belong to {}.", new.unit)));
            }
            let taken = on_group!(self, conn, dialect => {
                sqlx::query(TAKE.text(dialect))
                    .bind(id.0)
                    .bind(instrument.0)
                    .bind(now_us)
                    .bind(instrument.0)
                    .execute(conn)
                    .await
                    .map(|_| ())
            });
            taken.map_err(|error| match StoreError::or_duplicate(error, "instrument", "") {
                StoreError::Duplicate { .. } => StoreError::Conflict(format!(
                    "Instrument {instrument} belongs to another station by now. An instrument works in one station only."
                )),
                error => error,
            })?;
        }
        Ok(())
    }

    async fn add_measures(&mut self, id: StationId, new: &NewStation) -> Result<(), StoreError> {
        for (position, measure) in (0_i64..).zip(&new.measures) {
            on_group!(self, conn, dialect => {
                sqlx::query(MEASURE.text(dialect))
                    .bind(id.0)
                    .bind(position)
                    .bind(measure.instrument.0)
                    .bind(&measure.quantity)
                    .bind(&measure.column)
                    .bind(&measure.name)
                    .bind(&measure.unit)
                    .execute(conn)
                    .await?;
            });
        }
        Ok(())
    }

    /// Moves the experiments that wait for one station to another one; how many those are.
    async fn move_waiting(&mut self, from: StationId, to: StationId) -> Result<u64, StoreError> {
        let moved = on_group!(self, conn, dialect => {
            sqlx::query(MOVE_WAITING.text(dialect)).bind(to.0).bind(from.0).execute(conn).await?.rows_affected()
        });
        self.touch_waiting(to).await?;
        Ok(moved)
    }
}
