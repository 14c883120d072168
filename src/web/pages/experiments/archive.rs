//! `GET` and `POST /experiments/{id}/bring-back`: has the rows of an experiment return from the archive. And the line on its
//! page that says where its rows are.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use crate::store::archiving::Archived;
use crate::store::experiments::Experiment;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "experiments/bring_back.html")]
struct Page {
    layout: Layout,
    experiment: Experiment,
    archived: Option<Whereabouts>,
}

/// Where the rows of an experiment are, for its page.
pub(super) struct Whereabouts {
    /// When they went there.
    pub(super) moment: Moment,
    /// Where to.
    pub(super) place: String,
    /// How much it is: “3 files, 12.4 MB”.
    pub(super) size: String,
    /// Whether they are on their way back.
    pub(super) is_coming_back: bool,
}

impl Whereabouts {
    /// Asks where the rows of an experiment are; `None` when all of them are in the database.
    pub(super) async fn of(state: &State, experiment: &Experiment) -> Result<Option<Self>, WebError> {
        let found = state.store.archived(experiment.experiment).await?;
        Ok(found.map(|archived| Self::new(archived, state.clock.now_us())))
    }

    fn new(archived: Archived, now_us: i64) -> Self {
        Self {
            moment: Moment::with_seconds(archived.at_us, now_us),
            size: size(archived.files, archived.bytes),
            place: archived.place,
            is_coming_back: archived.is_coming_back,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a size for people, to three digits")]
fn size(files: i64, bytes: i64) -> String {
    let megabytes = bytes as f64 / 1e6;
    let files = if files == 1 { "1 file".to_owned() } else { format!("{files} files") };
    if megabytes < 0.1 { format!("{files}, less than 0.1 MB") } else { format!("{files}, {megabytes:.1} MB") }
}

/// Asks whether they are to come back.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    let archived = Whereabouts::of(&state, &experiment).await?;
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "experiments"), experiment, archived })
}

/// Notes the wish; the leading server fulfils it.
///
/// # Errors
/// 404 for an experiment that is not there.
pub async fn bring_back(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?.experiment;
    if state.store.archived(experiment).await?.is_some() {
        state.store.bring_back(&visitor.actor(), experiment, state.clock.now_us()).await?;
    }
    Ok(answer::see_other(&format!("/experiments/{experiment}?done=back")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_read_at_a_glance() {
        assert_eq!(size(1, 12_345_678), "1 file, 12.3 MB");
        assert_eq!(size(3, 900), "3 files, less than 0.1 MB");
    }
}
