//! Which files are pictures of a battery.

/// Largest picture, bytes: what a phone takes.
pub const PHOTO_BYTES_MAX: usize = 5 * 1024 * 1024;

/// The content type of a picture, by what its first bytes say and not by its name; `None` for anything else.
#[must_use]
pub fn content_type(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
        Some("image/webp")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_say_what_a_picture_is() {
        assert_eq!(content_type(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(content_type(b"\xff\xd8\xff\xe0...."), Some("image/jpeg"));
        assert_eq!(content_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        let others: [&[u8]; 5] = [b"", b"<svg xmlns=", b"GIF89a", b"RIFF\0\0\0\0WAVE", b"<html>\x89PNG"];
        for other in others {
            assert_eq!(content_type(other), None);
        }
    }
}
