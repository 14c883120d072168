//! Bytes of a connection, plain or encrypted. Encryption holds bytes back, so "taken" is not yet "sent".

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection is made over.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<S: AsyncRead + AsyncWrite + Unpin> Stream for S {}

/// What moved while the connection waited.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// So many bytes arrived; 0 at the end of the stream.
    In(usize),
    /// So many bytes were taken, and perhaps ones held back were sent.
    Out(usize),
}

/// Hands over as much as is taken now, without waiting: how much that is, and whether bytes are left or held back.
pub(super) async fn send_now(stream: &mut impl Stream, bytes: &[u8]) -> io::Result<(usize, bool)> {
    poll_fn(|cx| {
        let mut taken = 0;
        while taken < bytes.len() {
            match poll_write(stream, cx, &bytes[taken..]) {
                Poll::Ready(count) => taken += count?,
                Poll::Pending => return Poll::Ready(Ok((taken, true))),
            }
        }
        match Pin::new(&mut *stream).poll_flush(cx) {
            Poll::Ready(done) => Poll::Ready(done.map(|()| (taken, false))),
            Poll::Pending => Poll::Ready(Ok((taken, true))),
        }
    })
    .await
}

/// Waits for bytes, if there is a buffer for them, and for a chance to send, if something is to be sent or held back.
/// Nothing is lost when the wait is given up.
pub(super) async fn moved(
    stream: &mut impl Stream,
    mut buffer: Option<&mut [u8]>,
    bytes: &[u8],
    is_unsent: bool,
) -> io::Result<Moved> {
    poll_fn(|cx| {
        if let Some(buffer) = buffer.as_deref_mut() {
            let mut buffer = ReadBuf::new(buffer);
            if let Poll::Ready(done) = Pin::new(&mut *stream).poll_read(cx, &mut buffer) {
                return Poll::Ready(done.map(|()| Moved::In(buffer.filled().len())));
            }
        }
        if !is_unsent {
            return Poll::Pending;
        }
        if bytes.is_empty() {
            return Pin::new(&mut *stream).poll_flush(cx).map_ok(|()| Moved::Out(0));
        }
        poll_write(stream, cx, bytes).map_ok(Moved::Out)
    })
    .await
}

/// Says goodbye to the peer's transport, as far as that works without waiting.
pub(super) async fn hang_up(stream: &mut impl Stream) {
    poll_fn(|cx| {
        // Whether it worked changes nothing: the connection is over.
        let _ = Pin::new(&mut *stream).poll_shutdown(cx);
        Poll::Ready(())
    })
    .await;
}

fn poll_write(stream: &mut impl Stream, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
    Pin::new(stream).poll_write(cx, bytes).map(|taken| match taken? {
        0 => Err(io::ErrorKind::WriteZero.into()),
        count => Ok(count),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_taken_now_is_taken_when_the_peer_reads() {
        let (mut near, mut far) = tokio::io::duplex(4);
        assert_eq!(send_now(&mut near, b"abcdef").await.unwrap(), (4, true));
        assert_eq!(send_now(&mut near, b"ef").await.unwrap(), (0, true));
        let mut buffer = [0; 4];
        tokio::io::AsyncReadExt::read_exact(&mut far, &mut buffer).await.unwrap();
        assert_eq!(moved(&mut near, None, b"ef", true).await.unwrap(), Moved::Out(2));
        assert_eq!(send_now(&mut near, b"").await.unwrap(), (0, false));
    }

    #[tokio::test]
    async fn bytes_are_read_only_where_there_is_room_for_them() {
        let (mut near, mut far) = tokio::io::duplex(64);
        tokio::io::AsyncWriteExt::write_all(&mut far, b"abc").await.unwrap();
        assert_eq!(moved(&mut near, None, b"x", true).await.unwrap(), Moved::Out(1));
        let mut buffer = [0; 2];
        assert_eq!(moved(&mut near, Some(&mut buffer), b"x", true).await.unwrap(), Moved::In(2));
        assert_eq!(&buffer, b"ab");
        drop(far);
        assert_eq!(moved(&mut near, Some(&mut buffer), b"", false).await.unwrap(), Moved::In(1));
        assert_eq!(moved(&mut near, Some(&mut buffer), b"", false).await.unwrap(), Moved::In(0));
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_is_an_error_not_a_wait() {
        let (mut near, far) = tokio::io::duplex(64);
        drop(far);
        assert_eq!(send_now(&mut near, b"abc").await.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
