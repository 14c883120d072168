//! The fingerprint of an experiment's samples: the same however they are stored, another one after any change.
//!
//! BLAKE3 (O'Connor, Aumasson, Neves, Wilcox-O'Hearn, 2020), and not the SHA-256 of everything else: it reads every bit of every
//! sample, and SHA-256 took longer than unpacking them.

use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use blake3::Hasher;

use crate::store::ordered::{OrderedRun, Unpacked};

/// Stands for “not measured” in the fingerprint: a NaN no instrument sends.
const NOTHING_BITS: u64 = 0x7ff8_6e6f_7468_696e;
/// Blocks on their way to the thread that digests: enough that neither waits for the other.
const BLOCKS_AHEAD: usize = 4;
/// Threads that share the lists of numbers: each list has a digest of its own, and one thread would take longer for all of them
/// than reading them does.
const THREADS: usize = 2;

/// Digests rows on threads of its own, while the next ones are read.
#[derive(Debug)]
pub(super) struct Digesting {
    names: String,
    threads: Vec<(SyncSender<Block>, JoinHandle<Vec<Hasher>>)>,
}

/// Rows that follow each other: the block they are in, and which of its rows.
type Block = (Arc<Unpacked>, Range<usize>);

impl Digesting {
    /// Begins with the names of the columns, in the order in which they are written.
    pub(super) fn of(names: &[String]) -> Self {
        // The times come before the columns.
        let lists = names.len() + 1;
        let part = |thread: usize| thread * lists / THREADS..(thread + 1) * lists / THREADS;
        let begin = |mine: Range<usize>| {
            let (blocks, received) = sync_channel::<Block>(BLOCKS_AHEAD);
            let thread = std::thread::spawn(move || {
                let mut digests = vec![Hasher::new(); mine.len()];
                let mut bytes = Vec::new();
                for (block, rows) in received {
                    for (list, digest) in mine.clone().zip(&mut digests) {
                        write_list(&mut bytes, &block, list, rows.clone());
                        digest.update(&bytes);
                    }
                }
                digests
            });
            (blocks, thread)
        };
        Self { names: names.join(","), threads: (0..THREADS).map(part).map(begin).collect() }
    }

    /// Takes the next rows; waits while those before are digested.
    pub(super) fn rows(&self, run: &OrderedRun<'_>) {
        for (blocks, _) in &self.threads {
            // A thread ends only when this is dropped.
            let _ = blocks.send((run.block.clone(), run.rows.clone()));
        }
    }

    /// The fingerprint: one BLAKE3 over the names and those of the times and of each column from first to last.
    pub(super) fn finish(self) -> String {
        let mut whole = Hasher::new();
        whole.update(self.names.as_bytes());
        for (blocks, thread) in self.threads {
            drop(blocks);
            for digest in thread.join().unwrap_or_default() {
                whole.update(digest.finalize().as_bytes());
            }
        }
        whole.finalize().to_hex().to_string()
    }
}

/// The bytes of the times, list 0, or of a column, of some rows.
fn write_list(bytes: &mut Vec<u8>, block: &Unpacked, list: usize, rows: Range<usize>) {
    bytes.resize(8 * rows.len(), 0);
    let Some(column) = list.checked_sub(1) else {
        return write(bytes, block.times_us[rows].iter().map(|at_us| at_us.cast_unsigned()));
    };
    match block.columns.get(column).and_then(Option::as_ref) {
        None => write(bytes, std::iter::repeat_n(NOTHING_BITS, rows.len())),
        Some(column) => {
            write(bytes, column.values[rows.clone()].iter().map(|value| value.to_bits()));
            let from = column.nulls.partition_point(|null| (*null as usize) < rows.start);
            for null in column.nulls[from..].iter().map(|null| *null as usize).take_while(|null| *null < rows.end) {
                let at = 8 * (null - rows.start);
                write(&mut bytes[at..at + 8], [NOTHING_BITS].into_iter());
            }
        }
    }
}

/// Writes numbers, little endian, over the bytes.
fn write(bytes: &mut [u8], numbers: impl Iterator<Item = u64>) {
    for (place, number) in bytes.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::codec::ColumnValues;

    #[test]
    fn a_fingerprint_does_not_depend_on_how_rows_are_cut() {
        let (times_us, names) = (vec![1, 2, 3], vec!["voltage_v".to_owned(), "x".to_owned()]);
        let columns = [Some(ColumnValues { values: vec![3.7, 9.0, f64::NAN], nulls: vec![1] }), None];
        let of = |parts: &[(usize, usize)], columns: &[Option<ColumnValues>]| {
            let fingerprint = Digesting::of(&names);
            let block = Arc::new(Unpacked { times_us: times_us.clone(), columns: columns.to_vec() });
            for (from, to) in parts {
                fingerprint.rows(&OrderedRun { block: &block, rows: *from..*to });
            }
            fingerprint.finish()
        };
        let whole = of(&[(0, 3)], &columns);
        assert_eq!((whole.len(), &whole), (64, &of(&[(0, 1), (1, 3)], &columns)));
        let other = [Some(ColumnValues { values: vec![3.7, 1.0, f64::NAN], nulls: vec![1] }), None];
        assert_eq!(of(&[(0, 3)], &other), whole, "what stands at a null row means nothing");
        let other = [Some(ColumnValues { values: vec![3.7, 9.0, f64::NAN], nulls: vec![] }), None];
        assert_ne!(of(&[(0, 3)], &other), whole);
    }
}
