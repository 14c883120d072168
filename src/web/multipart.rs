//! Forms with files: bodies are in memory already, within their limit, so they are only cut into parts.

use actix_web::http::header::{self, HeaderMap};

/// Most parts looked at; a form of ours has a handful of fields.
const PARTS_MAX: usize = 100;

/// The parts of a form, in their order.
#[derive(Debug, PartialEq, Eq)]
pub struct Form<'body> {
    parts: Vec<(String, &'body [u8])>,
}

impl<'body> Form<'body> {
    /// The form of a request's body; `None` when it is none.
    #[must_use]
    pub fn of(headers: &HeaderMap, body: &'body [u8]) -> Option<Self> {
        let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        let boundary = kind.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?.trim_matches('"');
        (!boundary.is_empty()).then(|| Self { parts: parts(body, &format!("--{boundary}")) })
    }

    /// The first part of a name.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<&'body [u8]> {
        self.parts.iter().find(|(known, _)| known == name).map(|(_, bytes)| *bytes)
    }

    /// The first part of a name as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&'body str> {
        std::str::from_utf8(self.bytes(name)?).ok()
    }
}

fn parts<'body>(body: &'body [u8], delimiter: &str) -> Vec<(String, &'body [u8])> {
    let mut found = Vec::new();
    // The first delimiter has no line before it.
    let Some(mut rest) = after(body, delimiter.as_bytes()) else { return found };
    let next = format!("\r\n{delimiter}");
    while found.len() < PARTS_MAX && !rest.starts_with(b"--") {
        let Some(end) = position(rest, next.as_bytes()) else { break };
        let part = &rest[..end];
        if let Some(head_end) = position(part, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&part[..head_end]);
            let name = head.lines().find_map(|line| {
                let disposition = line.to_ascii_lowercase().starts_with("content-disposition:").then_some(line)?;
                disposition
                    .split(';')
                    .find_map(|field| field.trim().strip_prefix("name="))
                    .map(|name| name.trim_matches('"'))
            });
            found.extend(name.map(|name| (name.to_owned(), &part[head_end + 4..])));
        }
        rest = &rest[end + next.len()..];
    }
    found
}

fn after<'body>(body: &'body [u8], what: &[u8]) -> Option<&'body [u8]> {
    body.strip_prefix(what)
}

fn position(body: &[u8], what: &[u8]) -> Option<usize> {
    body.windows(what.len()).position(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(body: &[u8]) -> Option<Form<'_>> {
        let mut headers = HeaderMap::new();
        let kind = header::HeaderValue::from_static("multipart/form-data; boundary=\"xX\"");
        headers.insert(header::CONTENT_TYPE, kind);
        Form::of(&headers, body)
    }

    #[test]
    fn parts_are_found_by_their_name() {
        let body = b"--xX\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n--xX\r\n\
            content-disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nWAIT, 5\r\n\r\n\r\n--xX--\r\n";
        let form = form(body).unwrap();
        assert_eq!(form.text("csrf"), Some("abc"));
        assert_eq!(form.bytes("file"), Some(b"WAIT, 5\r\n\r\n".as_slice()));
        assert_eq!(form.text("name"), None);
    }

    #[test]
    fn what_is_cut_short_or_no_form_has_no_parts() {
        for body in
            [b"".as_slice(), b"--xX", b"--xX\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", b"--xX--", b"x"]
        {
            assert_eq!(form(body).unwrap().parts, [], "{body:?}");
        }
        assert_eq!(Form::of(&HeaderMap::new(), b""), None);
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_answered(body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
            let _ = form(&body);
            let _ = form(&[b"--xX\r\n".as_slice(), &body].concat());
        }
    }
}
