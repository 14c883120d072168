//! What stands in the database in place of a chunk that is in the archive.

use crate::archive::Expected;
use crate::series::chunk::{Packing, pack_ranges, unpack_ranges};
use crate::series::codec::{CODEC_PCO, CODEC_ZSTD, CodecError};

/// First byte: the version of this layout, which `docs/database.md` describes.
const VERSION: u8 = 1;
/// Bytes before the numbers of the rows.
const HEAD_BYTES: usize = 18;

/// Where the rows of a chunk are, and what they have to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::store) struct Stub {
    /// How the chunk was packed.
    pub(in crate::store) packing: Packing,
    /// Number of the file.
    pub(in crate::store) object: i64,
    /// Group of rows in it.
    pub(in crate::store) group: u32,
    /// Of the rows, as the archive calculates it.
    pub(in crate::store) fingerprint: u32,
    /// Numbers of the rows.
    pub(in crate::store) seq: Vec<(i64, i64)>,
}

impl Stub {
    pub(in crate::store) fn write(&self) -> Vec<u8> {
        let mut out = vec![VERSION, if self.packing == Packing::Pco { 1 } else { 2 }];
        out.extend(self.object.to_le_bytes());
        out.extend(self.group.to_le_bytes());
        out.extend(self.fingerprint.to_le_bytes());
        out.extend(pack_ranges(&self.seq));
        out
    }

    pub(in crate::store) fn read(bytes: &[u8]) -> Result<Self, CodecError> {
        let damaged = |at, what| CodecError::Damaged { at, what };
        let (head, seq) =
            bytes.split_first_chunk::<HEAD_BYTES>().ok_or(damaged(0, "the place of an archived chunk"))?;
        let (version, codec) = (head[0], i64::from(head[1]));
        if version != VERSION {
            return Err(damaged(0, "a layout version this program knows"));
        }
        debug_assert!((CODEC_PCO, CODEC_ZSTD) == (1, 2), "the byte is the number of the codec");
        let packing = Packing::of_codec(codec).ok_or(CodecError::UnknownCodec(codec))?;
        let four = |from: usize| [head[from], head[from + 1], head[from + 2], head[from + 3]];
        let (low, high) = (u32::from_le_bytes(four(2)), u32::from_le_bytes(four(6)));
        Ok(Self {
            packing,
            object: i64::from(high) << 32 | i64::from(low),
            group: u32::from_le_bytes(four(10)),
            fingerprint: u32::from_le_bytes(four(14)),
            seq: unpack_ranges(seq)?,
        })
    }

    pub(in crate::store) fn expected(&self, boot: i64, tick_offset_us: i64) -> Expected {
        let Self { packing, group, fingerprint, .. } = *self;
        Expected { group, boot, tick_offset_us, fingerprint, packing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_back_and_damage_is_noticed() {
        for packing in [Packing::Pco, Packing::Zstd] {
            let seq = vec![(0, 99), (200, 16_483)];
            let stub = Stub { packing, object: 5_000_000_007, group: 127, fingerprint: 0xdead_beef, seq };
            let bytes = stub.write();
            assert_eq!(Stub::read(&bytes), Ok(stub));
            assert!(bytes.len() < 100, "{} bytes", bytes.len());
            for cut in 0..HEAD_BYTES {
                assert!(Stub::read(&bytes[..cut]).is_err());
            }
            assert!(Stub::read(&[&[9], &bytes[1..]].concat()).is_err());
        }
    }
}
