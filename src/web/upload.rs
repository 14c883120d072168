//! Files that are sent with a form: taken from the connection piece by piece and written to a file of their own, so that
//! memory stays the same however large they are.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actix_web::dev;
use actix_web::web::{Bytes, BytesMut, Payload};
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;

use super::{WebError, forms, multipart};
use crate::auth::csrf;

/// Largest file, bytes.
pub const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Largest other field, bytes.
const FIELD_BYTES_MAX: usize = 16 * 1024;
/// Longest head of a part, bytes.
const HEAD_BYTES_MAX: usize = 4 * 1024;
/// Most fields: more than any page of ours has.
const FIELDS_MAX: usize = 32;
/// Longest silence within a body.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Most files that wait for somebody to go on with them; what nobody asks for is taken away after an hour.
const WAITING_MAX: usize = 20;
/// How long a file waits, s.
const WAITING_S: i64 = 3_600;

/// Whether a form that its handler takes from the connection was sent by a page of ours. The guard puts it beside the request.
#[derive(Debug, Clone)]
pub struct FormProof {
    /// What the form's token must fit; `None` when the guard has seen the proof.
    secret: Option<String>,
}

impl FormProof {
    /// The guard has seen it.
    #[must_use]
    pub fn given() -> Self {
        Self { secret: None }
    }

    /// The form has to begin with it.
    #[must_use]
    pub fn wanted(secret: &str) -> Self {
        Self { secret: Some(secret.to_owned()) }
    }

    fn is_given(&self) -> bool {
        self.secret.is_none()
    }

    fn accepts(&self, sent: &str) -> bool {
        self.secret.as_ref().is_none_or(|secret| csrf::matches(secret, sent))
    }
}

impl FromRequest for FormProof {
    type Error = WebError;
    type Future = std::future::Ready<Result<Self, WebError>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        let proof = request.extensions().get::<Self>().cloned();
        std::future::ready(proof.ok_or(WebError::Forgery))
    }
}

/// What was sent.
#[derive(Debug, Default)]
pub struct Sent {
    fields: Vec<(String, String)>,
    /// The first file, if there is one with a name.
    pub file: Option<SentFile>,
}

/// A file that was sent. Dropped, it is gone, unless it was [kept](SentFile::keep).
#[derive(Debug)]
pub struct SentFile {
    /// The mark it waits under.
    pub mark: String,
    /// Its name as sent, less folders and what cannot be read.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    path: PathBuf,
    is_kept: bool,
}

impl SentFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it where it is, for [`waiting`].
    pub fn keep(&mut self) {
        self.is_kept = true;
    }
}

impl Drop for SentFile {
    fn drop(&mut self) {
        if !self.is_kept {
            // What cannot be removed now is removed with what nobody asked for.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Sent {
    /// The text of a field; empty without one.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.as_str())
    }
}

/// The file that waits under a mark; `None` when it is not there any more.
#[must_use]
pub fn waiting(folder: &Path, mark: &str) -> Option<PathBuf> {
    let path = folder.join(forms::once_of(mark)?);
    path.is_file().then_some(path)
}

/// Takes away a file that waited.
pub fn forget(folder: &Path, mark: &str) {
    if let Some(path) = waiting(folder, mark) {
        let _ = std::fs::remove_file(path);
    }
}

/// Takes a form with a file from the connection. A browser's form begins with its proof that a page of ours sent it.
///
/// # Errors
/// 403 without that proof, 413 for what is too large, 408 for what stands still, 422 for what is no such form, 503 when too
/// many files wait.
pub async fn receive(
    content_type: &str,
    mut payload: Payload,
    proof: &FormProof,
    folder: &Path,
    now_us: i64,
) -> Result<Sent, WebError> {
    let cut_off =
        || WebError::Invalid { target: "body", message: "The form did not arrive whole. Send it again.".to_owned() };
    let boundary = multipart::boundary(content_type).ok_or_else(cut_off)?;
    std::fs::create_dir_all(folder).map_err(WebError::internal)?;
    sweep(folder, now_us)?;
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    // With a line's end in front the first boundary is like all others.
    let mut buffer = BytesMut::from(&b"\r\n"[..]);
    let mut sent = Sent::default();
    let mut part = Part::Preamble;
    let mut is_proven = proof.is_given();
    loop {
        while let Some(at) = multipart::find(&buffer, &delimiter) {
            // After a boundary: two hyphens end the form, otherwise a head follows.
            let Some(rest) = after_boundary(&buffer[at + delimiter.len()..])? else { break };
            part.take(&buffer[..at]).await?;
            let done = std::mem::replace(&mut part, Part::Preamble).finish().await?;
            is_proven |= sent.add(done, is_proven, proof)?;
            let After::Head { head, bytes } = rest else {
                return if is_proven { Ok(sent) } else { Err(WebError::Forgery) };
            };
            part = Part::begin(&head, folder, is_proven)?;
            if sent.fields.len() >= FIELDS_MAX {
                return Err(cut_off());
            }
            let _ = buffer.split_to(at + delimiter.len() + bytes);
        }
        // All but what may be the beginning of a boundary and the head after it.
        if multipart::find(&buffer, &delimiter).is_none() && buffer.len() > delimiter.len() {
            let safe = buffer.len() - delimiter.len();
            part.take(&buffer.split_to(safe)).await?;
        }
        let chunk: Option<Result<Bytes, _>> =
            tokio::time::timeout(IDLE_TIMEOUT, payload.next()).await.map_err(|_| WebError::TooSlow)?;
        buffer.extend_from_slice(&chunk.ok_or_else(cut_off)?.map_err(|_| cut_off())?);
    }
}

/// What follows a boundary.
enum After {
    End,
    Head { head: multipart::Head, bytes: usize },
}

/// `None` while too little has arrived to tell.
fn after_boundary(bytes: &[u8]) -> Result<Option<After>, WebError> {
    let bad = || WebError::Invalid { target: "body", message: "This is no form as browsers send it.".to_owned() };
    if bytes.len() < 2 {
        return Ok(None);
    }
    if bytes.starts_with(b"--") {
        return Ok(Some(After::End));
    }
    let Some(end) = multipart::find(bytes, b"\r\n\r\n") else {
        return if bytes.len() > HEAD_BYTES_MAX { Err(bad()) } else { Ok(None) };
    };
    let head = multipart::head(bytes.get(2..end).unwrap_or_default()).ok_or_else(bad)?;
    Ok(Some(After::Head { head, bytes: end + 4 }))
}

/// The part that is arriving.
enum Part {
    Preamble,
    Field {
        name: String,
        content: Vec<u8>,
    },
    File {
        out: tokio::fs::File,
        file: SentFile,
    },
    /// Nothing that anybody wants: a file field without a file.
    Nothing,
}

enum Done {
    Nothing,
    Field(String, String),
    File(SentFile),
}

impl Part {
    fn begin(head: &multipart::Head, folder: &Path, is_proven: bool) -> Result<Self, WebError> {
        let Some(name) = &head.file_name else {
            return Ok(Self::Field { name: head.name.clone(), content: Vec::new() });
        };
        if name.is_empty() {
            return Ok(Self::Nothing);
        }
        if !is_proven {
            return Err(WebError::Forgery);
        }
        let mark = forms::once()?;
        let path = folder.join(&mark);
        let out = std::fs::OpenOptions::new().write(true).create_new(true).open(&path).map_err(WebError::internal)?;
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let name: String = crate::domain::text::line(name).chars().take(200).collect();
        Ok(Self::File { out: out.into(), file: SentFile { mark, name, bytes: 0, path, is_kept: false } })
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), WebError> {
        match self {
            Self::Preamble | Self::Nothing => Ok(()),
            Self::Field { content, .. } => {
                if content.len() + bytes.len() > FIELD_BYTES_MAX {
                    return Err(WebError::TooLarge { bytes_max: FIELD_BYTES_MAX });
                }
                content.extend_from_slice(bytes);
                Ok(())
            }
            Self::File { out, file } => {
                file.bytes += bytes.len() as u64;
                if file.bytes > FILE_BYTES_MAX {
                    return Err(WebError::TooLarge {
                        bytes_max: usize::try_from(FILE_BYTES_MAX).unwrap_or(usize::MAX),
                    });
                }
                out.write_all(bytes).await.map_err(WebError::internal)
            }
        }
    }

    async fn finish(self) -> Result<Done, WebError> {
        Ok(match self {
            Self::Preamble | Self::Nothing => Done::Nothing,
            Self::Field { name, content } => Done::Field(name, String::from_utf8_lossy(&content).into_owned()),
            Self::File { mut out, file } => {
                out.flush().await.map_err(WebError::internal)?;
                Done::File(file)
            }
        })
    }
}

impl Sent {
    /// Keeps a part; whether it is the proof that was missing.
    fn add(&mut self, done: Done, is_proven: bool, proof: &FormProof) -> Result<bool, WebError> {
        match done {
            Done::Nothing => {}
            Done::Field(name, value) => {
                if !is_proven {
                    return if name == "csrf" && proof.accepts(&value) { Ok(true) } else { Err(WebError::Forgery) };
                }
                self.fields.push((name, value));
            }
            Done::File(file) => {
                self.file.get_or_insert(file);
            }
        }
        Ok(false)
    }
}

/// Takes away what waits too long; refuses more when too much waits.
fn sweep(folder: &Path, now_us: i64) -> Result<(), WebError> {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).map_err(WebError::internal)?.flatten() {
        let written = entry.metadata().and_then(|meta| meta.modified()).ok();
        let written_s = written
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
        if now_us / 1_000_000 - written_s > WAITING_S {
            let _ = std::fs::remove_file(entry.path());
        } else {
            count += 1;
        }
    }
    if count < WAITING_MAX {
        Ok(())
    } else {
        Err(WebError::Unavailable(
            "Too many files wait to be imported. Go on with one of them, or try again in an hour.",
        ))
    }
}

#[cfg(test)]
mod tests;
