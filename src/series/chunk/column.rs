//! One column of a chunk: integers of a scale wherever that gives back every bit, floats otherwise.

use super::packing::Packing;
use super::runs;
use crate::series::codec::reader::Reader;
use crate::series::codec::{CodecError, ColumnValues, FLAG_NULLS, KIND_FLOAT, KIND_SCALED, filled, scale};

pub(super) fn write(packing: Packing, column: &ColumnValues) -> Vec<u8> {
    let has_nulls = !column.nulls.is_empty();
    let flag = if has_nulls { FLAG_NULLS } else { 0 };
    let values = if has_nulls { &filled(&column.values, &column.nulls) } else { &column.values };
    let mut scaled = Vec::with_capacity(values.len());
    let mut out = Vec::new();
    let packed = match scale::find(values, &mut scaled) {
        Some(decimals) => {
            out.extend([KIND_SCALED | flag, decimals]);
            packing.integers(&scaled)
        }
        None => {
            out.extend([KIND_FLOAT | flag, 0]);
            packing.floats(values)
        }
    };
    super::put_u32(&mut out, packed.len());
    out.extend(packed);
    if has_nulls {
        out.extend(runs::write_ranges(packing, &runs::ranges_of(&column.nulls)));
    }
    out
}

pub(super) fn read(packing: Packing, bytes: &[u8], rows: usize) -> Result<ColumnValues, CodecError> {
    let mut reader = Reader::new(bytes);
    let (kind, decimals) = (reader.u8()?, reader.u8()?);
    let length = reader.u32()? as usize;
    let packed = reader.take(length)?;
    let values = match kind & !FLAG_NULLS {
        KIND_SCALED => {
            let divisor = scale::divisor(decimals).ok_or_else(|| reader.damaged("a scale of 0 to 9 decimals"))?;
            packing.read_integers(packed, rows)?.into_iter().map(|scaled| scale::value(scaled, divisor)).collect()
        }
        KIND_FLOAT => packing.read_floats(packed, rows)?,
        _ => return Err(reader.damaged("a kind of column this program knows")),
    };
    let mut nulls = Vec::new();
    if kind & FLAG_NULLS != 0 {
        for (first, last) in runs::read_ranges(packing, reader.rest(), rows, rows as u64)? {
            let range = u32::try_from(first).ok().zip(u32::try_from(last).ok().filter(|last| (*last as usize) < rows));
            let (first, last) = range.ok_or_else(|| reader.damaged("null rows within the chunk"))?;
            nulls.extend(first..=last);
        }
    } else if !reader.rest().is_empty() {
        return Err(reader.damaged("the end of the column"));
    }
    Ok(ColumnValues { values, nulls })
}
