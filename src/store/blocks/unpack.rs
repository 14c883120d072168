//! Blocks unpacked on several threads: of a window that needs many, that is most of the time it takes.

use std::num::NonZero;
use std::sync::LazyLock;

use super::StoredBlock;
use crate::store::StoreError;

/// Bytes of blocks below which handing them over takes longer than it saves.
const BYTES_MIN: usize = 32_768;
/// Threads one window takes at most: others are drawn at the same time.
const THREADS_MAX: usize = 4;

static THREADS: LazyLock<usize> =
    LazyLock::new(|| std::thread::available_parallelism().map_or(1, NonZero::get).min(THREADS_MAX));

/// What `read` makes of each block, in their order.
///
/// # Errors
/// The first that `read` has.
pub(super) async fn unpacked<T: Send + 'static>(
    mut blocks: Vec<StoredBlock>,
    read: impl Fn(&StoredBlock) -> Result<T, StoreError> + Clone + Send + 'static,
) -> Result<Vec<T>, StoreError> {
    let bytes: usize = blocks.iter().map(StoredBlock::bytes).sum();
    let threads = (*THREADS).min(blocks.len());
    if threads < 2 || bytes < BYTES_MIN {
        return blocks.iter().map(read).collect();
    }
    let share = blocks.len().div_ceil(threads);
    let mut parts = Vec::with_capacity(threads);
    while blocks.len() > share {
        let rest = blocks.split_off(share);
        parts.push(std::mem::replace(&mut blocks, rest));
    }
    parts.push(blocks);
    let parts: Vec<_> = parts
        .into_iter()
        .map(|part| {
            let read = read.clone();
            tokio::task::spawn_blocking(move || part.iter().map(read).collect::<Result<Vec<T>, _>>())
        })
        .collect();
    let mut all = Vec::new();
    for part in parts {
        let part = part.await.map_err(|error| StoreError::Unreadable {
            what: "a window".to_owned(),
            reason: format!("unpacking it broke down: {error}"),
        })?;
        all.extend(part?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_unpacked_on_several_threads_comes_in_order_and_the_first_error_is_told() {
        let blocks: Vec<StoredBlock> = (0..9).map(|seq0| StoredBlock::of_size(seq0, BYTES_MIN)).collect();
        let numbers = unpacked(blocks.clone(), |block| Ok(block.seq0)).await.unwrap();
        assert_eq!(numbers, (0..9).collect::<Vec<_>>());
        let read = |block: &StoredBlock| {
            if block.seq0 < 7 { Ok(()) } else { Err(block.unreadable("it is damaged".to_owned())) }
        };
        let error = unpacked(blocks, read).await.unwrap_err().to_string();
        assert!(error.contains("seq 7"), "{error}");
        assert!(unpacked(Vec::new(), |block| Ok(block.seq0)).await.unwrap().is_empty());
    }
}
