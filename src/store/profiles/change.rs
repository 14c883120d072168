//! Profiles made, changed and retired, each with its entry in the audit log.

use serde_json::json;

use super::{BY_ONCE, EDIT, INSERT, NewProfile, Profile, RETIRE, content_sha256, stored_text};
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::ProfileId;
use crate::domain::profile::{Program, Steps, text};
use crate::store::group::on_group;
use crate::store::sql::{InsertedId, on_read};
use crate::store::{Group, Store, StoreError};

/// What is stored of a profile as the audit log tells it.
fn told(name: &str, description: &str, program: &Program) -> serde_json::Value {
    json!({ "name": name, "description": description, "steps": text::write(program) })
}

impl Store {
    /// Stores steps under a name, without asking who does it: for fixtures and the demo.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn add_profile(&self, name: &str, steps: &Steps, now_us: i64) -> Result<ProfileId, StoreError> {
        let profile = NewProfile {
            name: name.to_owned(),
            description: String::new(),
            program: Program::from(steps),
            text: String::new(),
        };
        self.create_profile(&Actor::server("fixture"), &profile, None, now_us).await
    }

    /// Stores a profile. Sent a second time with the same `once`, it is the profile of the first time.
    ///
    /// # Errors
    /// [`StoreError::Duplicate`] when the name is taken.
    pub async fn create_profile(
        &self,
        by: &Actor,
        profile: &NewProfile,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<ProfileId, StoreError> {
        if let Some(made) = self.profile_made_once(once).await? {
            return Ok(made);
        }
        let done = self.try_create_profile(by, profile, once, now_us).await;
        // On MariaDB two clicks may come at the same moment: the second one fails here.
        if done.as_ref().is_err_and(StoreError::is_duplicate)
            && let Some(made) = self.profile_made_once(once).await?
        {
            return Ok(made);
        }
        done
    }

    /// The profile a form with this mark made, if it did.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_made_once(&self, once: Option<&str>) -> Result<Option<ProfileId>, StoreError> {
        let Some(once) = once else { return Ok(None) };
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ONCE.text(dialect)).bind(once).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| ProfileId(id)))
    }

    async fn try_create_profile(
        &self,
        by: &Actor,
        profile: &NewProfile,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<ProfileId, StoreError> {
        let mut group = self.begin_group().await?;
        let id = group.create_profile(by, profile, once, now_us).await?;
        group.commit().await?;
        Ok(id)
    }

    /// Changes a profile as it was read at its version.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster, [`StoreError::Duplicate`] when the name is taken.
    pub async fn edit_profile(
        &self,
        by: &Actor,
        profile: &Profile,
        edit: &NewProfile,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let steps_json = to_json(&edit.program)?;
        let digest = content_sha256(&edit.program);
        let mut group = self.begin_group().await?;
        let done = on_group!(group, conn, dialect => {
            sqlx::query(EDIT.text(dialect))
                .bind(&edit.name)
                .bind(&edit.description)
                .bind(&steps_json)
                .bind(stored_text(edit))
                .bind(digest.as_slice())
                .bind(now_us)
                .bind(profile.profile_id.0)
                .bind(profile.version)
                .execute(conn)
                .await
                .map(|done| done.rows_affected())
        });
        let changed = done.map_err(|error| StoreError::or_duplicate(error, "A profile named", &edit.name))?;
        let change = Change::new("edit profile", format!("profile {}", profile.name));
        let change = change.from(told(&profile.name, &profile.description, &profile.program)).to(told(
            &edit.name,
            &edit.description,
            &edit.program,
        ));
        group.finish(by, profile, changed, &change, now_us).await
    }

    /// Takes a profile, as it was read at its version, out of what can be chosen, or brings it back.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when somebody else was faster.
    pub async fn retire_profile(
        &self,
        by: &Actor,
        profile: &Profile,
        retire: bool,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let mut group = self.begin_group().await?;
        let changed = on_group!(group, conn, dialect => {
            sqlx::query(RETIRE.text(dialect))
                .bind(retire.then_some(now_us))
                .bind(now_us)
                .bind(profile.profile_id.0)
                .bind(profile.version)
                .execute(conn)
                .await?
                .rows_affected()
        });
        let action = if retire { "retire profile" } else { "bring back profile" };
        let change = Change::new(action, format!("profile {}", profile.name));
        group.finish(by, profile, changed, &change, now_us).await
    }
}

impl Group {
    /// Stores a profile; what is written to the audit log is the caller's.
    pub(in crate::store) async fn insert_profile(
        &mut self,
        profile: &NewProfile,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<ProfileId, StoreError> {
        let steps_json = to_json(&profile.program)?;
        let digest = content_sha256(&profile.program);
        let done = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(&profile.name)
                .bind(&profile.description)
                .bind(&steps_json)
                .bind(stored_text(profile))
                .bind(digest.as_slice())
                .bind(once)
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await
                .map(|done| done.inserted_id())
        });
        done.map(ProfileId).map_err(|error| StoreError::or_duplicate(error, "A profile named", &profile.name))
    }
}

impl Group {
    /// Stores a profile together with whatever else this group stores, and tells the audit log.
    pub(in crate::store) async fn create_profile(
        &mut self,
        by: &Actor,
        profile: &NewProfile,
        once: Option<&str>,
        now_us: i64,
    ) -> Result<ProfileId, StoreError> {
        let id = self.insert_profile(profile, once, now_us).await?;
        let change = Change::new("add profile", format!("profile {}", profile.name));
        let change = change.to(told(&profile.name, &profile.description, &profile.program));
        self.audit(by, &change, now_us).await?;
        Ok(id)
    }

    /// Keeps a change of a profile, if it met the version it was made for.
    async fn finish(
        mut self,
        by: &Actor,
        profile: &Profile,
        changed: u64,
        change: &Change,
        now_us: i64,
    ) -> Result<(), StoreError> {
        if changed != 1 {
            return Err(StoreError::Conflict(format!(
                "Somebody else changed {} in the meantime. Look at what is stored now and change it again.",
                profile.name
            )));
        }
        self.audit(by, change, now_us).await?;
        self.commit().await
    }
}

fn to_json(program: &Program) -> Result<String, StoreError> {
    serde_json::to_string(program).map_err(|error| StoreError::Unreadable {
        what: "a profile to be stored".to_owned(),
        reason: error.to_string(),
    })
}
