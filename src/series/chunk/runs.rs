//! Numbers of rows as ranges: of all rows of a chunk, and of the null rows of a column.

use super::packing::Packing;
use super::put_u32;
use crate::series::codec::CodecError;
use crate::series::codec::reader::Reader;

/// Writes ascending ranges, both ends included: their number, the pauses before them, their lengths less one.
pub(super) fn write_ranges(packing: Packing, ranges: &[(i64, i64)]) -> Vec<u8> {
    let mut next = 0_i64;
    let (mut pauses, mut lengths) = (Vec::with_capacity(ranges.len()), Vec::with_capacity(ranges.len()));
    for (first, last) in ranges {
        pauses.push(first.wrapping_sub(next));
        lengths.push(last.wrapping_sub(*first));
        next = last.wrapping_add(1);
    }
    let (pauses, lengths) = (packing.integers(&pauses), packing.integers(&lengths));
    let mut out = Vec::with_capacity(8 + pauses.len() + lengths.len());
    put_u32(&mut out, ranges.len());
    put_u32(&mut out, pauses.len());
    out.extend(pauses);
    out.extend(lengths);
    out
}

/// Reads at most `most` ranges that hold at most `held_max` numbers.
pub(super) fn read_ranges(
    packing: Packing,
    bytes: &[u8],
    most: usize,
    held_max: u64,
) -> Result<Vec<(i64, i64)>, CodecError> {
    let mut reader = Reader::new(bytes);
    let count = reader.count(most, "at most one range per row")?;
    let length = reader.u32()? as usize;
    let pauses = packing.read_integers(reader.take(length)?, count)?;
    let lengths = packing.read_integers(reader.rest(), count)?;
    let mut next = 0_i64;
    let mut held = 0_u64;
    let mut ranges = Vec::with_capacity(count);
    for (pause, length) in pauses.into_iter().zip(lengths) {
        let first = next.wrapping_add(pause);
        let last = first.checked_add(length).filter(|last| *last >= first);
        let last = last.ok_or_else(|| reader.damaged("a range that ends after its start"))?;
        if ranges.last().is_some_and(|(_, before)| *before >= first) {
            return Err(reader.damaged("ascending ranges"));
        }
        held = held.saturating_add(length.unsigned_abs()).saturating_add(1);
        next = last.wrapping_add(1);
        ranges.push((first, last));
    }
    if held > held_max { Err(reader.damaged("no more numbers than rows")) } else { Ok(ranges) }
}

/// Ascending numbers as ranges.
pub(super) fn ranges_of(numbers: &[u32]) -> Vec<(i64, i64)> {
    let mut ranges: Vec<(i64, i64)> = Vec::new();
    for number in numbers {
        let number = i64::from(*number);
        match ranges.last_mut() {
            Some(last) if last.1 + 1 == number => last.1 = number,
            _ => ranges.push((number, number)),
        }
    }
    ranges
}
