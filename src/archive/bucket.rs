//! An archive in a bucket of a store that speaks S3: objects are put, read in parts and deleted. The bucket stands in the
//! path, which every such store takes.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use bytes::Bytes;
use ureq::Agent;
use ureq::http::Response;

use super::sign::{Asked, Keys, headers};
use crate::clock::Clock;
use crate::{config, outbound};

/// Longest time for a request with all its bytes: a file of 16 MB over a line of 5 Mbit/s.
const REQUEST_WAIT: Duration = Duration::from_secs(60);
/// Bytes of what a store says when it refuses.
const REFUSAL_BYTES_MAX: u64 = 64 * 1024;
/// How often a request is made that failed on its way, and how long the first pause is; each further one is twice as long.
const TRIES_MAX: u32 = 3;
const PAUSE: Duration = Duration::from_millis(200);
/// What a store says when there is no such bucket at all.
const NO_BUCKET: &str = "NoSuchBucket";

/// Objects below a prefix of a bucket. Requests block.
#[derive(Clone)]
pub(super) struct Bucket {
    client: Agent,
    endpoint: String,
    host: String,
    /// `/bucket/prefix`, without a slash at its end.
    base: String,
    keys: Keys,
    clock: Clock,
}

struct Answer {
    status: u16,
    body: Bytes,
}

impl Bucket {
    pub(super) fn new(settings: &config::Archive, bucket: &str, prefix: &str, clock: Clock) -> Result<Self> {
        let wrong = |what: String| Error::new(ErrorKind::InvalidInput, what);
        let endpoint = settings.endpoint();
        let (_, host) =
            endpoint.split_once("://").ok_or_else(|| wrong("archive.endpoint begins with https://".to_owned()))?;
        let secret_key = if settings.secret_key.is_empty() {
            let file = &settings.secret_key_file;
            let read = std::fs::read_to_string(file);
            let read = read.map_err(|error| wrong(format!("archive.secret_key_file {}: {error}", file.display())))?;
            read.trim().to_owned()
        } else {
            settings.secret_key.clone()
        };
        let keys = Keys { region: settings.region.clone(), access_key: settings.access_key.clone(), secret_key };
        let base = if prefix.is_empty() { format!("/{bucket}") } else { format!("/{bucket}/{prefix}") };
        Ok(Self { client: outbound::client(REQUEST_WAIT), host: host.to_owned(), endpoint, base, keys, clock })
    }

    /// The store has the whole object or none of it: it compares the bytes with the hash they are signed with.
    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let answer = self.ask("PUT", name, &[], bytes, 0)?;
        if answer.status == 200 { Ok(()) } else { Err(refused(&answer)) }
    }

    /// At most `length` bytes from a place on.
    pub(super) fn read(&self, name: &str, from: u64, length: u64) -> Result<Bytes> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let range = format!("bytes={from}-{}", from.saturating_add(length - 1));
        let answer = self.ask("GET", name, &[("range", range)], &[], length)?;
        match answer.status {
            206 => Ok(answer.body),
            200 if from == 0 => Ok(answer.body),
            200 => Err(Error::other("the store sends whole objects where a part is asked for")),
            // The object is shorter than that.
            416 => Ok(Bytes::new()),
            404 if !words(&answer).contains(NO_BUCKET) => Err(ErrorKind::NotFound.into()),
            _ => Err(refused(&answer)),
        }
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let answer = self.ask("DELETE", name, &[], &[], 0)?;
        match answer.status {
            200 | 204 => Ok(()),
            404 if !words(&answer).contains(NO_BUCKET) => Ok(()),
            _ => Err(refused(&answer)),
        }
    }

    /// Makes a request, again when it failed on its way or the store is busy.
    fn ask(&self, method: &str, name: &str, further: &[(&str, String)], body: &[u8], most: u64) -> Result<Answer> {
        let mut pause = PAUSE;
        for _ in 1..TRIES_MAX {
            match self.ask_once(method, name, further, body, most) {
                Ok(answer) if !matches!(answer.status, 429 | 500..) => return Ok(answer),
                _ => {}
            }
            std::thread::sleep(pause);
            pause *= 2;
        }
        self.ask_once(method, name, further, body, most)
    }

    fn ask_once(&self, method: &str, name: &str, further: &[(&str, String)], body: &[u8], most: u64) -> Result<Answer> {
        let path = format!("{}/{name}", self.base);
        let now_us = self.clock.now_us();
        let signed =
            headers(&self.keys, &Asked { method, host: &self.host, path: &path, headers: further, body, now_us });
        let further = further.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let all: Vec<(String, String)> =
            std::iter::once(("host".to_owned(), self.host.clone())).chain(signed).chain(further).collect();
        let address = format!("{}{path}", self.endpoint);
        let answer = match method {
            "PUT" => all
                .iter()
                .fold(self.client.put(&address), |request, (name, value)| request.header(name, value))
                .send(body),
            _ => {
                let request = if method == "GET" { self.client.get(&address) } else { self.client.delete(&address) };
                all.iter().fold(request, |request, (name, value)| request.header(name, value)).call()
            }
        };
        read_answer(answer.map_err(Error::other)?, most)
    }
}

fn read_answer(mut answer: Response<ureq::Body>, most: u64) -> Result<Answer> {
    // What just fits is told from what does not by one byte more.
    let body = answer.body_mut().with_config().limit(most.max(REFUSAL_BYTES_MAX).saturating_add(1)).read_to_vec();
    Ok(Answer { status: answer.status().as_u16(), body: body.map_err(Error::other)?.into() })
}

/// What the store says, in a line: its code and words, out of its XML.
fn words(answer: &Answer) -> String {
    let text = String::from_utf8_lossy(&answer.body);
    let part = |name: &str| {
        let (_, after) = text.split_once(&format!("<{name}>"))?;
        Some(after.split('<').next()?.chars().filter(|letter| !letter.is_control()).take(200).collect::<String>())
    };
    let words: Vec<String> = ["Code", "Message"].iter().filter_map(|name| part(name)).collect();
    words.join(", ")
}

fn refused(answer: &Answer) -> Error {
    let words = words(answer);
    let words = if words.is_empty() { words } else { format!(": {words}") };
    Error::other(format!("the store answers {}{words}", answer.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_words_of_the_store() {
        let answer = |body: &'static str| Answer { status: 403, body: Bytes::from_static(body.as_bytes()) };
        let no = answer("<Error><Code>AccessDenied</Code><Message>No.</Message></Error>");
        assert_eq!(refused(&no).to_string(), "the store answers 403: AccessDenied, No.");
        assert_eq!(refused(&answer("")).to_string(), "the store answers 403");
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
        let here = open(&settings("http://127.0.0.1:9000/")).unwrap();
        assert_eq!((here.host.as_str(), here.base.as_str()), ("127.0.0.1:9000", "/lab/a/b"));
        assert_eq!(here.endpoint, "http://127.0.0.1:9000");
        assert_eq!(open(&settings("")).unwrap().endpoint, "https://s3.eu-central-1.amazonaws.com");
        let file =
            config::Archive { secret_key: String::new(), secret_key_file: "/nowhere/key".into(), ..settings("") };
        assert!(open(&file).err().unwrap().to_string().contains("/nowhere/key"));
    }
}
