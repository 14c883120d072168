//! A commit group: everything the ingest writer stores in one transaction.
//!
//! What a group may do stands beside each entity (`impl Group` in its file).

use sqlx::{MySql, Sqlite, Transaction};

use super::{Db, Store, StoreError, failpoint};
use crate::archive::Archive;
use crate::domain::ids::ExperimentId;

/// One open write transaction. Dropped without [`Group::commit`], it leaves no trace.
#[derive(Debug)]
pub struct Group {
    pub(super) tx: GroupTx,
    /// Where chunks are that left the database.
    pub(super) archive: Option<Archive>,
    /// Experiments changed so far: they are numbered at the end, see `transitions`.
    pub(super) touched_experiments: Vec<ExperimentId>,
    /// The last change of a run's state, for tests that let the process die around its commit.
    #[cfg(debug_assertions)]
    pub(super) edge: String,
}

#[derive(Debug)]
pub(super) enum GroupTx {
    Sqlite(Transaction<'static, Sqlite>),
    MySql(Transaction<'static, MySql>),
}

/// Runs a body with the connection of a group.
macro_rules! on_group {
    ($group:expr, $conn:ident, $dialect:ident => $body:expr) => {
        match &mut $group.tx {
            $crate::store::group::GroupTx::Sqlite(tx) => {
                let $dialect = $crate::store::sql::Dialect::Sqlite;
                let $conn = &mut **tx;
                $body
            }
            $crate::store::group::GroupTx::MySql(tx) => {
                let $dialect = $crate::store::sql::Dialect::MySql;
                let $conn = &mut **tx;
                $body
            }
        }
    };
}
pub(super) use on_group;

impl Store {
    /// Starts a group.
    ///
    /// # Errors
    /// When the database is away or locked by another process.
    pub async fn begin_group(&self) -> Result<Group, StoreError> {
        let tx = match &self.db {
            // IMMEDIATE: waits for the lock now, not in the middle.
            Db::Sqlite { write, .. } => GroupTx::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
            Db::MySql(pool) => GroupTx::MySql(pool.begin().await?),
        };
        Ok(Group {
            tx,
            archive: self.archive.clone(),
            touched_experiments: Vec::new(),
            #[cfg(debug_assertions)]
            edge: String::new(),
        })
    }
}

impl Group {
    /// Notes that this group changes an experiment: lists see it after the commit.
    pub(super) fn touch_experiment(&mut self, experiment: ExperimentId) {
        self.touched_experiments.push(experiment);
    }

    /// Makes everything durable. After `Ok`, no crash and no loss of power takes it away.
    ///
    /// # Errors
    /// When the database could not; nothing of the group is stored then (or, if only the answer was lost, all of it:
    /// the writer finds out when it reads back what is committed).
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.stamp_experiments().await?;
        failpoint!(&self.edge, "before-commit");
        match self.tx {
            GroupTx::Sqlite(tx) => tx.commit().await?,
            GroupTx::MySql(tx) => tx.commit().await?,
        }
        failpoint!(&self.edge, "after-commit");
        Ok(())
    }
}
