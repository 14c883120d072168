//! Reads little-endian fields and knows where it stands when one is missing.

use super::CodecError;

pub(in crate::series) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(in crate::series) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(in crate::series) fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    pub(in crate::series) fn damaged(&self, what: &'static str) -> CodecError {
        CodecError::Damaged { at: self.at, what }
    }

    /// The next `count` bytes.
    pub(in crate::series) fn take(&mut self, count: usize) -> Result<&'a [u8], CodecError> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.damaged("more bytes"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// All bytes that are left, without taking them.
    pub(in crate::series) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(in crate::series) fn u8(&mut self) -> Result<u8, CodecError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(in crate::series) fn u32(&mut self) -> Result<u32, CodecError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(in crate::series) fn u64(&mut self) -> Result<u64, CodecError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(in crate::series) fn i64(&mut self) -> Result<i64, CodecError> {
        self.array().map(i64::from_le_bytes)
    }

    /// A count that must not exceed `most`, so that damage cannot ask for the machine's whole memory.
    pub(in crate::series) fn count(&mut self, most: usize, what: &'static str) -> Result<usize, CodecError> {
        let count = self.u32()? as usize;
        if count > most { Err(self.damaged(what)) } else { Ok(count) }
    }
}
