//! `POST /theme`: remembers the visitor's choice of colours.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

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

/// The path if it stays on this server, otherwise `/`.
fn local_path(path: &str) -> &str {
    let stays = path.starts_with('/') && !path.starts_with("//") && !path.contains(['\\', '\r', '\n']);
    if stays { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_never_leaves_the_server() {
        assert_eq!(local_path("/?station=3&window=5m"), "/?station=3&window=5m");
        for elsewhere in ["", "//evil.example/", "https://evil.example/", "/\\evil.example", "/a\r\nb"] {
            assert_eq!(local_path(elsewhere), "/", "{elsewhere:?}");
        }
    }
}
