//! Column sets: the names of a block's columns, stored once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::sample::Column;

statements! {
    BY_DIGEST = "
        SELECT column_set_id
        FROM column_set
        WHERE names_sha256 = ?";
    // On MariaDB another lane of the writer may store the same set meanwhile: the id is then that one's.
    INSERT = "
        INSERT INTO column_set (names_sha256, names_json)
        VALUES (?, ?)" | "
        INSERT INTO column_set (names_sha256, names_json)
        VALUES (?, ?)
        ON DUPLICATE KEY UPDATE column_set_id = LAST_INSERT_ID(column_set_id)";
    NAMES = "
        SELECT names_json
        FROM column_set
        WHERE column_set_id = ?";
}

/// Sets kept in memory; a laboratory has a few dozen.
const KNOWN_MAX: usize = 4_096;

/// Column sets that were read: what is committed of them never changes.
#[derive(Debug, Clone, Default)]
pub(super) struct Known(Arc<Mutex<HashMap<i64, Vec<String>>>>);

impl Known {
    fn get(&self, id: i64) -> Option<Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn keep(&self, id: i64, names: &[String]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(id, names.to_vec());
    }
}

impl Group {
    /// The id of a list of column names, stored when it is new.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn column_set(&mut self, columns: &[Column]) -> Result<i64, StoreError> {
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let names_json = serde_json::Value::from(names).to_string();
        let digest: [u8; 32] = Sha256::digest(names_json.as_bytes()).into();
        let known: Option<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(BY_DIGEST.text(dialect)).bind(digest.as_slice()).fetch_optional(conn).await?
        });
        if let Some((id,)) = known {
            return Ok(id);
        }
        Ok(on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(digest.as_slice())
                .bind(&names_json)
                .execute(conn)
                .await?
                .inserted_id()
        }))
    }

    /// The names of a column set, in order.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when there is no such set.
    pub async fn column_names(&mut self, column_set_id: i64) -> Result<Vec<String>, StoreError> {
        let row: Option<(String,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(NAMES.text(dialect)).bind(column_set_id).fetch_optional(conn).await?
        });
        parse(column_set_id, row)
    }
}

impl Store {
    /// The names of the given column sets, in order.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when one is missing.
    pub async fn column_sets(
        &self,
        ids: impl IntoIterator<Item = i64>,
    ) -> Result<HashMap<i64, Vec<String>>, StoreError> {
        let mut sets = HashMap::new();
        for id in ids {
            if sets.contains_key(&id) {
                continue;
            }
            if let Some(names) = self.columns.get(id) {
                sets.insert(id, names);
                continue;
            }
            // A stream has one set, rarely two: no loop worth a join.
            let row: Option<(String,)> = on_read!(&self.db, pool, dialect => {
                sqlx::query_as(NAMES.text(dialect)).bind(id).fetch_optional(pool).await?
            });
            let names = parse(id, row)?;
            self.columns.keep(id, &names);
            sets.insert(id, names);
        }
        Ok(sets)
    }
}

fn parse(column_set_id: i64, row: Option<(String,)>) -> Result<Vec<String>, StoreError> {
    let unreadable = |reason: String| StoreError::Unreadable { what: format!("column set {column_set_id}"), reason };
    let (json,) = row.ok_or_else(|| unreadable("it is missing".to_owned()))?;
    serde_json::from_str(&json).map_err(|error| unreadable(error.to_string()))
}
