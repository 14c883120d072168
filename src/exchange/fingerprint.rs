//! The fingerprint of an experiment's samples: the same however they are stored, another one after any change.

use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use crate::domain::text::hexadecimal;
use crate::series::codec::ColumnValues;
use crate::store::ordered::OrderedRun;

/// Stands for “not measured” in the fingerprint: a NaN no instrument sends.
const NOTHING_BITS: u64 = 0x7ff8_6e6f_7468_696e;
/// Blocks on their way to the thread that digests: enough that neither waits for the other.
const BLOCKS_AHEAD: usize = 4;

/// Digests rows on a thread of its own, while the next ones are read.
#[derive(Debug)]
pub(super) struct Digesting {
    blocks: SyncSender<Block>,
    thread: JoinHandle<String>,
}

/// Rows that follow each other.
#[derive(Debug)]
struct Block {
    times_us: Vec<i64>,
    columns: Vec<Option<ColumnValues>>,
}

impl Digesting {
    /// Begins with the names of the columns, in the order in which they are written.
    pub(super) fn of(names: &[String]) -> Self {
        let (blocks, received) = sync_channel::<Block>(BLOCKS_AHEAD);
        let mut fingerprint = Fingerprint::new(names);
        let thread = std::thread::spawn(move || {
            for block in received {
                fingerprint.rows(&block);
            }
            fingerprint.finish()
        });
        Self { blocks, thread }
    }

    /// Takes the next rows; waits while those before are digested.
    pub(super) fn rows(&self, run: &OrderedRun<'_>) {
        // The thread ends only when this is dropped.
        let _ = self.blocks.send(Block::of(run));
    }

    /// The fingerprint.
    pub(super) fn finish(self) -> String {
        drop(self.blocks);
        self.thread.join().unwrap_or_default()
    }
}

impl Block {
    fn of(run: &OrderedRun<'_>) -> Self {
        let rows = run.rows.clone();
        let columns = run.columns.iter().map(|column| {
            let column = column.as_ref()?;
            let from = column.nulls.partition_point(|null| (*null as usize) < rows.start);
            let to = column.nulls.partition_point(|null| (*null as usize) < rows.end);
            let first = u32::try_from(rows.start).unwrap_or(u32::MAX);
            Some(ColumnValues {
                values: column.values[rows.clone()].to_vec(),
                nulls: column.nulls[from..to].iter().map(|null| null - first).collect(),
            })
        });
        Self { columns: columns.collect(), times_us: run.times_us[rows.clone()].to_vec() }
    }
}

/// For the times and for each column one SHA-256 over its values from first to last, and one over the names and those.
#[derive(Debug)]
struct Fingerprint {
    names: Vec<String>,
    times: Sha256,
    columns: Vec<Sha256>,
    buffer: Vec<u8>,
}

impl Fingerprint {
    fn new(names: &[String]) -> Self {
        let columns = names.iter().map(|_| Sha256::new()).collect();
        Self { names: names.to_vec(), times: Sha256::new(), columns, buffer: Vec::new() }
    }

    fn rows(&mut self, block: &Block) {
        let count = block.times_us.len();
        self.buffer.resize(8 * count, 0);
        write(&mut self.buffer, block.times_us.iter().map(|at_us| at_us.cast_unsigned()));
        self.times.update(&self.buffer);
        for (column, digest) in block.columns.iter().zip(&mut self.columns) {
            match column {
                None => write(&mut self.buffer, std::iter::repeat_n(NOTHING_BITS, count)),
                Some(column) => {
                    write(&mut self.buffer, column.values.iter().map(|value| value.to_bits()));
                    for null in &column.nulls {
                        let at = 8 * *null as usize;
                        write(&mut self.buffer[at..at + 8], [NOTHING_BITS].into_iter());
                    }
                }
            }
            digest.update(&self.buffer);
        }
    }

    fn finish(self) -> String {
        let mut whole = Sha256::new();
        whole.update(self.names.join(","));
        whole.update(self.times.finalize());
        for column in self.columns {
            whole.update(column.finalize());
        }
        hexadecimal(&whole.finalize())
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

    #[test]
    fn a_fingerprint_does_not_depend_on_how_rows_are_cut() {
        let (times, names) = ([1, 2, 3], vec!["voltage_v".to_owned(), "x".to_owned()]);
        let columns = [Some(ColumnValues { values: vec![3.7, 9.0, f64::NAN], nulls: vec![1] }), None];
        let of = |parts: &[(usize, usize)], columns: &[Option<ColumnValues>]| {
            let fingerprint = Digesting::of(&names);
            for (from, to) in parts {
                fingerprint.rows(&OrderedRun { times_us: &times, columns, rows: *from..*to });
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
