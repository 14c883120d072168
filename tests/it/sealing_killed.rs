//! The server killed in the middle of sealing: every row stays, once, and the pyramid is that of the rows.

use std::time::{Duration, Instant};

use cellar::domain::audit::Actor;
use cellar::domain::ids::{DeviceId, StreamId};
use cellar::domain::sample::{Column, Subject};
use cellar::series::chunk::Packing;
use cellar::store::Store;

use crate::support::battery;
use crate::support::database::Database;
use crate::support::series::{column, store_rows};
use crate::support::server::Server;

const DEVICE: &str = "cu-01";
const SECOND_US: i64 = 1_000_000;
const START_US: i64 = 1_790_000_000_000_000;
/// Rows that come before each kill, in blocks of a few.
const ROWS: i64 = 20_000;
const BLOCK_ROWS: usize = 100;
/// Kills: half at random moments, half at the two worst.
const KILLS: i64 = 50;
/// A killed server's lease is over after 12 s; its own next start takes it up at once.
const PATIENCE: Duration = Duration::from_secs(60);

fn measured(from: i64) -> (Vec<i64>, Vec<Column>) {
    let mut random = fastrand::Rng::with_seed(from.unsigned_abs());
    let times = (from..from + ROWS).map(|row| START_US + row * SECOND_US).collect();
    let voltage: Vec<f64> = (0..ROWS).map(|_| f64::from(random.i32(30_000..42_000)) / 1e4).collect();
    let nulls: Vec<u32> = (0..u32::try_from(ROWS).unwrap()).filter(|row| row % 31 == 0).collect();
    (times, vec![column("voltage_v", &voltage, &[]), column("rim_c", &voltage, &nulls)])
}

/// Everything stored of the stream is what was measured, and the tiers agree.
async fn check(store: &Store, stream: StreamId, rows: i64) {
    let device: DeviceId = DEVICE.parse().unwrap();
    let verified = store.verify_device(&device, &[stream]).await.unwrap();
    assert_eq!(verified.faults, []);
    assert_eq!(verified.rows, u64::try_from(rows).unwrap());
    let (mut next, mut part) = (0, (0, measured(0)));
    while next < rows {
        let batches = store.stream_batches(stream, (1, next - 1)).await.unwrap();
        assert!(!batches.is_empty(), "rows end at {next}");
        for batch in batches {
            assert_eq!(batch.seq, next);
            for row in 0..batch.rows() {
                if next >= part.0 + ROWS {
                    part = (part.0 + ROWS, measured(part.0 + ROWS));
                }
                let (times, columns) = &part.1;
                let place = usize::try_from(next - part.0).unwrap();
                assert_eq!(batch.times_us[row], times[place]);
                for (name, of) in [("voltage_v", 0), ("rim_c", 1)] {
                    let found = batch.columns.iter().find(|column| column.name == name).unwrap();
                    assert_eq!(
                        found.get(row).map(f64::to_bits),
                        columns[of].get(place).map(f64::to_bits),
                        "{next} {name}"
                    );
                }
                next += 1;
            }
        }
    }
}

async fn killed(database: &Database, kills: i64) {
    let mut server = Server::start_with(&["--database-url", database.url()]);
    server.kill_9();
    let store = Store::open(database.url()).await.unwrap();
    let battery = store.add_battery(&Actor::server("test"), &battery::cell("NMC-017"), None, 1).await.unwrap();
    let subject = Subject::Battery(battery);
    for kill in 0..kills {
        let (times, columns) = measured(kill * ROWS);
        store_rows(&store, DEVICE, subject, (1, kill * ROWS), BLOCK_ROWS, &times, &columns).await;
        match kill % 4 {
            0 => server.restart_in(&[("CELLAR_FAILPOINT", "seal-before-commit")]),
            1 => server.restart_in(&[("CELLAR_FAILPOINT", "seal-after-commit")]),
            _ => {
                server.restart();
                tokio::time::sleep(Duration::from_millis(fastrand::u64(0..1_500))).await;
                server.kill_9();
                continue;
            }
        }
        let began = Instant::now();
        while !server.is_dead() {
            assert!(began.elapsed() < PATIENCE, "kill {kill}: it never came by {}", kill % 4);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        server.end();
    }
    let stream = store.subject_streams(subject).await.unwrap()[0];
    check(&store, stream, kills * ROWS).await;
    while store.seal_stream(stream, Packing::Pco, true, 1).await.unwrap().rows > 0 {}
    check(&store, stream, kills * ROWS).await;
    store.close().await;
}

#[tokio::test]
async fn nothing_changes_when_the_server_is_killed_while_it_seals_on_sqlite() {
    killed(&Database::sqlite(), KILLS).await;
}

#[tokio::test]
async fn nothing_changes_when_the_server_is_killed_while_it_seals_on_mariadb() {
    let Some(database) = Database::mariadb().await else { return };
    killed(&database, KILLS).await;
}

#[tokio::test]
async fn the_doctor_finds_a_flipped_bit_a_lost_block_and_a_foreign_pyramid() {
    let server = Server::start_with(&["--role", "web"]);
    let store = Store::open(&server.sqlite_url()).await.unwrap();
    let battery = store.add_battery(&Actor::server("test"), &battery::cell("NMC-017"), None, 1).await.unwrap();
    let (times, columns) = measured(0);
    store_rows(&store, DEVICE, Subject::Battery(battery), (1, 0), BLOCK_ROWS, &times, &columns).await;
    let stream = store.subject_streams(Subject::Battery(battery)).await.unwrap()[0];
    while store.seal_stream(stream, Packing::Pco, true, 1).await.unwrap().rows > 0 {}
    let (times, columns) = measured(ROWS);
    store_rows(&store, DEVICE, Subject::Battery(battery), (1, ROWS), BLOCK_ROWS, &times, &columns).await;
    let well = server.cellar(&["doctor", "--deep"]);
    let said = String::from_utf8_lossy(&well.stdout).into_owned();
    assert!(well.status.success() && said.contains("40000 rows in"), "{said}");

    let database = Database::at(&server.sqlite_url());
    for (change, words) in [
        (
            "UPDATE block SET content = CAST(substr(content, 1, 40) || x'ff' || substr(content, 42) AS BLOB) WHERE level = 3 AND seq0 = 0",
            "level 3 boot 1 seq 0",
        ),
        ("DELETE FROM block WHERE level = 0 AND seq0 = 20100", "40000 rows were stored"),
        ("DELETE FROM block WHERE level = 1 AND seq0 = 0", "it has no buckets of level 1"),
        ("UPDATE stream_seal SET row_total = row_total + 1", "as many sealed rows as are noted"),
        (
            "UPDATE block SET at1_us = at1_us + 1 WHERE level = 0 AND seq0 = 20200",
            "its times are not those of its rows",
        ),
    ] {
        let backup = server.data_dir().join("backup.db");
        database.run(&[&format!("VACUUM INTO '{}'", backup.display())]).await;
        let of_backup = format!("sqlite://{}", backup.display());
        Database::at(&of_backup).run(&[change]).await;
        let ill = server.cellar(&["doctor", "--deep", "--json", "--database-url", &of_backup]);
        let said = String::from_utf8_lossy(&ill.stdout).into_owned();
        assert_eq!(ill.status.code(), Some(1), "{said}");
        assert!(said.contains(words), "{change}: {said}");
        std::fs::remove_file(&backup).unwrap();
    }
}
