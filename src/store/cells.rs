//! Single cells: registered, told better, retired.

use serde_json::json;

use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::battery::Technology;
use crate::domain::cell::CellFacts;
use crate::domain::ids::{BatteryId, CellId};

statements! {
    INSERT = "
        INSERT INTO cell
            (name, serial, technology, chemistry, manufacturer, model, capacity_ah, description, once_token,
             created_at_us, updated_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    EDIT = "
        UPDATE cell
        SET name = ?, serial = ?, technology = ?, chemistry = ?, manufacturer = ?, model = ?, capacity_ah = ?,
            description = ?, updated_at_us = ?, version = version + 1
        WHERE cell_id = ? AND version = ?";
    RETIRE = "
        UPDATE cell
        SET retired_at_us = ?, updated_at_us = ?, version = version + 1
        WHERE cell_id = ? AND version = ?";
    BY_ID = "
        SELECT c.cell_id, c.name, c.serial, c.technology, c.chemistry, c.manufacturer, c.model, c.capacity_ah,
            c.description, c.version, c.created_at_us, c.retired_at_us, p.battery_id, p.position, b.name AS battery_name
        FROM cell c
        LEFT JOIN cell_place p ON p.live_cell = c.cell_id
        LEFT JOIN battery b ON b.battery_id = p.battery_id
        WHERE c.cell_id = ?";
    BY_ONCE = "
        SELECT cell_id
        FROM cell
        WHERE once_token = ?";
    // Where: 0 anywhere, 1 in no place, 2 in a place, 3 retired.
    COUNT = "
        SELECT COUNT(*)
        FROM cell c
        LEFT JOIN cell_place p ON p.live_cell = c.cell_id
        LEFT JOIN battery b ON b.battery_id = p.battery_id
        WHERE (? = '' OR INSTR(LOWER(c.name), ?) > 0 OR INSTR(LOWER(c.serial), ?) > 0 OR INSTR(LOWER(c.model), ?) > 0
                OR INSTR(LOWER(b.name), ?) > 0 OR c.cell_id = ?)
            AND (CASE WHEN c.retired_at_us IS NOT NULL THEN 3 WHEN p.battery_id IS NULL THEN 1 ELSE 2 END = ?
                OR (? = 0 AND c.retired_at_us IS NULL))";
    PAGE = "
        SELECT c.cell_id, c.name, c.serial, c.technology, c.chemistry, c.manufacturer, c.model, c.capacity_ah,
            c.description, c.version, c.created_at_us, c.retired_at_us, p.battery_id, p.position, b.name AS battery_name
        FROM cell c
        LEFT JOIN cell_place p ON p.live_cell = c.cell_id
        LEFT JOIN battery b ON b.battery_id = p.battery_id
        WHERE (? = '' OR INSTR(LOWER(c.name), ?) > 0 OR INSTR(LOWER(c.serial), ?) > 0 OR INSTR(LOWER(c.model), ?) > 0
                OR INSTR(LOWER(b.name), ?) > 0 OR c.cell_id = ?)
            AND (CASE WHEN c.retired_at_us IS NOT NULL THEN 3 WHEN p.battery_id IS NULL THEN 1 ELSE 2 END = ?
                OR (? = 0 AND c.retired_at_us IS NULL))
        ORDER BY c.cell_id DESC
        LIMIT ? OFFSET ?";
    IN_PLACE = "
        SELECT b.name, p.position
        FROM cell_place p
        JOIN battery b ON b.battery_id = p.battery_id
        WHERE p.live_cell = ?";
}

/// A stored cell, and where it sits.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// The laboratory's own number of it.
    pub cell_id: CellId,
    /// What was entered.
    pub facts: CellFacts,
    /// Where it sits now.
    pub place: Option<CellAt>,
    /// When it was registered, µs UTC.
    pub created_at_us: i64,
    /// When it was retired, µs UTC.
    pub retired_at_us: Option<i64>,
    /// Grows with each change: two people who edit at once are told.
    pub version: i64,
}

/// A place in a battery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellAt {
    /// The battery.
    pub battery_id: BatteryId,
    /// Its name.
    pub battery: String,
    /// Place in it, from 1.
    pub position: i64,
}

/// Which cells a list shows by where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CellsWhere {
    /// All that are not retired.
    #[default]
    All = 0,
    /// Those in no battery.
    Free = 1,
    /// Those in a battery.
    Placed = 2,
    /// Those that are retired.
    Retired = 3,
}

#[derive(sqlx::FromRow)]
struct CellRow {
    cell_id: i64,
    name: String,
    serial: String,
    #[sqlx(try_from = "String")]
    technology: Technology,
    chemistry: String,
    manufacturer: String,
    model: String,
    capacity_ah: Option<f64>,
    description: String,
    version: i64,
    created_at_us: i64,
    retired_at_us: Option<i64>,
    battery_id: Option<i64>,
    position: Option<i64>,
    battery_name: Option<String>,
}

impl From<CellRow> for Cell {
    fn from(row: CellRow) -> Self {
        let place = match (row.battery_id, row.battery_name, row.position) {
            (Some(id), Some(battery), Some(position)) => Some(CellAt { battery_id: BatteryId(id), battery, position }),
            _ => None,
        };
        Self {
            cell_id: CellId(row.cell_id),
            facts: CellFacts {
                name: row.name,
                serial: row.serial,
                technology: row.technology,
                chemistry: row.chemistry,
                manufacturer: row.manufacturer,
                model: row.model,
                capacity_ah: row.capacity_ah,
                description: row.description,
            },
            place,
            created_at_us: row.created_at_us,
            retired_at_us: row.retired_at_us,
            version: row.version,
        }
    }
}

/// What the audit log calls a cell: its number stays when its name changes.
pub(super) fn object(id: CellId, name: &str) -> String {
    format!("cell {id}, {name}")
}

impl Store {
    /// Registers a cell under the next number; with the mark of a form that was sent before, the cell of the first time is
    /// the answer.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_cell(
        &self,
        by: &Actor,
        facts: &CellFacts,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<CellId, StoreError> {
        if let Some(first) = self.cell_sent_once(once).await? {
            return Ok(first);
        }
        let mut group = self.begin_group().await?;
        match group.add_cell(facts, once, now_us).await {
            Ok(id) => {
                let told = serde_json::to_value(facts).unwrap_or_default();
                group.audit(by, &Change::new("add cell", object(id, &facts.name)).to(told), now_us).await?;
                group.commit().await?;
                Ok(id)
            }
            Err(StoreError::Duplicate { what, name }) => {
                drop(group);
                self.cell_sent_once(once).await?.ok_or(StoreError::Duplicate { what, name })
            }
            Err(error) => Err(error),
        }
    }

    async fn cell_sent_once(&self, once: Option<&str>) -> Result<Option<CellId>, StoreError> {
        let Some(once) = once else { return Ok(None) };
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ONCE.text(dialect)).bind(once).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| CellId(id)))
    }

    /// Changes what is known of a cell as it was read. The caller has checked the new facts against the old ones.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster, [`StoreError::Duplicate`] when the name is taken.
    pub async fn edit_cell(&self, by: &Actor, read: &Cell, facts: &CellFacts, now_us: i64) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let edited = on_group!(group, conn, dialect => {
            sqlx::query(EDIT.text(dialect))
                .bind(&facts.name)
                .bind(&facts.serial)
                .bind(facts.technology.as_str())
                .bind(&facts.chemistry)
                .bind(&facts.manufacturer)
                .bind(&facts.model)
                .bind(facts.capacity_ah)
                .bind(&facts.description)
                .bind(now_us)
                .bind(read.cell_id.0)
                .bind(read.version)
                .execute(conn)
                .await
                .map(|done| done.rows_affected())
        });
        let edited = edited.map_err(|error| StoreError::or_duplicate(error, "A cell named", &facts.name))?;
        if edited != 1 {
            return Err(changed_meanwhile(read));
        }
        let change = Change::new("edit cell", object(read.cell_id, &read.facts.name))
            .from(serde_json::to_value(&read.facts).unwrap_or_default())
            .to(serde_json::to_value(facts).unwrap_or_default());
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }

    /// Takes a cell out of the lists, or brings it back (`retire` is false).
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster, or it sits in a battery.
    pub async fn retire_cell(
        &self,
        by: &Actor,
        read: &Cell,
        retire: bool,
        reason: &str,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let done = on_group!(group, conn, dialect => {
            sqlx::query(RETIRE.text(dialect))
                .bind(retire.then_some(now_us))
                .bind(now_us)
                .bind(read.cell_id.0)
                .bind(read.version)
                .execute(conn)
                .await?
                .rows_affected()
        });
        if done != 1 {
            return Err(changed_meanwhile(read));
        }
        let place: Option<(String, i64)> = on_group!(group, conn, dialect => {
            sqlx::query_as(IN_PLACE.text(dialect)).bind(read.cell_id.0).fetch_optional(conn).await?
        });
        if let Some((battery, position)) = place.filter(|_| retire) {
            let name = &read.facts.name;
            let why = format!("{name} sits in place {position} of {battery}. Take it out first.");
            return Err(StoreError::Conflict(why));
        }
        let action = if retire { "retire cell" } else { "bring back cell" };
        let change = Change::new(action, object(read.cell_id, &read.facts.name))
            .from(json!({ "retired": read.retired_at_us.is_some() }))
            .to(json!({ "retired": retire }))
            .because(reason);
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }

    /// One cell.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cell(&self, id: CellId) -> Result<Option<Cell>, StoreError> {
        let row: Option<CellRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ID.text(dialect)).bind(id.0).fetch_optional(pool).await?
        });
        Ok(row.map(Cell::from))
    }

    /// Cells whose name, serial number, model, battery or number fits, the newest first, and how many there are.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cells(
        &self,
        text: &str,
        at: CellsWhere,
        offset: i64,
        limit: i64,
    ) -> Result<(Vec<Cell>, i64), StoreError> {
        let text = text.trim().to_lowercase();
        // No cell has the number 0.
        let number: i64 = text.trim_start_matches('#').parse().unwrap_or(0);
        macro_rules! bind_filter {
            ($query:expr) => {
                $query
                    .bind(&text)
                    .bind(&text)
                    .bind(&text)
                    .bind(&text)
                    .bind(&text)
                    .bind(number)
                    .bind(at as i64)
                    .bind(at as i64)
            };
        }
        let (total,): (i64,) = on_read!(&self.db, pool, dialect => {
            bind_filter!(sqlx::query_as(COUNT.text(dialect))).fetch_one(pool).await?
        });
        let rows: Vec<CellRow> = on_read!(&self.db, pool, dialect => {
            bind_filter!(sqlx::query_as(PAGE.text(dialect))).bind(limit).bind(offset).fetch_all(pool).await?
        });
        Ok((rows.into_iter().map(Cell::from).collect(), total))
    }
}

impl Group {
    pub(super) async fn add_cell(
        &mut self,
        facts: &CellFacts,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<CellId, StoreError> {
        let done = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(&facts.name)
                .bind(&facts.serial)
                .bind(facts.technology.as_str())
                .bind(&facts.chemistry)
                .bind(&facts.manufacturer)
                .bind(&facts.model)
                .bind(facts.capacity_ah)
                .bind(&facts.description)
                .bind(once)
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await
                .map(|done| done.inserted_id())
        });
        done.map(CellId).map_err(|error| StoreError::or_duplicate(error, "A cell named", &facts.name))
    }
}

fn changed_meanwhile(read: &Cell) -> StoreError {
    StoreError::Conflict(format!(
        "Somebody else changed {} in the meantime. Look at the present values and change them again.",
        read.facts.name
    ))
}
