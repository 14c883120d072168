//! Places of cells in batteries, with their times: what sits where, what sat where, and swaps.

use serde_json::json;

use super::batteries::Battery;
use super::cells::object;
use super::group::on_group;
use super::sql::{on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::audit::{Actor, Change};
use crate::domain::cell::CellFacts;
use crate::domain::ids::{BatteryId, CellId};

statements! {
    OF_BATTERY = "
        SELECT p.cell_id, c.name AS cell_name, c.serial, p.battery_id, b.name AS battery_name, p.position, p.from_us,
            p.to_us, p.reason
        FROM cell_place p
        JOIN cell c ON c.cell_id = p.cell_id
        JOIN battery b ON b.battery_id = p.battery_id
        WHERE p.battery_id = ? AND p.live_position IS NOT NULL
        ORDER BY p.position
        LIMIT ?";
    HISTORY_OF_BATTERY = "
        SELECT p.cell_id, c.name AS cell_name, c.serial, p.battery_id, b.name AS battery_name, p.position, p.from_us,
            p.to_us, p.reason
        FROM cell_place p
        JOIN cell c ON c.cell_id = p.cell_id
        JOIN battery b ON b.battery_id = p.battery_id
        WHERE p.battery_id = ? AND (? = 0 OR p.position = ?)
        ORDER BY p.from_us DESC, p.cell_place_id DESC
        LIMIT ?";
    HISTORY_OF_CELL = "
        SELECT p.cell_id, c.name AS cell_name, c.serial, p.battery_id, b.name AS battery_name, p.position, p.from_us,
            p.to_us, p.reason
        FROM cell_place p
        JOIN cell c ON c.cell_id = p.cell_id
        JOIN battery b ON b.battery_id = p.battery_id
        WHERE p.cell_id = ?
        ORDER BY p.from_us DESC, p.cell_place_id DESC
        LIMIT ?";
    LIVE_AT = "
        SELECT p.cell_place_id, p.cell_id, p.from_us, c.name
        FROM cell_place p
        JOIN cell c ON c.cell_id = p.cell_id
        WHERE p.battery_id = ? AND p.live_position = ?";
    LIVE_OF_CELL = "
        SELECT p.cell_place_id, p.cell_id, p.from_us, b.name
        FROM cell_place p
        JOIN battery b ON b.battery_id = p.battery_id
        WHERE p.live_cell = ?";
    LAST_END = "
        SELECT COALESCE(MAX(to_us), 0)
        FROM cell_place
        WHERE (battery_id = ? AND position = ?) OR cell_id = ?";
    NAME_OF_CELL = "
        SELECT name
        FROM cell
        WHERE cell_id = ? AND retired_at_us IS NULL";
    END = "
        UPDATE cell_place
        SET to_us = ?, live_cell = NULL, live_position = NULL
        WHERE cell_place_id = ? AND live_cell = ?";
    BEGIN = "
        INSERT INTO cell_place (cell_id, battery_id, position, from_us, live_cell, live_position, reason)
        VALUES (?, ?, ?, ?, ?, ?, ?)";
}

/// Most places of a battery.
const PLACES_MAX: i64 = 2_000;
/// Most cells registered at once: a press of a button must end within the patience of whoever pressed it.
pub const FILL_MAX: usize = 500;
/// How many names are tried for a new cell of a pack.
const NAMES_TRIED: usize = 50;

/// That a cell sits or sat in a place.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Place {
    /// The cell.
    #[sqlx(try_from = "i64")]
    pub cell_id: CellId,
    /// Its name.
    pub cell_name: String,
    /// Its serial number.
    pub serial: String,
    /// The battery.
    #[sqlx(try_from = "i64")]
    pub battery_id: BatteryId,
    /// Its name.
    pub battery_name: String,
    /// Place in it, from 1.
    pub position: i64,
    /// Since when, µs UTC.
    pub from_us: i64,
    /// Until when, µs UTC; `None`: still.
    pub to_us: Option<i64>,
    /// Why it was put there.
    pub reason: String,
}

/// What is to sit in a place from some moment on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Swap {
    /// Place, from 1.
    pub position: i64,
    /// What sits there as whoever asks has seen it.
    pub seen: Option<CellId>,
    /// What is to sit there; nothing to leave it empty.
    pub cell: Option<CellId>,
    /// Since when, µs UTC.
    pub at_us: i64,
    /// Why.
    pub reason: String,
}

/// An open place: its key, the cell, since when, and a name for the message.
type Open = (i64, i64, i64, String);

impl Store {
    /// What sits in a battery, by place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn places(&self, battery: BatteryId) -> Result<Vec<Place>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_BATTERY.text(dialect)).bind(battery.0).bind(PLACES_MAX).fetch_all(pool).await?
        }))
    }

    /// What sits and sat in a battery, or in one place of it, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn place_history(
        &self,
        battery: BatteryId,
        position: Option<i64>,
        limit: i64,
    ) -> Result<Vec<Place>, StoreError> {
        let position = position.unwrap_or(0);
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(HISTORY_OF_BATTERY.text(dialect))
                .bind(battery.0)
                .bind(position)
                .bind(position)
                .bind(limit)
                .fetch_all(pool)
                .await?
        }))
    }

    /// Where a cell sits and sat, the newest first, at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn cell_history(&self, cell: CellId, limit: i64) -> Result<Vec<Place>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(HISTORY_OF_CELL.text(dialect)).bind(cell.0).bind(limit).fetch_all(pool).await?
        }))
    }

    /// Puts another cell, or none, into a place: what sat there leaves at the same moment, and so does the new cell where it
    /// sat before. All of it happens or nothing.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] in words when somebody else was faster or the moment does not fit the history.
    pub async fn swap_cell(&self, by: &Actor, battery: &Battery, swap: &Swap, now_us: i64) -> Result<(), StoreError> {
        let conflict = |why: String| Err(StoreError::Conflict(why));
        if !(1..=i64::from(battery.places())).contains(&swap.position) {
            return conflict(format!("{} has no place {}.", battery.name, swap.position));
        }
        if swap.at_us > now_us {
            return conflict("This moment has not come yet. Enter one that is over.".to_owned());
        }
        let mut group = self.begin_group().await?;
        let sits: Option<Open> = on_group!(group, conn, dialect => {
            sqlx::query_as(LIVE_AT.text(dialect)).bind(battery.battery_id.0).bind(swap.position).fetch_optional(conn).await?
        });
        if sits.as_ref().map(|(_, cell, ..)| *cell) != swap.seen.map(|cell| cell.0) {
            return conflict(format!(
                "Somebody else changed place {} of {} in the meantime. Look at what sits there now.",
                swap.position, battery.name
            ));
        }
        if swap.seen == swap.cell {
            return conflict("This is what sits there already. Choose another cell, or none.".to_owned());
        }
        if let Some(sits) = &sits {
            group.leave(sits, swap.at_us).await?;
        }
        let mut new_name = None;
        if let Some(cell) = swap.cell {
            let name: Option<(String,)> = on_group!(group, conn, dialect => {
                sqlx::query_as(NAME_OF_CELL.text(dialect)).bind(cell.0).fetch_optional(conn).await?
            });
            let Some((name,)) = name else { return conflict(format!("There is no cell {cell} in use.")) };
            let elsewhere: Option<Open> = on_group!(group, conn, dialect => {
                sqlx::query_as(LIVE_OF_CELL.text(dialect)).bind(cell.0).fetch_optional(conn).await?
            });
            if let Some(elsewhere) = &elsewhere {
                group.leave(elsewhere, swap.at_us).await?;
            }
            group.enter(battery, cell, swap).await?;
            new_name = Some(object(cell, &name));
        }
        let old_name = sits.map(|(_, cell, _, name)| object(CellId(cell), &name));
        let change = Change::new("swap cell", format!("battery {}, {}", battery.battery_id, battery.name))
            .from(json!({ "position": swap.position, "cell": old_name }))
            .to(json!({ "position": swap.position, "cell": new_name, "at_us": swap.at_us }))
            .because(&swap.reason);
        group.audit(by, &change, now_us).await?;
        group.commit().await
    }

    /// Registers a new cell for each empty place of a battery, at most [`FILL_MAX`]; returns how many.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn fill_places(&self, by: &Actor, battery: &Battery, now_us: i64) -> Result<usize, StoreError> {
        let taken: Vec<i64> = self.places(battery.battery_id).await?.into_iter().map(|place| place.position).collect();
        let empty = (1..=i64::from(battery.places())).filter(|position| !taken.contains(position)).take(FILL_MAX);
        let mut group = self.begin_group().await?;
        let mut cells = Vec::new();
        for position in empty {
            let cell = group.add_cell_of(battery, position, now_us).await?;
            let swap = Swap { position, seen: None, cell: Some(cell), at_us: now_us, reason: String::new() };
            group.enter(battery, cell, &swap).await?;
            cells.push(cell.0);
        }
        if cells.is_empty() {
            return Ok(0);
        }
        let change = Change::new("register cells", format!("battery {}, {}", battery.battery_id, battery.name))
            .to(json!({ "cells": cells }));
        group.audit(by, &change, now_us).await?;
        group.commit().await?;
        Ok(cells.len())
    }
}

impl Group {
    /// Ends an open place.
    async fn leave(&mut self, (place, cell, from_us, name): &Open, at_us: i64) -> Result<(), StoreError> {
        if at_us < *from_us {
            return Err(StoreError::Conflict(format!(
                "{name} has been there only since a later moment. Enter one after it."
            )));
        }
        let ended = on_group!(self, conn, dialect => {
            sqlx::query(END.text(dialect)).bind(at_us).bind(place).bind(cell).execute(conn).await?.rows_affected()
        });
        if ended == 1 { Ok(()) } else { Err(taken_meanwhile()) }
    }

    /// Begins a place.
    async fn enter(&mut self, battery: &Battery, cell: CellId, swap: &Swap) -> Result<(), StoreError> {
        let (battery_id, position) = (battery.battery_id.0, swap.position);
        let (last_us,): (i64,) = on_group!(self, conn, dialect => {
            sqlx::query_as(LAST_END.text(dialect)).bind(battery_id).bind(position).bind(cell.0).fetch_one(conn).await?
        });
        if swap.at_us < last_us {
            let why = "At that moment the place or the cell was still taken. Enter a later one.";
            return Err(StoreError::Conflict(why.to_owned()));
        }
        let begun = on_group!(self, conn, dialect => {
            sqlx::query(BEGIN.text(dialect))
                .bind(cell.0)
                .bind(battery_id)
                .bind(position)
                .bind(swap.at_us)
                .bind(cell.0)
                .bind(position)
                .bind(&swap.reason)
                .execute(conn)
                .await
                .map(|done| done.rows_affected())
        });
        match begun.map_err(|error| StoreError::or_duplicate(error, "A cell in place", &position.to_string())) {
            Ok(_) => Ok(()),
            Err(StoreError::Duplicate { .. }) => Err(taken_meanwhile()),
            Err(error) => Err(error),
        }
    }

    /// A new cell of the battery's chemistry, named after its place.
    async fn add_cell_of(&mut self, battery: &Battery, position: i64, now_us: i64) -> Result<CellId, StoreError> {
        let pack: String = battery.name.chars().take(60).collect();
        let mut facts = CellFacts::new("", battery.technology, &battery.chemistry);
        let mut tried = 1;
        loop {
            // The cell that had this name before may lie on a shelf.
            let again = if tried == 1 { String::new() } else { format!(" ({tried})") };
            facts.name = format!("{pack} c{position}{again}");
            match self.add_cell(&facts, None, now_us).await {
                Err(StoreError::Duplicate { .. }) if tried < NAMES_TRIED => tried += 1,
                done => return done,
            }
        }
    }
}

fn taken_meanwhile() -> StoreError {
    StoreError::Conflict("Somebody else moved a cell at the same moment. Look at what sits there now.".to_owned())
}
