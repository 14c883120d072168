//! `POST /devices/{id}/enable`: lets a device in again, with the secret it has.

use actix_web::{HttpResponse, web};

use super::find;
use crate::web::{State, Visitor, WebError, answer};

/// Lets it in; a second time changes nothing.
///
/// # Errors
/// 404 for an unknown device.
pub async fn enable(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let device = find(&state, &id).await?.device;
    state.store.enable_device(&visitor.actor(), &device, "", state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/devices/{device}?done=enabled")))
}
