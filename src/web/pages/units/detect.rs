//! `POST /units/{id}/detect`: asks a unit to look for its instruments. The answer comes to the unit's page.

use actix_web::{HttpResponse, web};

use super::find;
use crate::web::{State, Visitor, WebError, answer};

/// Asks the unit; asked again while it is asked, nothing more happens.
///
/// # Errors
/// 404 for an unknown unit, 409 for one that is shut out.
pub async fn detect(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let unit = find(&state, &id).await?;
    if unit.disabled {
        let why = format!("{} is disabled, so it cannot connect and answer. Enable it first.", unit.device);
        return Err(WebError::Conflict(why));
    }
    state.store.ask_detect(&visitor.actor(), &unit.device, state.clock.now_us()).await?;
    Ok(answer::see_other(&format!("/units/{}#ask", unit.device)))
}
