//! Request bodies: read whole before the handler runs, within a size and a time.

use std::time::Duration;

use actix_web::HttpMessage;
use actix_web::dev::{Payload, ServiceRequest};
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut};
use futures_util::{StreamExt, stream};

use crate::web::WebError;

/// Largest form, bytes.
const FORM_BYTES_MAX: usize = 256 * 1024;
/// Largest JSON body, bytes.
const JSON_BYTES_MAX: usize = 1024 * 1024;
/// Longest silence within a body: a phone in a lift is given this.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest time for a whole body of these sizes.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(60);

/// Reads the body.
pub(super) async fn read(request: &mut ServiceRequest) -> Result<Bytes, WebError> {
    let bytes_max = if request.content_type() == "application/json" { JSON_BYTES_MAX } else { FORM_BYTES_MAX };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|bytes: u64| bytes > bytes_max as u64) {
        return Err(WebError::TooLarge { bytes_max });
    }
    let mut payload = request.take_payload();
    let whole = async {
        let mut bytes = BytesMut::new();
        while let Some(chunk) =
            tokio::time::timeout(IDLE_TIMEOUT, payload.next()).await.map_err(|_| WebError::TooSlow)?
        {
            let chunk = chunk.map_err(|error| WebError::Invalid { target: "body", message: error.to_string() })?;
            if bytes.len() + chunk.len() > bytes_max {
                return Err(WebError::TooLarge { bytes_max });
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.freeze())
    };
    tokio::time::timeout(TOTAL_TIMEOUT, whole).await.map_err(|_| WebError::TooSlow)?
}

/// Gives the body back to the handler.
pub(super) fn put_back(request: &mut ServiceRequest, bytes: Bytes) {
    request.set_payload(Payload::from(Box::pin(stream::once(std::future::ready(Ok(bytes)))) as std::pin::Pin<Box<_>>));
}

/// A field of a form whose value needs no decoding; the first of that name.
pub(super) fn form_field(request: &ServiceRequest, bytes: &[u8], name: &str) -> Option<String> {
    if request.content_type() == "multipart/form-data" {
        let form = crate::web::multipart::Form::of(request.headers(), bytes)?;
        return form.text(name).map(str::to_owned);
    }
    if request.content_type() != "application/x-www-form-urlencoded" {
        return None;
    }
    let text = std::str::from_utf8(bytes).ok()?;
    text.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
}
