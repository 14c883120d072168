//! `GET /live/alarms`: what the bell shows, whenever it changes, for the page that is looked at. Events: `rings`, `beat` as a sign
//! of life, `ended` with the session.

use actix_web::{HttpResponse, web};
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval};

use super::{BEAT_PERIOD, CLIENT_QUEUE_MAX, Gone, SESSION_PERIOD, Seat, is_over, stream};
use crate::web::bell::Bell;
use crate::web::{State, Visitor, WebError};

/// Follows the bell.
///
/// # Errors
/// 503 when too many pages listen: they ask instead.
pub async fn alarms(state: web::Data<State>, visitor: Visitor) -> Result<HttpResponse, WebError> {
    let seat = Seat::take(&state.bell.listeners).ok_or(WebError::Unavailable("Too many pages follow the alarms."))?;
    let (sender, receiver) = mpsc::channel::<Bytes>(CLIENT_QUEUE_MAX);
    let session = visitor.user().ok().map(|user| user.session);
    tokio::spawn(async move {
        let _seat = seat;
        let mut rings = Bell::follow(&state.bell);
        let (mut beat, mut check) = (interval(BEAT_PERIOD), interval(SESSION_PERIOD));
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let send = |event: &str, content: &Value| {
            sender.try_send(Bytes::from(format!("event: {event}\ndata: {content}\n\n"))).map_err(|_| Gone)
        };
        loop {
            let sent = tokio::select! {
                changed = rings.changed() => match changed {
                    Ok(()) => send("rings", &json!(*rings.borrow_and_update())),
                    Err(_) => Err(Gone),
                },
                _ = beat.tick() => send("beat", &json!({ "now_us": state.clock.now_us() })),
                _ = check.tick() => match is_over(&state, session).await {
                    true => send("ended", &json!({})).and(Err(Gone)),
                    false => Ok(()),
                },
                () = sender.closed() => Err(Gone),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok(stream(receiver))
}
