//! What was begun and is to be finished by a second request soon, kept in memory meanwhile.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most entries kept; whoever makes one has given a right password, so only a fault gets this far.
pub const PENDING_MAX: usize = 1_000;

/// Entries that live for a while and are then forgotten. Share it by reference or in an `Arc`.
#[derive(Debug)]
pub struct Pending<K, V> {
    lasts_us: i64,
    kept: Mutex<HashMap<K, (V, i64)>>,
}

impl<K: Hash + Eq + Clone, V: Clone> Pending<K, V> {
    /// One whose entries last so long, µs.
    #[must_use]
    pub fn new(lasts_us: i64) -> Self {
        Self { lasts_us, kept: Mutex::default() }
    }

    /// Keeps an entry in place of an earlier one of this key; when there are too many the oldest goes.
    pub fn keep(&self, key: K, value: V, now_us: i64) {
        let mut kept = self.kept();
        kept.retain(|_, (_, expires_at_us)| now_us < *expires_at_us);
        if kept.len() >= PENDING_MAX && !kept.contains_key(&key) {
            let oldest = kept.iter().min_by_key(|(_, (_, expires_at_us))| *expires_at_us).map(|(key, _)| key.clone());
            oldest.map(|key| kept.remove(&key));
        }
        kept.insert(key, (value, now_us + self.lasts_us));
    }

    /// The entry of a key, if it is not too old.
    pub fn get(&self, key: &K, now_us: i64) -> Option<V> {
        self.kept().get(key).filter(|(_, expires_at_us)| now_us < *expires_at_us).map(|(value, _)| value.clone())
    }

    /// Forgets an entry; `false` when there was none, as when another request was faster.
    pub fn forget(&self, key: &K) -> bool {
        self.kept().remove(key).is_some()
    }

    /// Forgets the entries that this says yes to.
    pub fn forget_all(&self, is_obsolete: impl Fn(&V) -> bool) {
        self.kept().retain(|_, (value, _)| !is_obsolete(value));
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<K, (V, i64)>> {
        // Every change is complete before something could panic, so a poisoned state is sound.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_begun_waits_for_a_while() {
        let pending = Pending::new(10);
        pending.keep(1, "a", 0);
        assert_eq!((pending.get(&1, 9), pending.get(&1, 10), pending.get(&2, 0)), (Some("a"), None, None));
        assert!(pending.forget(&1) && !pending.forget(&1));
        assert_eq!(pending.get(&1, 0), None);
        pending.keep(2, "b", 0);
        pending.forget_all(|value| *value == "b");
        assert_eq!(pending.get(&2, 0), None);
    }

    #[test]
    fn the_oldest_makes_room() {
        let pending = Pending::new(i64::MAX / 2);
        for at in 0..=PENDING_MAX {
            pending.keep(at, (), i64::try_from(at).unwrap());
        }
        assert_eq!((pending.get(&0, 0), pending.get(&1, 0), pending.get(&PENDING_MAX, 0)), (None, Some(()), Some(())));
    }
}
