//! What pages are sent, tested.

use super::*;
use crate::domain::sample::{Column, Subject, TimeBase};
use crate::domain::station::StationState;

fn follower() -> (Follower, mpsc::Receiver<Bytes>) {
    let (sender, receiver) = mpsc::channel(CLIENT_QUEUE_MAX);
    let follower = Follower {
        session: None,
        shows: Shows::Monitor {
            chosen: "station=4".into(),
            window: Window::default(),
            columns: POINTS_COLUMNS.split(',').map(str::to_owned).collect(),
        },
        period: POINTS_PERIOD,
        stream: Some(StreamId(7)),
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
    (follower, receiver)
}

fn batch(rows: i64) -> Arc<Batch> {
    let values = (0..rows).map(|_| 3.5).collect();
    Arc::new(Batch {
        boot: 1,
        seq: 0,
        subject: Subject::Experiment(crate::domain::ids::ExperimentId(1)),
        base: TimeBase::Utc,
        times_us: (0..rows).collect(),
        columns: vec![Column { name: "voltage_v".into(), values, nulls: vec![] }],
    })
}

fn samples(stream: i64, rows: Arc<Batch>) -> Event {
    Event::Samples { stream: StreamId(stream), offset_us: Some(1_000), rows }
}

fn sent(receiver: &mut mpsc::Receiver<Bytes>) -> (String, Value) {
    let text = String::from_utf8(receiver.try_recv().unwrap().to_vec()).unwrap();
    let (event, content) = text.trim_end().split_once('\n').unwrap();
    let content = serde_json::from_str(content.strip_prefix("data: ").unwrap()).unwrap();
    (event.strip_prefix("event: ").unwrap().to_owned(), content)
}

#[test]
fn many_samples_are_thinned_and_the_newest_is_kept() {
    let (mut follower, mut receiver) = follower();
    for rows in [250, 251] {
        follower.take(Ok(samples(7, batch(rows)))).ok().unwrap();
    }
    follower.take(Ok(samples(8, batch(1)))).ok().unwrap();
    follower.send_points().ok().unwrap();
    let (event, points) = sent(&mut receiver);
    let at_us = points["at_us"].as_array().unwrap();
    assert_eq!(event, "points");
    assert!(at_us.len() <= POINTS_ROWS_MAX, "{}", at_us.len());
    assert_eq!(at_us.last().unwrap(), 1_250);
    assert_eq!(points["columns"][1][0], Value::Null, "a column that was not measured");
}

#[test]
fn a_page_that_missed_events_is_told_to_fetch() {
    let (mut follower, mut receiver) = follower();
    follower.take(Err(broadcast::error::RecvError::Lagged(3))).ok().unwrap();
    follower.send_points().ok().unwrap();
    assert_eq!(sent(&mut receiver).0, "reload");
}

#[test]
fn back_fill_is_no_news_at_the_end_of_a_chart_but_a_reason_to_fetch_it() {
    let (mut follower, mut receiver) = follower();
    let older = Arc::new(Batch { times_us: (-500..-250).collect(), ..Batch::clone(&batch(250)) });
    for rows in [batch(250), older] {
        follower.take(Ok(samples(7, rows))).ok().unwrap();
    }
    follower.send_points().ok().unwrap();
    let (event, points) = sent(&mut receiver);
    assert_eq!((event.as_str(), points["at_us"][0].as_i64() >= Some(1_000)), ("points", true));
    follower.send_points().ok().unwrap();
    assert!(receiver.try_recv().is_err(), "not at once: more of it comes");
    follower.backfill = follower.backfill.and_then(|since| since.checked_sub(BACKFILL_PERIOD));
    follower.send_points().ok().unwrap();
    assert_eq!(sent(&mut receiver).0, "reload");
}

#[test]
fn unchanged_lines_are_not_sent_again() {
    let (mut follower, mut receiver) = follower();
    let line = Line::station(super::super::pages::monitor::line::tests::station(StationState::Running), 10);
    let seen = |line: &Line| Arc::new(Seen::from(vec![line.clone()]));
    let sparks = Arc::default();
    follower.send_lines(&seen(&line), &sparks, 10).ok().unwrap();
    let events: Vec<String> = (0..3).map(|_| sent(&mut receiver).0).collect();
    assert_eq!(events, ["list", "head", "lines"]);
    follower.send_lines(&seen(&line), &sparks, 11).ok().unwrap();
    assert!(receiver.try_recv().is_err());
}

#[test]
fn a_page_that_wants_values_seldom_gets_them_seldom_and_loses_nothing() {
    let (mut follower, mut receiver) = follower();
    (follower.period, follower.stream) = (Duration::from_secs(60), None);
    let mut line = Line::station(super::super::pages::monitor::line::tests::station(StationState::Running), 10);
    line.stream = Some(StreamId(7));
    let sparks = Arc::default();
    follower.send_lines(&Arc::new(Seen::from(vec![line.clone()])), &sparks, 10).ok().unwrap();
    assert_eq!((0..3).map(|_| sent(&mut receiver).0).collect::<Vec<_>>(), ["list", "head", "lines"]);
    line.at_us = Some(77);
    follower.send_lines(&Arc::new(Seen::from(vec![line.clone()])), &sparks, 11).ok().unwrap();
    assert!(receiver.try_recv().is_err(), "a new value waits");
    // A change of state does not.
    line.reason = Some("door open".into());
    follower.send_lines(&Arc::new(Seen::from(vec![line])), &sparks, 12).ok().unwrap();
    assert_eq!([sent(&mut receiver).0, sent(&mut receiver).0], ["list", "head"]);

    follower.send_points().ok().unwrap();
    assert_eq!(sent(&mut receiver).0, "reload", "a page that begins to follow may have missed something");
    for _ in 0..=PENDING_MAX {
        follower.take(Ok(samples(7, batch(1)))).ok().unwrap();
    }
    assert!(follower.pending.len() <= PENDING_MAX && follower.points_due().is_some());
    follower.send_points().ok().unwrap();
    assert_eq!(sent(&mut receiver).0, "reload", "more than is kept is fetched");
}

#[test]
fn a_page_gets_the_columns_it_draws_and_every_value_of_the_newest_row() {
    let (mut follower, mut receiver) = follower();
    let columns = vec!["rim_temperature_c".to_owned(), "voltage_v".to_owned()];
    follower.shows = Shows::Monitor { chosen: "station=4".into(), window: Window::default(), columns };
    follower.take(Ok(samples(7, batch(2)))).ok().unwrap();
    follower.send_points().ok().unwrap();
    let (_, points) = sent(&mut receiver);
    assert_eq!(points["names"], json!(["rim_temperature_c", "voltage_v"]));
    assert_eq!(points["columns"], json!([[null, null], [3.5, 3.5]]));
    assert_eq!(points["last"], json!({ "voltage_v": 3.5 }));
}
