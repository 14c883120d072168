//! The archive in the background, and what devices send again of what is there.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use cellar::archive::Archive;
use cellar::clock::Clock;
use cellar::domain::sample::{Batch, Subject, TimeBase};
use cellar::ingest::archiver::Archiver;
use cellar::ingest::events::Events;
use cellar::ingest::intake::{AckInbox, Intake, Job, Message, Ticket};
use cellar::ingest::writer::Writer;
use cellar::store::Store;
use tempfile::TempDir;

use crate::archive::{DEVICE, SECOND, files, measured, over};
use crate::exports::T;

const DAY: i64 = 86_400 * SECOND;

fn with_archive(store: &Store, folder: &std::path::Path) -> Store {
    let settings = cellar::config::Archive { to: folder.display().to_string(), ..Default::default() };
    store.clone().with_archive(Archive::of(&settings, Clock::System).unwrap())
}

/// Sends rows as a device does, with these voltages; returns when they are acknowledged.
async fn send(store: &Store, experiment: Subject, seq: i64, count: i64, shift_v: f64) {
    let (intake, jobs) = Intake::new();
    let (_stop, stopped) = tokio::sync::watch::channel(false);
    tokio::spawn(Writer::new(store.clone(), jobs, Events::default(), Clock::System, stopped).run());
    let (times_us, mut columns) = measured(40_000, 0);
    let (from, to) = (usize::try_from(seq).unwrap(), usize::try_from(seq + count).unwrap());
    columns[0].values.iter_mut().for_each(|value| *value += shift_v);
    let batch = Batch {
        boot: 1,
        seq,
        subject: experiment,
        base: TimeBase::Utc,
        times_us: times_us[from..to].to_vec(),
        columns: columns.iter().map(|column| column.slice(from, to)).collect(),
    };
    let inbox = AckInbox::new();
    let ticket = Ticket::new(Arc::clone(&inbox), 1).with_committed();
    let room = intake.room(100).await.unwrap();
    let job = Job { device: DEVICE.parse().unwrap(), message: Message::samples(batch), ticket, room };
    intake.submit(job).await.unwrap();
    inbox.wait().await;
}

async fn reasons(store: &Store) -> Vec<String> {
    store.newest_dead_letters(100).await.unwrap().into_iter().map(|letter| letter.reason).collect()
}

both_engines! {
    async fn what_is_old_enough_leaves_by_itself_and_what_somebody_wants_stays(store: Store) {
        let folder = TempDir::new().unwrap();
        let store = with_archive(&store, folder.path());
        let (old, wanted) = (over(&store, "old").await, over(&store, "wanted").await);
        store.bring_back(&cellar::domain::audit::Actor::server("test"), wanted, 1).await.unwrap();
        let now_us = Arc::new(AtomicI64::new(T + DAY));
        let archiver = Archiver::new(store.clone(), Clock::Manual(Arc::clone(&now_us)), 30);
        archiver.archive_what_is_old(|| true).await.unwrap();
        assert_eq!(files(folder.path()).len(), 0, "a day is not thirty");
        now_us.store(T + 32 * DAY, std::sync::atomic::Ordering::Relaxed);
        archiver.archive_what_is_old(|| false).await.unwrap();
        assert_eq!(files(folder.path()).len(), 0, "another server leads");
        archiver.archive_what_is_old(|| true).await.unwrap();
        assert_eq!(store.archived(old).await.unwrap().map(|archived| archived.files), Some(3));
        assert_eq!(store.archived(wanted).await.unwrap(), None);
    }

    async fn rows_sent_again_are_compared_with_those_in_the_archive(store: Store) {
        let (folder, away) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let there = with_archive(&store, folder.path());
        let id = over(&there, "again").await;
        let experiment = Subject::Experiment(id);
        for stream in there.subject_streams(experiment).await.unwrap() {
            while there.archive_part(&cellar::domain::audit::Actor::server("test"), id, stream, 1).await.unwrap().chunks > 0 {}
        }
        send(&there, experiment, 16_000, 500, 0.0).await;
        assert_eq!(reasons(&store).await, Vec::<String>::new(), "they are the same");
        send(&there, experiment, 16_000, 500, 1.0).await;
        let told = reasons(&store).await;
        assert!(!told.is_empty() && told.iter().all(|reason| reason.contains("with other content")), "{told:?}");
        // Nobody can compare them: they are kept aside, whatever they are.
        let blind = with_archive(&store, &away.path().join("not-mounted"));
        send(&blind, experiment, 20_000, 10, 0.0).await;
        let told = reasons(&store).await;
        assert!(told[0].contains("rows 20000 to 20009 of boot 1") && told[0].contains("does not answer"), "{told:?}");
        let verified = there.verify_device(&DEVICE.parse().unwrap(), &there.subject_streams(experiment).await.unwrap()[..1]).await;
        assert_eq!(verified.unwrap().faults, []);
    }
}
