//! Folding SQLite's write-ahead log into the database file, beside the writer and not in its way.
//!
//! SQLite does that itself at the end of some commit, which then takes as long as a few megabytes and a sync of the disk do:
//! readings that come in meanwhile wait. Here another connection copies most of the log while the writer goes on, and the
//! writer only what was written in between. None of it waits for anybody: SQLite waits by looking again after longer and
//! longer pauses, which would hold up the writer more than any of this.

use std::time::{Duration, Instant};

use sqlx::SqlitePool;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::{Db, Store, StoreError};

/// How often the log is looked at.
const PERIOD: Duration = Duration::from_millis(250);
/// Pages to be copied that are worth a sync of the disk: 8 MB.
const PAGES_MIN: i64 = 2_000;
/// Pages from which on the log is begun anew: 16 MB. Until everything in it is copied it only grows.
const PAGES_MAX: i64 = 4_000;
/// How long the writer is left alone after a reader was in the way of copying all of it.
const LEFT_ALONE: Duration = Duration::from_secs(1);

/// Pages of a log, and how many of them are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Log {
    pages: i64,
    copied: i64,
}

impl Store {
    /// Folds the log of a SQLite file again and again, until `stop` is true (or its sender is gone). Nothing to do on MariaDB.
    pub async fn fold_log(self, mut stop: watch::Receiver<bool>) {
        let Db::Sqlite { fold, write, .. } = &self.db else { return };
        let mut tick = interval(PERIOD);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut again_at = Instant::now();
        loop {
            tokio::select! {
                _ = tick.tick() => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
            // What fails here, fails the writer too, which says so.
            if let Ok(true) = step(fold, write, Instant::now() >= again_at).await {
                again_at = Instant::now() + LEFT_ALONE;
            }
        }
    }
}

/// Copies what is worth it; with `may_hold` the writer copies the rest of a long log, which is then begun anew. Whether a reader
/// was in the way of that.
async fn step(fold: &SqlitePool, write: &SqlitePool, may_hold: bool) -> Result<bool, StoreError> {
    let log = log(fold, "PRAGMA wal_checkpoint(NOOP)").await?;
    if log.pages - log.copied < PAGES_MIN {
        return Ok(false);
    }
    let log = self::log(fold, "PRAGMA wal_checkpoint(PASSIVE)").await?;
    if log.pages < PAGES_MAX || !may_hold {
        return Ok(false);
    }
    let log = self::log(write, "PRAGMA wal_checkpoint(PASSIVE)").await?;
    Ok(log.copied < log.pages)
}

async fn log(fold: &SqlitePool, pragma: &'static str) -> Result<Log, StoreError> {
    let (_, pages, copied): (i64, i64, i64) = sqlx::query_as(pragma).fetch_one(fold).await?;
    Ok(Log { pages, copied })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_is_copied_and_begun_anew_while_others_write_and_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cellar.db");
        let store = Store::open_file(&file).await.unwrap();
        let Db::Sqlite { read, write, fold } = &store.db else { panic!("it is a file") };
        sqlx::query("CREATE TABLE t (x BLOB)").execute(write).await.unwrap();
        let fill = async |pages: i64| {
            let rows = "INSERT INTO t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
                SELECT zeroblob(3900) FROM n";
            sqlx::query(rows).bind(pages).execute(write).await.unwrap();
        };
        fill(PAGES_MIN / 2).await;
        assert!(!step(fold, write, true).await.unwrap());
        let little = log(fold, "PRAGMA wal_checkpoint(NOOP)").await.unwrap();
        assert!(little.pages >= PAGES_MIN / 2 && little.copied == 0, "{little:?}: not worth it");

        // Somebody reads what was there before: it cannot be begun anew, and nothing is lost.
        let mut reader = read.begin().await.unwrap();
        let (seen,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM t").fetch_one(&mut *reader).await.unwrap();
        fill(PAGES_MAX).await;
        assert!(step(fold, write, true).await.unwrap(), "the reader is in the way");
        let (still,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM t").fetch_one(&mut *reader).await.unwrap();
        assert_eq!((seen, still), (PAGES_MIN / 2, PAGES_MIN / 2));
        reader.rollback().await.unwrap();

        assert!(!step(fold, write, true).await.unwrap());
        let copied = log(fold, "PRAGMA wal_checkpoint(NOOP)").await.unwrap();
        assert!(copied.pages == copied.copied && copied.pages > PAGES_MAX, "{copied:?}");
        fill(1).await;
        let anew = log(fold, "PRAGMA wal_checkpoint(NOOP)").await.unwrap();
        assert!(anew.pages < PAGES_MIN, "{anew:?}");
        let (rows,): (i64,) = sqlx::query_as("SELECT COUNT(*) FROM t").fetch_one(read).await.unwrap();
        assert_eq!(rows, PAGES_MIN / 2 + PAGES_MAX + 1);
        store.close().await;
    }
}
