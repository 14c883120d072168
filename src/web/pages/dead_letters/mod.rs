//! Dead letters: what devices sent and nobody could use, with a way to try it again once the fault is mended.

pub mod list;
pub mod redrive;
pub mod show;

use serde::{Deserialize, Serialize};

use crate::store::dead_letter_redrive::{Letter, LetterFilter};
use crate::web::forms::line;
use crate::web::moment::Moment;
use crate::web::pages::monitor::status::Status;

/// What the address or the form asks for, as it was typed. Empty texts mean all.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Asked {
    #[serde(skip_serializing_if = "String::is_empty")]
    device: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    /// `all`: also those that are stored by now.
    #[serde(skip_serializing_if = "String::is_empty")]
    show: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    before: String,
}

impl Asked {
    fn filter(&self) -> LetterFilter {
        LetterFilter { device: line(&self.device), reason: line(&self.reason), with_stored: self.show == "all" }
    }

    /// The number before which to begin; an address somebody damaged begins at the newest.
    fn before(&self) -> i64 {
        self.before.trim().parse().unwrap_or(i64::MAX)
    }

    fn is_everything(&self) -> bool {
        Self { before: String::new(), show: String::new(), ..self.clone() } == Self::default()
    }

    /// The query of a page with the same filters that begins before a number; empty for the newest of everything.
    fn query(&self, before: Option<i64>) -> String {
        let before = before.map(|number| number.to_string()).unwrap_or_default();
        let query = serde_urlencoded::to_string(Self { before, ..self.clone() }).unwrap_or_default();
        if query.is_empty() { query } else { format!("?{query}") }
    }
}

/// A letter as pages show it.
struct Row {
    letter: Letter,
    received: Moment,
    tried: Option<Moment>,
}

impl Row {
    fn new(letter: Letter, now_us: i64) -> Self {
        Self {
            received: Moment::with_seconds(letter.received_at_us, now_us),
            tried: letter.tried_at_us.map(|at_us| Moment::with_seconds(at_us, now_us)),
            letter,
        }
    }

    fn status(&self) -> Status {
        let (tone, icon, word) = match (&self.letter.stored_at_us, &self.letter.asked_at_us) {
            (Some(_), _) => ("good", "circle-check", "stored"),
            (None, Some(_)) => ("queued", "clock", "being tried"),
            (None, None) => ("away", "mail-off", "dead"),
        };
        Status { tone, icon, word }
    }

    /// Whether it can be tried again now.
    fn can_be_tried(&self) -> bool {
        let Letter { payload_bytes, asked_at_us, stored_at_us, .. } = &self.letter;
        *payload_bytes > 0 && asked_at_us.is_none() && stored_at_us.is_none()
    }

    /// The payload as text, whatever it is: unreadable bytes and control characters are shown as signs.
    fn text(&self) -> String {
        readable(&self.letter.payload)
    }

    /// Whether more of the payload exists than [`Row::text`] shows.
    fn is_cut(&self) -> bool {
        usize::try_from(self.letter.payload_bytes).is_ok_and(|bytes| bytes > self.letter.payload.len())
    }

    fn size(&self) -> String {
        match self.letter.payload_bytes {
            1 => "1 byte".to_owned(),
            bytes if bytes < 10_000 => format!("{bytes} bytes"),
            bytes => format!("{} kB", bytes / 1_000),
        }
    }
}

/// Bytes of a stranger as text that is safe to look at: control characters, among them those that turn the direction of
/// writing, become visible signs.
fn readable(bytes: &[u8]) -> String {
    let is_hidden = |sign: char| {
        (sign.is_control() && sign != '\n' && sign != '\t')
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
    };
    String::from_utf8_lossy(bytes).chars().map(|sign| if is_hidden(sign) { '\u{fffd}' } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_payload_is_text_whatever_it_holds() {
        assert_eq!(readable(b"{\"a\":1}\n"), "{\"a\":1}\n");
        assert_eq!(readable(b"\xff\x00ok"), "\u{fffd}\u{fffd}ok");
        assert_eq!(readable("a\u{202e}b\u{1b}[31m".as_bytes()), "a\u{fffd}b\u{fffd}[31m");
    }

    #[test]
    fn filters_stay_in_the_address() {
        let asked = Asked { device: "cu-01".into(), reason: "no battery".into(), ..Asked::default() };
        assert_eq!(asked.query(Some(9)), "?device=cu-01&reason=no+battery&before=9");
        assert!(!asked.is_everything() && Asked { show: "all".into(), ..Asked::default() }.is_everything());
        assert_eq!(Asked { before: "x".into(), ..Asked::default() }.before(), i64::MAX);
    }
}
