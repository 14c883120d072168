//! Profiles.

mod change;

use sha2::{Digest, Sha256};

use super::sql::{on_read, statements};
use super::{Store, StoreError};
use crate::domain::ids::ProfileId;
use crate::domain::profile::{Program, Steps, text};

statements! {
    INSERT = "
        INSERT INTO profile
            (name, description, steps_json, source_text, content_sha256, once_token, created_at_us, updated_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    BY_NAME = "
        SELECT profile_id
        FROM profile
        WHERE name = ?";
    BY_ONCE = "
        SELECT profile_id
        FROM profile
        WHERE once_token = ?";
    BY_ID = "
        SELECT profile_id, name, description, steps_json, source_text, retired_at_us, version, created_at_us, updated_at_us
        FROM profile
        WHERE profile_id = ?";
    LIST = "
        SELECT profile_id, name, description, steps_json, source_text, retired_at_us, version, created_at_us,
            updated_at_us
        FROM profile
        ORDER BY profile_id DESC
        LIMIT ?";
    CHOICES = "
        SELECT profile_id, name, steps_json, source_text
        FROM profile
        WHERE retired_at_us IS NULL
        ORDER BY name
        LIMIT ?";
    SAME_CONTENT = "
        SELECT profile_id, name, steps_json, source_text
        FROM profile
        WHERE content_sha256 = ? AND retired_at_us IS NULL
        ORDER BY profile_id
        LIMIT 1";
    EDIT = "
        UPDATE profile
        SET name = ?, description = ?, steps_json = ?, source_text = ?, content_sha256 = ?, updated_at_us = ?,
            version = version + 1
        WHERE profile_id = ? AND version = ?";
    RETIRE = "
        UPDATE profile
        SET retired_at_us = ?, updated_at_us = ?, version = version + 1
        WHERE profile_id = ? AND version = ?";
}

/// Most profiles a list looks at, newest first: far more than a lab keeps, and still a few milliseconds.
pub const PROFILES_MAX: i64 = 2_000;

/// A profile to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewProfile {
    /// Unique.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// What it does.
    pub program: Program,
    /// The text as typed, with its comments; empty when it was not typed as text.
    pub text: String,
}

/// A stored profile.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Key.
    pub profile_id: ProfileId,
    /// Unique.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// What it does.
    pub program: Program,
    /// The text as typed, with its comments, or as written; empty in rows of earlier versions.
    pub text: String,
    /// When it was retired, µs UTC; `None` while it can be chosen.
    pub retired_at_us: Option<i64>,
    /// Grows with each change: two people who edit at once are told.
    pub version: i64,
    /// When it was made, µs UTC.
    pub created_at_us: i64,
    /// When it was last changed, µs UTC.
    pub updated_at_us: i64,
}

/// A profile as it is offered.
#[derive(Debug, Clone, PartialEq)]
pub struct ProfileChoice {
    /// Key.
    pub profile_id: ProfileId,
    /// Unique.
    pub name: String,
    /// What it does.
    pub program: Program,
}

#[derive(sqlx::FromRow)]
struct ProfileRow {
    profile_id: i64,
    name: String,
    description: String,
    steps_json: String,
    source_text: String,
    retired_at_us: Option<i64>,
    version: i64,
    created_at_us: i64,
    updated_at_us: i64,
}

#[derive(sqlx::FromRow)]
struct ChoiceRow {
    profile_id: i64,
    name: String,
    steps_json: String,
    source_text: String,
}

impl ProfileRow {
    fn profile(self) -> Result<Profile, StoreError> {
        Ok(Profile {
            profile_id: ProfileId(self.profile_id),
            program: program(&self.steps_json, &self.source_text, &self.name)?,
            name: self.name,
            description: self.description,
            text: self.source_text,
            retired_at_us: self.retired_at_us,
            version: self.version,
            created_at_us: self.created_at_us,
            // Profiles of earlier versions were never changed.
            updated_at_us: if self.updated_at_us == 0 { self.created_at_us } else { self.updated_at_us },
        })
    }
}

impl ChoiceRow {
    fn choice(self) -> Result<ProfileChoice, StoreError> {
        Ok(ProfileChoice {
            profile_id: ProfileId(self.profile_id),
            program: program(&self.steps_json, &self.source_text, &self.name)?,
            name: self.name,
        })
    }
}

impl Profile {
    /// The text as typed where it still says what is stored, otherwise the written program.
    #[must_use]
    pub fn text_form(&self) -> String {
        let is_current = text::read(&self.text).is_ok_and(|typed| typed == self.program);
        if is_current { self.text.clone() } else { text::write(&self.program) }
    }
}

impl Store {
    /// The profile of that name.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_named(&self, name: &str) -> Result<Option<ProfileId>, StoreError> {
        let row: Option<(i64,)> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_NAME.text(dialect)).bind(name).fetch_optional(pool).await?
        });
        Ok(row.map(|(id,)| ProfileId(id)))
    }

    /// One profile, retired or not.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile(&self, id: ProfileId) -> Result<Option<Profile>, StoreError> {
        let row: Option<ProfileRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(BY_ID.text(dialect)).bind(id.0).fetch_optional(pool).await?
        });
        row.map(ProfileRow::profile).transpose()
    }

    /// All profiles, retired ones too; the newest [`PROFILES_MAX`], newest first and without their text.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profiles(&self) -> Result<Vec<Profile>, StoreError> {
        let rows: Vec<ProfileRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(LIST.text(dialect)).bind(PROFILES_MAX).fetch_all(pool).await?
        });
        rows.into_iter().map(ProfileRow::profile).collect()
    }

    /// Profiles that can be chosen, by name; at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_choices(&self, limit: i64) -> Result<Vec<ProfileChoice>, StoreError> {
        let rows: Vec<ChoiceRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(CHOICES.text(dialect)).bind(limit).fetch_all(pool).await?
        });
        rows.into_iter().map(ChoiceRow::choice).collect()
    }

    /// A profile that can be chosen and does the same, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn profile_with_content(&self, program: &Program) -> Result<Option<ProfileChoice>, StoreError> {
        let digest = content_sha256(program);
        let row: Option<ChoiceRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(SAME_CONTENT.text(dialect)).bind(digest.as_slice()).fetch_optional(pool).await?
        });
        row.map(ChoiceRow::choice).transpose()
    }
}

/// Digest of what a program does, whatever text it came from.
fn content_sha256(program: &Program) -> [u8; 32] {
    Sha256::digest(text::write(program).as_bytes()).into()
}

/// The steps for a battery; none where a C-rate has no capacity to refer to, so that the page still shows the rest.
pub(super) fn resolved(program: &Program, capacity_ah: Option<f64>) -> Steps {
    let nothing = |_| Steps { steps: Vec::new(), cycles: program.cycles };
    program.resolve(capacity_ah.unwrap_or_default()).unwrap_or_else(nothing)
}

/// The program of a row. The text is exact to the last bit; JSON of a third or an eleventh is not, and it is what rows of
/// earlier versions have alone.
fn program(steps_json: &str, source_text: &str, name: &str) -> Result<Program, StoreError> {
    text::read(source_text).or_else(|_| from_json(steps_json, || format!("profile “{name}”")))
}

/// The text that is stored: as typed, or as written where it was not typed as text.
fn stored_text(profile: &NewProfile) -> String {
    if profile.text.is_empty() { text::write(&profile.program) } else { profile.text.clone() }
}

/// A program as stored; `what` names the row for the error.
pub(super) fn from_json(json: &str, what: impl FnOnce() -> String) -> Result<Program, StoreError> {
    Program::from_json(json).map_err(|error| StoreError::Unreadable { what: what(), reason: error.to_string() })
}
