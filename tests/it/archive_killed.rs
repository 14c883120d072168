//! The server killed in the middle of archiving and of bringing back: every row stays, once, and no file is forgotten.

use std::process::{Command, Stdio};
use std::time::Duration;

use cellar::archive::Archive;
use cellar::clock::Clock;
use cellar::domain::ids::ExperimentId;
use cellar::store::Store;
use tempfile::TempDir;

use crate::archive::{files, measured, over};
use crate::exports::csv;
use crate::support::database::Database;
use crate::support::series::store_rows;
use crate::support::server::program;

/// Longest time at random before a kill: archiving takes about as long.
const KILL_MS_MAX: u64 = 1_500;
/// Kills at random moments of archiving, and as many of bringing back.
const RANDOM_KILLS: u64 = 3;

struct Bench {
    data: TempDir,
    folder: TempDir,
    url: String,
    experiment: ExperimentId,
}

impl Bench {
    /// A verb of `cellar archive` on the experiment, which may die at a place; whether it ended well.
    fn verb(&self, verb: &str, dies_at: Option<&str>, kill_after: Option<Duration>) -> bool {
        let to = self.folder.path().display().to_string();
        let mut environment = vec![("CELLAR__ARCHIVE__TO", to.as_str())];
        environment.extend(dies_at.map(|place| ("CELLAR_FAILPOINT", place)));
        let id = self.experiment.to_string();
        let mut process = Command::new(program())
            .args(["archive", verb, id.as_str(), "--database-url", self.url.as_str(), "--data-dir"])
            .arg(self.data.path())
            .current_dir(self.data.path())
            .envs(environment)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        if let Some(after) = kill_after {
            std::thread::sleep(after);
            let _ = process.kill();
        }
        process.wait().unwrap().success()
    }
}

async fn killed(database: Database) {
    let url = database.url().to_owned();
    let store = Store::open(&url).await.unwrap();
    store.migrate().await.unwrap();
    let experiment = over(&store, "killed").await;
    let bench = Bench { data: TempDir::new().unwrap(), folder: TempDir::new().unwrap(), url, experiment };
    let settings = cellar::config::Archive { to: bench.folder.path().display().to_string(), ..Default::default() };
    let fresh = async || {
        let store = Store::open(&bench.url).await.unwrap();
        store.with_archive(Archive::of(&settings, Clock::System).unwrap())
    };
    let before = csv(&store, experiment, cellar::report::csv::Dialect::Cellar).await;
    let check = async |what: &str| {
        let store = fresh().await;
        assert!(csv(&store, experiment, cellar::report::csv::Dialect::Cellar).await == before, "after {what}");
        store.close().await;
    };
    for place in ["archive-noted", "archive-put", "archive-checked", "archive-before-commit", "archive-after-commit"] {
        assert!(!bench.verb("run", Some(place), None), "it never came by {place}");
        check(place).await;
    }
    for _ in 0..RANDOM_KILLS {
        bench.verb("run", None, Some(Duration::from_millis(fastrand::u64(..KILL_MS_MAX))));
        check("a kill while it archived").await;
    }
    assert!(bench.verb("run", None, None));
    check("archiving").await;
    assert!(store.archived(experiment).await.unwrap().is_some());
    for place in ["restore-before-commit", "restore-after-commit"] {
        assert!(!bench.verb("restore", Some(place), None), "it never came by {place}");
        check(place).await;
    }
    for _ in 0..RANDOM_KILLS {
        bench.verb("restore", None, Some(Duration::from_millis(fastrand::u64(..KILL_MS_MAX))));
        check("a kill while it brought back").await;
    }
    // There and back again, and what the kills left is cleared away.
    assert!(bench.verb("run", None, None));
    assert!(bench.verb("restore", None, None));
    check("bringing back").await;
    let after = fresh().await;
    while after.remove_left_files(i64::MAX).await.unwrap() > 0 {}
    assert_eq!(files(bench.folder.path()), Vec::<std::path::PathBuf>::new(), "no file is forgotten");
    assert_eq!(after.archive_totals().await.unwrap(), Default::default());
    let device = crate::archive::DEVICE.parse().unwrap();
    let streams: Vec<_> = after.all_streams().await.unwrap();
    let mine: Vec<_> = streams.iter().filter(|(_, of)| *of == device).map(|(stream, _)| *stream).collect();
    assert_eq!(after.verify_device(&device, &mine).await.unwrap().faults, []);
    // It goes on living: late rows are sealed as ever.
    let (times, columns) = measured(100, 80_000);
    let subject = cellar::domain::sample::Subject::Experiment(experiment);
    store_rows(&after, crate::archive::DEVICE, subject, (3, 0), 10, &times, &columns).await;
    crate::archive::seal(&after, experiment).await;
}

#[tokio::test]
async fn nothing_is_lost_when_it_is_killed_while_it_archives_or_brings_back_on_sqlite() {
    killed(Database::sqlite()).await;
}

#[tokio::test]
async fn nothing_is_lost_when_it_is_killed_while_it_archives_or_brings_back_on_mariadb() {
    let Some(database) = Database::mariadb().await else { return };
    killed(database).await;
}
