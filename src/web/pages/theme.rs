//! `POST /theme`: remembers the visitor's choice of colours.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::web::error::local_path;
use crate::web::page::Theme;

/// The form of the theme switch.
#[derive(Debug, Deserialize)]
pub struct Choice {
    theme: String,
    #[serde(default)]
    back: String,
}

/// Sets the cookie and leads back to where the visitor was.
pub async fn choose(form: web::Form<Choice>) -> HttpResponse {
    let word = Theme::from_word(&form.theme).as_str();
    HttpResponse::SeeOther()
        .insert_header((header::SET_COOKIE, format!("theme={word}; Path=/; Max-Age=31536000; SameSite=Lax")))
        .insert_header((header::LOCATION, local_path(&form.back)))
        .finish()
}
