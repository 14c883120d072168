//! Integers in as few whole bytes as their spread needs: a base, a width, and the distances from the base.

use super::CodecError;
use super::reader::Reader;

/// Times as themselves.
const TIMES_PLAIN: u8 = 0;
/// Times as the first one and the steps between neighbours, which are nearly equal.
const TIMES_STEPS: u8 = 1;

/// Bytes for distances up to `spread`: 0, 1, 2, 4 or 8.
fn width(spread: u64) -> u8 {
    match spread {
        0 => 0,
        1..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    }
}

fn bounds(values: &[i64]) -> (i64, u8) {
    let Some(first) = values.first() else { return (0, 0) };
    let (low, high) = values.iter().fold((*first, *first), |(low, high), value| (low.min(*value), high.max(*value)));
    (low, width(high.abs_diff(low)))
}

/// Writes integers: base, width, distances.
#[expect(clippy::cast_possible_truncation, reason = "the width was chosen for the largest distance")]
pub(super) fn put(out: &mut Vec<u8>, values: &[i64]) {
    let (base, width) = bounds(values);
    out.extend(base.to_le_bytes());
    out.push(width);
    match width {
        0 => {}
        1 => put_narrow(out, values, base, |distance| [distance.to_le_bytes()[0]]),
        2 => put_narrow(out, values, base, |distance| (distance as u16).to_le_bytes()),
        4 => put_narrow(out, values, base, |distance| (distance as u32).to_le_bytes()),
        _ => put_narrow(out, values, base, u64::to_le_bytes),
    }
}

/// Appends the distances from `base`, `N` bytes each; they were found to fit.
fn put_narrow<const N: usize>(out: &mut Vec<u8>, values: &[i64], base: i64, narrow: impl Fn(u64) -> [u8; N]) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    for (place, value) in out[start..].as_chunks_mut::<N>().0.iter_mut().zip(values) {
        *place = narrow(value.wrapping_sub(base).cast_unsigned());
    }
}

/// Reads `rows` integers.
pub(super) fn read(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<i64>, CodecError> {
    let base = reader.i64()?;
    let width = usize::from(reader.u8()?);
    if width == 0 {
        return Ok(vec![base; rows]);
    }
    if !matches!(width, 1 | 2 | 4 | 8) {
        return Err(reader.damaged("a width of 0, 1, 2, 4 or 8 bytes"));
    }
    let bytes = reader.take(rows.saturating_mul(width))?;
    let value = |bytes: &[u8]| {
        let mut distance = [0; 8];
        distance[..width].copy_from_slice(bytes);
        base.wrapping_add_unsigned(u64::from_le_bytes(distance))
    };
    Ok(bytes.chunks_exact(width).map(value).collect())
}

/// Writes times, as steps when that is smaller.
pub(super) fn put_times(out: &mut Vec<u8>, times_us: &[i64]) {
    let steps: Option<Vec<i64>> = times_us.windows(2).map(|pair| pair[1].checked_sub(pair[0])).collect();
    match (times_us.first(), steps) {
        (Some(first), Some(steps)) if bounds(&steps).1 < bounds(times_us).1 => {
            out.push(TIMES_STEPS);
            out.extend(first.to_le_bytes());
            put(out, &steps);
        }
        _ => {
            out.push(TIMES_PLAIN);
            put(out, times_us);
        }
    }
}

/// Reads what [`put_times`] wrote.
pub(super) fn read_times(reader: &mut Reader<'_>, rows: usize) -> Result<Vec<i64>, CodecError> {
    match reader.u8()? {
        TIMES_PLAIN => read(reader, rows),
        TIMES_STEPS if rows > 0 => {
            let mut time_us = reader.i64()?;
            let mut times_us = Vec::with_capacity(rows);
            times_us.push(time_us);
            for step in read(reader, rows - 1)? {
                time_us = time_us.wrapping_add(step);
                times_us.push(time_us);
            }
            Ok(times_us)
        }
        _ => Err(reader.damaged("times this program knows")),
    }
}
