//! `GET /experiments/download?pick=…&as=csv|bdf-parquet|ro-crate|report`: picked experiments of the list as one zip.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::data::send_bundle;
use crate::domain::audit::Change;
use crate::domain::ids::ExperimentId;
use crate::domain::sample::Subject;
use crate::exchange::bundle::{Bundle, Content};
use crate::exchange::format::Format;
use crate::report::csv::Dialect;
use crate::web::download::file;
use crate::web::moment::day;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

/// Most experiments of one zip: a page of the list.
const PICKED_MAX: usize = 50;

#[derive(Template)]
#[template(path = "experiments/picked.html")]
struct Page {
    layout: Layout,
    message: String,
}

/// What the zip has of each, by the word of the button.
const CONTENTS: [(&str, Content); 4] = [
    ("csv", Content::Table(Format::Csv(Dialect::Cellar))),
    ("bdf-parquet", Content::Table(Format::Parquet(Dialect::BdfMachine))),
    ("ro-crate", Content::Table(Format::RoCrate)),
    ("report", Content::Report),
];

/// Answers with the zip, written while it is sent.
///
/// # Errors
/// 404 for an experiment that is not there, 429 when the visitor fetches two files already. What cannot be picked is said.
pub async fn zip(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    query: web::Query<Vec<(String, String)>>,
) -> Result<HttpResponse, WebError> {
    let mut picked: Vec<i64> = Vec::new();
    let mut content = CONTENTS[0].1;
    for (field, value) in query.iter() {
        match field.as_str() {
            "pick" => picked.push(value.parse().map_err(|_| WebError::NotFound("such experiment"))?),
            "as" => {
                let known = CONTENTS.iter().find(|(word, _)| word == value);
                content = known.ok_or(WebError::NotFound("such form"))?.1;
            }
            _ => {}
        }
    }
    picked.sort_unstable();
    picked.dedup();
    if picked.is_empty() || picked.len() > PICKED_MAX {
        let message = if picked.is_empty() {
            "No experiment is picked. Tick some in the list first.".to_owned()
        } else {
            format!(
                "{} experiments are picked. Pick {PICKED_MAX} or fewer, and fetch the others afterwards.",
                picked.len()
            )
        };
        let page = Page { layout: Layout::new(&request, "experiments"), message };
        return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &page);
    }
    let mut experiments = Vec::with_capacity(picked.len());
    for id in &picked {
        let experiment = state.store.experiment(ExperimentId(*id)).await?;
        experiments.push(experiment.ok_or(WebError::NotFound("such experiment"))?);
        state.store.check_archived(Subject::Experiment(ExperimentId(*id))).await?;
    }
    let (actor, now_us) = (visitor.actor(), state.clock.now_us());
    let turn = state.downloads.turn(&actor.name)?;
    let told: Vec<String> = picked.iter().map(ToString::to_string).collect();
    let (deed, kind) =
        if content == Content::Report { ("export report", "reports") } else { ("export experiment", "experiments") };
    let change = Change::new(deed, format!("experiments {}", told.join(", ")));
    state.store.audit(&actor, &change, now_us).await?;
    let bundle = Bundle::new(&state.store, experiments, content, now_us);
    let ending = if content == Content::Table(Format::RoCrate) { Format::RoCrate.ending() } else { ".zip" };
    let name = format!("cellar-{kind}-{}{ending}", day(now_us));
    Ok(file(&name, "application/zip", turn, |pieces| send_bundle(bundle, pieces)))
}
