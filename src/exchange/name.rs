//! Names of files, made of what people typed.

use crate::domain::text::line;

/// Longest name of a file without its ending, in characters: with four bytes each it still fits every file system.
const NAME_MAX: usize = 50;

/// A text as part of a file's name: what separates folders or means something to a shell or to Windows becomes a hyphen,
/// everything else stays, in whatever language.
#[must_use]
pub fn part(text: &str) -> String {
    let is_odd = |letter: char| letter.is_whitespace() || "/\\:*?\"<>|'`$;&#%".contains(letter);
    let plain: String = line(text).chars().map(|letter| if is_odd(letter) { '-' } else { letter }).collect();
    let words: Vec<&str> = plain.split('-').filter(|word| !word.is_empty()).collect();
    let short: String = words.join("-").chars().take(NAME_MAX).collect();
    short.trim_matches(['.', '-', '~', '_', '+', '=', '@']).to_owned()
}

/// `experiment-17-Ageing-1C.csv`
#[must_use]
pub fn of_experiment(id: i64, name: &str, ending: &str) -> String {
    let part = part(name);
    if part.is_empty() { format!("experiment-{id}{ending}") } else { format!("experiment-{id}-{part}{ending}") }
}

/// The value of `Content-Disposition` for a file to be kept under a name (RFC 6266): once in plain letters for old
/// programs, once whole.
#[must_use]
pub fn disposition(name: &str) -> String {
    let plain: String = name
        .chars()
        .map(|letter| if letter.is_ascii_graphic() && !"\"\\%".contains(letter) { letter } else { '_' })
        .collect();
    let mut whole = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            whole.push(char::from(byte));
        } else {
            whole.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_leave_its_folder() {
        assert_eq!(of_experiment(7, "../../etc/passwd", ".csv"), "experiment-7-etc-passwd.csv");
        assert_eq!(of_experiment(7, "Ageing 0.5C/1C, 25 °C", ".csv"), "experiment-7-Ageing-0.5C-1C,-25-°C.csv");
        assert_eq!(of_experiment(7, " \u{202e}\r\n", ".csv"), "experiment-7.csv");
        assert_eq!(part(&"ü".repeat(200)).chars().count(), NAME_MAX);
        assert_eq!(part("=cmd|' /C calc'!A0"), "cmd-C-calc-!A0");
    }

    #[test]
    fn a_header_stays_one_header() {
        assert_eq!(
            disposition("Zyklus-ä\"\r\n;x.csv"),
            "attachment; filename=\"Zyklus-____;x.csv\"; filename*=UTF-8''Zyklus-%C3%A4%22%0D%0A%3Bx.csv"
        );
    }
}
