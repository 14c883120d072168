//! Server-sent events: what changed on the wall, and new points of the chosen chart.
//!
//! One task reads the lines of the store while anybody looks, however many look; each connection adds the samples of the
//! one stream it shows. Events: `hello` and `beat` (the server's clock), `lines` (values), `list` and `head` (mark-up, when
//! a state or step changed), `points` (samples), `sparks` (sparklines), `reload` (points were missed: fetch the series anew), `ended` (so is
//! the session).

mod alarms;
mod board;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use askama::Template;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};

pub use self::alarms::alarms;
pub use self::board::Board;
use self::board::{Seat, Seen, shape, values};
use crate::auth::session::{self, Age};
use crate::domain::ids::{SessionId, StreamId};
use crate::domain::sample::Batch;

use super::api::series::column_names;
use super::pages::monitor::line::{Line, Progress};
use super::pages::monitor::spark::Sparks;
use super::pages::monitor::window::Window;
use super::pages::monitor::{Head, List, Query};
use super::pages::wall::{self, Tile, Tiles};
use super::{State, Visitor, WebError};
use crate::ingest::events::Event;

/// Samples are sent at once, but not more often than so: smooth to the eye, ten packets a second.
const POINTS_PERIOD: Duration = Duration::from_millis(100);
/// Seldomest refresh anybody can choose.
const PERIOD_MAX: Duration = Duration::from_secs(600);
/// A sign of life at least this often; pages call themselves cut off after 10 s.
const BEAT_PERIOD: Duration = Duration::from_secs(2);
/// Most rows of one `points` event; more are thinned, the page fetches the exact series when it zooms.
const POINTS_ROWS_MAX: usize = 100;
/// Most batches kept for a page that wants them seldom; of more it fetches the series anew.
const PENDING_MAX: usize = 1_024;
/// How often a chart is told to fetch itself anew while a device sends what it measured during an outage.
const BACKFILL_PERIOD: Duration = Duration::from_secs(2);
/// Columns of a `points` event for a page that names none.
const POINTS_COLUMNS: &str = "voltage_v,current_a,temperature_c,step";
/// Events waiting for one slow browser; a browser that lets this many pile up is cut and comes back.
const CLIENT_QUEUE_MAX: usize = 32;

/// How often a page's session is looked at: whoever was shut out sees values for at most so long.
const SESSION_PERIOD: Duration = Duration::from_secs(10);

/// `GET /live/monitor?station=3&window=5m`.
///
/// # Errors
/// 422 for columns that make no sense; 503 when too many pages listen.
pub async fn monitor(
    state: web::Data<State>,
    board: web::Data<Board>,
    query: web::Query<Query>,
    visitor: Visitor,
) -> Result<HttpResponse, WebError> {
    let window = query.window.as_deref().and_then(Window::from_word).unwrap_or_default();
    let columns = column_names(query.columns.as_deref().unwrap_or(POINTS_COLUMNS))?;
    let columns = columns.into_iter().map(str::to_owned).collect();
    let period = Duration::from_secs(query.every.unwrap_or_default().into()).clamp(POINTS_PERIOD, PERIOD_MAX);
    let shows = Shows::Monitor { chosen: query.key().unwrap_or_default(), window, columns };
    follow(&state, &board, &visitor, shows, period)
}

/// `GET /live/wall`.
///
/// # Errors
/// 503 when too many pages listen.
pub async fn wall(
    state: web::Data<State>,
    board: web::Data<Board>,
    visitor: Visitor,
) -> Result<HttpResponse, WebError> {
    follow(&state, &board, &visitor, Shows::Wall, POINTS_PERIOD)
}

/// Which page follows.
#[derive(Debug, Clone, PartialEq)]
enum Shows {
    /// The monitor, with one line in full.
    Monitor {
        /// Key of the line.
        chosen: String,
        /// Window of its chart.
        window: Window,
        /// Columns of its chart.
        columns: Vec<String>,
    },
    /// The wall: tiles of stations, and no chart.
    Wall,
}

fn follow(
    state: &web::Data<State>,
    board: &web::Data<Board>,
    visitor: &Visitor,
    shows: Shows,
    period: Duration,
) -> Result<HttpResponse, WebError> {
    let seat = Seat::take(&board.clients).ok_or(WebError::Unavailable("Too many pages follow the monitor at once."))?;
    let (sender, receiver) = mpsc::channel::<Bytes>(CLIENT_QUEUE_MAX);
    let session = visitor.user().ok().map(|user| user.session);
    let follower = Follower {
        session,
        shows,
        period,
        stream: None,
        sent: HashMap::new(),
        values_at: None,
        seen: Arc::default(),
        tiles: Vec::new(),
        sparks: Arc::default(),
        pending: Vec::new(),
        points_at: None,
        newest_us: i64::MIN,
        backfill: None,
        missed: false,
        sender,
    };
    let (mut seen, events) = (board.seen.clone(), state.events.watch());
    // What was seen when nobody looked is old.
    seen.mark_unchanged();
    let (state, board) = (state.clone(), board.clone());
    tokio::spawn(async move {
        let _seat = seat;
        follower.run(&state, &board, seen, events).await;
    });
    Ok(stream(receiver))
}

/// The answer that sends what is handed over.
fn stream(mut receiver: mpsc::Receiver<Bytes>) -> HttpResponse {
    let stream = futures_util::stream::poll_fn(move |context| {
        receiver.poll_recv(context).map(|event| event.map(Ok::<_, std::convert::Infallible>))
    });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/event-stream"))
        // Events must leave at once; a compressor would hold them back.
        .insert_header((header::CONTENT_ENCODING, "identity"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(stream)
}

/// Whether a session has ended. A database that is away ends nobody's.
async fn is_over(state: &State, session: Option<SessionId>) -> bool {
    let Some(session) = session else { return false };
    match state.store.session_numbered(session).await {
        Ok(Some(session)) => session::age(&session, state.clock.now_us()) != Age::Good,
        Ok(None) => true,
        Err(_) => false,
    }
}

/// One connection.
struct Follower {
    session: Option<SessionId>,
    shows: Shows,
    /// Values and samples are not sent more often.
    period: Duration,
    stream: Option<StreamId>,
    /// What was last sent of the values and the progress of each line.
    sent: HashMap<String, (Option<i64>, Option<Progress>)>,
    /// When values were last sent.
    values_at: Option<Instant>,
    /// The lines as last sent, where mark-up is concerned.
    seen: Arc<Seen>,
    /// The same of the tiles of a wall.
    tiles: Vec<String>,
    sparks: Arc<Sparks>,
    /// Rows to be sent, with what to add to their times, µs.
    pending: Vec<(i64, Arc<Batch>)>,
    /// When samples were last sent.
    points_at: Option<Instant>,
    /// Time of the newest row sent or to be sent, µs; rows before it are back-fill, which a chart fetches.
    newest_us: i64,
    /// Since when back-fill comes in.
    backfill: Option<Instant>,
    missed: bool,
    sender: mpsc::Sender<Bytes>,
}

/// The browser is gone or does not keep up.
struct Gone;

impl Follower {
    async fn run(
        mut self,
        state: &State,
        board: &Board,
        mut seen: watch::Receiver<Arc<Seen>>,
        mut events: broadcast::Receiver<Event>,
    ) {
        let mut beat = interval(BEAT_PERIOD);
        let mut check = interval(SESSION_PERIOD);
        check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let points_due = self.points_due();
            let sent = tokio::select! {
                _ = beat.tick() => self.send("beat", &json!({ "now_us": state.clock.now_us() })),
                () = at(points_due) => self.send_points(),
                _ = check.tick() => self.check_session(state).await,
                changed = seen.changed() => match changed {
                    Ok(()) if self.shows == Shows::Wall => {
                        let seen = Arc::clone(&seen.borrow_and_update());
                        let now_us = state.clock.now_us();
                        self.send_tiles(&seen, &wall::tiles(&seen.lines, now_us), now_us)
                    }
                    Ok(()) => {
                        let seen = Arc::clone(&seen.borrow_and_update());
                        let sparks = board.sparks(state, &seen.lines).await;
                        self.send_lines(&seen, &sparks, state.clock.now_us())
                    }
                    Err(_) => Err(Gone),
                },
                event = events.recv() => self.take(event),
                () = self.sender.closed() => Err(Gone),
            };
            if sent.is_err() {
                return;
            }
        }
    }

    /// Ends the stream with the session; the page then asks for a sign-in.
    async fn check_session(&self, state: &State) -> Result<(), Gone> {
        match is_over(state, self.session).await {
            true => self.send("ended", &json!({})).and(Err(Gone)),
            false => Ok(()),
        }
    }

    fn take(&mut self, event: Result<Event, broadcast::error::RecvError>) -> Result<(), Gone> {
        match event {
            // Rows nobody can date yet have no place on a time axis.
            Ok(Event::Samples { stream, offset_us: Some(offset_us), rows }) if Some(stream) == self.stream => {
                let last_us = rows.times_us.last().map_or(i64::MIN, |at_us| at_us.saturating_add(offset_us));
                if last_us < self.newest_us {
                    self.backfill.get_or_insert_with(Instant::now);
                } else {
                    self.newest_us = last_us;
                    self.pending.push((offset_us, rows));
                    if self.pending.len() > PENDING_MAX {
                        self.pending.clear();
                        self.missed = true;
                    }
                }
            }
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => self.missed = true,
            Err(broadcast::error::RecvError::Closed) => return Err(Gone),
        }
        Ok(())
    }

    /// When there is something to send to the chart next.
    fn points_due(&self) -> Option<Instant> {
        if !self.pending.is_empty() || self.missed {
            return Some(self.points_at.map_or_else(Instant::now, |sent| sent + self.period));
        }
        self.backfill.map(|since| since + BACKFILL_PERIOD)
    }

    fn send_points(&mut self) -> Result<(), Gone> {
        self.points_at = Some(Instant::now());
        let pending = std::mem::take(&mut self.pending);
        if self.backfill.is_some_and(|since| since.elapsed() >= BACKFILL_PERIOD) {
            self.backfill = None;
            self.missed = true;
        }
        if std::mem::take(&mut self.missed) {
            return self.send("reload", &json!({}));
        }
        let (Some(stream), Some((_, newest)), Shows::Monitor { columns: names, .. }) =
            (self.stream, pending.last(), &self.shows)
        else {
            return Ok(());
        };
        let rows: usize = pending.iter().map(|(_, batch)| batch.rows()).sum();
        let stride = rows.div_ceil(POINTS_ROWS_MAX).max(1);
        if stride > 1 && self.period > POINTS_PERIOD {
            // Whoever looks seldom would lose the extremes of what is thinned.
            self.send("reload", &json!({}))?;
        }
        let mut at_us = Vec::new();
        let mut columns = vec![Vec::new(); names.len()];
        let every =
            pending.iter().flat_map(|(offset_us, batch)| (0..batch.rows()).map(move |row| (*offset_us, batch, row)));
        // Counted from the end, so that the newest row is always among them.
        let kept = every.enumerate().filter(|(index, _)| (rows - 1 - index).is_multiple_of(stride));
        for (_, (offset_us, batch, row)) in kept {
            at_us.push(batch.times_us[row].saturating_add(offset_us));
            for (name, values) in names.iter().zip(&mut columns) {
                let column = batch.columns.iter().find(|column| column.name == *name);
                values.push(column.and_then(|column| column.get(row)));
            }
        }
        let last = newest.rows().saturating_sub(1);
        let last = newest.columns.iter().map(|column| (column.name.clone(), json!(column.get(last)))).collect();
        let points = json!({
            "stream_id": stream,
            "at_us": at_us,
            "names": names,
            "columns": columns,
            "every": stride,
            "last": Value::Object(last),
        });
        self.send("points", &points)
    }

    fn send_lines(&mut self, seen: &Arc<Seen>, sparks: &Arc<Sparks>, now_us: i64) -> Result<(), Gone> {
        let Shows::Monitor { chosen: key, window, .. } = &self.shows else { return Ok(()) };
        let lines = seen.lines.as_slice();
        let chosen = lines.iter().find(|line| line.key == *key);
        let stream = chosen.and_then(|line| line.stream);
        if stream != self.stream {
            (self.stream, self.newest_us, self.backfill) = (stream, i64::MIN, None);
            // Samples that came between the page's own look and this moment.
            self.missed = stream.is_some();
        }
        if seen.shapes != self.seen.shapes {
            let list = List { lines, chosen: key, window: window.word(), sparks, now_us };
            self.send("list", &json!({ "html": list.render().unwrap_or_default() }))?;
            if let Some(line) = chosen {
                self.send("head", &json!({ "html": Head { line, now_us }.render().unwrap_or_default() }))?;
            }
            self.seen = Arc::clone(seen);
        } else if !Arc::ptr_eq(sparks, &self.sparks) {
            let by_key = |line: &Line| Some((line.key.clone(), json!(sparks.get(&line.stream?)?)));
            self.send("sparks", &Value::Object(lines.iter().filter_map(by_key).collect()))?;
        }
        self.sparks = Arc::clone(sparks);
        self.send_values(lines, now_us)
    }

    /// The tiles anew when anything but their values changed, and the values that did.
    fn send_tiles(&mut self, seen: &Seen, tiles: &[Tile], now_us: i64) -> Result<(), Gone> {
        let progress = |tile: &Tile| tile.progress.as_ref().map(|progress| (progress.pct, progress.left.clone()));
        let shapes: Vec<String> =
            tiles.iter().map(|tile| format!("{} {:?}", shape(&tile.line), progress(tile))).collect();
        if shapes != self.tiles {
            let html = Tiles { tiles, now_us }.render().unwrap_or_default();
            self.send("list", &json!({ "html": html }))?;
            self.tiles = shapes;
        }
        self.send_values(&seen.lines, now_us)
    }

    fn send_values(&mut self, lines: &[Line], now_us: i64) -> Result<(), Gone> {
        // What is wanted at once is never held back by the pace of the lines themselves.
        if self.period > POINTS_PERIOD && self.values_at.is_some_and(|sent| sent.elapsed() < self.period) {
            return Ok(());
        }
        self.values_at = Some(Instant::now());
        let mut changed = Vec::new();
        for line in lines {
            let now = (line.at_us, line.progress());
            if self.sent.get(&line.key) != Some(&now) {
                changed
                    .push(json!({ "key": line.key, "at_us": line.at_us, "values": values(line), "progress": now.1 }));
                self.sent.insert(line.key.clone(), now);
            }
        }
        self.sent.retain(|key, _| lines.iter().any(|line| line.key == *key));
        if changed.is_empty() { Ok(()) } else { self.send("lines", &json!({ "now_us": now_us, "lines": changed })) }
    }

    fn send(&self, event: &str, content: &Value) -> Result<(), Gone> {
        let text = Bytes::from(format!("event: {event}\ndata: {content}\n\n"));
        self.sender.try_send(text).map_err(|_| Gone)
    }
}

/// Waits until a moment; for ever without one.
async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => tokio::time::sleep_until(moment.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
