//! Brings the tables up to date: forward only, the same numbers and names on both engines.

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
