//! The archive on both engines: the same rows on every page and in every file before, there and after, and nothing lost
//! when files are damaged or rows come late.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cellar::archive::Archive;
use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::experiment::ExperimentState;
use cellar::domain::ids::{DeviceId, ExperimentId, StreamId};
use cellar::domain::sample::{Column, Subject};
use cellar::report::csv::Dialect;
use cellar::series::chunk::Packing;
use cellar::series::window::reduce;
use cellar::store::transitions::Move;
use cellar::store::{Store, StoreError};
use tempfile::TempDir;

use crate::exports::{T, begun, csv};
use crate::support::database::Database;
use crate::support::series::{column, store_rows};

pub(crate) const DEVICE: &str = "cu-5";
pub(crate) const SECOND: i64 = 1_000_000;
/// Long after everything that is measured here, µs UTC.
pub(crate) const LATER: i64 = T + 400 * 86_400 * SECOND;

type Row = (i64, BTreeMap<String, Option<u64>>);

/// A store with an archive in a folder.
async fn opened(database: &Database, folder: &Path) -> Store {
    let store = Store::open(database.url()).await.unwrap();
    store.migrate().await.unwrap();
    with_archive(store, folder)
}

fn with_archive(store: Store, folder: &Path) -> Store {
    let settings = cellar::config::Archive { to: folder.display().to_string(), ..Default::default() };
    store.with_archive(Archive::of(&settings, Clock::System).unwrap())
}

/// Rows of a second each with everything that is hard to keep: nulls, a NaN with something in it, a zero with a sign.
pub(crate) fn measured(count: i64, from: i64) -> (Vec<i64>, Vec<Column>) {
    let mut random = fastrand::Rng::with_seed(from.unsigned_abs() + 1);
    let times = (from..from + count).map(|row| T + row * SECOND).collect();
    let voltage: Vec<f64> = (0..count).map(|_| f64::from(random.i32(30_000..42_000)) / 1e4).collect();
    let odd = [-0.0, f64::from_bits(0x7ff8_0000_0000_1234), f64::INFINITY, 5e-324];
    let rim: Vec<f64> =
        (0..count).map(|_| if random.u8(..) < 9 { odd[random.usize(..4)] } else { random.f64() }).collect();
    let nulls: Vec<u32> = (0..u32::try_from(count).unwrap()).filter(|row| row % 31 == 0).collect();
    let cycle: Vec<f64> = (from..from + count).map(|row| f64::from(i32::try_from(row / 5_000).unwrap())).collect();
    let current: Vec<f64> = (from..from + count).map(|row| if row % 5_000 < 2_500 { 1.5 } else { -1.5 }).collect();
    let columns = vec![
        column("voltage_v", &voltage, &[]),
        column("current_a", &current, &[]),
        column("rim_c", &rim, &nulls),
        column("cycle", &cycle, &[]),
    ];
    (times, columns)
}

/// An experiment that is over: two boots with gaps in their numbers, another column, a second device.
pub(crate) async fn over(store: &Store, name: &str) -> ExperimentId {
    let experiment = begun(store, name).await;
    let subject = Subject::Experiment(experiment);
    for (seq, from, count) in [(0, 0, 40_000), (50_000, 40_000, 15_000)] {
        let (times, columns) = measured(count, from);
        store_rows(store, DEVICE, subject, (1, seq), 5_000, &times, &columns).await;
    }
    let (times, columns) = measured(2_000, 60_000);
    store_rows(store, DEVICE, subject, (2, 3), 500, &times, &columns[..2]).await;
    let (times, columns) = measured(300, 58_000);
    store_rows(store, "other", subject, (9, 0), 100, &times, &columns[2..]).await;
    seal(store, experiment).await;
    finish(store, experiment).await;
    experiment
}

pub(crate) async fn seal(store: &Store, experiment: ExperimentId) {
    for stream in store.subject_streams(Subject::Experiment(experiment)).await.unwrap() {
        while store.seal_stream(stream, Packing::Pco, true, 1).await.unwrap().rows > 0 {}
    }
}

async fn finish(store: &Store, experiment: ExperimentId) {
    let running = store.experiment(experiment).await.unwrap().unwrap();
    let mut group = store.begin_group().await.unwrap();
    let run = Move {
        experiment,
        version: running.version,
        from: ExperimentState::Running,
        to: ExperimentState::Finished,
        actor: "cu",
        reason: "",
    };
    assert!(group.move_experiment(run, T + 70_000 * SECOND).await.unwrap());
    group.commit().await.unwrap();
}

/// Archives everything that is sealed; rows and files.
async fn archive(store: &Store, experiment: ExperimentId) -> (i64, usize) {
    let (mut rows, mut files) = (0, 0);
    for stream in store.subject_streams(Subject::Experiment(experiment)).await.unwrap() {
        loop {
            let done = store.archive_part(&Actor::server("test"), experiment, stream, LATER).await.unwrap();
            assert!(!done.is_disturbed, "nobody else is here");
            if done.chunks == 0 {
                break;
            }
            (rows, files) = (rows + done.rows, files + 1);
        }
    }
    (rows, files)
}

async fn restore(store: &Store, experiment: ExperimentId) -> i64 {
    let mut rows = 0;
    loop {
        let done = store.restore_part(experiment, LATER).await.unwrap();
        if done.chunks == 0 {
            return rows;
        }
        rows += done.rows;
    }
}

/// Every row of an experiment by stream, boot and number, bit for bit.
async fn rows(store: &Store, experiment: ExperimentId) -> BTreeMap<(StreamId, u32, i64), Row> {
    let mut rows = BTreeMap::new();
    for stream in store.subject_streams(Subject::Experiment(experiment)).await.unwrap() {
        let mut after = (0, -1);
        loop {
            let batches = store.stream_batches(stream, after).await.unwrap();
            let Some(last) = batches.last() else { break };
            after = (last.boot, last.last_seq());
            for batch in &batches {
                for (seq, row) in (batch.seq..).zip(0..batch.rows()) {
                    let values =
                        batch.columns.iter().map(|column| (column.name.clone(), column.get(row).map(f64::to_bits)));
                    rows.insert((stream, batch.boot, seq), (batch.times_us[row], values.collect()));
                }
            }
        }
    }
    rows
}

/// What windows of several widths look like, as text: a NaN equals nothing.
async fn windows(store: &Store, experiment: ExperimentId) -> String {
    let mut all = String::new();
    let wanted = ["voltage_v".to_owned(), "rim_c".to_owned(), "nothing_v".to_owned()];
    for stream in store.subject_streams(Subject::Experiment(experiment)).await.unwrap() {
        for (from, to) in [(0, 62_000), (100, 130), (16_000, 17_000), (39_990, 50_010)] {
            let (from_us, to_us) = (T + from * SECOND, T + to * SECOND);
            let drawn = store.drawn_window(stream, &wanted, from_us, to_us).await.unwrap();
            let whole = store.window(stream, &wanted, from_us, to_us).await.unwrap();
            all +=
                &format!("{:?} {:?}", reduce(&drawn, 3, from_us, to_us, 100), reduce(&whole, 3, from_us, to_us, 100));
        }
    }
    all
}

async fn faults(store: &Store) -> Vec<String> {
    let mut all = Vec::new();
    let streams = store.all_streams().await.unwrap();
    for of_device in streams.chunk_by(|one, other| one.1 == other.1) {
        let ids: Vec<StreamId> = of_device.iter().map(|(stream, _)| *stream).collect();
        let verified = store.verify_device(&of_device[0].1, &ids).await.unwrap();
        all.extend(verified.faults.into_iter().map(|fault| format!("{}: {}", fault.place, fault.reason)));
    }
    all
}

/// The files of an archive, below its folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

async fn stubs(database: &Database) -> u64 {
    database.run(&["UPDATE block SET row_count = row_count WHERE level = 3 AND codec = 3"]).await
}

both_engines! {
    async fn archived_rows_are_those_that_were_measured_and_come_back_as_they_lay(database: Database) {
        let folder = TempDir::new().unwrap();
        let store = opened(&database, folder.path()).await;
        let experiment = over(&store, "archive").await;
        let before = (rows(&store, experiment).await, windows(&store, experiment).await, csv(&store, experiment, Dialect::Cellar).await);
        assert_eq!(before.0.len(), 57_300);
        database.run(&["CREATE TABLE lay AS SELECT * FROM block"]).await;

        assert_eq!(archive(&store, experiment).await, (57_300, 3), "a file for each stream and list of columns");
        assert!(stubs(&database).await >= 6);
        assert_eq!(archive(&store, experiment).await, (0, 0));
        assert_eq!(files(folder.path()).len(), 3);
        let there = store.archived(experiment).await.unwrap().unwrap();
        assert_eq!((there.files, there.at_us, there.is_coming_back), (3, LATER, false));
        // A second server has nothing in memory.
        for store in [store.clone(), opened(&database, folder.path()).await] {
            assert!(rows(&store, experiment).await == before.0);
            assert!(windows(&store, experiment).await == before.1);
            assert!(csv(&store, experiment, Dialect::Cellar).await == before.2);
            assert_eq!(faults(&store).await, Vec::<String>::new());
        }
        assert_eq!(store.streams_to_archive(LATER).await.unwrap(), [], "all of it is there");

        store.bring_back(&Actor::server("test"), experiment, LATER).await.unwrap();
        assert_eq!(store.experiments_to_restore().await.unwrap(), [experiment]);
        assert_eq!(restore(&store, experiment).await, 57_300);
        assert_eq!(store.remove_left_files(LATER).await.unwrap(), 3);
        assert_eq!((files(folder.path()), stubs(&database).await), (Vec::new(), 0));
        let count = database.run(&["UPDATE lay SET row_count = row_count"]).await;
        let same = "UPDATE lay SET row_count = row_count WHERE EXISTS (SELECT 1 FROM block WHERE block.stream_id = lay.stream_id \
                    AND block.level = lay.level AND block.boot = lay.boot AND block.seq0 = lay.seq0 AND block.seq1 = lay.seq1 \
                    AND block.codec = lay.codec AND block.crc = lay.crc AND block.content = lay.content)";
        assert_eq!(database.run(&[same]).await, count, "every block lies there as before, byte for byte");
        let plain = Store::open(database.url()).await.unwrap();
        assert!(rows(&plain, experiment).await == before.0);
        assert_eq!(plain.archived(experiment).await.unwrap(), None);
        assert_eq!(store.streams_to_archive(LATER).await.unwrap(), [], "somebody wants it here");
        store.keep_no_more(experiment).await.unwrap();
        assert_eq!(store.streams_to_archive(LATER).await.unwrap().len(), 2);
        assert_eq!(store.streams_to_archive(T).await.unwrap(), [], "it was not over then");
        let done: Vec<String> = store.audit_after(0).await.unwrap().into_iter().map(|entry| entry.action).collect();
        assert_eq!(done.iter().filter(|action| *action == "archive rows").count(), 3);
        assert!(done.iter().any(|action| action == "bring rows back"));
    }

    async fn rows_that_come_late_bring_back_the_chunks_they_belong_to(database: Database) {
        let folder = TempDir::new().unwrap();
        let store = opened(&database, folder.path()).await;
        let experiment = over(&store, "late").await;
        archive(&store, experiment).await;
        let stubs_before = stubs(&database).await;
        // Between the two stretches of the first boot, and after its end.
        let subject = Subject::Experiment(experiment);
        for (seq, from, count) in [(41_000, 56_000, 700), (70_000, 57_000, 10)] {
            let (times, columns) = measured(count, from);
            store_rows(&store, DEVICE, subject, (1, seq), 100, &times, &columns).await;
        }
        let before = rows(&store, experiment).await;
        assert_eq!(before.len(), 58_010);

        // Without its archive nothing is sealed, and nothing is lost.
        let away = TempDir::new().unwrap();
        let blind = with_archive(Store::open(database.url()).await.unwrap(), &away.path().join("not-mounted"));
        let stream = store.subject_streams(subject).await.unwrap()[0];
        let refused = blind.seal_stream(stream, Packing::Pco, true, 1).await.unwrap_err();
        assert!(matches!(refused, StoreError::Archive(_)), "{refused}");
        assert!(rows(&store, experiment).await == before);

        seal(&store, experiment).await;
        assert!(rows(&store, experiment).await == before);
        assert!(stubs(&database).await < stubs_before, "some are back");
        assert_eq!(faults(&store).await, Vec::<String>::new());
        let mut group = store.begin_group().await.unwrap();
        let device: DeviceId = DEVICE.parse().unwrap();
        let committed = group.committed_rows(&device, 1).await.unwrap();
        assert_eq!(committed.ranges(), [(0, 39_999), (41_000, 41_699), (50_000, 64_999), (70_000, 70_009)]);
        drop(group);
        assert_eq!(store.streams_to_archive(LATER).await.unwrap().len(), 1, "what is back can leave again");
        archive(&store, experiment).await;
        assert!(rows(&store, experiment).await == before);
        assert_eq!(faults(&store).await, Vec::<String>::new());
        assert_eq!(restore(&store, experiment).await, 58_010);
        store.remove_left_files(LATER).await.unwrap();
        assert_eq!(files(folder.path()), Vec::<PathBuf>::new(), "no file is forgotten");
        assert!(rows(&Store::open(database.url()).await.unwrap(), experiment).await == before);
    }

    async fn what_is_damaged_or_missing_is_named_and_never_left_out(database: Database) {
        let folder = TempDir::new().unwrap();
        let store = opened(&database, folder.path()).await;
        let experiment = over(&store, "damage").await;
        let (outline_from, outline_to) = (T, T + 62_000 * SECOND);
        let wanted = ["voltage_v".to_owned()];
        let stream = store.subject_streams(Subject::Experiment(experiment)).await.unwrap()[0];
        archive(&store, experiment).await;
        let all = files(folder.path());
        let largest = all.iter().max_by_key(|file| file.metadata().unwrap().len()).unwrap().clone();
        let name = largest.file_name().unwrap().to_string_lossy().into_owned();
        let whole = std::fs::read(&largest).unwrap();
        let mut flipped = whole.clone();
        flipped[5_000] ^= 4;
        for (what, damaged) in [("damaged", Some(flipped)), ("damaged", Some(whole[..whole.len() / 2].to_vec())), ("missing", None)] {
            match &damaged {
                Some(bytes) => std::fs::write(&largest, bytes).unwrap(),
                None => std::fs::remove_file(&largest).unwrap(),
            }
            let store = opened(&database, folder.path()).await;
            let named = |error: &str| assert!(error.contains(&name) && error.contains(what) && error.contains("put it back"), "{error}");
            named(&store.stream_batches(stream, (0, -1)).await.unwrap_err().to_string());
            let about = store.experiment(experiment).await.unwrap().unwrap();
            let mut export = cellar::exchange::export::TableExport::csv(&store, &about, Dialect::Cellar).await.unwrap();
            let failed = loop {
                match export.next_piece().await {
                    Ok(Some(_)) => {}
                    Ok(None) => panic!("the file ended without a word"),
                    Err(error) => break error.to_string(),
                }
            };
            named(&failed);
            assert!(faults(&store).await.iter().any(|fault| fault.contains(&name)));
            let (pieces, missing) = store.drawn_or_outlined(stream, &wanted, outline_from, outline_to).await.unwrap();
            named(&missing.unwrap().to_string());
            let series = reduce(&pieces, 1, outline_from, outline_to, 200);
            assert!(series.times_us.len() > 200 && series.rows > 50_000, "{} rows drawn", series.rows);
            named(&store.restore_part(experiment, LATER).await.unwrap_err().to_string());
        }
        let off = Store::open(database.url()).await.unwrap();
        let error = off.stream_batches(stream, (0, -1)).await.unwrap_err().to_string();
        assert!(error.contains("archive.to") && error.contains(&folder.path().display().to_string()), "{error}");
        std::fs::write(&largest, &whole).unwrap();
        let store = opened(&database, folder.path()).await;
        assert_eq!(faults(&store).await, Vec::<String>::new());
        assert_eq!(rows(&store, experiment).await.len(), 57_300);
    }

    async fn nothing_leaves_while_it_runs_or_when_the_folder_is_not_there(database: Database) {
        let folder = TempDir::new().unwrap();
        let store = opened(&database, &folder.path().join("share")).await;
        let running = begun(&store, "running").await;
        let (times, columns) = measured(20_000, 0);
        store_rows(&store, DEVICE, Subject::Experiment(running), (1, 0), 5_000, &times, &columns).await;
        seal(&store, running).await;
        let stream = store.subject_streams(Subject::Experiment(running)).await.unwrap()[0];
        let by = Actor::server("test");
        let refused = store.archive_part(&by, running, stream, LATER).await.unwrap_err();
        assert!(refused.to_string().contains("Only what is over"), "{refused}");
        finish(&store, running).await;
        let refused = store.archive_part(&by, running, stream, LATER).await.unwrap_err();
        assert!(refused.to_string().contains("mount it"), "{refused}");
        assert_eq!((stubs(&database).await, rows(&store, running).await.len()), (0, 20_000));
        let totals = store.archive_totals().await.unwrap();
        assert_eq!((totals.files, totals.files_left), (0, 0), "nothing is noted in vain");
        // Once the folder is there, what was begun is cleared away and the work is done.
        std::fs::create_dir(folder.path().join("share")).unwrap();
        store.remove_left_files(LATER + 3_600 * SECOND).await.unwrap();
        assert_eq!(store.archive_totals().await.unwrap().files_left, 0);
        assert_eq!(archive(&store, running).await, (20_000, 1));
        let off = Store::open(database.url()).await.unwrap();
        assert!(off.archive_part(&by, running, stream, LATER).await.unwrap_err().to_string().contains("archive.to"));
    }

    async fn somebody_who_changes_a_chunk_meanwhile_has_the_last_word(database: Database) {
        let folder = TempDir::new().unwrap();
        let store = opened(&database, folder.path()).await;
        let experiment = over(&store, "contest").await;
        let before = rows(&store, experiment).await;
        let stream = store.subject_streams(Subject::Experiment(experiment)).await.unwrap()[0];
        // Several at once, as two servers that both believe to lead would: each chunk leaves once.
        let by = Actor::server("test");
        let tries = (0..4).map(|_| store.archive_part(&by, experiment, stream, LATER));
        let done = futures_util::future::join_all(tries).await;
        assert!(done.iter().flatten().any(|done| done.chunks > 0), "{done:?}");
        archive(&store, experiment).await;
        assert!(rows(&store, experiment).await == before);
        store.remove_left_files(LATER + 3_600 * SECOND).await.unwrap();
        let totals = store.archive_totals().await.unwrap();
        assert_eq!((totals.rows, totals.files_left), (57_300, 0), "what lost is cleared away");
        assert_eq!(files(folder.path()).len(), usize::try_from(totals.files).unwrap());
        assert_eq!(faults(&store).await, Vec::<String>::new());
    }
}
