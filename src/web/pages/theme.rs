//! `POST /theme`: remembers the visitor's choice of colours.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use crate::web::error::local_path;
use crate::web::page::Theme;
use crate::web::{State, answer, cookie};

/// A year: the choice is asked for again after that, as browsers keep no cookie for ever.
const KEPT_S: i64 = 365 * 24 * 3600;

/// The form of the theme switch.
#[derive(Debug, Deserialize)]
pub struct Choice {
    theme: String,
    #[serde(default)]
    back: String,
}

/// Sets the cookie and leads back to where the visitor was.
pub async fn choose(state: web::Data<State>, form: web::Form<Choice>) -> HttpResponse {
    let word = Theme::from_word(&form.theme).as_str();
    let mut answer = answer::see_other(local_path(&form.back));
    cookie::set(answer.headers_mut(), "theme", word, state.is_secure, Some(KEPT_S));
    answer
}
