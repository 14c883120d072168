//! `GET /experiments/{id}/report`: the report as a page; `…/report.html`, there and below `/api/v1`: as a file.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use crate::domain::audit::Change;
use crate::exchange::name::{disposition, part};
use crate::exchange::report::report;
use crate::report::experiment::{Report, file_name};
use crate::store::experiments::Experiment;
use crate::web::download::aside;
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "experiments/report.html")]
struct Page {
    layout: Layout,
    report: Report,
}

/// Answers with the page.
///
/// # Errors
/// 404 for an experiment that is not there, 429 when the visitor fetches two files already.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    let report = made(&state, &visitor, experiment).await?;
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "experiments"), report })
}

/// Answers with the file.
///
/// # Errors
/// As [`page`].
pub async fn file(state: web::Data<State>, visitor: Visitor, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let experiment = find(&state, &id).await?;
    let (id, name, battery) = (experiment.experiment, experiment.name.clone(), experiment.battery_name.clone());
    let change = Change::new("export report", format!("experiment {id}"));
    state.store.audit(&visitor.actor(), &change, state.clock.now_us()).await?;
    let html = made(&state, &visitor, experiment).await?.file().map_err(WebError::internal)?;
    Ok(HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_DISPOSITION, disposition(&file_name(id.0, &name, &battery, part))))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'; style-src 'unsafe-inline'"))
        .body(html))
}

async fn made(state: &State, visitor: &Visitor, experiment: Experiment) -> Result<Report, WebError> {
    let turn = state.downloads.turn(&visitor.actor().name)?;
    let (store, now_us) = (state.store.clone(), state.clock.now_us());
    let report = aside(move || async move { report(&store, &experiment, now_us).await }).await?;
    drop(turn);
    Ok(report?)
}
