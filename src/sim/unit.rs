//! A simulated unit: drives its stations and sends what they measure.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, MissedTickBehavior};

use super::batch;
use super::command::{Obedience, ToldStation};
use super::cycler::Row;
use super::device::{Feed, wait_for_shutdown};
use super::journal::JournalError;
use super::plan::{Finished, StationPlan, UnitPlan};
use super::station::{Runaway, Station};
use crate::domain::ids::StationId;
use crate::domain::station::StationState;

/// Most rows of one message.
pub const BATCH_ROWS_MAX: usize = 50;
/// Longest time a row waits for its message: five messages a second let a chart move smoothly.
pub const BATCH_WAIT: Duration = Duration::from_millis(200);

struct Place {
    station: Station,
    rows: Vec<(i64, Row)>,
    next: Option<oneshot::Receiver<StationPlan>>,
}

/// Measures until the feed says stop.
pub(super) async fn measure(
    mut feed: Feed,
    plan: UnitPlan,
    finished: mpsc::Sender<Finished>,
    runaways: &[(StationId, Runaway)],
) -> Result<Feed, JournalError> {
    let mut places: Vec<Place> = plan
        .stations
        .into_iter()
        .map(|station| Place { station: Station::new(station), rows: Vec::new(), next: None })
        .collect();
    for (station, runaway) in runaways {
        if let Some(place) = places.iter_mut().find(|place| place.station.station() == *station) {
            place.station.will_run_away(*runaway);
        }
    }
    let dt_s = 1.0 / plan.rows_per_s.clamp(0.001, 1000.0);
    let mut ticks = tokio::time::interval(Duration::from_secs_f64(dt_s));
    // After a pause of the machine the lab goes on, it does not catch up in a burst.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut obedience = Obedience::new(plan.obeys_period);
    let mut flushed = Instant::now();
    let contact = Arc::clone(&feed.contact);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            Some(order) = feed.commands.recv() => {
                // What was measured belongs to the experiment before.
                for place in &mut places {
                    send_rows(&mut feed, place).await?;
                }
                let now_us = feed.clock.now_us();
                let answer = obedience.obey(&order, now_us, places.iter_mut().map(|place| &mut place.station));
                feed.say("reply", &answer.reply);
                if let Some(told) = answer.stations {
                    drive(&mut places, &told);
                }
                if let Some(devices) = &answer.devices {
                    feed.say("devices", devices);
                }
                if answer.wants_states {
                    report_all(&mut feed, &mut places).await?;
                }
                report_news(&mut feed, &mut places, &finished).await?;
                continue;
            }
            () = contact.connected.notified() => {
                report_all(&mut feed, &mut places).await?;
                continue;
            }
            () = wait_for_shutdown(&mut feed.shutdown) => break,
        }
        if !feed.has_room().await {
            break;
        }
        let now_us = feed.clock.now_us();
        let silence = contact.silence();
        places.iter_mut().for_each(|place| place.station.rest_if_alone(silence));
        for place in &mut places {
            if let Some(Ok(plan)) = place.next.as_mut().map(oneshot::Receiver::try_recv) {
                place.next = None;
                place.station.load(plan);
            }
        }
        report_news(&mut feed, &mut places, &finished).await?;
        for place in &mut places {
            place.station.tick(now_us, dt_s, &mut place.rows);
        }
        let due = flushed.elapsed() >= BATCH_WAIT;
        for place in places.iter_mut().filter(|place| due || place.rows.len() >= BATCH_ROWS_MAX) {
            send_rows(&mut feed, place).await?;
        }
        if due {
            flushed = Instant::now();
        }
        report_news(&mut feed, &mut places, &finished).await?;
    }
    for place in &mut places {
        send_rows(&mut feed, place).await?;
    }
    Ok(feed)
}

/// Drives the stations the server told of and no others. One that is at work is driven on until it comes to rest, whatever it
/// is called.
fn drive(places: &mut Vec<Place>, told: &[ToldStation]) {
    let speed = places.first().map_or(1.0, |place| place.station.speed());
    let (kept, mut dropped): (Vec<Place>, Vec<Place>) = std::mem::take(places).into_iter().partition(|place| {
        let is_told = told.iter().any(|told| told.station == place.station.station());
        is_told || matches!(place.station.report().state, StationState::Running | StationState::Paused)
    });
    *places = kept;
    // It is told also when somebody relaunches a station.
    places.iter_mut().for_each(|place| place.station.clear_fault());
    for told in told {
        if places.iter().any(|place| place.station.station() == told.station) {
            continue;
        }
        // A station that was changed has a new number and the same channel, with the battery that lies there.
        let same = dropped.iter().position(|place| told.has_link(place.station.link()));
        let before = same.map(|index| dropped.swap_remove(index).station);
        let station = Station::told(told, before, speed);
        places.push(Place { station, rows: Vec::new(), next: None });
    }
}

/// Reports every state as it is, for a server that may have forgotten.
async fn report_all(feed: &mut Feed, places: &mut [Place]) -> Result<(), JournalError> {
    for place in places {
        send_rows(feed, place).await?;
        feed.say("state", &place.station.report());
    }
    Ok(())
}

/// Reports changed states, each behind the rows measured before it.
async fn report_news(
    feed: &mut Feed,
    places: &mut [Place],
    finished: &mpsc::Sender<Finished>,
) -> Result<(), JournalError> {
    for place in places {
        let Some(report) = place.station.take_news() else { continue };
        send_rows(feed, place).await?;
        feed.say("state", &report);
        if report.state == StationState::Finished
            && let Some(experiment) = place.station.experiment()
        {
            let (next, receiver) = oneshot::channel();
            place.next = Some(receiver);
            let station = place.station.station();
            let end = Finished { device: feed.device.clone(), station, experiment, next };
            if finished.try_send(end).is_err() {
                tracing::debug!(%station, "nobody takes the end of the experiment");
            }
        }
    }
    Ok(())
}

async fn send_rows(feed: &mut Feed, place: &mut Place) -> Result<(), JournalError> {
    let Some(subject) = place.station.subject() else { return Ok(()) };
    for rows in std::mem::take(&mut place.rows).chunks(BATCH_ROWS_MAX) {
        let batch = feed.stamped(batch::from_rows(feed.boot(), feed.seq(), subject, rows));
        feed.create(std::slice::from_ref(&batch)).await?;
        feed.send(&batch);
    }
    Ok(())
}
