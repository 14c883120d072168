//! A profile as a file: `/profiles/{id}.txt`, `.json` (unicycler), `.pybamm.txt`.

use actix_web::http::header;
use actix_web::{HttpResponse, web};

use super::find;
use crate::domain::profile::{pybamm, unicycler};
use crate::web::{State, WebError};

/// The text form, with its comments.
///
/// # Errors
/// 404 for an unknown profile.
pub async fn text(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    Ok(file(&profile.name, "txt", "text/plain; charset=utf-8", profile.text_form()))
}

/// A unicycler protocol. What it cannot hold stands on the page of the profile.
///
/// # Errors
/// 404 for an unknown profile.
pub async fn unicycler(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    let body = serde_json::to_string_pretty(&unicycler::write(&profile.program).result).map_err(WebError::internal)?;
    Ok(file(&profile.name, "json", "application/json", body))
}

/// PyBaMM strings as a Python list; what does not fit stands in comments.
///
/// # Errors
/// 404 for an unknown profile.
pub async fn pybamm(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    let body = pybamm::write(&profile.program).result;
    Ok(file(&profile.name, "pybamm.txt", "text/plain; charset=utf-8", body))
}

fn file(name: &str, ending: &str, kind: &'static str, body: String) -> HttpResponse {
    let disposition = format!("attachment; filename=\"{}.{ending}\"", file_name(name));
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_DISPOSITION, disposition))
        .body(body)
}

/// A name that every file system takes.
fn file_name(name: &str) -> String {
    let plain = name.chars().map(|letter| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '-' });
    let plain: String = plain.collect();
    let parts: Vec<&str> = plain.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "profile".to_owned() } else { parts.join("-") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_plain() {
        assert_eq!(file_name("Cycle life, NMC, 1C / \"100\" cycles"), "Cycle-life-NMC-1C-100-cycles");
        assert_eq!(file_name("\r\n\u{202e}"), "profile");
    }
}
