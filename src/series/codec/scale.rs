//! Decimal values as integers, where that gives back every bit.
//!
//! Instruments measure in steps of a power of ten. If every value of a column is the `f64` nearest to `k / 10^s`, the
//! integers `k` hold it exactly, in a fraction of the space.

/// Powers of ten up to the finest step looked for; all are exact in `f64`.
const POWERS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/// Added to and taken from a number, this rounds it to an integer (ties to even): at 1.5 x 2^52 the last bit of an `f64`
/// is worth one. Unlike the processor's rounding call it works on several values at a time on every x86-64.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Up to this size that rounding is right, and integers are exact in `f64`.
const EXACT_MAX: f64 = 1_125_899_906_842_624.0;

/// `10^decimals`; `None` beyond 9 decimals.
pub(in crate::series) fn divisor(decimals: u8) -> Option<f64> {
    POWERS.get(usize::from(decimals)).copied()
}

/// The value a scaled integer stands for.
#[expect(clippy::cast_precision_loss, reason = "`find` only makes integers that are exact in f64")]
pub(in crate::series) fn value(scaled: i64, divisor: f64) -> f64 {
    scaled as f64 / divisor
}

/// Fills `scaled` with integers and says how many decimals they carry; `None` when no scale is exact for all values.
pub(crate) fn find(values: &[f64], scaled: &mut Vec<i64>) -> Option<u8> {
    let mut decimals = 0;
    'finer: while let Some(power) = divisor(decimals) {
        // Most columns have one value that needs all decimals: often the first.
        if values.first().is_some_and(|first| !is_exact(*first, power)) {
            decimals += 1;
            continue;
        }
        scaled.clear();
        // In runs, so that the compiler computes several values at a time and a misfit is still noticed early.
        for run in values.chunks(64) {
            let exact = run.iter().fold(true, |exact, value| exact & is_exact(*value, power));
            if !exact {
                decimals += 1;
                continue 'finer;
            }
            scaled.extend(run.iter().map(|value| integer(*value, power)));
        }
        return Some(decimals);
    }
    None
}

/// Whether the value is exactly `k / power` for an integer `k`; never for -0.0, whose sign an integer would lose.
fn is_exact(value: f64, power: f64) -> bool {
    let rounded = (value * power + ROUND) - ROUND;
    (rounded.abs() <= EXACT_MAX) & ((rounded / power).to_bits() == value.to_bits())
}

/// That integer.
fn integer(value: f64, power: f64) -> i64 {
    (value * power + ROUND).to_bits().wrapping_sub(ROUND.to_bits()).cast_signed()
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
            (&[1_125_899_906_842_624.0, -1_125_899_906_842_624.0], Some(0)),
            (&[1_125_899_906_842_625.0], None),
            (&[], Some(0)),
        ] {
            assert_eq!(find(values, &mut scaled), decimals, "{values:?}");
        }
        assert_eq!(find(&[3.7, 3.65], &mut scaled).map(|_| scaled.clone()), Some(vec![370, 365]));
        assert_eq!(find(&[-1.5, 2.25], &mut scaled).map(|_| scaled.clone()), Some(vec![-150, 225]));
    }
}
