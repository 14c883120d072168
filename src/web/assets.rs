//! Style sheets, scripts, fonts and icons, embedded in the program.
//!
//! All of them live below `/static/{version}/`, the version being a hash over every embedded file: a new build never
//! meets an old script, and browsers may keep what they have for a year. Scripts import each other by relative path.

use std::sync::OnceLock;

use actix_web::http::header::{self, ContentType};
use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::WebError;
use crate::domain::text::hexadecimal;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Embedded;

/// The hash over all files, 12 hexadecimal digits.
pub fn version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let mut names: Vec<_> = Embedded::iter().collect();
        names.sort_unstable();
        let mut hash = Sha256::new();
        for name in names {
            hash.update(name.as_bytes());
            if let Some(file) = Embedded::get(&name) {
                hash.update(file.metadata.sha256_hash());
            }
        }
        hexadecimal(&hash.finalize()[..6])
    })
}

/// The URL of an embedded file: `url("css/tokens.css")`.
#[must_use]
pub fn url(path: &str) -> String {
    format!("/static/{}/{path}", version())
}

/// Whether the third-party files were there when the program was built.
#[must_use]
pub fn is_complete() -> bool {
    ["vendor/tabler.css", "vendor/uplot.js", "vendor/inter.woff2", "vendor/icons.svg"]
        .iter()
        .all(|path| Embedded::get(path).is_some())
}

/// `GET /static/{version}/{path}`.
///
/// # Errors
/// [`WebError::NotFound`] for a file this build does not have.
pub async fn file(path: web::Path<(String, String)>) -> Result<HttpResponse, WebError> {
    let (asked, path) = path.into_inner();
    let file = Embedded::get(&path).ok_or(WebError::NotFound("such file"))?;
    // A page of another build may ask: it gets today's file, but must not keep it under yesterday's address.
    let caching = if asked == version() { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut answer = HttpResponse::Ok();
    answer.insert_header((header::CONTENT_TYPE, content_type(&path))).insert_header((header::CACHE_CONTROL, caching));
    if path.ends_with(".woff2") {
        // Compressed already; the compressor would only make it larger.
        answer.insert_header((header::CONTENT_ENCODING, "identity"));
    }
    Ok(answer.body(file.data.into_owned()))
}

fn content_type(path: &str) -> String {
    match path.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8".to_owned(),
        Some("js") => "text/javascript; charset=utf-8".to_owned(),
        Some("svg") => "image/svg+xml".to_owned(),
        Some("png") => "image/png".to_owned(),
        Some("woff2") => "font/woff2".to_owned(),
        Some("txt") => "text/plain; charset=utf-8".to_owned(),
        _ => ContentType::octet_stream().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_changes_with_the_files() {
        assert_eq!(version().len(), 12);
        assert_eq!(url("css/tokens.css"), format!("/static/{}/css/tokens.css", version()));
    }

    #[test]
    fn browsers_are_told_what_a_file_is() {
        assert_eq!(content_type("js/monitor.js"), "text/javascript; charset=utf-8");
        assert_eq!(content_type("vendor/inter.woff2"), "font/woff2");
        assert_eq!(content_type("unknown"), "application/octet-stream");
    }
}
