//! What was read last is kept, up to so many bytes.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// Values by key; what was used longest ago goes first.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    kept: HashMap<K, Kept<V>>,
    bytes: usize,
    bytes_max: usize,
    uses: u64,
}

#[derive(Debug)]
struct Kept<V> {
    value: Arc<V>,
    bytes: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Cache<K, V> {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { kept: HashMap::new(), bytes: 0, bytes_max, uses: 0 }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<Arc<V>> {
        self.uses += 1;
        let kept = self.kept.get_mut(key)?;
        kept.used = self.uses;
        Some(Arc::clone(&kept.value))
    }

    /// Keeps a value that takes so many bytes; one that is larger than all there is room for is not kept.
    pub(super) fn insert(&mut self, key: K, value: Arc<V>, bytes: usize) {
        if bytes > self.bytes_max {
            return;
        }
        self.uses += 1;
        let before = self.kept.insert(key, Kept { value, bytes, used: self.uses });
        self.bytes = self.bytes + bytes - before.map_or(0, |before| before.bytes);
        while self.bytes > self.bytes_max {
            // Few hundred entries at most: looking through them costs nothing beside what was read.
            let Some(oldest) = self.kept.iter().min_by_key(|(_, kept)| kept.used).map(|(key, _)| key.clone()) else {
                return;
            };
            self.bytes -= self.kept.remove(&oldest).map_or(0, |kept| kept.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_used_longest_ago_makes_room() {
        let mut cache = Cache::new(100);
        for key in 0..3 {
            cache.insert(key, Arc::new(key), 40);
            assert_eq!(cache.get(&0).as_deref(), Some(&0), "it is used all the time");
        }
        assert_eq!((cache.get(&1), cache.get(&2).as_deref()), (None, Some(&2)));
        cache.insert(2, Arc::new(5), 60);
        assert_eq!((cache.get(&2).as_deref(), cache.bytes), (Some(&5), 100));
        cache.insert(9, Arc::new(9), 101);
        assert_eq!((cache.get(&9), cache.bytes), (None, 100));
    }
}
