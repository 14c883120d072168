//! What simulated devices measured and what was acknowledged to them, on disk before anything is sent.
//!
//! One line per batch and per acknowledgement:
//!
//! ```text
//! created DEVICE BOOT SEQ HASHES AT_US     fingerprints of the rows SEQ, SEQ+1, …: 16 hex digits each
//! acked DEVICE BOOT FIRST LAST AT_US       rows FIRST to LAST, both included
//! ```
//!
//! `AT_US` is the time of day of this computer, µs; journals of before did not have it.
//!
//! Lines that wait together are written together and synced once, so many devices share the cost of the disk. A process
//! killed while writing leaves at most one line without an end, which readers leave out.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, Write as _};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};

use super::batch::row_hashes;
use crate::clock::Clock;
use crate::domain::ids::DeviceId;
use crate::domain::sample::Batch;

/// Most entries waiting for the disk; writers wait beyond that.
const WAITING_MAX: usize = 4_096;
/// Most bytes written between two syncs, so that the first of a group does not wait for a slow disk to take all.
const GROUP_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Longest line a reader accepts: far above the fingerprints of the largest batch of the protocol (16,384 rows).
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Why a journal cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file system refused.
    #[error("cannot {deed} the journal {}", path.display())]
    Io {
        /// What was tried.
        deed: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The writing thread ended; it has logged why.
    #[error("the journal can no longer be written, see the log")]
    Closed,
    /// A line is not one of a journal.
    #[error("line {line} of the journal {}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}

struct Entry {
    text: String,
    synced: Option<oneshot::Sender<()>>,
}

/// The writing end. Cheap to clone; the file is synced and closed when the last clone is gone.
#[derive(Clone)]
pub struct Journal {
    entries: mpsc::Sender<Entry>,
}

impl Journal {
    /// Opens a journal for appending and starts its thread; join the handle after the last clone is dropped.
    ///
    /// # Errors
    /// When the file cannot be opened or the thread not be started.
    pub fn open(path: &Path) -> Result<(Self, JoinHandle<()>), JournalError> {
        let failed = |source| JournalError::Io { deed: "open", path: path.to_owned(), source };
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        let (entries, waiting) = mpsc::channel(WAITING_MAX);
        let writer = std::thread::Builder::new().name("journal".into());
        let thread = writer.spawn(move || write_entries(file, waiting)).map_err(failed)?;
        Ok((Self { entries }, thread))
    }

    /// Notes batches a device has just created and returns once they are on disk.
    ///
    /// # Errors
    /// [`JournalError::Closed`] after a failed write: the batches must not be sent.
    pub async fn created(&self, device: &DeviceId, batches: &[Batch]) -> Result<(), JournalError> {
        let (mut text, at_us) = (String::new(), Clock::System.now_us());
        for batch in batches {
            // Writing to a String cannot fail.
            let _ = write!(text, "created {device} {} {} ", batch.boot, batch.seq);
            for hash in row_hashes(batch) {
                let _ = write!(text, "{hash:016x}");
            }
            let _ = writeln!(text, " {at_us}");
        }
        let (synced, on_disk) = oneshot::channel();
        let entry = Entry { text, synced: Some(synced) };
        self.entries.send(entry).await.map_err(|_| JournalError::Closed)?;
        on_disk.await.map_err(|_| JournalError::Closed)
    }

    /// Notes that the server acknowledged rows `first..=last`; reaches the disk with the next group.
    ///
    /// # Errors
    /// [`JournalError::Closed`] after a failed write.
    pub async fn acked(&self, device: &DeviceId, boot: u32, first: i64, last: i64) -> Result<(), JournalError> {
        let at_us = Clock::System.now_us();
        let entry = Entry { text: format!("acked {device} {boot} {first} {last} {at_us}\n"), synced: None };
        self.entries.send(entry).await.map_err(|_| JournalError::Closed)
    }
}

fn write_entries(mut file: File, mut waiting: mpsc::Receiver<Entry>) {
    while let Some(first) = waiting.blocking_recv() {
        let mut text = first.text;
        let mut synced = Vec::from_iter(first.synced);
        while text.len() < GROUP_BYTES_MAX {
            let Ok(next) = waiting.try_recv() else { break };
            text.push_str(&next.text);
            synced.extend(next.synced);
        }
        if let Err(error) = file.write_all(text.as_bytes()).and_then(|()| file.sync_data()) {
            tracing::error!(%error, "cannot write the journal");
            return;
        }
        for writer in synced {
            // A device that was stopped no longer waits.
            let _ = writer.send(());
        }
    }
}

/// One line of a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Rows from `seq` on with these fingerprints were measured.
    Created {
        /// By whom.
        device: DeviceId,
        /// In which boot.
        boot: u32,
        /// Number of the first row.
        seq: i64,
        /// One per row.
        hashes: Vec<u64>,
        /// When, µs UTC; `None` in journals of before.
        at_us: Option<i64>,
    },
    /// The server said that these rows are committed.
    Acked {
        /// To whom.
        device: DeviceId,
        /// Of which boot.
        boot: u32,
        /// First row.
        first: i64,
        /// Last row.
        last: i64,
        /// When, µs UTC; `None` in journals of before.
        at_us: Option<i64>,
    },
}

/// Reads a journal line by line, each with its number from 1; a torn last line is left out.
///
/// # Errors
/// When the file cannot be read, a line is not of a journal, or `take` refuses one with a reason.
pub fn read(path: &Path, mut take: impl FnMut(Line) -> Result<(), String>) -> Result<(), JournalError> {
    let failed = |source| JournalError::Io { deed: "read", path: path.to_owned(), source };
    let mut reader = io::BufReader::new(File::open(path).map_err(failed)?);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        let limit = LINE_BYTES_MAX as u64;
        io::Read::take(&mut reader, limit).read_until(b'\n', &mut text).map_err(failed)?;
        let problem = |problem| JournalError::Line { path: path.to_owned(), line, problem };
        if text.last() != Some(&b'\n') {
            return if text.len() < LINE_BYTES_MAX { Ok(()) } else { Err(problem("too long".to_owned())) };
        }
        let words = std::str::from_utf8(&text).map_err(|_| problem("not UTF-8".to_owned()))?;
        parse(words.trim_end()).and_then(&mut take).map_err(problem)?;
    }
    Ok(())
}

fn parse(text: &str) -> Result<Line, String> {
    let words: Vec<&str> = text.split(' ').collect();
    let time = |word: &str| word.parse::<i64>().map_err(|_| format!("“{word}” is not a time in µs"));
    let (words, at_us) = match words[..] {
        ["created", .., at_us] if words.len() == 6 => (&words[..5], Some(time(at_us)?)),
        ["acked", .., at_us] if words.len() == 6 => (&words[..5], Some(time(at_us)?)),
        _ => (&words[..], None),
    };
    let number = |word: &str| word.parse::<i64>().map_err(|_| format!("“{word}” is not a row number"));
    let device = |word: &str| word.parse::<DeviceId>().map_err(|error| error.to_string());
    let boot = |word: &str| word.parse::<u32>().map_err(|_| format!("“{word}” is not a boot"));
    match *words {
        ["created", id, of, seq, hashes] => {
            let hashes = hashes.as_bytes().chunks(16).map(hash).collect::<Option<Vec<u64>>>();
            let hashes = hashes.ok_or("the fingerprints are not groups of 16 hex digits")?;
            Ok(Line::Created { device: device(id)?, boot: boot(of)?, seq: number(seq)?, hashes, at_us })
        }
        ["acked", id, of, first, last] => {
            Ok(Line::Acked { device: device(id)?, boot: boot(of)?, first: number(first)?, last: number(last)?, at_us })
        }
        _ => Err("neither “created DEVICE BOOT SEQ HASHES” nor “acked DEVICE BOOT FIRST LAST”".to_owned()),
    }
}

fn hash(digits: &[u8]) -> Option<u64> {
    (digits.len() == 16).then_some(())?;
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::BatteryId;
    use crate::domain::sample::{Column, Subject, TimeBase};

    fn batch(seq: i64, rows: i32) -> Batch {
        Batch {
            boot: 5,
            seq,
            subject: Subject::Battery(BatteryId(1)),
            base: TimeBase::Utc,
            times_us: (0..rows).map(i64::from).collect(),
            columns: vec![Column {
                name: "voltage_v".into(),
                values: (0..rows).map(f64::from).collect(),
                nulls: vec![],
            }],
        }
    }

    fn lines(path: &Path) -> Result<Vec<Line>, JournalError> {
        let mut lines = Vec::new();
        read(path, |line| {
            lines.push(line);
            Ok(())
        })?;
        Ok(lines)
    }

    #[tokio::test]
    async fn what_was_noted_is_on_disk_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let device: DeviceId = "unit-1".parse().unwrap();
        let (journal, thread) = Journal::open(&path).unwrap();
        journal.created(&device, &[batch(0, 2), batch(2, 1)]).await.unwrap();
        // `created` returns only after the sync: the file is complete although the writer still runs.
        assert_eq!(lines(&path).unwrap().len(), 2);
        journal.acked(&device, 5, 0, 2).await.unwrap();
        drop(journal);
        thread.join().unwrap();

        let read = lines(&path).unwrap();
        let hashes = row_hashes(&batch(0, 2));
        assert!(matches!(&read[0], Line::Created { device: of, boot: 5, seq: 0, hashes: had, at_us: Some(_) }
            if *of == device && *had == hashes));
        assert!(
            matches!(&read[2], Line::Acked { device: of, boot: 5, first: 0, last: 2, at_us: Some(_) } if *of == device)
        );
    }

    #[test]
    fn a_torn_last_line_is_left_out_and_a_broken_one_in_the_middle_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "acked a 1 0 9\ncreated a 1 10 00112233").unwrap();
        assert_eq!(lines(&path).unwrap().len(), 1);
        std::fs::write(&path, "acked a 1 0 9\ncreated a 1 10 00112233\nacked a 1 0 10\n").unwrap();
        let error = lines(&path).unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("16 hex digits"), "{error}");
    }
}
