//! `POST /batteries/{id}/places/fill`: registers a new cell for each empty place of a battery.

use actix_web::{HttpResponse, web};

use crate::web::pages::batteries::find;
use crate::web::{State, Visitor, WebError, answer};

/// Registers them; a second time there is nothing left to do.
///
/// # Errors
/// 404 for an unknown battery, 409 for a retired one.
pub async fn fill(state: web::Data<State>, visitor: Visitor, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    if battery.retired_at_us.is_some() {
        return Err(WebError::Conflict(format!("{} is retired. Bring it back first.", battery.name)));
    }
    state.store.fill_places(&visitor.actor(), &battery, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/batteries/{}?done=filled#cells", battery.battery_id)))
}
