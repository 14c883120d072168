//! `GET /experiments/download?pick=…&as=csv|report`: picked experiments of the list as one zip.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use chrono::{DateTime, Datelike, Local, Timelike, Utc};

use crate::domain::audit::Change;
use crate::domain::ids::ExperimentId;
use crate::exchange::export::CsvExport;
use crate::exchange::name;
use crate::exchange::report::report;
use crate::report::csv::Dialect;
use crate::report::experiment::file_name;
use crate::report::zip::{Zip, ZipError};
use crate::store::experiments::Experiment;
use crate::store::{Store, StoreError};
use crate::web::download::{Pieces, file};
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

/// What becomes of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Csv,
    Report,
}

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
    let mut wanted = Wanted::Csv;
    for (field, value) in query.iter() {
        match field.as_str() {
            "pick" => picked.push(value.parse().map_err(|_| WebError::NotFound("such experiment"))?),
            "as" if value == "report" => wanted = Wanted::Report,
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
    }
    let (actor, now_us) = (visitor.actor(), state.clock.now_us());
    let turn = state.downloads.turn(&actor.name)?;
    let told: Vec<String> = picked.iter().map(ToString::to_string).collect();
    let deed = if wanted == Wanted::Report { "export report" } else { "export experiment" };
    let change = Change::new(deed, format!("experiments {}", told.join(", ")));
    state.store.audit(&actor, &change, now_us).await?;
    let (store, kind) = (state.store.clone(), if wanted == Wanted::Report { "reports" } else { "experiments" });
    let name = format!("cellar-{kind}-{}.zip", day(now_us));
    Ok(file(&name, "application/zip", turn, move |pieces| async move {
        if let Err(error) = write(&store, &experiments, wanted, now_us, &pieces).await
            && let Some(error) = error
        {
            pieces.fail(error).await;
        }
    }))
}

/// `Err(None)` when the client has left.
async fn write(
    store: &Store,
    experiments: &[Experiment],
    wanted: Wanted,
    now_us: i64,
    pieces: &Pieces,
) -> Result<(), Option<WebError>> {
    let zip_failed = |error: ZipError| Some(WebError::internal(error));
    let store_failed = |error: StoreError| Some(WebError::from(error));
    let mut zip = Zip::new(stamp(now_us));
    let mut out = Vec::new();
    for experiment in experiments {
        let (id, title) = (experiment.experiment.0, experiment.name.as_str());
        match wanted {
            Wanted::Report => {
                zip.begin(&file_name(id, title, &experiment.battery_name, name::part), &mut out).map_err(zip_failed)?;
                let html = report(store, experiment, now_us).await.map_err(store_failed)?.file();
                zip.write(html.map_err(|error| Some(WebError::internal(error)))?.as_bytes(), &mut out)
                    .map_err(zip_failed)?;
            }
            Wanted::Csv => {
                zip.begin(&name::of_experiment(id, title, Dialect::Cellar.ending()), &mut out).map_err(zip_failed)?;
                let mut export = CsvExport::new(store, experiment, Dialect::Cellar).await.map_err(store_failed)?;
                while let Some(piece) = export.next_piece().await.map_err(store_failed)? {
                    zip.write(&piece, &mut out).map_err(zip_failed)?;
                    if !out.is_empty() {
                        pieces.send(std::mem::take(&mut out)).await.map_err(|_| None)?;
                    }
                }
            }
        }
        if !out.is_empty() {
            pieces.send(std::mem::take(&mut out)).await.map_err(|_| None)?;
        }
    }
    zip.finish(&mut out).map_err(zip_failed)?;
    pieces.send(out).await.map_err(|_| None)
}

/// Year, month, day, hour and minute in the zone of the server.
fn stamp(now_us: i64) -> [u16; 5] {
    let at = DateTime::<Utc>::from_timestamp_micros(now_us).unwrap_or_default().with_timezone(&Local);
    let narrow = |number: u32| u16::try_from(number).unwrap_or(0);
    [
        u16::try_from(at.year()).unwrap_or(1980),
        narrow(at.month()),
        narrow(at.day()),
        narrow(at.hour()),
        narrow(at.minute()),
    ]
}
