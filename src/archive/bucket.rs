//! An archive in a bucket of a store that speaks S3.
//!
//! A client of its own, like that of the webhook: four requests to the one address of the settings need no library, and
//! no answer can send it elsewhere. The bucket stands in the path, which every such store takes.

use std::io::{Error, ErrorKind, Result};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::sign::{Asked, Keys, headers};
use crate::clock::Clock;
use crate::config;

/// What a store says when there is no such bucket at all.
const NO_BUCKET: &[u8] = b"NoSuchBucket";
/// Longest time for a request with all its bytes: a file of 16 MB over a line of 5 Mbit/s.
const REQUEST_WAIT: Duration = Duration::from_secs(60);
/// Longest time until somebody answers at the address.
const CONNECT_WAIT: Duration = Duration::from_secs(5);
/// Bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Bytes of what a store says when it refuses.
const REFUSAL_BYTES_MAX: usize = 4 * 1024;
/// Bytes a body may have beyond those asked for, for the marks between its pieces.
const BODY_SLACK: usize = 64 * 1024;
/// How often a request is made that failed on its way, and how long the first pause is; each further one is twice as long.
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);

/// Objects below a prefix of a bucket.
#[derive(Clone)]
pub(super) struct Bucket {
    address: (String, u16),
    host: String,
    /// `/bucket/prefix`, without a slash at its end.
    base: String,
    keys: Keys,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    clock: Clock,
}

struct Answer {
    status: u16,
    body: Bytes,
}

impl Bucket {
    pub(super) fn new(settings: &config::Archive, bucket: &str, prefix: &str, clock: Clock) -> Result<Self> {
        let wrong = |what: &str| Error::new(ErrorKind::InvalidInput, what.to_owned());
        let endpoint = settings.endpoint();
        let (scheme, host) = endpoint.split_once("://").ok_or_else(|| wrong("archive.endpoint has no scheme"))?;
        let usual = if scheme == "https" { 443 } else { 80 };
        let (name, port) =
            match host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit())) {
                Some((name, port)) => (name, port.parse().map_err(|_| wrong("archive.endpoint has no such port"))?),
                None => (host, usual),
            };
        let name = name.trim_matches(['[', ']']).to_owned();
        let tls = (scheme == "https").then(|| connector(&name)).transpose()?;
        let secret_key = if settings.secret_key.is_empty() {
            let file = &settings.secret_key_file;
            let read = std::fs::read_to_string(file);
            let read = read.map_err(|error| wrong(&format!("archive.secret_key_file {}: {error}", file.display())))?;
            read.trim().to_owned()
        } else {
            settings.secret_key.clone()
        };
        let keys = Keys { region: settings.region.clone(), access_key: settings.access_key.clone(), secret_key };
        let base = if prefix.is_empty() { format!("/{bucket}") } else { format!("/{bucket}/{prefix}") };
        Ok(Self { address: (name, port), host: host.to_owned(), base, keys, tls, clock })
    }

    /// The store has the whole object or none of it: it compares the bytes with the hash they are signed with.
    pub(super) async fn put(&self, name: &str, bytes: &Bytes) -> Result<()> {
        let answer = self.ask("PUT", name, &[], bytes, 0).await?;
        if answer.status == 200 { Ok(()) } else { Err(refused(&answer)) }
    }

    /// At most `length` bytes from a place on.
    pub(super) async fn read(&self, name: &str, from: u64, length: u64) -> Result<Bytes> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let range = format!("bytes={from}-{}", from.saturating_add(length - 1));
        let most = usize::try_from(length).unwrap_or(usize::MAX);
        let answer = self.ask("GET", name, &[("range", range)], &Bytes::new(), most).await?;
        match answer.status {
            206 => Ok(answer.body),
            // A store that does not know parts sends the whole.
            200 => {
                let from = usize::try_from(from).unwrap_or(usize::MAX).min(answer.body.len());
                Ok(answer.body.slice(from..from.saturating_add(most).min(answer.body.len())))
            }
            // The object is shorter than that.
            416 => Ok(Bytes::new()),
            404 if !answer.body.windows(NO_BUCKET.len()).any(|words| words == NO_BUCKET) => {
                Err(ErrorKind::NotFound.into())
            }
            _ => Err(refused(&answer)),
        }
    }

    pub(super) async fn remove(&self, name: &str) -> Result<()> {
        let answer = self.ask("DELETE", name, &[], &Bytes::new(), 0).await?;
        if matches!(answer.status, 200 | 204 | 404) { Ok(()) } else { Err(refused(&answer)) }
    }

    /// Makes a request, again when it failed on its way or the store is busy.
    async fn ask(
        &self,
        method: &str,
        name: &str,
        further: &[(&str, String)],
        body: &Bytes,
        most: usize,
    ) -> Result<Answer> {
        let mut pause = PAUSE;
        for _ in 1..TRIES_MAX {
            match self.ask_once(method, name, further, body, most).await {
                Ok(answer) if !matches!(answer.status, 429 | 500..) => return Ok(answer),
                _ => {}
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.ask_once(method, name, further, body, most).await
    }

    async fn ask_once(
        &self,
        method: &str,
        name: &str,
        further: &[(&str, String)],
        body: &Bytes,
        most: usize,
    ) -> Result<Answer> {
        let path = format!("{}/{name}", self.base);
        let now_us = self.clock.now_us();
        let asked = Asked { method, host: &self.host, path: &path, headers: further, body, now_us };
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nuser-agent: cellar/{}\r\ncontent-length: {}\r\nconnection: close\r\n",
            self.host,
            env!("CARGO_PKG_VERSION"),
            body.len()
        );
        for (name, value) in headers(&self.keys, &asked) {
            head += &format!("{name}: {value}\r\n");
        }
        for (name, value) in further {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let slow = |_| Error::new(ErrorKind::TimedOut, "no answer in time");
        let stream = TcpStream::connect((self.address.0.as_str(), self.address.1));
        let stream = tokio::time::timeout(CONNECT_WAIT, stream).await.map_err(slow)??;
        let exchange = async {
            match &self.tls {
                None => exchange(stream, head.as_bytes(), body, most).await,
                Some((connector, name)) => {
                    exchange(connector.connect(name.clone(), stream).await?, head.as_bytes(), body, most).await
                }
            }
        };
        tokio::time::timeout(REQUEST_WAIT, exchange).await.map_err(slow)?
    }
}

async fn exchange(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    head: &[u8],
    body: &[u8],
    most: usize,
) -> Result<Answer> {
    stream.write_all(head).await?;
    stream.write_all(body).await?;
    stream.flush().await?;
    let most = most.max(REFUSAL_BYTES_MAX).saturating_add(HEAD_BYTES_MAX + BODY_SLACK);
    let mut found = Vec::new();
    let mut rest = stream.take(most as u64);
    let mut bytes = [0; 16 * 1024];
    loop {
        match rest.read(&mut bytes).await {
            Ok(0) => break,
            Ok(count) => found.extend_from_slice(&bytes[..count]),
            // Some servers end an encrypted answer without a farewell: whether it is whole is seen by its length.
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    answer(found)
}

/// Reads an answer of HTTP/1.1 that is all there.
fn answer(found: Vec<u8>) -> Result<Answer> {
    let wrong = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
    let end = found.windows(4).take(HEAD_BYTES_MAX).position(|four| four == b"\r\n\r\n");
    let end = end.ok_or_else(|| wrong("it does not answer in HTTP"))?;
    let head = String::from_utf8_lossy(&found[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap_or_default().split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| wrong("it does not answer in HTTP"))?;
    let mut length = None;
    let mut is_chunked = false;
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse::<usize>().ok(),
            "transfer-encoding" => is_chunked = value.to_ascii_lowercase().contains("chunked"),
            _ => {}
        }
    }
    let body = Bytes::from(found).slice(end + 4..);
    let body = match length {
        _ if is_chunked => joined(&body).ok_or_else(|| wrong("its answer breaks off"))?,
        // Nothing follows the head of these, whatever they say.
        _ if matches!(status, 204 | 304) => Bytes::new(),
        Some(length) if body.len() < length => return Err(wrong("its answer breaks off")),
        Some(length) => body.slice(..length),
        None => body,
    };
    Ok(Answer { status, body })
}

/// A body that was sent in pieces, each after its length.
fn joined(mut rest: &[u8]) -> Option<Bytes> {
    let mut whole = Vec::with_capacity(rest.len());
    loop {
        let end = rest.windows(2).position(|two| two == b"\r\n")?;
        let length = std::str::from_utf8(&rest[..end]).ok()?.split(';').next()?.trim();
        let length = usize::from_str_radix(length, 16).ok()?;
        if length == 0 {
            return Some(whole.into());
        }
        let from = end + 2;
        whole.extend_from_slice(rest.get(from..from.checked_add(length)?)?);
        rest = rest.get(from + length + 2..)?;
    }
}

/// What the store says, in a line: its code and words, out of its XML.
fn refused(answer: &Answer) -> Error {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let part = |name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        Some(after.split('<').next()?.chars().filter(|letter| !letter.is_control()).take(200).collect::<String>())
    };
    let words: Vec<String> = ["Code", "Message"].iter().filter_map(|name| part(name)).collect();
    let words = if words.is_empty() { String::new() } else { format!(": {}", words.join(", ")) };
    Error::other(format!("the store answers {}{words}", answer.status))
}

fn connector(host: &str) -> Result<(TlsConnector, ServerName<'static>)> {
    let name = ServerName::try_from(host.to_owned()).map_err(Error::other)?;
    let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((TlsConnector::from(Arc::new(config)), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_refused() {
        let read = |text: &str| answer(text.as_bytes().to_vec());
        let plain = read("HTTP/1.1 206 Partial Content\r\nContent-Length: 3\r\n\r\nabc").unwrap();
        assert_eq!((plain.status, &plain.body[..]), (206, &b"abc"[..]));
        let pieces =
            read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n").unwrap();
        assert_eq!(&pieces.body[..], b"abc");
        for broken in [
            "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab\r\n",
            "HTTP/1.1 200 OK\r\n",
            "SSH-2.0-x\r\n\r\n",
        ] {
            assert!(read(broken).is_err(), "{broken}");
        }
        let no = read("HTTP/1.1 403 Forbidden\r\n\r\n<Error><Code>AccessDenied</Code><Message>No.</Message></Error>")
            .unwrap();
        assert_eq!(refused(&no).to_string(), "the store answers 403: AccessDenied, No.");
    }

    #[test]
    fn an_endpoint_is_read_and_a_missing_key_file_named() {
        let settings = |endpoint: &str| config::Archive {
            endpoint: endpoint.to_owned(),
            secret_key: "x".to_owned(),
            region: "eu-central-1".to_owned(),
            ..config::Archive::default()
        };
        let open = |settings: &config::Archive| Bucket::new(settings, "lab", "a/b", Clock::System);
        let here = open(&settings("http://127.0.0.1:9000")).unwrap();
        assert_eq!(
            (here.address, here.host.as_str(), here.base.as_str()),
            (("127.0.0.1".to_owned(), 9_000), "127.0.0.1:9000", "/lab/a/b")
        );
        let usual = open(&settings("")).unwrap();
        assert_eq!(
            (usual.host.as_str(), usual.address.1, usual.tls.is_some()),
            ("s3.eu-central-1.amazonaws.com", 443, true)
        );
        let file =
            config::Archive { secret_key: String::new(), secret_key_file: "/nowhere/key".into(), ..settings("") };
        assert!(open(&file).err().unwrap().to_string().contains("/nowhere/key"));
    }
}
