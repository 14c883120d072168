//! Devices against a server that misbehaves on purpose.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, Packet, PingResp, PubAck, Publish, SubAck, SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use super::audit::Audit;
use super::journal::Journal;
use super::plan::{LoadPlan, Plan};
use super::*;
use crate::analysis::cell_model::{cell, preset};
use crate::clock::Clock;
use crate::domain::ids::{BatteryId, ExperimentId, StationId};
use crate::domain::profile::{Step, StepEnd, StepMode, Steps};
use crate::domain::sample::{Batch, Column, Subject, TimeBase};

/// No test takes longer, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the server does with a message.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    /// Stores and acknowledges.
    Kind,
    /// Stores and closes the connection without a word.
    Rude,
    /// Acknowledges without storing, as a broker does that then dies.
    Forgetful,
}

#[derive(Default)]
struct Seen {
    /// Boots told by hello.
    hellos: Vec<u32>,
    messages: usize,
    /// Rows of each boot with their content.
    rows: BTreeMap<(u32, i64), Batch>,
    words: Vec<(String, serde_json::Value)>,
}

struct Server {
    url: Broker,
    seen: Arc<Mutex<Seen>>,
}

/// A server whose mood depends on how many sample messages came before; with `end_to_end` it also sends `down/ack`.
async fn server(end_to_end: bool, mood: impl Fn(usize) -> Mood + Send + Sync + Clone + 'static) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Seen::default()));
    let shared = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&shared), end_to_end, mood.clone()));
        }
    });
    let ack = if end_to_end { AckMode::EndToEnd } else { AckMode::Puback };
    Server { url: Broker { host: "127.0.0.1".into(), port, ack }, seen }
}

async fn serve(mut stream: TcpStream, seen: Arc<Mutex<Seen>>, end_to_end: bool, mood: impl Fn(usize) -> Mood) {
    let mut input = BytesMut::new();
    let mut device = String::new();
    loop {
        let packet = match Packet::read(&mut input, None) {
            Ok(packet) => packet,
            Err(Error::InsufficientBytes(_)) => match stream.read_buf(&mut input).await {
                Ok(1..) => continue,
                _ => return,
            },
            Err(error) => panic!("{error:?}"),
        };
        let mut answers = Vec::new();
        match packet {
            Packet::Connect(connect, _, login) => {
                assert_eq!(login.unwrap().username, connect.client_id);
                device = connect.client_id;
                let code = ConnectReturnCode::Success;
                answers.push(Packet::ConnAck(ConnAck { session_present: false, code, properties: None }));
            }
            Packet::Subscribe(subscribe) => {
                let return_codes = vec![SubscribeReasonCode::Success(QoS::AtLeastOnce)];
                answers.push(Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes, properties: None }));
            }
            Packet::PingReq(_) => answers.push(Packet::PingResp(PingResp)),
            Packet::Publish(publish) => {
                let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
                let what = topic.strip_prefix(&format!("cellar/v1/{device}/up/")).unwrap().to_owned();
                let body: serde_json::Value = serde_json::from_slice(&publish.payload).unwrap();
                let mut seen = seen.lock().unwrap();
                let say = |what: &str, body: serde_json::Value| {
                    let topic = format!("cellar/v1/{device}/down/{what}");
                    Packet::Publish(Publish::new(topic, QoS::AtMostOnce, body.to_string(), None))
                };
                let mut mood_now = Mood::Kind;
                match what.as_str() {
                    "hello" => {
                        let boot = u32::try_from(body["boot"].as_u64().unwrap()).unwrap();
                        seen.hellos.push(boot);
                        // Acknowledgements on their way are lost with a connection: this is how the device learns of them.
                        let upto = (0..).find(|seq| !seen.rows.contains_key(&(boot, *seq))).unwrap_or(0) - 1;
                        let upto = serde_json::json!({"boot": boot, "seq": upto});
                        let body = serde_json::json!({"device": device, "epoch": 1, "time_us": 0, "upto": upto});
                        answers.push(say("welcome", body));
                    }
                    "samples" => {
                        mood_now = mood(seen.messages);
                        seen.messages += 1;
                        let batch = decode(&body);
                        if mood_now != Mood::Forgetful {
                            if end_to_end {
                                let also = [(batch.seq, batch.last_seq())];
                                answers.push(say(
                                    "ack",
                                    serde_json::json!({"boot": batch.boot, "upto": -1, "also": also}),
                                ));
                            }
                            for row in 0..batch.rows() {
                                let row = batch.slice(row, row + 1);
                                seen.rows.entry((row.boot, row.seq)).or_insert(row);
                            }
                        }
                    }
                    _ => seen.words.push((what, body)),
                }
                if mood_now == Mood::Rude {
                    return;
                }
                if publish.qos != QoS::AtMostOnce {
                    answers.push(Packet::PubAck(PubAck::new(publish.pkid, None)));
                }
            }
            _ => {}
        }
        let mut output = BytesMut::new();
        for answer in answers {
            answer.write(&mut output, None).unwrap();
        }
        if stream.write_all(&output).await.is_err() {
            return;
        }
    }
}

/// The batch of a message, the way a server reads it.
fn decode(body: &serde_json::Value) -> Batch {
    let numbers = |values: &serde_json::Value| -> Vec<Option<f64>> {
        values.as_array().unwrap().iter().map(serde_json::Value::as_f64).collect()
    };
    let measured = body["columns"].as_object().unwrap().iter().map(|(name, values)| (name.clone(), numbers(values)));
    let counted = ["step", "cycle"].into_iter().filter_map(|name| Some((name.to_owned(), numbers(body.get(name)?))));
    let columns = measured.chain(counted).map(|(name, values)| batch::from_options(&name, &values));
    let subject = match body["for"].get("battery") {
        Some(id) => Subject::Battery(BatteryId(id.as_i64().unwrap())),
        None => Subject::from_parts("experiment", body["for"]["experiment"].as_i64().unwrap()).unwrap(),
    };
    Batch {
        boot: u32::try_from(body["boot"].as_u64().unwrap()).unwrap(),
        seq: body["seq"].as_i64().unwrap(),
        subject,
        base: TimeBase::Utc,
        times_us: body["at_us"].as_array().unwrap().iter().map(|at_us| at_us.as_i64().unwrap()).collect(),
        columns: columns.collect::<Vec<Column>>(),
    }
}

fn load(rows_per_s: f64) -> LoadPlan {
    let subject = Subject::Battery(BatteryId(3));
    LoadPlan { device: "probe-1".parse().unwrap(), secret: "secret".into(), subject, rows_per_s, seed: 1 }
}

/// Runs a plan with a journal for a while and returns its summary and what the journal says of the server's rows.
async fn run_for(plan: Plan, server: &Server, time: Duration) -> (Summary, audit::Verdict) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let (journal, thread) = Journal::open(&path).unwrap();
    let (stop, shutdown) = watch::channel(false);
    let surroundings = Surroundings {
        broker: server.url.clone(),
        journal: Some(journal),
        clock: Clock::System,
        mischief: Mischief::default(),
        shutdown,
    };
    let lab = tokio::spawn(run(plan, surroundings, mpsc::channel(1).0));
    tokio::time::sleep(time).await;
    stop.send_replace(true);
    let summary = tokio::time::timeout(PATIENCE, lab).await.unwrap().unwrap();
    thread.join().unwrap();

    let mut audit = Audit::read(&path).unwrap();
    let device = "probe-1".parse().unwrap();
    server.seen.lock().unwrap().rows.values().for_each(|row| audit.check(&device, row));
    (summary, audit.verdict())
}

#[tokio::test]
async fn every_row_arrives_once_acknowledged_and_as_it_was_measured() {
    let server = server(false, |_| Mood::Kind).await;
    let plan = Plan { loads: vec![load(2000.0)], ..Plan::default() };
    let (summary, verdict) = run_for(plan, &server, Duration::from_millis(500)).await;
    assert!(verdict.is_clean() && verdict.created > 200, "{verdict:?}");
    assert_eq!((summary.created_rows, summary.unacked_rows), (i64::try_from(verdict.created).unwrap(), 0));
    assert!(summary.connections == 1 && summary.welcomed_after_ms > 0, "{summary:?}");
}

#[tokio::test]
async fn rows_survive_connections_that_break_before_the_acknowledgement() {
    let server = server(false, |message| if message % 7 == 6 { Mood::Rude } else { Mood::Kind }).await;
    let plan = Plan { loads: vec![load(2000.0)], ..Plan::default() };
    let (summary, verdict) = run_for(plan, &server, Duration::from_millis(1000)).await;
    assert!(verdict.is_clean() && verdict.created > 500 && summary.unacked_rows == 0, "{verdict:?}");
    let hellos = &server.seen.lock().unwrap().hellos;
    assert!(hellos.len() > 1 && hellos.iter().all(|boot| *boot == hellos[0]), "{hellos:?}");
}

#[tokio::test]
async fn behind_a_broker_only_the_servers_own_word_counts() {
    // The broker takes the first three messages, dies with them and comes back.
    let mood = |message| match message {
        0 | 1 => Mood::Forgetful,
        2 => Mood::Rude,
        _ => Mood::Kind,
    };
    let server = server(true, mood).await;
    let plan = Plan { loads: vec![load(500.0)], ..Plan::default() };
    let (summary, verdict) = run_for(plan, &server, Duration::from_millis(800)).await;
    assert!(verdict.is_clean() && verdict.created > 100 && summary.unacked_rows == 0, "{verdict:?}");
}

#[tokio::test]
async fn what_a_full_broker_dropped_is_sent_again_over_the_same_connection() {
    let mood = |message| if (2..4).contains(&message) { Mood::Forgetful } else { Mood::Kind };
    let server = server(true, mood).await;
    let plan = Plan { loads: vec![load(500.0)], ..Plan::default() };
    let (summary, verdict) = run_for(plan, &server, Duration::from_millis(800)).await;
    assert!(verdict.is_clean() && verdict.created > 200 && summary.unacked_rows == 0, "{verdict:?}");
    assert_eq!(server.seen.lock().unwrap().hellos.len(), 1);
}

#[tokio::test]
async fn a_clumsy_device_loses_nothing_over_repeats_and_cut_connections() {
    let server = server(false, |message| if message % 50 == 49 { Mood::Rude } else { Mood::Kind }).await;
    let plan = Plan { clumsy: vec![load(4000.0)], ..Plan::default() };
    let (summary, verdict) = run_for(plan, &server, Duration::from_millis(1500)).await;
    // The server keeps the first version of a row: contradictions must come only after it was acknowledged.
    assert!(verdict.is_clean() && summary.unacked_rows == 0, "{verdict:?}");
    let messages = server.seen.lock().unwrap().messages;
    assert!(messages as u64 * 50 > verdict.created * 11 / 10, "{messages} messages for {} rows", verdict.created);
}

fn resting_station(experiment: i64, seconds: f64, cell: Option<cell::Cell>) -> plan::StationPlan {
    let until = vec![StepEnd::TimeS(seconds)];
    let rest = Step { mode: StepMode::Rest, until };
    plan::StationPlan {
        station: StationId(5),
        experiment: ExperimentId(experiment),
        cell,
        work: plan::Work::Profile(Steps { steps: vec![rest], cycles: 1 }),
        current_max_a: 10.0,
        speed: 100.0,
        seed: 1,
    }
}

#[tokio::test]
async fn the_end_of_an_experiment_is_reported_behind_its_rows_and_the_next_one_begins() {
    let server = server(false, |_| Mood::Kind).await;
    let cell = cell::Cell::new(preset::Preset::Nmc21700.parameters(), 0.5, 25.0);
    let unit = plan::UnitPlan {
        device: "unit-1".parse().unwrap(),
        secret: "secret".into(),
        rows_per_s: 50.0,
        obeys_period: false,
        stations: vec![resting_station(1, 20.0, Some(cell))],
    };
    let (stop, shutdown) = watch::channel(false);
    let surroundings = Surroundings {
        broker: server.url.clone(),
        journal: None,
        clock: Clock::System,
        mischief: Mischief::default(),
        shutdown,
    };
    let (finished, mut ends) = mpsc::channel(FINISHED_MAX);
    let lab = tokio::spawn(run(Plan { units: vec![unit], ..Plan::default() }, surroundings, finished));
    for (experiment, next) in [(1, Some(2)), (2, None)] {
        let end = tokio::time::timeout(PATIENCE, ends.recv()).await.unwrap().unwrap();
        assert_eq!((end.experiment, end.station), (ExperimentId(experiment), StationId(5)));
        if let Some(next) = next {
            end.next.send(resting_station(next, 20.0, None)).unwrap();
        }
    }
    stop.send_replace(true);
    tokio::time::timeout(PATIENCE, lab).await.unwrap().unwrap();

    let seen = server.seen.lock().unwrap();
    let mut states: Vec<String> = seen
        .words
        .iter()
        .filter(|(what, _)| what == "state")
        .map(|(_, body)| format!("{} {}", body["experiment"], body["state"].as_str().unwrap()))
        .collect();
    // Every connect repeats the present state.
    states.dedup();
    assert_eq!(states, ["1 running", "1 finished", "2 running", "2 finished"]);
    // 20 s at a hundred times the speed, 50 rows/s: a row every 2 s.
    let rows = |experiment| seen.rows.values().filter(|row| row.subject.id() == experiment).count();
    assert_eq!((rows(1), rows(2)), (10, 10));
    assert!(seen.words.iter().any(|(what, _)| what == "heartbeat"));
}
