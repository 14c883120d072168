//! Which row numbers of a boot are committed: sorted, disjoint, never touching ranges.

/// A set of row numbers as ranges, both ends included.
///
/// Devices number rows without holes, so the set of a healthy device is a single range however long it runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    ranges: Vec<(i64, i64)>,
}

impl RangeSet {
    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[(i64, i64)] {
        &self.ranges
    }

    /// Whether any of `from..=to` is in the set.
    #[must_use]
    pub fn overlaps(&self, from: i64, to: i64) -> bool {
        let next = self.ranges.partition_point(|range| range.1 < from);
        self.ranges.get(next).is_some_and(|range| range.0 <= to)
    }

    /// The parts of `from..=to` that are not in the set, ascending.
    #[must_use]
    pub fn missing(&self, from: i64, to: i64) -> Vec<(i64, i64)> {
        let mut missing = Vec::new();
        let mut next = from;
        let first = self.ranges.partition_point(|range| range.1 < from);
        for &(start, end) in self.ranges[first..].iter().take_while(|range| range.0 <= to) {
            if start > next {
                missing.push((next, start - 1));
            }
            next = end.saturating_add(1);
        }
        if next <= to {
            missing.push((next, to));
        }
        missing
    }

    /// Adds `from..=to`, joining what it touches.
    pub fn insert(&mut self, from: i64, to: i64) {
        // Rows nearly always follow the last one: then this is the whole work.
        if let Some(last) = self.ranges.last_mut()
            && last.1.saturating_add(1) == from
        {
            last.1 = to;
            return;
        }
        let first = self.ranges.partition_point(|range| range.1.saturating_add(1) < from);
        let end = self.ranges.partition_point(|range| range.0 <= to.saturating_add(1));
        let joined =
            self.ranges[first..end].iter().fold((from, to), |all, range| (all.0.min(range.0), all.1.max(range.1)));
        self.ranges.splice(first..end, [joined]);
    }

    /// Up to which row everything from 0 on is there; -1 when row 0 is missing.
    #[must_use]
    pub fn upto(&self) -> i64 {
        self.ranges.first().filter(|range| range.0 <= 0).map_or(-1, |range| range.1)
    }
}

impl FromIterator<(i64, i64)> for RangeSet {
    fn from_iter<I: IntoIterator<Item = (i64, i64)>>(ranges: I) -> Self {
        let mut set = Self::default();
        for (from, to) in ranges {
            set.insert(from, to);
        }
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_in_order_stay_one_range() {
        let mut set = RangeSet::default();
        for batch in 0..100 {
            set.insert(batch * 50, batch * 50 + 49);
        }
        assert_eq!(set.ranges(), [(0, 4_999)]);
        assert_eq!(set.upto(), 4_999);
    }

    #[test]
    fn upto_needs_row_zero() {
        assert_eq!([(5, 9)].into_iter().collect::<RangeSet>().upto(), -1);
        assert_eq!([(5, 9), (0, 4)].into_iter().collect::<RangeSet>().upto(), 9);
    }

    proptest! {
        #[test]
        fn a_range_set_is_a_set(batches in prop::collection::vec((0_i64..200, 0_i64..20), 0..60), probe in (0_i64..220, 0_i64..30)) {
            let mut set = RangeSet::default();
            let mut model = BTreeSet::new();
            for (from, extra) in batches {
                set.insert(from, from + extra);
                model.extend(from..=from + extra);
            }
            let (from, to) = (probe.0, probe.0 + probe.1);
            prop_assert_eq!(set.overlaps(from, to), (from..=to).any(|row| model.contains(&row)));
            let missing: Vec<i64> = set.missing(from, to).into_iter().flat_map(|(a, b)| a..=b).collect();
            let expected: Vec<i64> = (from..=to).filter(|row| !model.contains(row)).collect();
            prop_assert_eq!(missing, expected);
            let all: Vec<i64> = set.ranges().iter().flat_map(|&(a, b)| a..=b).collect();
            prop_assert_eq!(all, model.into_iter().collect::<Vec<_>>());
            prop_assert!(set.ranges().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
