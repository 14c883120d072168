//! Files that are written while they are sent: memory stays the same however long they are, and nothing goes on when the
//! client has left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpResponse;
use actix_web::http::header;
use actix_web::web::Bytes;
use futures_util::stream;
use tokio::sync::mpsc;

use super::WebError;
use crate::exchange::name::disposition;

/// Pieces made before the client took them.
const PIECES_AHEAD: usize = 4;
/// Files one person fetches at the same time: each keeps a thread busy.
const AT_ONCE_MAX: u32 = 2;
/// When somebody who has too many should try again, s.
const TRY_AGAIN_S: u32 = 10;

/// Who fetches how many files now.
#[derive(Debug, Clone, Default)]
pub struct Downloads(Arc<Mutex<HashMap<String, u32>>>);

/// One of the files somebody may fetch at a time; given back when dropped.
#[derive(Debug)]
pub struct Turn {
    downloads: Downloads,
    who: String,
}

impl Downloads {
    /// A turn for somebody.
    ///
    /// # Errors
    /// 429 when they fetch two files already.
    pub fn turn(&self, who: &str) -> Result<Turn, WebError> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(who.to_owned()).or_default();
        if *count >= AT_ONCE_MAX {
            return Err(WebError::TooMany { wait_s: TRY_AGAIN_S });
        }
        *count += 1;
        Ok(Turn { downloads: self.clone(), who: who.to_owned() })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut counts = self.downloads.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.who) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.who);
            }
        }
    }
}

/// Where the pieces of a file go.
#[derive(Debug)]
pub struct Pieces {
    sender: mpsc::Sender<Result<Bytes, WebError>>,
    _turn: Turn,
}

/// Nobody takes the file any more.
#[derive(Debug)]
pub struct Gone;

impl Pieces {
    /// Hands on a piece; waits while the client is slow.
    ///
    /// # Errors
    /// [`Gone`] when the client has left.
    pub async fn send(&self, piece: Vec<u8>) -> Result<(), Gone> {
        self.sender.send(Ok(piece.into())).await.map_err(|_| Gone)
    }

    /// Breaks the file off, so that the client does not take it for whole.
    pub async fn fail(&self, error: impl Into<WebError>) {
        let error = error.into();
        tracing::error!(error = &error as &dyn std::error::Error, "a file could not be written to its end");
        // Whether the client still waits makes no difference.
        let _ = self.sender.send(Err(error)).await;
    }
}

/// Does long work on a thread of its own: the threads that answer requests have other work meanwhile.
///
/// # Errors
/// When it ends without a result, which is a fault of ours.
pub async fn aside<Work, Working>(work: Work) -> Result<Working::Output, WebError>
where
    Work: FnOnce() -> Working + Send + 'static,
    Working: Future<Output: Send + 'static>,
{
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || runtime.block_on(work())).await.map_err(WebError::internal)
}

/// Answers with a file that `write` makes on a thread of its own.
#[must_use]
pub fn file<Write, Writing>(name: &str, kind: &'static str, turn: Turn, write: Write) -> HttpResponse
where
    Write: FnOnce(Pieces) -> Writing + Send + 'static,
    Writing: Future<Output = ()>,
{
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let pieces = Pieces { sender, _turn: turn };
    let runtime = tokio::runtime::Handle::current();
    // Writing keeps a processor busy: the threads that answer requests have other work meanwhile.
    tokio::task::spawn_blocking(move || runtime.block_on(write(pieces)));
    let body = stream::unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) });
    HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CONTENT_DISPOSITION, disposition(name)))
        .insert_header((header::CONTENT_SECURITY_POLICY, "sandbox"))
        .streaming(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_file_at_the_same_time_has_to_wait() {
        let downloads = Downloads::default();
        let first = downloads.turn("ann").unwrap();
        let _second = downloads.turn("ann").unwrap();
        assert!(matches!(downloads.turn("ann"), Err(WebError::TooMany { .. })));
        assert!(downloads.turn("ben").is_ok());
        drop(first);
        assert!(downloads.turn("ann").is_ok());
    }
}
