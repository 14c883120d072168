//! The experiment that a file becomes.

use serde_json::json;

use super::{
    ACTOR_MAX, BATTERY, EXPERIMENT, Imported, ImportedBattery, PROFILE_ASIDE, PROFILE_NAMED, PROFILE_STEPS,
    PROFILE_UNKNOWN, STATION,
};
use crate::domain::audit::{Actor, Change};
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{ExperimentId, ProfileId};
use crate::domain::profile::{Program, Steps};
use crate::store::group::on_group;
use crate::store::profiles::NewProfile;
use crate::store::sql::InsertedId;
use crate::store::{Group, StoreError};

impl Group {
    pub(super) async fn insert_imported(
        &mut self,
        by: &Actor,
        imported: &Imported<'_>,
        now_us: i64,
    ) -> Result<ExperimentId, StoreError> {
        let missing = |what: &'static str, id: i64| StoreError::Missing { what, name: id.to_string() };
        let station: Option<(i64,)> =
            on_group!(self, conn, dialect => sqlx::query_as(STATION.text(dialect)).fetch_optional(conn).await?);
        let (station,) = station.ok_or(StoreError::Missing {
            what: "station for experiments measured elsewhere",
            name: "Virtual".to_owned(),
        })?;
        let battery = match &imported.battery {
            ImportedBattery::New(new) => self.add_battery(by, new, None, now_us).await?,
            ImportedBattery::Known(battery) => {
                let (found,): (i64,) = on_group!(self, conn, dialect => {
                    sqlx::query_as(BATTERY.text(dialect)).bind(battery.0).fetch_one(conn).await?
                });
                if found == 1 { *battery } else { return Err(missing("such battery", battery.0)) }
            }
        };
        let profile = match imported.profile {
            Some(profile) => profile,
            None => self.unknown_profile(now_us).await?,
        };
        let steps: Option<(String,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(PROFILE_STEPS.text(dialect)).bind(profile.0).fetch_optional(conn).await?
        });
        let (steps,) = steps.ok_or_else(|| missing("such profile", profile.0))?;
        let state = ExperimentState::Finished;
        let id = on_group!(self, conn, dialect => {
            sqlx::query(EXPERIMENT.text(dialect))
                .bind(imported.name)
                .bind(imported.description)
                .bind(battery.0)
                .bind(station)
                .bind(profile.0)
                .bind(&steps)
                .bind(state.as_str())
                .bind(by.name.chars().take(ACTOR_MAX).collect::<String>())
                .bind(imported.once)
                .bind(now_us)
                .bind(imported.started_at_us)
                .bind(imported.finished_at_us)
                .bind(now_us)
                .execute(conn)
                .await
                .map(|done| done.inserted_id())
        });
        let id = id.map_err(|error| StoreError::or_duplicate(error, "An experiment of the form", "sent twice"))?;
        let id = ExperimentId(id);
        self.tell_transition(id, None, state, &by.name, "Imported from a file", now_us).await?;
        let told = json!({
            "name": imported.name, "battery_id": battery.0, "profile_id": profile.0,
            "description": imported.description, "evidence": imported.evidence,
        });
        self.audit(by, &Change::new("import experiment", format!("experiment {id}")).to(told), now_us).await?;
        Ok(id)
    }

    /// The profile of what nobody knows the steps of, made when it is first needed.
    async fn unknown_profile(&mut self, now_us: i64) -> Result<ProfileId, StoreError> {
        let known: Option<(i64,)> = on_group!(self, conn, dialect => {
            sqlx::query_as(PROFILE_NAMED.text(dialect)).bind(PROFILE_UNKNOWN).fetch_optional(conn).await?
        });
        if let Some((id,)) = known {
            return Ok(ProfileId(id));
        }
        let profile = NewProfile {
            name: PROFILE_UNKNOWN.to_owned(),
            description: "Stands for the steps of experiments that were measured elsewhere.".to_owned(),
            program: Program::from(&Steps { steps: Vec::new(), cycles: 1 }),
            text: String::new(),
        };
        let id = self.insert_profile(&profile, None, now_us).await?;
        on_group!(self, conn, dialect => {
            sqlx::query(PROFILE_ASIDE.text(dialect)).bind(now_us).bind(id.0).execute(conn).await?;
        });
        Ok(id)
    }
}
