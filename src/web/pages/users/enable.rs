//! `POST /users/{id}/enable`: lets somebody in again.

use actix_web::{HttpResponse, web};

use super::find;
use crate::store::users::UserEdit;
use crate::web::{State, Visitor, WebError, answer};

/// Lets them in.
///
/// # Errors
/// 404 for somebody unknown, 409 when somebody else changed them at this moment.
pub async fn enable(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    let user = find(&state, &id).await?;
    if user.disabled {
        let edit = UserEdit { full_name: user.full_name.clone(), role: user.role, disabled: false };
        state.store.edit_user(&visitor.actor(), &user, &edit, "", state.clock.now_us()).await?;
    }
    Ok(answer::see_other(&format!("/users/{}?done=enabled", user.user_id)))
}
