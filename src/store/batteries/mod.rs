//! Batteries: stored, changed, retired.

pub mod list;
mod row;

use serde_json::{Value, json};

use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::{BatteryId, ExperimentId};

pub use crate::domain::battery::BatteryFacts as NewBattery;
pub use list::{BatteryChoice, BatteryPage, BatteryQuery, BatterySort};
pub use row::Battery;

statements! {
    INSERT = "
        INSERT INTO battery
            (name, manufacturer, model, serial, technology, chemistry, kind, format, cells_series, cells_parallel,
             capacity_ah, voltage_min_v, voltage_max_v, current_min_a, current_max_a, cell_voltage_min_v,
             cell_voltage_max_v, mass_kg, active_mass_kg, area_m2, electrode_size_m2, electrode_composition, bipolar,
             membrane, electrolyte, owner, location, made_on, bought_on, description, once_token, created_at_us,
             updated_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    EDIT = "
        UPDATE battery
        SET name = ?, manufacturer = ?, model = ?, serial = ?, technology = ?, chemistry = ?, kind = ?, format = ?,
            cells_series = ?, cells_parallel = ?, capacity_ah = ?, voltage_min_v = ?, voltage_max_v = ?,
            current_min_a = ?, current_max_a = ?, cell_voltage_min_v = ?, cell_voltage_max_v = ?, mass_kg = ?,
            active_mass_kg = ?, area_m2 = ?, electrode_size_m2 = ?, electrode_composition = ?, bipolar = ?,
            membrane = ?, electrolyte = ?, owner = ?, location = ?, made_on = ?, bought_on = ?, description = ?,
            updated_at_us = ?, version = version + 1
        WHERE battery_id = ? AND version = ?";
    RETIRE = "
        UPDATE battery
        SET retired_at_us = ?, updated_at_us = ?, version = version + 1
        WHERE battery_id = ? AND version = ?";
    BY_ID = "
        SELECT battery_id, name, manufacturer, model, serial, technology, chemistry, kind, format, cells_series, cells_parallel,
            capacity_ah, voltage_min_v, voltage_max_v, current_min_a, current_max_a, cell_voltage_min_v,
            cell_voltage_max_v, mass_kg, active_mass_kg, area_m2, electrode_size_m2, electrode_composition, bipolar,
            membrane, electrolyte, owner, location, made_on, bought_on, description, version, created_at_us,
            updated_at_us, retired_at_us
        FROM battery
        WHERE battery_id = ?";
    BY_NAME = "
        SELECT battery_id
        FROM battery
        WHERE name = ?";
    BY_ONCE = "
        SELECT battery_id
        FROM battery
        WHERE once_token = ?";
    LAST_PLACE = "
        SELECT COALESCE(MAX(position), 0)
        FROM cell_place
        WHERE battery_id = ? AND to_us IS NULL";
    OPEN_EXPERIMENTS = "
        SELECT experiment_id, name, state
        FROM experiment
        WHERE battery_id = ? AND state IN
            ('queued', 'starting', 'running', 'paused', 'finishing', 'stopping', 'comms_lost')
        ORDER BY experiment_id
        LIMIT ?";
    EXPERIMENTS = "
        SELECT experiment_id, name, state
        FROM experiment
        WHERE battery_id = ?
        ORDER BY experiment_id DESC
        LIMIT ?";
}

/// Most open experiments told of when a battery is to be retired: they stand in each other's way long before.
pub const OPEN_EXPERIMENTS_MAX: i64 = 20;

/// An experiment of a battery, as its page lists it.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct BatteryExperiment {
    /// Key.
    #[sqlx(try_from = "i64")]
    pub experiment_id: ExperimentId,
    /// What people call it.
    pub name: String,
    /// Word of its state.
    pub state: String,
}

impl BatteryExperiment {
    /// The state for people: `comms lost`.
    #[must_use]
    pub fn state_words(&self) -> String {
        self.state.replace('_', " ")
    }
}

/// What the audit log calls a battery: its number stays when its name changes.
fn object(id: BatteryId, name: &str) -> String {
    format!("battery {id}, {name}")
}

/// What is stored of a battery as the audit log tells it.
fn told(facts: &NewBattery) -> Value {
    serde_json::to_value(facts).unwrap_or_default()
}

/// Binds everything that is entered of a battery, in the order of the statements.
macro_rules! bind_facts {
    ($query:expr, $facts:expr) => {
        $query
            .bind(&$facts.name)
            .bind(&$facts.manufacturer)
            .bind(&$facts.model)
            .bind(&$facts.serial)
            .bind($facts.technology.as_str())
            .bind(&$facts.chemistry)
            .bind($facts.kind.as_str())
            .bind($facts.format.as_str())
            .bind(i64::from($facts.cells_series))
            .bind(i64::from($facts.cells_parallel))
            .bind($facts.capacity_ah)
            .bind($facts.voltage_min_v)
            .bind($facts.voltage_max_v)
            .bind($facts.current_min_a)
            .bind($facts.current_max_a)
            .bind($facts.cell_voltage_min_v)
            .bind($facts.cell_voltage_max_v)
            .bind($facts.mass_kg)
            .bind($facts.active_mass_kg)
            .bind($facts.area_m2)
            .bind($facts.electrode_size_m2)
            .bind(&$facts.electrode_composition)
            .bind(&$facts.bipolar)
            .bind(&$facts.membrane)
            .bind(&$facts.electrolyte)
            .bind(&$facts.owner)
            .bind(&$facts.location)
            .bind(&$facts.made_on)
            .bind(&$facts.bought_on)
            .bind(&$facts.description)
    };
}

impl Store {
    /// Stores a battery. With the mark of a form that was sent before, nothing is stored and the battery of the first time is
    /// the answer.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_battery(
        &self,
        by: &Actor,
        battery: &NewBattery,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<BatteryId, StoreError> {
        if let Some(first) = self.battery_sent_once(once).await? {
            return Ok(first);
        }
        let mut group = self.begin_group().await?;
        match group.add_battery(by, battery, once, now_us).await {
            Ok(id) => {
                group.commit().await?;
                Ok(id)
            }
            // The same form may have been faster by a hair: then its battery is meant.
            Err(StoreError::Duplicate { what, name }) => {
                drop(group);
                self.battery_sent_once(once).await?.ok_or(StoreError::Duplicate { what, name })
            }
            Err(error) => Err(error),
        }
    }

    async fn battery_sent_once(&self, once: Option<&str>) -> Result<Option<BatteryId>, StoreError> {
        let Some(once) = once else { return Ok(None) };
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ONCE.text(dialect)).bind(once).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| BatteryId(id)))
    }

    /// Changes a battery as it was read; what it was and is goes to the audit log.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster, or cells sit in places that would be gone;
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn edit_battery(
        &self,
        by: &Actor,
        read: &Battery,
        facts: &NewBattery,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let edited = on_group!(group, conn, dialect => {
            bind_facts!(sqlx::query(EDIT.text(dialect)), facts)
                .bind(now_us)
                .bind(read.battery_id.0)
                .bind(read.version)
                .execute(conn)
                .await
                .map(|done| done.rows_affected())
        });
        let edited = edited.map_err(|error| StoreError::or_duplicate(error, "A battery named", &facts.name))?;
        if edited != 1 {
            return Err(changed_meanwhile(read));
        }
        let (last,): (i64,) = on_group!(group, conn, dialect => {
            sqlx::query_as(LAST_PLACE.text(dialect)).bind(read.battery_id.0).fetch_one(conn).await?
        });
        if last > i64::from(facts.places()) {
            return Err(StoreError::Conflict(format!(
                "A cell sits in place {last}, and with these numbers {} would have {} places. Take it out first.",
                facts.name,
                facts.places()
            )));
        }
        let change = Change::new("edit battery", object(read.battery_id, &read.name)).from(told(read)).to(told(facts));
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }

    /// Takes a battery out of the lists, or brings it back (`retire` is false). Its experiments stay.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster, or an experiment on it is not over.
    pub async fn retire_battery(
        &self,
        by: &Actor,
        read: &Battery,
        retire: bool,
        reason: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let done = on_group!(group, conn, dialect => {
            sqlx::query(RETIRE.text(dialect))
                .bind(retire.then_some(now_us))
                .bind(now_us)
                .bind(read.battery_id.0)
                .bind(read.version)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if done != 1 {
            return Err(changed_meanwhile(read));
        }
        if retire {
            let open: Vec<BatteryExperiment> = on_group!(group, conn, dialect => {
                sqlx::query_as(OPEN_EXPERIMENTS.text(dialect)).bind(read.battery_id.0).bind(1).fetch_all(conn).await?
            });
            if let Some(open) = open.first() {
                return Err(StoreError::Conflict(format!(
                    "The experiment “{}” on {} is not over ({}). Stop or cancel it first.",
                    open.name,
                    read.name,
                    open.state_words()
                )));
            }
        }
        let action = if retire { "retire battery" } else { "bring back battery" };
        let change = Change::new(action, object(read.battery_id, &read.name))
            .from(json!({ "retired": read.retired_at_us.is_some() }))
            .to(json!({ "retired": retire }))
            .because(reason);
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }

    /// One battery.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn battery(&self, id: BatteryId) -> Result<Option<Battery>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ID.text(dialect)).bind(id.0).fetch_optional(pool).await?
        }))
    }

    /// The battery of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn battery_named(&self, name: &str) -> Result<Option<BatteryId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_NAME.text(dialect)).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| BatteryId(id)))
    }

    /// Experiments on a battery that are not over, the oldest first, at most [`OPEN_EXPERIMENTS_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn open_experiments_on(&self, id: BatteryId) -> Result<Vec<BatteryExperiment>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OPEN_EXPERIMENTS.text(dialect)).bind(id.0).bind(OPEN_EXPERIMENTS_MAX).fetch_all(pool).await?
        }))
    }

    /// Experiments on a battery, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn experiments_on(&self, id: BatteryId, limit: i64) -> Result<Vec<BatteryExperiment>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(EXPERIMENTS.text(dialect)).bind(id.0).bind(limit).fetch_all(pool).await?
        }))
    }
}

impl Group {
    pub(in crate::store) async fn add_battery(
        &mut self,
        by: &Actor,
        facts: &NewBattery,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<BatteryId, StoreError> {
        let done = on_group!(self, conn, dialect => {
            bind_facts!(sqlx::query(INSERT.text(dialect)), facts)
                .bind(once)
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await
                .map(|done| done.inserted_id())
        });
        let id = done.map_err(|error| StoreError::or_duplicate(error, "A battery named", &facts.name))?;
        let id = BatteryId(id);
        self.audit(by, &Change::new("add battery", object(id, &facts.name)).to(told(facts)), now_us).await?;
        Ok(id)
    }
}

fn changed_meanwhile(read: &Battery) -> StoreError {
    StoreError::Conflict(format!(
        "Somebody else changed {} in the meantime. Look at the present values and change them again.",
        read.name
    ))
}
