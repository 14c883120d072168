//! PyBaMM experiment strings, in and out: “Discharge at C/10 for 10 hours or until 3.3 V”.
//!
//! Read is a Python list of strings with `* n` behind lists, or one string per line without quotes. PyBaMM counts a
//! discharge as positive; its strings say the direction in words, and that is where the sign is turned round.

mod read;
mod write;

pub use read::{TEXT_BYTES_MAX, read};
pub use write::write;

#[cfg(test)]
mod tests {
    use super::super::program::{Deed, ProgramStep};
    use super::super::text;
    use super::*;

    fn text_of(strings: &str) -> String {
        text::write(&read(strings).unwrap().result)
    }

    #[test]
    fn strings_of_pybamm_are_read_and_the_sign_is_turned_round() {
        for (string, line) in [
            ("Discharge at C/10 for 10 hours or until 3.3 V", "CC, -0.1C, TIME, 36000, VOLTAGE, 3.3"),
            ("Rest for 1 hour", "WAIT, 3600"),
            ("Rest until 3.5 V", "WAIT, VOLTAGE, 3.5"),
            ("Charge at 1 A until 4.1 V", "CC, 1, VOLTAGE, 4.1"),
            ("Charge at 500mA for 30 min", "CC, 0.5, TIME, 1800"),
            ("Hold at 4.1 V until 50 mA", "CV, 4.1, CURRENT, 0.05"),
            ("Hold at 4.1V until C/50", "CV, 4.1, CURRENT, 0.02C"),
            ("Discharge at 3.4 V until 20mA", "CV, 3.4, CURRENT, 0.02"),
            ("Discharge at 10 W for 5 m", "CP, -10, TIME, 300"),
            ("Charge at 2C until >4.2V", "CC, 2C, VOLTAGE, 4.2"),
        ] {
            assert_eq!(text_of(string), format!("{line}\n"), "{string}");
        }
    }

    #[test]
    fn lists_with_repetitions_become_loops() {
        let python = r#"
            experiment = pybamm.Experiment(   # formation
                [("Rest for 1 minute", 'Charge at 0.1C until 4.2 V (1 minute period)')] * 2
                + [("Discharge at 1C until 2.5 V",
                    "Charge at 1C until 4.2 V")] * 10,
                period="10 seconds", termination = "80% capacity",
            )"#;
        let read = read(python).unwrap();
        let expected =
            "WAIT, 60\nCC, 0.1C, VOLTAGE, 4.2\nLOOP, 1, 2\nCC, -1C, VOLTAGE, 2.5\nCC, 1C, VOLTAGE, 4.2\nLOOP, 4, 10\n";
        assert_eq!(text::write(&read.result), expected);
        assert_eq!(read.notes.len(), 3, "{:?}", read.notes);
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_line() {
        for (strings, place, part) in [
            ("", "Line 1", "There is no step"),
            ("\"Rest for 1 s\",\n\"Fly at 1 A for 1 s\"", "Line 2", "is no step. Begin with Charge"),
            ("Charge at 1 A", "Line 1", "Nothing ends"),
            ("Discharge at 5 Ohm for 1 s", "Line 1", "resistance"),
            ("Charge at 1 A for 1 fortnight", "Line 1", "is no time"),
            ("Charge at much until 4 V", "Line 1", "no value with a unit"),
            ("Rest at 3 V for 1 s", "Line 1", "no place in a rest"),
            ("[\"Rest for 1 s\"] * x", "Line 1", "how often"),
            ("[\"Rest for 1 s", "Line 1", "close the quotes"),
        ] {
            let told = read(strings).unwrap_err();
            assert_eq!(told.place, place, "{strings}");
            assert!(told.message.contains(part), "{told}");
        }
        assert!(read(&format!("{}\"x\"", "[".repeat(100))).unwrap_err().message.contains("within each other"));
    }

    #[test]
    fn what_fits_comes_back_as_it_was_and_the_rest_is_told() {
        let profile = "WAIT, 60\nCC, -1, TIME, 5, VOLTAGE, 3\nCV, 4.2, CURRENT, 0.05C\nLOOP, 2, 3\nCP, -5, VOLTAGE, 3\nLOOP, 1, 2\n";
        let out = write(&text::read(profile).unwrap());
        assert_eq!(out.notes, [""; 0]);
        assert!(
            out.result.starts_with(
                "[\n    \"Rest for 60 seconds\",\n    *[\n        \"Discharge at 1 A for 5 seconds or until 3 V\",\n"
            ),
            "{}",
            out.result
        );
        assert_eq!(text_of(&out.result), profile);
        let out =
            write(&text::read("CC, 1, CAPACITY, 2\nCCCV, 1C, 4.2, CURRENT, 0.05\nCV, 4, POWER, 1, TIME, 5").unwrap());
        assert_eq!(text_of(&out.result), "CC, 1C, VOLTAGE, 4.2\nCV, 4.2, CURRENT, 0.05\nCV, 4, TIME, 5\n");
        assert_eq!(out.notes.len(), 3, "{:?}", out.notes);
    }

    proptest::proptest! {
        #[test]
        fn any_program_without_notes_comes_back(program in super::super::text::tests::properties::program()) {
            let out = write(&program);
            let has_pair = |step: &ProgramStep| {
                matches!(step.deed, Deed::CcCv { .. }) || matches!(step.deed, Deed::Cc { current } if current.number() == 0.0)
            };
            if out.notes.is_empty() && !program.steps.iter().any(has_pair) {
                let back = read(&out.result).map_err(|why| proptest::test_runner::TestCaseError::fail(format!("{why}\n{}", out.result)))?;
                let is_same_length = back.result.steps.len() == program.steps.len() || program.steps.iter().any(|step| matches!(step.deed, Deed::Loop { times: 1, .. }));
                proptest::prop_assert!(is_same_length, "{}", out.result);
            }
        }

        #[test]
        fn any_text_is_answered(text in "(?s)[\\[\\](){}*\"' 0-9a-zA-Z./#\n]{0,120}") {
            let _ = read(&text);
        }
    }
}
