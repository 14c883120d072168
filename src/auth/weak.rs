//! Whether a new password is hard enough to guess.
//!
//! There are no rules about kinds of characters: they make passwords hard to remember, not hard to guess. What counts
//! is length, and that somebody who knows this place and the usual lists would not try it.

use std::collections::HashSet;

use zxcvbn::Score;
use zxcvbn::feedback::Warning;

use super::password::Password;

/// The fewest characters.
pub const CHARACTERS_MIN: usize = 12;
/// The most characters: longer ones are no safer, only slower to look at.
pub const CHARACTERS_MAX: usize = 256;
/// The most bytes: 256 characters of any script fit.
pub const BYTES_MAX: usize = 1_024;

/// Words everybody here would try first.
const SITE_WORDS: &[&str] = &[
    "cellar",
    "batteries",
    "battery",
    "laboratory",
    "labor",
    "lab",
    "cycler",
    "station",
    "password",
    "passwort",
    "operator",
    "admin",
    "viewer",
    "lithium",
    "welcome",
    "changeme",
];
/// Besides such words and the user's name there are to be so many characters of the person's own.
const OWN_CHARACTERS_MIN: usize = 6;
/// A name of fewer characters is part of too many words to be searched for.
const NAME_CHARACTERS_MIN: usize = 3;
/// So many different characters at least: “aaaaaaaaaaaa”, “ababababab12”.
const DIFFERENT_MIN: usize = 5;
/// What lies side by side on keyboards, and the two rows everybody knows by heart.
const ROWS: &[&str] = &[
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiopü",
    "azertyuiop",
    "asdfghjklöä",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "wxcvbn",
];
/// So many neighbours in a row are a run.
const RUN: usize = 4;

/// Passwords that are long and famous.
const FAMOUS: &[&str] = &["correcthorsebatterystaple", "tobeornottobe", "iloveyouforever", "letmeinplease"];

/// What is wrong with a new password, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    /// Below [`CHARACTERS_MIN`].
    #[error("The password has {0} characters; take at least 12. Four words you would not say together are a good one.")]
    TooShort(usize),
    /// Above [`CHARACTERS_MAX`] or [`BYTES_MAX`].
    #[error("The password is too long; take at most 256 characters.")]
    TooLong,
    /// Hardly anything but the user's name and words of this place.
    #[error("The password is little more than the user name or words of this place; add others.")]
    KnownHere,
    /// Few different characters.
    #[error("The password repeats a few characters; take words that differ.")]
    Repeats,
    /// Keys side by side, or the alphabet.
    #[error("The password follows the rows of the keyboard or the alphabet; take words instead.")]
    Run,
    /// On the lists that are tried first, or put together from them.
    #[error("The password is close to one that is tried first; take four words you would not say together.")]
    Common,
}

/// Judges a new password for somebody of that name.
///
/// # Errors
///
/// The first reason to refuse it.
pub fn check(password: &Password, user_name: &str) -> Result<(), WeakPassword> {
    let text = password.reveal();
    let characters = text.chars().count();
    if characters > CHARACTERS_MAX || text.len() > BYTES_MAX {
        return Err(WeakPassword::TooLong);
    }
    if characters < CHARACTERS_MIN {
        return Err(WeakPassword::TooShort(characters));
    }
    let lower = text.to_lowercase();
    if different(&lower) < DIFFERENT_MIN {
        return Err(WeakPassword::Repeats);
    }
    if outside_runs(&lower) < RUN {
        return Err(WeakPassword::Run);
    }
    if own_characters(&lower, user_name) < OWN_CHARACTERS_MIN {
        return Err(WeakPassword::KnownHere);
    }
    if FAMOUS.iter().any(|famous| letters_of(&lower).contains(famous)) {
        return Err(WeakPassword::Common);
    }
    let known: Vec<&str> = SITE_WORDS.iter().copied().chain(name_parts(user_name)).collect();
    let judged = zxcvbn::zxcvbn(text, &known);
    if judged.score() >= Score::Two {
        return Ok(());
    }
    Err(match judged.feedback().and_then(zxcvbn::feedback::Feedback::warning) {
        Some(Warning::RepeatsLikeAaaAreEasyToGuess | Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess) => {
            WeakPassword::Repeats
        }
        Some(
            Warning::StraightRowsOfKeysAreEasyToGuess
            | Warning::ShortKeyboardPatternsAreEasyToGuess
            | Warning::SequencesLikeAbcAreEasyToGuess,
        ) => WeakPassword::Run,
        _ => WeakPassword::Common,
    })
}

fn different(text: &str) -> usize {
    text.chars().collect::<HashSet<char>>().len()
}

/// Characters that are in no run of neighbours, forwards or backwards.
fn outside_runs(lower: &str) -> usize {
    let characters: Vec<char> = lower.chars().collect();
    let mut is_outside = vec![true; characters.len()];
    for at in 0..(characters.len() + 1).saturating_sub(RUN) {
        let four = &characters[at..at + RUN];
        let forwards: String = four.iter().collect();
        let backwards: String = four.iter().rev().collect();
        if ROWS.iter().any(|row| row.contains(&forwards) || row.contains(&backwards)) {
            is_outside[at..at + RUN].fill(false);
        }
    }
    is_outside.into_iter().filter(|is_outside| *is_outside).count()
}

/// Letters and digits that are left when the user's name and the words of this place are taken away.
fn own_characters(lower: &str, user_name: &str) -> usize {
    let user_name = user_name.to_lowercase();
    let whole = [user_name.as_str()];
    let words = whole.into_iter().chain(name_parts(&user_name)).chain(SITE_WORDS.iter().copied());
    let mut rest = letters_of(lower);
    for word in words.map(letters_of).filter(|word| word.chars().count() >= NAME_CHARACTERS_MIN) {
        rest = rest.replace(&word, " ");
    }
    rest.chars().filter(|c| *c != ' ').count()
}

/// The parts of “anna.schmidt” and the like.
fn name_parts(user_name: &str) -> impl Iterator<Item = &str> {
    user_name.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() >= NAME_CHARACTERS_MIN)
}

/// Letters and digits only, with digits and signs that stand for letters as these letters.
fn letters_of(lower: &str) -> String {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    };
    lower.chars().map(letter).filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judge(password: &str) -> Result<(), WeakPassword> {
        check(&Password::new(password.to_owned()), "anna.schmidt")
    }

    #[test]
    fn good_passwords_of_every_kind_pass() {
        for good in [
            "violet tram at noon",
            "kX9#qLm2$vRt",
            "drei blaue Schirme im Flur",
            "Anna trinkt gern Salbeitee",
            "collaborate on tuesdays",
            "battery-83620174652",
            "ж у́лица фонарь аптека",
            &"plum ".repeat(3).replace("plum plum", "plum stairs cloud"),
        ] {
            assert_eq!(judge(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_guessed_first_is_refused() {
        use WeakPassword::{Common, KnownHere, Repeats, Run};
        for (bad, why) in [
            ("aaaaaaaaaaaa", Repeats),
            ("abababababab1", Repeats),
            ("annaannaanna", Repeats),
            ("123456789012", Run),
            ("qwertzuiopas", Run),
            ("QWERTYuiop12", Run),
            ("lkjhgfdsa987", Run),
            ("abcdefghijkl", Run),
            ("cellarcellar12", KnownHere),
            ("Battery Cellar Lab 2026", KnownHere),
            ("C3llar-B4ttery!", KnownHere),
            ("anna.schmidt", KnownHere),
            ("Schmidt-Anna-1999", KnownHere),
            ("Password1234!", KnownHere),
            ("letmeinletmein", Repeats),
            ("iloveyou1234", Common),
            ("1qaz2wsx3edc", Common),
            ("Correct Horse Battery Staple", Common),
        ] {
            assert_eq!(judge(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn length_counts_in_characters() {
        assert_eq!(judge(""), Err(WeakPassword::TooShort(0)));
        assert_eq!(judge("kX9#qLm2$vR"), Err(WeakPassword::TooShort(11)));
        assert_eq!(judge("äöüßéèñçøåæœ"), Ok(()));
        let long: String = "violet tram at noon ".repeat(20);
        assert_eq!(judge(&long[..256]), Ok(()));
        assert_eq!(judge(&long[..257]), Err(WeakPassword::TooLong));
    }

    #[test]
    fn a_user_without_a_name_can_have_a_password() {
        for name in ["", "x", "..", "é"] {
            assert_eq!(check(&Password::new("violet tram at noon".to_owned()), name), Ok(()), "{name}");
        }
    }

    #[test]
    fn every_refusal_says_what_to_do() {
        for refusal in [
            WeakPassword::TooShort(3),
            WeakPassword::TooLong,
            WeakPassword::KnownHere,
            WeakPassword::Repeats,
            WeakPassword::Run,
            WeakPassword::Common,
        ] {
            let sentence = refusal.to_string();
            assert!(sentence.contains("take ") || sentence.contains("add "), "{sentence}");
            assert!(sentence.ends_with('.'), "{sentence}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_text_is_judged_without_a_panic(text: String, name: String) {
            let _ = check(&Password::new(text), &name);
        }

        #[test]
        fn random_letters_pass(text in "[a-zA-Z0-9]{16}") {
            prop_assert_eq!(judge(&text), Ok(()));
        }
    }
}
