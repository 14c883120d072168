//! Lists of numbers as few bytes: pco, or differences and zstd, which needs nothing but a wide-spread library.

use pco::standalone::{simple_compress, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec};

use super::super::codec::{CODEC_PCO, CODEC_ZSTD, CodecError};

/// Effort of pco: above this nothing gets smaller.
const PCO_LEVEL: usize = 8;
/// Effort of zstd: its usual one.
const ZSTD_LEVEL: i32 = 3;
/// Longest varint of 64 bits.
const VARINT_BYTES_MAX: usize = 10;

/// How the numbers of a chunk are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Packing {
    /// pco with differences of the first order.
    Pco,
    /// Differences as variable-length integers, then zstd: a sixth larger.
    Zstd,
}

impl Packing {
    /// Number of the codec in the database.
    #[must_use]
    pub fn codec(self) -> i64 {
        match self {
            Self::Pco => CODEC_PCO,
            Self::Zstd => CODEC_ZSTD,
        }
    }

    /// The packing of a codec.
    #[must_use]
    pub fn of_codec(codec: i64) -> Option<Self> {
        [Self::Pco, Self::Zstd].into_iter().find(|packing| packing.codec() == codec)
    }

    /// Packs integers.
    pub(super) fn integers(self, values: &[i64]) -> Vec<u8> {
        match self {
            _ if values.is_empty() => Vec::new(),
            Self::Pco => compress(values),
            Self::Zstd => {
                let mut bytes = Vec::with_capacity(2 * values.len());
                let mut before = 0_i64;
                for value in values {
                    put_varint(&mut bytes, zigzag(value.wrapping_sub(before)));
                    before = *value;
                }
                deflate(&bytes)
            }
        }
    }

    /// Packs floats, bit for bit.
    pub(super) fn floats(self, values: &[f64]) -> Vec<u8> {
        match self {
            _ if values.is_empty() => Vec::new(),
            Self::Pco => compress(values),
            Self::Zstd => deflate(&values.iter().flat_map(|value| value.to_bits().to_le_bytes()).collect::<Vec<u8>>()),
        }
    }

    /// Unpacks `count` integers.
    pub(super) fn read_integers(self, bytes: &[u8], count: usize) -> Result<Vec<i64>, CodecError> {
        match self {
            _ if count == 0 => nothing(bytes),
            Self::Pco => decompress(bytes, count),
            Self::Zstd => {
                let bytes = inflate(bytes, count.saturating_mul(VARINT_BYTES_MAX))?;
                let mut rest = bytes.as_slice();
                let mut before = 0_i64;
                let mut values = Vec::with_capacity(count);
                for _ in 0..count {
                    let step = take_varint(&mut rest).ok_or(damaged("a variable-length integer"))?;
                    before = before.wrapping_add(unzigzag(step));
                    values.push(before);
                }
                if rest.is_empty() { Ok(values) } else { Err(damaged("the end of the integers")) }
            }
        }
    }

    /// Unpacks `count` floats.
    pub(super) fn read_floats(self, bytes: &[u8], count: usize) -> Result<Vec<f64>, CodecError> {
        match self {
            _ if count == 0 => nothing(bytes),
            Self::Pco => decompress(bytes, count),
            Self::Zstd => {
                let bytes = inflate(bytes, count.saturating_mul(8))?;
                let (values, rest) = bytes.as_chunks::<8>();
                if values.len() != count || !rest.is_empty() {
                    return Err(damaged("as many floats as rows"));
                }
                Ok(values.iter().map(|value| f64::from_bits(u64::from_le_bytes(*value))).collect())
            }
        }
    }
}

fn damaged(what: &'static str) -> CodecError {
    CodecError::Damaged { at: 0, what }
}

fn nothing<T>(bytes: &[u8]) -> Result<Vec<T>, CodecError> {
    if bytes.is_empty() { Ok(Vec::new()) } else { Err(damaged("no bytes where there are no numbers")) }
}

fn compress<T: pco::data_types::Number>(values: &[T]) -> Vec<u8> {
    // The automatic choice misjudges short lists and takes twice as long.
    let config = ChunkConfig::default().with_compression_level(PCO_LEVEL).with_delta_spec(DeltaSpec::TryConsecutive(1));
    // It only refuses settings, and these are right.
    simple_compress(values, &config).unwrap_or_default()
}

fn decompress<T: pco::data_types::Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>, CodecError> {
    let mut values = vec![T::default(); count];
    match simple_decompress_into(bytes, &mut values) {
        Ok(progress) if progress.n_processed == count && progress.finished => Ok(values),
        _ => Err(damaged("as many numbers as rows, packed by pco")),
    }
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    // Writing to memory does not fail.
    zstd::bulk::compress(bytes, ZSTD_LEVEL).unwrap_or_default()
}

fn inflate(bytes: &[u8], most: usize) -> Result<Vec<u8>, CodecError> {
    zstd::bulk::decompress(bytes, most).map_err(|_| damaged("a zstd frame of the right size"))
}

fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -(value & 1).cast_signed()
}

fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for place in 0..VARINT_BYTES_MAX {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(u32::try_from(7 * place).ok()?)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
