//! Several files as one zip, written while it is sent: nothing is kept but the list of what is in it.

use std::io::Write as _;

use crc32fast::Hasher;
use flate2::Compression;
use flate2::write::DeflateEncoder;

/// Largest offset and size of a zip without the extensions that not every program reads.
const BYTES_MAX: u64 = 0xffff_fffe;
/// Bit 3: sizes follow the content; bit 11: names are UTF-8.
const FLAGS: u16 = 0x0808;
const DEFLATE: u16 = 8;
const VERSION: u16 = 20;

/// Why no zip can be written.
#[derive(Debug, thiserror::Error)]
pub enum ZipError {
    /// It would be too large.
    #[error("the zip is larger than 4 GB; pick fewer experiments")]
    TooLarge,
    /// Compression failed, which memory never does.
    #[error("the zip cannot be written")]
    Write(#[from] std::io::Error),
}

/// A zip that is being written.
#[derive(Debug)]
pub struct Zip {
    /// Bytes written so far.
    at: u64,
    entries: Vec<Entry>,
    open: Option<Open>,
    /// Date and time of all files, as MS-DOS wrote them.
    stamp: [u16; 2],
}

#[derive(Debug)]
struct Entry {
    name: String,
    at: u32,
    crc: u32,
    packed: u32,
    plain: u32,
}

#[derive(Debug)]
struct Open {
    name: String,
    at: u64,
    crc: Hasher,
    plain: u64,
    packed: u64,
    encoder: DeflateEncoder<Vec<u8>>,
}

impl Zip {
    /// A zip whose files bear this local time: year, month, day, hour, minute.
    #[must_use]
    pub fn new([year, month, day, hour, minute]: [u16; 5]) -> Self {
        let date = (year.saturating_sub(1980).min(127) << 9) | (month << 5) | day;
        Self { at: 0, entries: Vec::new(), open: None, stamp: [(hour << 11) | (minute << 5), date] }
    }

    /// Begins a file.
    ///
    /// # Errors
    /// When the zip is too large.
    pub fn begin(&mut self, name: &str, out: &mut Vec<u8>) -> Result<(), ZipError> {
        self.end(out)?;
        let name: String = name.chars().take(200).collect();
        let begin = out.len();
        put32(out, 0x0403_4b50);
        put16(out, &[VERSION, FLAGS, DEFLATE, self.stamp[0], self.stamp[1]]);
        // Checksum and sizes come after the content.
        out.extend_from_slice(&[0; 12]);
        put16(out, &[length(name.len())?, 0]);
        out.extend_from_slice(name.as_bytes());
        self.open = Some(Open {
            name,
            at: self.at,
            crc: Hasher::new(),
            plain: 0,
            packed: 0,
            encoder: DeflateEncoder::new(Vec::new(), Compression::fast()),
        });
        self.count(out.len() - begin)
    }

    /// Writes more of the file that was begun last.
    ///
    /// # Errors
    /// When the zip is too large.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), ZipError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        open.crc.update(bytes);
        open.plain += bytes.len() as u64;
        open.encoder.write_all(bytes)?;
        let packed = std::mem::take(open.encoder.get_mut());
        open.packed += packed.len() as u64;
        let too_large = open.plain > BYTES_MAX;
        out.extend_from_slice(&packed);
        if too_large { Err(ZipError::TooLarge) } else { self.count(packed.len()) }
    }

    fn end(&mut self, out: &mut Vec<u8>) -> Result<(), ZipError> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let begin = out.len();
        let packed = open.encoder.finish()?;
        out.extend_from_slice(&packed);
        let entry = Entry {
            name: open.name,
            at: narrow(open.at)?,
            crc: open.crc.finalize(),
            packed: narrow(open.packed + packed.len() as u64)?,
            plain: narrow(open.plain)?,
        };
        for word in [0x0807_4b50, entry.crc, entry.packed, entry.plain] {
            put32(out, word);
        }
        self.entries.push(entry);
        self.count(out.len() - begin)
    }

    /// Ends the zip with the list of its files.
    ///
    /// # Errors
    /// When it is too large.
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<(), ZipError> {
        self.end(out)?;
        let (list_at, begin) = (narrow(self.at)?, out.len());
        for entry in &self.entries {
            put32(out, 0x0201_4b50);
            put16(out, &[VERSION, VERSION, FLAGS, DEFLATE, self.stamp[0], self.stamp[1]]);
            for word in [entry.crc, entry.packed, entry.plain] {
                put32(out, word);
            }
            put16(out, &[length(entry.name.len())?, 0, 0, 0, 0]);
            put32(out, 0);
            put32(out, entry.at);
            out.extend_from_slice(entry.name.as_bytes());
        }
        let list_bytes = narrow((out.len() - begin) as u64)?;
        let count = length(self.entries.len())?;
        put32(out, 0x0605_4b50);
        put16(out, &[0, 0, count, count]);
        put32(out, list_bytes);
        put32(out, list_at);
        put16(out, &[0]);
        Ok(())
    }

    fn count(&mut self, bytes: usize) -> Result<(), ZipError> {
        self.at += bytes as u64;
        if self.at > BYTES_MAX { Err(ZipError::TooLarge) } else { Ok(()) }
    }
}

fn put32(out: &mut Vec<u8>, word: u32) {
    out.extend_from_slice(&word.to_le_bytes());
}

fn put16(out: &mut Vec<u8>, words: &[u16]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

fn narrow(bytes: u64) -> Result<u32, ZipError> {
    u32::try_from(bytes).map_err(|_| ZipError::TooLarge)
}

fn length(bytes: usize) -> Result<u16, ZipError> {
    u16::try_from(bytes).map_err(|_| ZipError::TooLarge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_unpacks_what_was_packed() {
        let mut zip = Zip::new([2026, 11, 21, 7, 30]);
        let mut out = Vec::new();
        let long = "time_utc,voltage_v\n".repeat(10_000);
        for (name, content) in [("Zyklus-ä.csv", long.as_str()), ("empty.csv", ""), ("b.html", "<p>")] {
            zip.begin(name, &mut out).unwrap();
            for piece in content.as_bytes().chunks(777) {
                zip.write(piece, &mut out).unwrap();
            }
        }
        zip.finish(&mut out).unwrap();
        assert!(out.len() < long.len() / 10, "{}", out.len());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.zip");
        std::fs::write(&path, &out).unwrap();
        let script = "import sys, zipfile\nwith zipfile.ZipFile(sys.argv[1]) as z:\n assert z.testzip() is None\n \
                      print([(i.filename, i.file_size, i.date_time) for i in z.infolist()])";
        let Ok(told) = std::process::Command::new("python3").args(["-c", script]).arg(&path).output() else { return };
        let told = String::from_utf8_lossy(&told.stdout).into_owned();
        let expected = format!("('Zyklus-ä.csv', {}, (2026, 11, 21, 7, 30, 0)), ('empty.csv', 0", long.len());
        assert!(told.contains(&expected), "{told}");
    }
}
