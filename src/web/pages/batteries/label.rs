//! `GET /batteries/{id}/label` and `label.svg`: a label to print, whose code opens the page of the battery.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use super::words::{current_range, voltage_range};
use crate::auth::qr;
use crate::domain::number::plain;
use crate::store::batteries::Battery;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

#[derive(Template)]
#[template(path = "batteries/label.html")]
struct Page {
    layout: Layout,
    battery: Battery,
    address: String,
}

impl Page {
    fn limits(&self) -> [String; 3] {
        let battery = &self.battery;
        [
            format!("{}, {} Ah", battery.chemistry_words(), plain(battery.capacity_ah)),
            voltage_range(battery.voltage_min_v, battery.voltage_max_v),
            current_range(battery.current_min_a, battery.current_max_a),
        ]
    }
}

/// Where the page of a battery is found from other devices.
fn address(request: &HttpRequest, state: &State, battery: &Battery) -> String {
    let scheme = if state.is_secure { "https" } else { "http" };
    // The guard answered only because this host is ours.
    format!("{scheme}://{}/batteries/{}", request.connection_info().host(), battery.battery_id)
}

/// Answers with the page to print.
///
/// # Errors
/// 404 for an unknown battery.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let address = address(&request, &state, &battery);
    answer::page(StatusCode::OK, &Page { layout: Layout::new(&request, "batteries"), battery, address })
}

/// Answers with the code alone.
///
/// # Errors
/// 404 for an unknown battery.
pub async fn svg(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let drawn = qr::svg(&address(&request, &state, &battery), &format!("Code that opens {}", battery.name));
    Ok(HttpResponse::Ok().content_type("image/svg+xml").body(drawn.map_err(WebError::internal)?))
}
