//! Profiles: the library, the editor with its two views, and what a profile will do.

pub mod add;
pub mod check;
pub mod download;
pub mod edit;
mod editor;
mod entered;
pub mod list;
pub mod retire;
pub mod show;
pub(super) mod trial;
mod typed;
pub mod upload;

pub use entered::Entered;

use super::monitor::status::Status;
use crate::domain::ids::ProfileId;
use crate::domain::profile::{Program, ProgramStep};
use crate::store::profiles::Profile;
use crate::web::{State, WebError};

const READY: Status = Status { icon: "circle-check", word: "In use", tone: "good" };
const RETIRED: Status = Status { icon: "archive", word: "Retired", tone: "away" };

/// How a profile stands.
#[must_use]
pub fn status(profile: &Profile) -> Status {
    if profile.retired_at_us.is_some() { RETIRED } else { READY }
}

/// The steps in a few words: “5 steps, 100 times”.
#[must_use]
pub fn extent(program: &Program) -> String {
    let steps = match program.steps.len() {
        1 => "1 step".to_owned(),
        count => format!("{count} steps"),
    };
    if program.cycles > 1 { format!("{steps}, {} times", program.cycles) } else { steps }
}

/// The first steps as one sentence, for lists.
#[must_use]
pub fn gist(program: &Program) -> String {
    const STEPS_SHOWN: usize = 4;
    let shorts: Vec<String> = program.steps.iter().take(STEPS_SHOWN).map(ProgramStep::short).collect();
    let more = if program.steps.len() > STEPS_SHOWN { " …" } else { "" };
    shorts.join(" · ") + more
}

/// The profile of an address.
///
/// # Errors
/// 404 for one that is not there.
pub async fn find(state: &State, id: &str) -> Result<Profile, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such profile");
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.profile(ProfileId(id)).await?.ok_or(UNKNOWN)
}
