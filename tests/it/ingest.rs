//! The writer on both engines: what is acknowledged is stored, once, unchanged.

use std::sync::Arc;
use std::time::Duration;

use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::device::DeviceKind;
use cellar::domain::ids::{BatteryId, DeviceId};
use cellar::domain::message::{ClockMark, Hello, StationReport};
use cellar::domain::sample::{Batch, Column, Subject, TimeBase};
use cellar::domain::secret::DeviceSecret;
use cellar::domain::station::StationState;
use cellar::ingest::events::{Event, Events};
use cellar::ingest::follow::follow;
use cellar::ingest::intake::{AckInbox, Acks, DeadLetter, Intake, Job, Message, Ticket};
use cellar::ingest::writer::Writer;
use cellar::store::Store;

use crate::support::battery;

/// What has not happened after this time is not going to.
const PATIENCE: Duration = Duration::from_secs(20);

/// A writer at work on a fresh database with one unit and one battery.
struct Bench {
    store: Store,
    intake: Intake,
    inbox: Arc<AckInbox>,
    events: Events,
    unit: DeviceId,
    battery: BatteryId,
    _stop: tokio::sync::watch::Sender<bool>,
}

impl Bench {
    async fn new(store: Store) -> Self {
        let unit: DeviceId = "cu-01".parse().unwrap();
        let secret = DeviceSecret::from_random([1; 16]);
        store.register_device(&Actor::server("test"), &unit, DeviceKind::Unit, &secret, 1).await.unwrap();
        let battery = store.add_battery(&Actor::server("test"), &battery::cell(battery::NAME), None, 1).await.unwrap();
        let (intake, jobs) = Intake::new();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let events = Events::default();
        tokio::spawn(Writer::new(store.clone(), jobs, events.clone(), Clock::System, stopped).run());
        Self { store, intake, inbox: AckInbox::new(), events, unit, battery, _stop: stop }
    }

    /// The same with a device of its own.
    async fn beside(&self, unit: &str) -> Self {
        let unit: DeviceId = unit.parse().unwrap();
        let secret = DeviceSecret::from_random([1; 16]);
        self.store.register_device(&Actor::server("test"), &unit, DeviceKind::Unit, &secret, 1).await.unwrap();
        let (store, intake, events) = (self.store.clone(), self.intake.clone(), self.events.clone());
        Self { store, intake, inbox: AckInbox::new(), events, unit, battery: self.battery, _stop: self._stop.clone() }
    }

    async fn submit(&self, token: u64, message: Message) {
        let ticket = Ticket::new(Arc::clone(&self.inbox), token).with_committed();
        let room = self.intake.room(100).await.unwrap();
        self.intake.submit(Job { device: self.unit.clone(), message, ticket, room }).await.unwrap();
    }

    /// Hands in messages and waits until each is acknowledged; what the last acknowledgement said is committed.
    async fn send(&self, messages: Vec<Message>) -> Acks {
        let count = messages.len();
        for (token, message) in (0..).zip(messages) {
            self.submit(token, message).await;
        }
        let mut all = Acks::default();
        while all.tokens.len() < count {
            self.inbox.wait().await;
            let acks = self.inbox.take();
            all.tokens.extend(acks.tokens);
            all.committed = acks.committed;
        }
        all
    }

    /// Everything stored of the unit, row by row: (boot, seq, time, voltage).
    async fn rows(&self) -> Vec<(u32, i64, i64, Option<f64>)> {
        let mut rows = Vec::new();
        for (stream, _) in self.store.device_streams(&self.unit).await.unwrap() {
            let mut after = (0, -1);
            loop {
                let batches = self.store.stream_batches(stream, after).await.unwrap();
                let Some(last) = batches.last() else { break };
                after = (last.boot, last.seq);
                for batch in &batches {
                    let seqs = batch.seq..;
                    rows.extend(
                        seqs.zip(0..batch.rows())
                            .map(|(seq, row)| (batch.boot, seq, batch.times_us[row], batch.columns[0].get(row))),
                    );
                }
            }
        }
        rows
    }

    async fn reasons(&self) -> Vec<String> {
        self.store.newest_dead_letters(100).await.unwrap().into_iter().map(|letter| letter.reason).collect()
    }
}

/// Rows `seq..seq+count` whose content follows from their number.
fn batch(battery: BatteryId, boot: u32, seq: i64, count: i64) -> Batch {
    Batch {
        boot,
        seq,
        subject: Subject::Battery(battery),
        base: TimeBase::Utc,
        times_us: (seq..seq + count).map(|seq| 1_790_000_000_000_000 + seq * 100_000).collect(),
        columns: vec![Column {
            name: "voltage_v".to_owned(),
            values: (seq..seq + count).map(voltage).collect(),
            nulls: vec![],
        }],
    }
}

#[expect(clippy::cast_precision_loss, reason = "small numbers")]
fn voltage(seq: i64) -> f64 {
    (36_000 + seq % 1_000) as f64 / 1e4
}

fn expected(boot: u32, seqs: std::ops::Range<i64>) -> Vec<(u32, i64, i64, Option<f64>)> {
    seqs.map(|seq| (boot, seq, 1_790_000_000_000_000 + seq * 100_000, Some(voltage(seq)))).collect()
}

both_engines! {
    async fn a_sample_sent_twice_is_stored_once(store: Store) {
        let bench = Bench::new(store).await;
        let same = || Message::samples(batch(bench.battery, 7, 0, 50));
        let acks = bench.send(vec![same(), same()]).await;
        assert_eq!(acks.tokens.len(), 2);
        bench.send(vec![same()]).await;
        assert_eq!(bench.rows().await, expected(7, 0..50));
        assert_eq!(bench.reasons().await, Vec::<String>::new());
    }

    async fn rows_cut_and_batched_anew_are_stored_once(store: Store) {
        let bench = Bench::new(store).await;
        for (seq, count) in [(0, 50), (200, 50), (30, 30), (0, 260), (100, 16), (255, 30)] {
            bench.send(vec![Message::samples(batch(bench.battery, 7, seq, count))]).await;
        }
        assert_eq!(bench.rows().await, expected(7, 0..285));
        assert_eq!(bench.reasons().await, Vec::<String>::new());
    }

    async fn many_batches_in_one_group_keep_their_order_and_content(store: Store) {
        let bench = Bench::new(store).await;
        let messages = (0..1_500).map(|index| Message::samples(batch(bench.battery, 7, index * 3, 3)));
        let acks = bench.send(messages.collect()).await;
        assert_eq!(bench.rows().await, expected(7, 0..4_500));
        assert_eq!(acks.committed.last().map(|(_, rows)| (rows.boot, rows.upto)), Some((7, 4_499)));
    }

    async fn an_acknowledgement_names_every_range(store: Store) {
        let bench = Bench::new(store).await;
        bench.send(vec![Message::samples(batch(bench.battery, 7, 0, 10))]).await;
        let acks = bench.send(vec![Message::samples(batch(bench.battery, 7, 20, 10))]).await;
        let (device, rows) = acks.committed.last().unwrap();
        assert_eq!((device, rows.upto, rows.also.as_slice()), (&bench.unit, 9, &[(20, 29)][..]));
        // A boot whose first rows were never seen has nothing up to any number.
        let acks = bench.send(vec![Message::samples(batch(bench.battery, 8, 5, 5))]).await;
        assert_eq!(acks.committed.last().map(|(_, rows)| (rows.upto, rows.also.clone())), Some((-1, vec![(5, 9)])));
    }

    async fn a_new_writer_knows_what_the_old_one_stored(store: Store) {
        let bench = Bench::new(store.clone()).await;
        bench.send(vec![Message::samples(batch(bench.battery, 7, 0, 50))]).await;
        bench.send(vec![Message::samples(batch(bench.battery, 7, 80, 20))]).await;
        let (intake, jobs) = Intake::new();
        let (_stop, stopped) = tokio::sync::watch::channel(false);
        tokio::spawn(Writer::new(store, jobs, Events::default(), Clock::System, stopped).run());
        let after_restart = Bench { intake, ..bench };
        let hello = Hello {
            boot: 7,
            kind: DeviceKind::Unit,
            model: "sim".to_owned(),
            firmware: "1".to_owned(),
            serial: "s".to_owned(),
        };
        let acks = after_restart.send(vec![Message::Hello(hello)]).await;
        assert_eq!(acks.committed[0].1.upto, 49);
        assert_eq!(acks.committed[0].1.also, [(80, 99)]);
        after_restart.send(vec![Message::samples(batch(after_restart.battery, 7, 40, 60))]).await;
        assert_eq!(after_restart.rows().await, expected(7, 0..100));
        assert_eq!(after_restart.reasons().await, Vec::<String>::new());
    }

    async fn other_content_under_a_used_number_is_set_aside(store: Store) {
        let bench = Bench::new(store).await;
        bench.send(vec![Message::samples(batch(bench.battery, 7, 0, 10))]).await;
        let mut changed = batch(bench.battery, 7, 5, 10);
        changed.columns[0].values[2] = 9.9;
        bench.send(vec![Message::samples(changed)]).await;
        assert_eq!(bench.rows().await, expected(7, 0..15));
        let letters = bench.store.newest_dead_letters(10).await.unwrap();
        assert_eq!(letters.len(), 1);
        assert!(letters[0].reason.contains("rows 7 to 7 of boot 7"), "{}", letters[0].reason);
        let payload: serde_json::Value = serde_json::from_slice(&letters[0].payload).unwrap();
        assert_eq!((&payload["seq"], &payload["columns"]["voltage_v"]), (&7.into(), &serde_json::json!([9.9])));
    }

    async fn samples_for_nothing_are_set_aside(store: Store) {
        let bench = Bench::new(store).await;
        bench.send(vec![Message::samples(batch(BatteryId(999), 7, 0, 3))]).await;
        assert_eq!(bench.rows().await, []);
        assert_eq!(bench.reasons().await, ["there is no battery 999"]);
    }

    async fn a_message_nobody_can_read_is_kept_byte_for_byte(store: Store) {
        let bench = Bench::new(store).await;
        let payload: Vec<u8> = (0..=255).collect();
        let letter = DeadLetter {
            topic: "cellar/v1/cu-01/up/samples".to_owned(),
            payload: payload.clone(),
            reason: "not UTF-8 at byte 128".to_owned(),
        };
        let long = DeadLetter { topic: "x".repeat(2_000), reason: "ä".repeat(2_000), payload: vec![] };
        bench.send(vec![Message::Dead(letter), Message::Dead(long)]).await;
        let letters = bench.store.newest_dead_letters(10).await.unwrap();
        assert_eq!((letters[1].device_id.as_str(), &letters[1].payload), ("cu-01", &payload));
        assert_eq!(letters[0].reason.chars().count(), 512);
    }

    async fn a_broken_device_cannot_fill_the_disk_with_dead_letters(store: Store) {
        let bench = Bench::new(store).await;
        let letter = || Message::Dead(DeadLetter { topic: "t".into(), payload: vec![0; 60_000], reason: "r".into() });
        let acks = bench.send((0..200).map(|_| letter()).collect()).await;
        assert_eq!(acks.tokens.len(), 200);
        // 10 MB a day: 166 of them fit, and one more says that the others were only counted.
        let letters = bench.store.newest_dead_letters(1_000).await.unwrap();
        assert_eq!(letters.len(), 167);
        assert!(letters[0].payload.is_empty() && letters[0].reason.contains("only counted"), "{}", letters[0].reason);
    }

    async fn a_boot_without_a_clock_is_dated_later(store: Store) {
        let bench = Bench::new(store).await;
        let ticks = |seq| {
            let mut rows = batch(bench.battery, 7, seq, 3);
            rows.base = TimeBase::Tick;
            rows.times_us = vec![1_000_000 + seq, 2_000_000 + seq, 3_000_000 + seq];
            Message::samples(rows)
        };
        bench.send(vec![ticks(0)]).await;
        let (stream, _) = bench.store.device_streams(&bench.unit).await.unwrap()[0];
        let columns = ["voltage_v".to_owned()];
        assert_eq!(bench.store.window(stream, &columns, 0, i64::MAX).await.unwrap(), []);
        bench.send(vec![Message::Clock(ClockMark { boot: 7, tick_us: 5_000_000, at_us: 1_790_000_005_000_000 })]).await;
        bench.send(vec![ticks(3)]).await;
        let pieces = bench.store.window(stream, &columns, 0, i64::MAX).await.unwrap();
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0].times_us, [1_790_000_001_000_000, 1_790_000_002_000_000, 1_790_000_003_000_000]);
        assert_eq!(bench.store.latest(stream).await.unwrap().unwrap().first_at_us, 1_790_000_001_000_000);
        // What the device said stays as it was said.
        assert_eq!(bench.rows().await[0].2, 1_000_000);
    }

    async fn the_end_of_a_stream_is_its_newest_row_in_whatever_order_rows_come(store: Store) {
        let bench = Bench::new(store).await;
        for seq in [100, 0, 50] {
            bench.send(vec![Message::samples(batch(bench.battery, 7, seq, 50))]).await;
        }
        let (stream, _) = bench.store.device_streams(&bench.unit).await.unwrap()[0];
        let latest = bench.store.latest(stream).await.unwrap().unwrap();
        assert_eq!((latest.seq, latest.row_total, latest.first_at_us), (149, 150, 1_790_000_000_000_000));
        assert_eq!(latest.values()["voltage_v"], Some(voltage(149)));
    }

    async fn a_clock_that_is_wrong_does_not_hold_up_the_newest_values(store: Store) {
        let bench = Bench::new(store).await;
        let hello = |boot| Message::Hello(serde_json::from_value(serde_json::json!({ "boot": boot, "kind": "unit" })).unwrap());
        let at = |boot, seq, shift_us: i64| {
            let mut rows = batch(bench.battery, boot, seq, 10);
            rows.times_us.iter_mut().for_each(|at_us| *at_us += shift_us);
            Message::samples(rows)
        };
        let century_us = 3_155_760_000_000_000;
        let end = async || {
            let (stream, _) = bench.store.device_streams(&bench.unit).await.unwrap()[0];
            let latest = bench.store.latest(stream).await.unwrap().unwrap();
            (latest.boot, latest.seq, latest.values()["voltage_v"])
        };
        // A hundred years ahead, then set right; then a start in the past, and what was left of the boot before.
        bench.send(vec![hello(7), at(7, 0, century_us)]).await;
        bench.send(vec![at(7, 10, 0)]).await;
        assert_eq!(end().await, (7, 19, Some(voltage(19))));
        bench.send(vec![hello(8), at(8, 0, -1_700_000_000_000_000)]).await;
        assert_eq!(end().await, (8, 9, Some(voltage(9))));
        bench.send(vec![at(7, 20, century_us)]).await;
        assert_eq!(end().await, (8, 9, Some(voltage(9))), "back-fill of an earlier boot");
    }

    async fn a_unit_reports_only_its_own_stations(store: Store) {
        let bench = Bench::new(store).await;
        let other: DeviceId = "cu-02".parse().unwrap();
        let mine = bench.store.add_station("A1", &bench.unit).await.unwrap();
        let theirs = bench.store.add_station("B1", &other).await.unwrap();
        let report = |station| {
            Message::Station(StationReport {
                station,
                experiment: None,
                state: StationState::Fault,
                step: None,
                cycle: None,
                reason: Some("lid open".to_owned()),
            })
        };
        bench.send(vec![report(mine), report(theirs), report(cellar::domain::ids::StationId(999))]).await;
        let lines = bench.store.station_lines().await.unwrap();
        assert_eq!((lines[0].state, lines[0].reason.as_str()), (StationState::Fault, "lid open"));
        assert_eq!(lines[1].state, StationState::Idle);
        assert_eq!(bench.reasons().await, ["there is no station 999".to_owned(), format!("station {theirs} belongs to another unit")]);
    }

    async fn devices_side_by_side_are_each_stored_once_and_acknowledged_in_order(store: Store) {
        let bench = Bench::new(store).await;
        let mut devices = Vec::new();
        for number in 2..8 {
            devices.push(bench.beside(&format!("cu-{number:02}")).await);
        }
        let at_work = devices.into_iter().map(|device| {
            tokio::spawn(async move {
                for round in 0..20 {
                    // Each round begins with rows of the one before, and all devices bring the same new column set.
                    let messages = (0..25).map(|index| {
                        let mut rows = batch(device.battery, 7, (round * 25 + index - 2).max(0) * 3, 3);
                        let voltage = rows.columns[0].clone();
                        rows.columns.push(Column { name: format!("quantity_{round:02}_v"), ..voltage });
                        Message::samples(rows)
                    });
                    let acks = device.send(messages.collect()).await;
                    assert_eq!(acks.tokens, (0..25).collect::<Vec<_>>());
                }
                assert_eq!(device.rows().await, expected(7, 0..(20 * 25 - 2) * 3));
            })
        });
        for device in at_work.collect::<Vec<_>>() {
            device.await.unwrap();
        }
    }

    async fn a_process_that_only_shows_hears_of_groups_committed_out_of_order(store: Store) {
        let bench = Bench::new(store.clone()).await;
        // Later than the follower's first question, however late that comes.
        let first_us = Clock::System.now_us() + 3_600_000_000;
        // Two processes that write, each with the time its group was begun at.
        let write_at = async |unit: &str, at_us: i64, seq: i64| {
            let (intake, jobs) = Intake::new();
            let (_stop, stopped) = tokio::sync::watch::channel(false);
            let clock = Clock::Manual(Arc::new(at_us.into()));
            let writer = tokio::spawn(Writer::new(store.clone(), jobs, Events::default(), clock, stopped).run());
            let bench = Bench { intake, ..bench.beside(unit).await };
            bench.send(vec![Message::samples(batch(bench.battery, 7, seq, 5))]).await;
            drop(bench);
            writer.await.unwrap();
        };
        let (events, (_stop, stopped)) = (Events::default(), tokio::sync::watch::channel(false));
        let mut watch = events.watch();
        for unit in ["cu-02", "cu-03"] {
            write_at(unit, first_us, 0).await;
        }
        tokio::spawn(follow(store.clone(), events, Clock::System, stopped));
        // Once the follower tells how the one stream moves on, it knows the end of the other too.
        let mut seq = 0;
        loop {
            seq += 5;
            write_at("cu-02", first_us + 1_200_000, seq).await;
            if tokio::time::timeout(Duration::from_secs(1), watch.recv()).await.is_ok() {
                break;
            }
            assert!(seq < 100, "the follower tells nothing");
        }
        write_at("cu-03", first_us + 1_100_000, 5).await;
        let told = tokio::time::timeout(PATIENCE, async {
            loop {
                let Event::Samples { stream, .. } = watch.recv().await.unwrap() else { continue };
                if bench.store.device_streams(&"cu-03".parse().unwrap()).await.unwrap()[0].0 == stream {
                    break;
                }
            }
        });
        told.await.expect("the rows of the group that was begun first are told");
    }

    async fn whoever_watches_hears_of_rows_after_their_commit(store: Store) {
        let bench = Bench::new(store).await;
        let mut watch = bench.events.watch();
        bench.send(vec![Message::samples(batch(bench.battery, 7, 0, 5))]).await;
        loop {
            let Event::Samples { rows, offset_us, .. } = watch.recv().await.unwrap() else { continue };
            assert_eq!((rows.seq, rows.rows(), offset_us), (0, 5, Some(0)));
            break;
        }
        assert_eq!(bench.rows().await.len(), 5);
    }
}
