//! unicycler protocols (JSON, version 0.4), in and out. Charge is positive there too.
//!
//! Either way what does not fit is said, never dropped in silence.

mod read;
mod write;

pub use read::{JSON_BYTES_MAX, read};
pub use write::write;

#[cfg(test)]
mod tests {
    use super::super::program::Deed;
    use super::super::text;
    use super::*;

    fn round_trip(profile: &str) -> (String, Vec<String>) {
        let out = write(&text::read(profile).unwrap());
        let back = read(&out.result.to_string()).unwrap();
        (text::write(&back.result), out.notes)
    }

    #[test]
    fn a_protocol_of_unicycler_is_read() {
        let json = r#"{"unicycler":{"version":"0.4.6"},"sample":{"name":"$NAME","capacity_mAh":45},
            "record":{"time_s":10},"safety":{"max_voltage_V":5},
            "method":[
                {"step":"open_circuit_voltage","until_time_s":300},
                {"step":"tag","tag":"formation"},
                {"step":"constant_current","rate_C":"C/10","current_mA":99,"until_voltage_V":4.2,"until_time_s":null},
                {"step":"constant_voltage","voltage_V":4.2,"until_rate_C":0.05},
                {"step":"constant_current","rate_C":"D/2","until_voltage_V":3.0},
                {"step":"loop","loop_to":"formation","cycle_count":3},
                {"step":"constant_current","current_mA":-500,"until_time_s":60,"id":"x"},
                {"step":"loop","loop_to":3,"cycle_count":2}]}"#;
        let read = read(json).unwrap();
        let expected = "WAIT, 300\nCC, 0.1C, VOLTAGE, 4.2\nCV, 4.2, CURRENT, 0.05C\nCC, -0.5C, VOLTAGE, 3\nLOOP, 2, 3\n\
            CC, -0.5, TIME, 60\nLOOP, 2, 2\n";
        assert_eq!(text::write(&read.result), expected);
        assert_eq!(read.notes.len(), 3, "{:?}", read.notes);
    }

    #[test]
    fn older_dialects_are_read() {
        let json = r#"{"measurement":{"time_s":"10"},"method":[
            {"name":"constant_current","rate_C":"1/5","until_voltage_V":"4.2"},
            {"name":"loop","start_step":1,"cycle_count":"10"}]}"#;
        assert_eq!(text::write(&read(json).unwrap().result), "CC, 0.2C, VOLTAGE, 4.2\nLOOP, 1, 10\n");
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_place() {
        for (json, place, part) in [
            ("{\n  x", "Line 2, column 3", "no JSON"),
            ("[]", "method", "has none"),
            (r#"{"method":[]}"#, "method[0]", "There is no step"),
            (r#"{"method":[1]}"#, "method[0]", "object"),
            (r#"{"method":[{"step":"impedance_spectroscopy"}]}"#, "method[0]", "Impedance"),
            (r#"{"method":[{"step":"x"}]}"#, "method[0]", "“x” is no step"),
            (r#"{"method":[{"step":"constant_current","until_time_s":1}]}"#, "method[0]", "rate_C or current_mA"),
            (r#"{"method":[{"step":"constant_current","current_mA":"a"}]}"#, "method[0].current_mA", "Write a number"),
            (
                r#"{"method":[{"step":"tag","tag":"a"},{"step":"constant_voltage","voltage_V":4}]}"#,
                "method[1]",
                "Nothing ends",
            ),
            (r#"{"method":[{"step":"loop","loop_to":1,"cycle_count":0}]}"#, "method[0].cycle_count", "whole number"),
        ] {
            let told = read(json).unwrap_err();
            assert_eq!(told.place, place, "{json}");
            assert!(told.message.contains(part), "{told}");
        }
    }

    #[test]
    fn what_fits_comes_back_as_it_was() {
        let profile = "WAIT, 60\nCC, 0.5C, TIME, 3600, VOLTAGE, 4.2\nCV, 4.2, CURRENT, 0.05\nLOOP, 2, 3\nLOOP, 1, 2\n";
        assert_eq!(round_trip(profile), (profile.to_owned(), vec![]));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let (back, notes) = round_trip(
            "CP, 10, TIME, 60\nCC, 1, CAPACITY, 2, TIME, 5\nCCCV, 1C, 4.2, CURRENT, 0.05C\nLOOP, 3, 2\nCC, 0, TIME, 5",
        );
        assert_eq!(back, "CC, 1, TIME, 5\nCC, 1C, VOLTAGE, 4.2\nCV, 4.2, CURRENT, 0.05C\nLOOP, 2, 2\n");
        assert_eq!(
            notes,
            [
                "Step 1 is left out: unicycler has no constant power.",
                "Step 2 loses “until 2.00 Ah”: unicycler has no such limit.",
                "Step 5 is left out: unicycler has no current of zero. Use a rest."
            ]
        );
    }

    proptest::proptest! {
        #[test]
        fn any_program_is_written_and_what_is_written_whole_is_read_back(
            program in super::super::text::tests::properties::program(),
        ) {
            let out = write(&program);
            let expects_same = out.notes.is_empty() && !program.steps.iter().any(|step| matches!(step.deed, Deed::CcCv { .. }));
            if let Ok(back) = read(&out.result.to_string()) {
                let same = back.result.steps.len() == program.steps.len() && back.result.cycles == program.cycles;
                proptest::prop_assert!(same || !expects_same);
            } else {
                // Nothing fitted, or a loop lost what it repeats.
                proptest::prop_assert!(!out.notes.is_empty());
            }
        }
    }
}
