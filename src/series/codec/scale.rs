//! Decimal values as integers, where that gives back every bit.
//!
//! Instruments measure in steps of a power of ten. If every value of a column is the `f64` nearest to `k / 10^s`, the
//! integers `k` hold it exactly, in a fraction of the space.

/// Powers of ten up to the finest step looked for; all are exact in `f64`.
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Integers of this size and below are exact in `f64`.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// `10^decimals`; `None` beyond 9 decimals.
pub(super) fn divisor(decimals: u8) -> Option<f64> {
    POWERS.get(usize::from(decimals)).copied()
}

/// The value a scaled integer stands for.
#[expect(clippy::cast_precision_loss, reason = "`find` only makes integers that are exact in f64")]
pub(super) fn value(scaled: i64, divisor: f64) -> f64 {
    scaled as f64 / divisor
}

/// Fills `scaled` with integers and says how many decimals they carry; `None` when no scale is exact for all values.
pub(super) fn find(values: &[f64], scaled: &mut Vec<i64>) -> Option<u8> {
    let mut decimals = 0;
    'finer: while let Some(power) = divisor(decimals) {
        scaled.clear();
        // In runs of 64 so that the compiler may compute several values at a time.
        for run in values.chunks(64) {
            let mut exact = true;
            for number in run {
                let rounded = (number * power).round_ties_even();
                #[expect(clippy::cast_possible_truncation, reason = "an inexact one is thrown away with its run")]
                let integer = rounded as i64;
                // Through the integer, because that is where the sign of -0.0 gets lost.
                exact &= rounded.abs() <= EXACT_MAX && value(integer, power).to_bits() == number.to_bits();
                scaled.push(integer);
            }
            if !exact {
                decimals += 1;
                continue 'finer;
            }
        }
        return Some(decimals);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarsest_exact_scale_is_found() {
        let mut scaled = Vec::new();
        for (values, decimals) in [
            (&[1.0, -2.0][..], Some(0)),
            (&[3.7, 3.65], Some(2)),
            (&[-0.0001, 4.2], Some(4)),
            (&[1e-9], Some(9)),
            (&[1e-10], None),
            (&[1.0 / 3.0], None),
            (&[-0.0], None),
            (&[f64::NAN], None),
            (&[f64::INFINITY], None),
            (&[9_007_199_254_740_993.0 * 4.0], None),
            (&[], Some(0)),
        ] {
            assert_eq!(find(values, &mut scaled), decimals, "{values:?}");
        }
        assert_eq!(find(&[3.7, 3.65], &mut scaled).map(|_| scaled.clone()), Some(vec![370, 365]));
    }
}
