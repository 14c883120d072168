//! A cursor over a JSON text that knows where it is when something is wrong.

use std::borrow::Cow;

use serde::Deserialize;

/// What is wrong with a payload, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset}: expected {expected}")]
pub struct Fault {
    /// Place in the payload, in bytes from its beginning.
    pub offset: usize,
    /// What should stand there.
    pub expected: Cow<'static, str>,
}

/// A cursor over a payload.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    /// A cursor at the beginning of a payload, which must be UTF-8.
    pub(super) fn new(payload: &'a [u8]) -> Result<Self, Fault> {
        let text = std::str::from_utf8(payload)
            .map_err(|error| Fault { offset: error.valid_up_to(), expected: "UTF-8 text".into() })?;
        Ok(Self { text, at: 0 })
    }

    /// The place of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next byte; `None` at the end.
    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Passes the byte that was peeked.
    #[inline]
    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// The next eight bytes; `None` when fewer are left.
    #[inline]
    pub(super) fn peek_eight(&self) -> Option<[u8; 8]> {
        self.text.as_bytes().get(self.at..)?.first_chunk().copied()
    }

    /// Passes bytes that were peeked.
    #[inline]
    pub(super) fn pass(&mut self, count: usize) {
        self.at += count;
    }

    /// Passes the next byte if it is this one.
    #[inline]
    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Passes white space, then the next byte if it is this one.
    #[inline]
    pub(super) fn token(&mut self, byte: u8) -> bool {
        self.space();
        self.eat(byte)
    }

    /// Passes white space.
    #[inline]
    pub(super) fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.skip();
        }
    }

    /// Passes a word such as `null`.
    pub(super) fn word(&mut self, word: &str) -> bool {
        let is_next = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if is_next { word.len() } else { 0 };
        is_next
    }

    /// The text from an ASCII character seen at `start` up to here.
    pub(super) fn text_since(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Reads a string; one without escapes is not copied.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, Fault> {
        let start = self.at;
        if !self.eat(b'"') {
            return Err(self.fault("a string in double quotes"));
        }
        loop {
            match self.peek() {
                Some(b'"') => {
                    let string = self.text_since(start + 1);
                    self.skip();
                    return Ok(Cow::Borrowed(string));
                }
                Some(b'\\') => {
                    self.at = start;
                    return self.value("a string in double quotes").map(Cow::Owned);
                }
                Some(0..=0x1f) | None => return Err(self.fault("the end of a string")),
                Some(_) => self.skip(),
            }
        }
    }

    /// Reads any value the way serde does: for what is rare.
    pub(super) fn value<T: Deserialize<'a>>(&mut self, expected: &'static str) -> Result<T, Fault> {
        let rest = &self.text[self.at..];
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            Some(Err(error)) => Err(self.fault(format!("{expected} ({error} from there)"))),
            None => Err(self.fault(expected)),
        }
    }

    /// Something else should stand here.
    #[cold]
    pub(super) fn fault(&self, expected: impl Into<Cow<'static, str>>) -> Fault {
        self.fault_at(self.at, expected)
    }

    /// Something else should stand there.
    #[cold]
    #[expect(clippy::unused_self, reason = "reads like `fault`")]
    pub(super) fn fault_at(&self, offset: usize, expected: impl Into<Cow<'static, str>>) -> Fault {
        Fault { offset, expected: expected.into() }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn a_string_with_escapes_is_read_like_one_without() {
        for text in [r#""volt""#, r#""v\u006flt""#] {
            let mut scanner = Scanner::new(text.as_bytes()).unwrap();
            assert_eq!(scanner.string().as_deref(), Ok("volt"));
            assert_eq!(scanner.peek(), None);
        }
        for text in ["\"a\nb\"", "\"a", "\"a\\", "\"\\q\"", "a"] {
            assert!(Scanner::new(text.as_bytes()).unwrap().string().is_err(), "{text}");
        }
    }

    #[test]
    fn a_value_is_passed_exactly() {
        let mut scanner = Scanner::new(br#"{"a":[1,2,{"b":null}]},"next""#).unwrap();
        assert!(scanner.value::<IgnoredAny>("a value").is_ok());
        assert_eq!(scanner.peek(), Some(b','));
        assert!(Scanner::new(b"[1,").unwrap().value::<IgnoredAny>("a value").is_err());
    }

    #[test]
    fn bytes_that_are_not_utf_8_are_refused_with_their_place() {
        assert_eq!(Scanner::new(b"ab\xff").err().map(|fault| fault.offset), Some(2));
    }
}
