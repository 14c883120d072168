//! A profile in whatever form it comes: our text or JSON, unicycler, PyBaMM.

use super::{Converted, Program, pybamm, text, unicycler};

/// Which form a text has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The text form.
    Text,
    /// Our JSON.
    Json,
    /// A unicycler protocol.
    Unicycler,
    /// PyBaMM experiment strings.
    Pybamm,
}

impl Form {
    /// Its name for people.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Text => "the text form",
            Self::Json => "JSON of Cellar",
            Self::Unicycler => "a unicycler protocol",
            Self::Pybamm => "PyBaMM experiment strings",
        }
    }

    /// The form a text looks like.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let start = text.trim_start_matches('\u{feff}').trim_start();
        if start.starts_with('{') {
            let is_ours = text.contains("\"steps\"") && !text.contains("\"method\"");
            return if is_ours { Self::Json } else { Self::Unicycler };
        }
        let lower = text.to_ascii_lowercase();
        let sounds_like = ["charge at ", "hold at ", "rest for ", "rest until "];
        if start.starts_with(['[', '(', '"', '\'']) || sounds_like.iter().any(|words| lower.contains(words)) {
            return Self::Pybamm;
        }
        Self::Text
    }
}

/// Reads a text in the form it looks like.
///
/// # Errors
/// Every problem as a sentence with its place.
pub fn read(typed: &str) -> Result<(Form, Converted<Program>), Vec<String>> {
    let form = Form::of(typed);
    let result = match form {
        Form::Text => {
            let read =
                text::read(typed).map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>())?;
            Converted { result: read, notes: Vec::new() }
        }
        Form::Unicycler => unicycler::read(typed).map_err(|why| vec![why.to_string()])?,
        Form::Pybamm => pybamm::read(typed).map_err(|why| vec![why.to_string()])?,
        Form::Json => {
            let raw = Program::from_json(typed)
                .map_err(|why| vec![format!("This JSON holds no steps we can read: {why}.")])?;
            let result = Program::checked(raw.steps, raw.cycles).map_err(|faults| {
                faults.iter().map(|fault| format!("Step {}: {}", fault.step + 1, fault.message)).collect::<Vec<_>>()
            })?;
            Converted { result, notes: Vec::new() }
        }
    };
    Ok((form, result))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_recognised_and_read_as_the_same_program() {
        let program = text::read("CC, -1, TIME, 60\nCV, 4.2, CURRENT, 0.05\nLOOP, 1, 3\n").unwrap();
        let forms = [
            (Form::Text, text::write(&program)),
            (Form::Json, serde_json::to_string(&program).unwrap()),
            (Form::Unicycler, unicycler::write(&program).result.to_string()),
            (Form::Pybamm, pybamm::write(&program).result),
            (Form::Pybamm, "# a cycle\nDischarge at 1 A for 1 minute\nHold at 4.2 V until 50 mA".to_owned()),
        ];
        for (form, written) in &forms[..4] {
            let (found, read) = read(written).unwrap_or_else(|why| panic!("{written}: {why:?}"));
            assert_eq!((found, &read.result), (*form, &program));
        }
        assert_eq!(read(&forms[4].1).unwrap().0, forms[4].0);
    }

    #[test]
    fn what_cannot_be_read_is_told_in_sentences() {
        assert_eq!(read("NO, 1").unwrap_err().len(), 1);
        assert!(read("{").unwrap_err()[0].contains("column"));
        assert!(read(r#"{"steps":[{"mode":"cc","current_a":1,"until":[]}]}"#).unwrap_err()[0].starts_with("Step 1"));
        assert!(read(r#"{"steps":[{"mode":"fly"}]}"#).unwrap_err()[0].contains("no steps we can read"));
    }
}
