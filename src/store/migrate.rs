//! Brings the tables up to date: forward only, the same numbers and names on both engines.

use super::sql::{on_read, statements};
use super::{Db, Store, StoreError};

static SQLITE: sqlx::migrate::Migrator = sqlx::migrate!("migrations/sqlite");
static MYSQL: sqlx::migrate::Migrator = sqlx::migrate!("migrations/mysql");

impl Store {
    /// Applies what is missing; harmless when nothing is. Returns how many steps the schema now has.
    ///
    /// A step that was cut short by a crash is run again: every step can be.
    ///
    /// # Errors
    /// [`StoreError::Migrate`] when a step fails, or the schema comes from a newer version.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        match &self.db {
            Db::Sqlite { write, .. } => SQLITE.run(write).await.map_err(StoreError::Migrate)?,
            // An account that may not change tables can run a server whose tables are up to date.
            Db::MySql(_) if self.is_up_to_date().await => {}
            Db::MySql(pool) => {
                // MySQL commits each DDL statement by itself: a crash leaves its step marked as begun.
                if let Err(sqlx::migrate::MigrateError::Dirty(version)) = MYSQL.run(pool).await {
                    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = ? AND success = FALSE")
                        .bind(version)
                        .execute(pool)
                        .await?;
                }
                MYSQL.run(pool).await.map_err(StoreError::Migrate)?;
            }
        }
        Ok(SQLITE.iter().count())
    }

    /// Whether exactly the steps of this version were applied; `false` also when nobody knows.
    async fn is_up_to_date(&self) -> bool {
        let Db::MySql(pool) = &self.db else { return false };
        let applied: Result<Vec<(i64, Vec<u8>)>, _> = sqlx::query_as(APPLIED).fetch_all(pool).await;
        let steps = MYSQL.iter().map(|step| (step.version, step.checksum.to_vec()));
        applied.is_ok_and(|applied| applied.into_iter().eq(steps))
    }
}

/// Not among the statements that are prepared on both engines: the table is the migrator's own.
const APPLIED: &str = "
    SELECT version, checksum
    FROM _sqlx_migrations
    WHERE success = TRUE
    ORDER BY version";

statements! {
    COLUMNS = "
        SELECT t.name, c.name
        FROM sqlite_schema t
        JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '_sqlx_%'
        ORDER BY t.name, c.name" | "
        SELECT table_name, column_name
        FROM information_schema.columns
        WHERE table_schema = DATABASE() AND table_name NOT LIKE '_sqlx_%'
        ORDER BY table_name, column_name";
}

impl Store {
    /// Every column as (table, column), in that order: the engines must agree.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn table_columns(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut columns: Vec<(String, String)> =
            on_read!(&self.db, pool, dialect => sqlx::query_as(COLUMNS.text(dialect)).fetch_all(pool).await?);
        // The engines disagree where an underscore stands among letters.
        columns.sort_unstable();
        Ok(columns)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn both_engines_have_the_same_steps() {
        let steps = |migrator: &sqlx::migrate::Migrator| -> Vec<(i64, String)> {
            migrator.iter().map(|step| (step.version, step.description.to_string())).collect()
        };
        assert_eq!(steps(&super::SQLITE), steps(&super::MYSQL));
    }
}
