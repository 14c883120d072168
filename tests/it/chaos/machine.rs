//! The machine itself fails: full and broken disks, slow ones, clocks that jump. These cases need root or `strace`, and say
//! so where they cannot run.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::rig::{DEVICES, Engine, Rig, Transport, assert_within, now_us, say};
use super::short::pause;
use crate::support::skip_unless_ci;

/// Until trouble must be told: `/readyz`, and by it banner and alarm.
const TOLD_MAX: Duration = Duration::from_secs(10);
/// Sizes of the disk that fills up: room for the tables and some minutes of readings, and for what MariaDB sets apart.
pub(super) const SQLITE_DISK: &str = "size=24m";
const MARIADB_DISK: &str = "size=256m";
/// Until MariaDB needs another extent of a table on a full disk, which it then does not get.
const EXTENT_MAX: Duration = Duration::from_secs(90);
/// How long the disk stays full or broken.
const TROUBLE: Duration = Duration::from_secs(12);
/// How soon something is committed once the trouble is over, s.
const FIRST_COMMIT_MAX_S: f64 = 5.0;
/// Delay of every sync in the case of a slow disk, µs, and how long it lasts.
const SYNC_DELAY_US: u32 = 100_000;
const SLOW: Duration = Duration::from_secs(15);
/// Memory of a server whose disk is slow: what waits is bounded by the intake's 64 MiB.
const SLOW_MIB_MAX: u64 = 300;
/// Pages are read while nothing can be written, by somebody who is signed in: none of them needs the writer.
const PAGES: [&str; 8] =
    ["/", "/wall", "/experiments", "/batteries", "/stations", "/devices", "/dead-letters", "/healthz"];

/// A small file system in memory, unmounted at the end.
pub(super) struct Disk {
    folder: TempDir,
}

impl Disk {
    pub(super) fn mount(size: &str) -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", size, "tmpfs"])
            .arg(folder.path())
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            // Containers of a build service may have no right to mount: nothing in the project can change that.
            say("skipped: a small disk cannot be mounted here, that takes root");
            return None;
        }
        Some(Self { folder })
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Takes all the room there is.
    pub(super) fn fill(&self) {
        let filler = self.path().join("filler");
        let done = Command::new("dd")
            .args(["if=/dev/zero", "bs=64k"])
            .arg(format!("of={}", filler.display()))
            .stderr(Stdio::null())
            .status();
        assert!(done.is_ok_and(|status| !status.success()), "the disk did not become full");
    }

    pub(super) fn empty(&self) {
        std::fs::remove_file(self.path().join("filler")).expect("it is there");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}

/// `strace` on the server: what it does to system calls ends with it.
struct Tracer(Child);

impl Tracer {
    fn attach(pid: u32, inject: &str) -> Option<Self> {
        let calls = inject.split(':').next().unwrap_or_default();
        let child = Command::new("strace")
            .args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}"), "-e", &format!("inject={inject}")])
            .args(["-p", &pid.to_string()])
            .stderr(Stdio::null())
            .spawn();
        let Ok(mut child) = child else {
            skip_unless_ci("strace is not installed: run `make chaos` once");
            return None;
        };
        pause(Duration::from_millis(500));
        if child.try_wait().expect("it is ours").is_some() {
            say("skipped: strace may not attach to a process here");
            return None;
        }
        Some(Self(child))
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        // SIGINT makes it let go of the server; killed, it would leave it stopped.
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}

/// The server's processes answer and read while they cannot write.
fn assert_serves(rig: &Rig, cookie: &str) {
    for page in PAGES {
        let (status, body) = rig.get_as(page, cookie);
        assert_eq!(status, 200, "{page} is not served while nothing can be written: {body}");
    }
}

#[test]
#[ignore = "a case of `make chaos`"]
fn disk_full_sqlite() {
    let Some(disk) = Disk::mount(SQLITE_DISK) else { return };
    let Some(rig) = Rig::start_in(Engine::Sqlite, Transport::Endpoint, Some(disk.path()), &[]) else { return };
    let lab = rig.lab(&[]);
    lab.wait_for_all(DEVICES, Duration::from_secs(60));
    let cookie = rig.sign_in();
    disk.fill();
    let full_us = now_us();
    let told = rig.wait_ready(503, TOLD_MAX);
    assert!(told.contains("disk is full"), "{told}");
    let told_s = super::rig::seconds(now_us() - full_us);
    pause(TROUBLE);
    assert_serves(&rig, &cookie);
    let still_full_us = now_us();
    disk.empty();
    let back_us = now_us();
    rig.wait_ready(200, Duration::from_secs(30));
    pause(Duration::from_secs(3));
    rig.finish(lab, "disk full for 12 s", |report| {
        // The write-ahead log has a little room of its own; when that is used up nothing is acknowledged any more.
        let late = report.timing.acks_between(still_full_us - 8_000_000, still_full_us);
        assert_eq!(late, 0, "acknowledged on a full disk");
        let first_s = report.first_commit_s(&[back_us]);
        assert_within("first commit after there was room", first_s, FIRST_COMMIT_MAX_S);
        format!("told after {told_s:.1} s, pages served, first commit {first_s:.2} s after there was room")
    });
}

#[test]
#[ignore = "a case of `make chaos`"]
fn disk_full_mariadb() {
    let Some(disk) = Disk::mount(MARIADB_DISK) else { return };
    let Some(rig) = Rig::start_in(Engine::MariaDb, Transport::Endpoint, Some(disk.path()), &[]) else { return };
    // A little more than usual: a table soon needs more room.
    let lab = rig.lab(&["--rate", "2000"]);
    lab.wait_for_all(DEVICES, Duration::from_secs(60));
    let cookie = rig.sign_in();
    disk.fill();
    let full_us = now_us();
    let told = rig.wait_ready(503, EXTENT_MAX);
    let told_us = now_us();
    pause(TROUBLE);
    assert_serves(&rig, &cookie);
    let still_full_us = now_us();
    disk.empty();
    let back_us = now_us();
    rig.wait_ready(200, Duration::from_secs(60));
    pause(Duration::from_secs(3));
    let told = if told.contains("disk is full") { "the full disk" } else { "that it does not answer" };
    let told_s = super::rig::seconds(told_us - full_us);
    rig.finish(lab, "MariaDB's disk full for 12 s", |report| {
        assert_eq!(report.timing.acks_between(told_us + 1_000_000, still_full_us), 0, "acknowledged on a full disk");
        let first_s = report.first_commit_s(&[back_us]);
        // MariaDB itself looks for room again after a while.
        assert_within("first commit after there was room", first_s, 60.0);
        format!("told {told} after {told_s:.1} s, pages served, first commit {first_s:.2} s after there was room")
    });
}

/// InnoDB ends its own process when a sync fails, because nobody knows then what is on the disk.
#[test]
#[ignore = "a case of `make chaos`"]
fn sync_fails_mariadb() {
    let Some(mut rig) = Rig::start(Engine::MariaDb, Transport::Endpoint) else { return };
    let lab = rig.lab(&[]);
    lab.wait_for_all(DEVICES, Duration::from_secs(60));
    let pid = rig.maria.as_ref().expect("it is of MariaDB").pid();
    let Some(all) = Tracer::attach(pid, "fdatasync,fsync:error=EIO") else { return };
    let broken_us = now_us();
    rig.wait_ready(503, TOLD_MAX);
    pause(TROUBLE / 2);
    let still_us = now_us();
    drop(all);
    let maria = rig.maria.as_mut().expect("it is of MariaDB");
    maria.end();
    maria.restart();
    let back_us = now_us();
    rig.wait_ready(200, Duration::from_secs(30));
    pause(Duration::from_secs(3));
    rig.finish(lab, "syncs of MariaDB's disk fail (EIO), it is started anew", |report| {
        assert_eq!(report.timing.acks_between(broken_us + 500_000, still_us), 0, "acknowledged without a sync");
        let first_s = report.first_commit_s(&[back_us]);
        assert_within("first commit after MariaDB was back", first_s, FIRST_COMMIT_MAX_S);
        format!("first commit {first_s:.2} s after it was back")
    });
}

#[test]
#[ignore = "a case of `make chaos`"]
fn sync_fails_sqlite() {
    let Some(rig) = Rig::start(Engine::Sqlite, Transport::Endpoint) else { return };
    let lab = rig.lab(&[]);
    lab.wait_for_all(DEVICES, Duration::from_secs(60));
    let cookie = rig.sign_in();
    // At any time: every seventh sync first, then all of them.
    let Some(some) = Tracer::attach(rig.server.pid(), "fdatasync,fsync:error=EIO:when=3+7") else { return };
    pause(Duration::from_secs(6));
    drop(some);
    let Some(all) = Tracer::attach(rig.server.pid(), "fdatasync,fsync:error=EIO") else { return };
    let broken_us = now_us();
    let told = rig.wait_ready(503, TOLD_MAX);
    assert!(told.contains("fails to read or write"), "{told}");
    pause(TROUBLE / 2);
    assert_serves(&rig, &cookie);
    let still_us = now_us();
    drop(all);
    let back_us = now_us();
    rig.wait_ready(200, Duration::from_secs(30));
    pause(Duration::from_secs(3));
    let file = rig.database_url().to_owned();
    rig.finish(lab, "syncs of the disk fail (EIO)", |report| {
        assert_eq!(report.timing.acks_between(broken_us + 500_000, still_us), 0, "acknowledged without a sync");
        let first_s = report.first_commit_s(&[back_us]);
        assert_within("first commit after the disk was well", first_s, FIRST_COMMIT_MAX_S);
        format!("pages served, first commit {first_s:.2} s after it was well, {}", intact(&file))
    });
}

/// SQLite's own check of the whole file.
fn intact(url: &str) -> String {
    let found: (String,) = super::rig::block_on(async {
        let mut connection = <sqlx::SqliteConnection as sqlx::Connection>::connect(url).await.expect("the file opens");
        sqlx::query_as("PRAGMA integrity_check").fetch_one(&mut connection).await.expect("it is checked")
    });
    assert_eq!(found.0, "ok", "the database is damaged");
    "file intact".to_owned()
}

#[test]
#[ignore = "a case of `make chaos`"]
fn commits_take_100_ms_sqlite() {
    let Some(rig) = Rig::start(Engine::Sqlite, Transport::Endpoint) else { return };
    let inject = format!("fdatasync,fsync:delay_enter={SYNC_DELAY_US}");
    let Some(slow) = Tracer::attach(rig.server.pid(), &inject) else { return };
    // As many as are acknowledged: the storm.
    let lab = rig.lab(&["--rate", "0", "--devices", "8"]);
    lab.wait_for_all(8, Duration::from_secs(60));
    let from_us = now_us();
    pause(SLOW);
    let to_us = now_us();
    drop(slow);
    rig.finish(lab, "every sync takes 100 ms, storm of 8 devices", |report| {
        let waits = report.timing.waits_us(from_us, to_us);
        let shortest_us = waits.first().copied().unwrap_or(0);
        assert!(shortest_us >= i64::from(SYNC_DELAY_US), "acknowledged after {shortest_us} µs, before its sync");
        assert_eq!(report.summary["connections"], 8, "devices lost their connections");
        assert!(report.peak_mib <= SLOW_MIB_MAX, "{} MiB", report.peak_mib);
        format!("no acknowledgement before its sync, no connection lost, at most {} MiB", report.peak_mib)
    });
}

/// A clock that is set while the server runs.
#[test]
#[ignore = "a case of `make chaos`"]
fn server_clock_jumps_sqlite() {
    let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
    if !Path::new(library).exists() {
        return skip_unless_ci("libfaketime is not installed: run `make chaos` once");
    }
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("time");
    let set = |offset: &str| std::fs::write(&file, offset).expect("the folder is writable");
    set("+0");
    let environment = [
        ("LD_PRELOAD", library),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().expect("UTF-8")),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ("FAKETIME_NO_CACHE", "1"),
    ];
    let Some(rig) = Rig::start_in(Engine::Sqlite, Transport::Endpoint, None, &environment) else { return };
    let lab = rig.lab(&["--clock", "mixed", "--devices", "7"]);
    lab.wait_for_all(7, Duration::from_secs(60));
    let mut jumps_us = Vec::new();
    for offset in ["+86400", "-86400", "+3650d", "+0"] {
        pause(Duration::from_secs(3));
        set(offset);
        jumps_us.push(now_us());
    }
    pause(Duration::from_secs(3));
    assert_eq!(rig.get("/readyz").0, 200);
    let letters = super::rig::count_rows(rig.database_url(), "dead_letter");
    assert_eq!(letters, 0, "something was rejected");
    rig.finish(
        lab,
        "the server's clock a day ahead, a day back, ten years ahead; devices at 1970, 2038, 2106, without",
        |report| {
            assert_eq!(report.summary["connections"], 7, "devices lost their connections");
            let first_s = report.first_commit_s(&jumps_us);
            assert_within("next commit after a jump", first_s, FIRST_COMMIT_MAX_S);
            format!("nothing rejected, no connection lost, next commit {first_s:.2} s after a jump")
        },
    );
}
