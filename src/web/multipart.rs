//! Forms with a file in them (`multipart/form-data`): cut into their parts, without copying. The guard has bounded the body.

/// Most parts of a form: more than any page of ours has fields.
const PARTS_MAX: usize = 64;
/// Longest boundary the standard allows, in bytes.
const BOUNDARY_MAX: usize = 70;

/// One field of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part<'body> {
    /// Name of the field.
    pub name: String,
    /// Whether it came as a file, even an empty one.
    pub is_file: bool,
    /// Its bytes.
    pub content: &'body [u8],
}

/// The fields of a form; `None` when it is none of this kind, or cut off.
#[must_use]
pub fn parts<'body>(content_type: &str, body: &'body [u8]) -> Option<Vec<Part<'body>>> {
    let boundary = boundary(content_type)?;
    let first = format!("--{boundary}");
    let next = format!("\r\n--{boundary}");
    let mut rest = &body[find(body, first.as_bytes())? + first.len()..];
    let mut parts = Vec::new();
    loop {
        if rest.starts_with(b"--") {
            return Some(parts);
        }
        rest = rest.strip_prefix(b"\r\n")?;
        if parts.len() == PARTS_MAX {
            return None;
        }
        let end = find(rest, next.as_bytes())?;
        parts.push(part(&rest[..end])?);
        rest = &rest[end + next.len()..];
    }
}

pub(super) fn boundary(content_type: &str) -> Option<&str> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let named = parameters.split(';').map(str::trim).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.eq_ignore_ascii_case("boundary").then_some(value)
    })?;
    let boundary = named.trim_matches('"');
    (1..=BOUNDARY_MAX).contains(&boundary.len()).then_some(boundary)
}

fn part(bytes: &[u8]) -> Option<Part<'_>> {
    let end = find(bytes, b"\r\n\r\n")?;
    let Head { name, file_name } = head(&bytes[..end])?;
    Some(Part { name, is_file: file_name.is_some(), content: &bytes[end + 4..] })
}

/// What stands above a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Name of the field.
    pub(super) name: String,
    /// Name of the file, empty when none was chosen; `None` for what is no file.
    pub(super) file_name: Option<String>,
}

/// Reads the lines above a field.
pub(super) fn head(bytes: &[u8]) -> Option<Head> {
    let heads = std::str::from_utf8(bytes).ok()?;
    let disposition = heads.split("\r\n").find_map(|head| {
        let (name, value) = head.split_once(':')?;
        name.eq_ignore_ascii_case("content-disposition").then_some(value)
    })?;
    let parameter = |wanted: &str| {
        disposition.split(';').map(str::trim).find_map(|one| {
            let (name, value) = one.split_once('=')?;
            name.eq_ignore_ascii_case(wanted).then(|| value.trim_matches('"').to_owned())
        })
    };
    Some(Head { name: parameter("name")?, file_name: parameter("filename") })
}

/// Where `needle` begins.
pub(super) fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        // A boundary begins with “\r” or “-”: most bytes of a picture are passed over quickly.
        let at = from + haystack.get(from..)?.iter().position(|byte| *byte == first)?;
        if haystack[at..].starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: &str = "multipart/form-data; boundary=----x7";

    fn form(content: &[u8]) -> Vec<u8> {
        let mut body = b"------x7\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\nabc\r\n------x7\r\n".to_vec();
        body.extend_from_slice(b"content-disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\n");
        body.extend_from_slice(b"Content-Type: image/png\r\n\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n------x7--\r\n");
        body
    }

    #[test]
    fn a_form_is_cut_into_its_fields() {
        let content = b"\x89PNG\r\n\r\n--x7\r\n-----x7 \xff";
        let body = form(content);
        let found = parts(KIND, &body).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found[0].name.as_str(), found[0].is_file, found[0].content), ("csrf", false, &b"abc"[..]));
        assert_eq!((found[1].name.as_str(), found[1].is_file, found[1].content), ("photo", true, &content[..]));
        assert!(parts("multipart/form-data; boundary=\"----x7\"", &body).is_some());
    }

    #[test]
    fn what_is_no_such_form_is_refused() {
        let body = form(b"x");
        assert_eq!(parts("application/x-www-form-urlencoded", &body), None);
        assert_eq!(parts("multipart/form-data", &body), None);
        assert_eq!(parts("multipart/form-data; boundary=", &body), None);
        assert_eq!(parts("multipart/form-data; boundary=other", &body), None);
        for cut in 0..body.len() - 5 {
            assert_eq!(parts(KIND, &body[..cut]), None, "{cut}");
        }
        let many = "------x7\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\r\n".repeat(PARTS_MAX + 1);
        assert_eq!(parts(KIND, format!("{many}------x7--").as_bytes()), None);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_answered(body: Vec<u8>, content: Vec<u8>) {
            let _ = parts(KIND, &body);
            let sent = form(&content);
            if find(&content, b"\r\n------x7").is_none() {
                proptest::prop_assert_eq!(parts(KIND, &sent).unwrap()[1].content, &content[..]);
            }
        }
    }
}
