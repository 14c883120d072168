//! `POST /api/v1/imports`: a file of a finished experiment.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, FixedOffset};
use serde_json::{Value, json};

use crate::domain::experiment::{DESCRIPTION_MAX, NAME_MAX};
use crate::domain::ids::{BatteryId, ProfileId};
use crate::domain::text::hexadecimal;
use crate::domain::text::{line, lines};
use crate::exchange::import::{ImportError, Inspected, Reading, Wishes, inspect, load};
use crate::store::StoreError;
use crate::web::download::aside;
use crate::web::forms::Problems;
use crate::web::upload::{FormProof, Sent, receive};
use crate::web::{State, Visitor, WebError};

/// Takes the file; answers 201 with the report on it, or 200 when only the report was wanted (`dry_run`).
///
/// # Errors
/// 422 with the reasons when it cannot be read, 409 when it was imported before.
pub async fn add(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    proof: FormProof,
    payload: web::Payload,
) -> Result<HttpResponse, WebError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let sent = receive(kind, payload, &proof, &state.uploads, state.clock.now_us()).await?;
    let (reading, wishes, is_dry) = asked(&sent)?;
    let file = sent
        .file
        .ok_or(WebError::Invalid { target: "file", message: "Send a file in the field “file”.".to_owned() })?;
    let (store, by, now_us) = (state.store.clone(), visitor.actor(), state.clock.now_us());
    let done = aside(move || async move {
        let inspected = inspect(file.path(), &reading, now_us)?;
        if is_dry {
            return Ok((inspected, None));
        }
        let experiment = load(&store, &by, (file.path(), &file.name), &inspected, &wishes).await?;
        Ok((inspected, Some(experiment)))
    });
    let (inspected, experiment) = done.await?.map_err(refused)?;
    let report = report(&inspected, experiment.map(|experiment| experiment.0));
    Ok(match experiment {
        None => HttpResponse::Ok().json(report),
        Some(experiment) => HttpResponse::Created()
            .insert_header((header::LOCATION, format!("/api/v1/experiments/{experiment}")))
            .json(report),
    })
}

fn report(inspected: &Inspected, experiment: Option<i64>) -> Value {
    let sha256 = hexadecimal(&inspected.sha256);
    let mut report = json!(inspected.evidence);
    if let Some(report) = report.as_object_mut() {
        report.insert("bytes".to_owned(), json!(inspected.bytes));
        report.insert("sha256".to_owned(), json!(sha256));
        report.insert("experiment_id".to_owned(), json!(experiment));
    }
    report
}

fn asked(sent: &Sent) -> Result<(Reading, Wishes, bool), WebError> {
    let mut problems = Problems::default();
    let mut number = |field: &'static str| match sent.text(field).trim() {
        "" => None,
        typed => problems.take(field, typed.parse::<i64>().map_err(|_| format!("“{}” is not a number", short(typed)))),
    };
    let (battery, profile) = (number("battery").map(BatteryId), number("profile").map(ProfileId));
    let start_us = start_us(sent.text("start")).map_err(|message| problems.add("start", message)).ok().flatten();
    if !problems.is_empty() {
        return Err(WebError::InvalidFields(problems.all().to_vec()));
    }
    let is_true = |field: &str| matches!(sent.text(field), "1" | "true" | "on" | "yes");
    let wishes = Wishes {
        name: line(sent.text("name")).chars().take(NAME_MAX).collect(),
        description: lines(sent.text("description")).chars().take(DESCRIPTION_MAX).collect(),
        battery,
        profile,
        again: is_true("again"),
        once: None,
    };
    Ok((Reading { format: sent.text("format").trim().to_owned(), start_us }, wishes, is_true("dry_run")))
}

fn short(typed: &str) -> String {
    line(typed).chars().take(40).collect()
}

/// When a test began, as typed: RFC 3339, or nothing.
///
/// # Errors
/// What to type instead.
pub fn start_us(typed: &str) -> Result<Option<i64>, String> {
    if typed.trim().is_empty() {
        return Ok(None);
    }
    let read: Result<DateTime<FixedOffset>, _> = typed.trim().parse();
    read.map(|start| Some(start.timestamp_micros()))
        .map_err(|_| format!("“{}” is no moment. Write it like 2026-11-21T08:00:00Z.", short(typed)))
}

/// Why a file was not taken, as an answer.
pub fn refused(error: ImportError) -> WebError {
    match error {
        ImportError::Fault(fault) => WebError::Invalid { target: "file", message: fault.to_string() },
        ImportError::Again { .. } => WebError::Conflict(format!("{error} (again=1).")),
        ImportError::Store(StoreError::Missing { what, name }) => WebError::Invalid {
            target: if what.contains("profile") { "profile" } else { "battery" },
            message: format!("There is no {what} {name}."),
        },
        ImportError::Store(error) => error.into(),
        ImportError::Io(error) => WebError::internal(error),
    }
}
