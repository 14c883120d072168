//! What all event streams share: the lines as last read, and how many read them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::web::State;
use crate::web::pages::monitor::line::Line;
use crate::web::pages::monitor::read_lines;
use crate::web::pages::monitor::spark::{SPARK_LENGTH_US, SPARK_WIDTH, Spark, Sparks};
use crate::web::pages::wall::Forecasts;

/// How often the lines are read while somebody looks: faster is no use to a reader.
const BOARD_PERIOD: Duration = Duration::from_millis(500);
/// Most open event streams: a wall screen and a few tabs for each of a hundred people.
const CLIENTS_MAX: usize = 512;
/// How old sparklines may get, µs: they show an hour.
const SPARKS_PERIOD_US: i64 = 20_000_000;
/// Most sparklines: more lines than this nobody reads as pictures.
const SPARKS_MAX: usize = 200;

/// The lines as last read, and what of them every connection needs.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) lines: Vec<Line>,
    /// Of each line everything but its values: mark-up is sent anew when one of them changes.
    pub(super) shapes: Vec<String>,
}

impl From<Vec<Line>> for Seen {
    fn from(lines: Vec<Line>) -> Self {
        Self { shapes: lines.iter().map(shape).collect(), lines }
    }
}

/// The lines as last read, shared by every connection.
#[derive(Debug)]
pub struct Board {
    pub(super) seen: watch::Receiver<Arc<Seen>>,
    pub(super) clients: Arc<AtomicUsize>,
    sparks: Mutex<(i64, Arc<Sparks>)>,
    forecasts: Arc<Forecasts>,
}

impl Board {
    /// Starts the task that reads the lines while anybody looks. It ends with the board.
    #[must_use]
    pub fn start(state: State) -> Self {
        let (sender, seen) = watch::channel(Arc::new(Seen::default()));
        let clients = Arc::new(AtomicUsize::new(0));
        let watched = Arc::clone(&clients);
        let forecasts = Arc::new(Forecasts::default());
        let forecasting = Arc::clone(&forecasts);
        tokio::spawn(async move {
            let mut tick = interval(BOARD_PERIOD);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            while !sender.is_closed() {
                tick.tick().await;
                if watched.load(Ordering::Relaxed) == 0 {
                    continue;
                }
                match read_lines(&state, &forecasting, state.clock.now_us()).await {
                    Ok(lines) => drop(sender.send(Arc::new(Seen::from(lines)))),
                    // Pages see the missing beat of values; the store's own log has the cause.
                    Err(error) => tracing::warn!(%error, "the monitor's lines cannot be read"),
                }
            }
        });
        Self { seen, clients, sparks: Mutex::default(), forecasts }
    }

    /// When the runs of the stations will be done.
    #[must_use]
    pub fn forecasts(&self) -> &Forecasts {
        &self.forecasts
    }

    /// The sparklines of the lines, at most 20 s old.
    pub async fn sparks(&self, state: &State, lines: &[Line]) -> Arc<Sparks> {
        let now_us = state.clock.now_us();
        // Held while they are read: whoever comes meanwhile wants the same ones.
        let mut kept = self.sparks.lock().await;
        if now_us.saturating_sub(kept.0) > SPARKS_PERIOD_US {
            let mut sparks = Sparks::new();
            for stream in lines.iter().filter_map(|line| line.stream).take(SPARKS_MAX) {
                let from_us = now_us - SPARK_LENGTH_US;
                match state.series(stream, &["voltage_v"], from_us, now_us, SPARK_WIDTH).await {
                    Ok(series) => sparks.extend(Spark::new(&series).map(|spark| (stream, spark))),
                    Err(error) => tracing::warn!(%error, %stream, "a sparkline cannot be read"),
                }
            }
            *kept = (now_us, Arc::new(sparks));
        }
        Arc::clone(&kept.1)
    }
}

/// Counts one open event stream as long as it lives.
pub(super) struct Seat(Arc<AtomicUsize>);

impl Seat {
    pub(super) fn take(clients: &Arc<AtomicUsize>) -> Option<Self> {
        let seat = Self(Arc::clone(clients));
        (clients.fetch_add(1, Ordering::Relaxed) < CLIENTS_MAX).then_some(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Everything of a line that is mark-up, not a value.
pub(super) fn shape(line: &Line) -> String {
    let names: Vec<&str> = line.latest.iter().map(|(name, _)| name.as_str()).collect();
    let state = (line.group, line.status.word, line.silent_since_us.is_some(), &line.reason);
    let work = (line.stream, &line.beside, &line.experiment, &line.profile, line.step, line.cycle, &line.steps);
    format!("{} {state:?} {work:?} {names:?}", line.key)
}

/// The values of a line.
pub(super) fn values(line: &Line) -> Value {
    Value::Object(line.latest.iter().map(|(name, value)| (name.clone(), json!(value))).collect())
}
