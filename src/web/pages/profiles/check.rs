//! `POST /profiles/check`: what is wrong with the form so far, for the script of the editor.

use actix_web::{HttpResponse, web};
use serde_json::json;

use super::typed::Typed;
use crate::domain::profile::{ProgramStep, text};
use crate::web::forms::Problems;

/// Answers with problems by field, and the steps as sentences once there are none.
pub async fn check(pairs: web::Form<Vec<(String, String)>>) -> HttpResponse {
    let typed = Typed::of_pairs(&pairs);
    let mut problems = Problems::default();
    let program = typed.program(&mut problems);
    let problems: Vec<_> =
        problems.all().iter().map(|problem| json!({ "field": problem.field, "message": problem.message })).collect();
    let sentences: Vec<String> =
        program.iter().flat_map(|program| program.steps.iter().map(ProgramStep::words)).collect();
    HttpResponse::Ok().json(json!({
        "problems": problems,
        "sentences": sentences,
        "text": program.as_ref().map(text::write),
    }))
}
