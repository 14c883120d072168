//! The text form against the as-built one, case by case, and by property.

use super::super::program::{Deed, End, ProgramStep, Rate};
use super::*;

/// What the as-built application accepts, and what it means.
const ACCEPTED_THERE: &[(&str, &str)] = &[
    ("CC, 1, TIME, 10", "CC, 1, TIME, 10\n"),
    ("WAIT, 5", "WAIT, 5\n"),
    ("CC, 1, VOLTAGE, 4.2", "CC, 1, VOLTAGE, 4.2\n"),
    ("CC, -1, VOLTAGE, 3.0", "CC, -1, VOLTAGE, 3\n"),
    ("CV, 4.2, CURRENT, 0.1", "CV, 4.2, CURRENT, 0.1\n"),
    ("CV, 4.2, TIME, 100", "CV, 4.2, TIME, 100\n"),
    ("CC, 1, TIME, 10\r\nWAIT, 5", "CC, 1, TIME, 10\nWAIT, 5\n"),
    ("CC, 1e0, TIME, 1_0", "CC, 1, TIME, 10\n"),
    ("CC, 1, TIME, 10 ", "CC, 1, TIME, 10\n"),
    ("CC,  1, TIME, 10", "CC, 1, TIME, 10\n"),
    // Accepted there and then answered with an error, or stored as something else.
    ("WAIT, 86400", "WAIT, 86400\n"),
    ("CC, 1, TIME, 100000", "CC, 1, TIME, 100000\n"),
    ("CC, 1.001, TIME, 10", "CC, 1.001, TIME, 10\n"),
    ("CC, 1.005, TIME, 10", "CC, 1.005, TIME, 10\n"),
];

/// What the as-built application refuses although it makes sense.
const REFUSED_THERE_ONLY: &[(&str, &str)] = &[
    ("CC,1,TIME,10", "CC, 1, TIME, 10\n"),
    ("CC, 1, TIME, 10\n", "CC, 1, TIME, 10\n"),
    ("  CC, 1, TIME, 10", "CC, 1, TIME, 10\n"),
    ("\tCC ,1 ,\tTIME, 10", "CC, 1, TIME, 10\n"),
    ("CC, 0, TIME, 10", "CC, 0, TIME, 10\n"),
    ("CV, 0, TIME, 10", "CV, 0, TIME, 10\n"),
    ("CC, -1, VOLTAGE, 0", "CC, -1, VOLTAGE, 0\n"),
    ("CV, -1, TIME, 10", "CV, -1, TIME, 10\n"),
    ("CC, 1, CAPACITY, 1", "CC, 1, CAPACITY, 1\n"),
    ("CC, 1, POWER, 1", "CC, 1, POWER, 1\n"),
    ("CP, 10, TIME, 10", "CP, 10, TIME, 10\n"),
    ("cc, 1, time, 10", "CC, 1, TIME, 10\n"),
    ("# a comment\nWAIT, 5", "WAIT, 5\n"),
    ("WAIT, 5 # wait a little", "WAIT, 5\n"),
    ("\n\nWAIT, 5\n\n\nWAIT, 6\n", "WAIT, 5\nWAIT, 6\n"),
    ("WAIT, 5\rWAIT, 6", "WAIT, 5\nWAIT, 6\n"),
    ("\u{feff}WAIT, 5", "WAIT, 5\n"),
    ("CC, 1, TIME, 10, VOLTAGE, 4.2", "CC, 1, TIME, 10, VOLTAGE, 4.2\n"),
    // What the viewer of the as-built application shows.
    ("CC_MODE, 1.0, TIME, 3.0", "CC, 1, TIME, 3\n"),
];

/// What goes beyond it.
const OWN: &[(&str, &str)] = &[
    ("CP, -10, VOLTAGE, 3, TIME, 60", "CP, -10, VOLTAGE, 3, TIME, 60\n"),
    ("CC, 0.5C, VOLTAGE, 4.2", "CC, 0.5C, VOLTAGE, 4.2\n"),
    ("CC, -C/3, VOLTAGE, 2.5", "CC, -C/3, VOLTAGE, 2.5\n"),
    ("CCCV, 1, 4.2, CURRENT, 0.05", "CCCV, 1, 4.2, CURRENT, 0.05\n"),
    ("CC-CV, C/2, 4.2, CURRENT, C/20", "CCCV, 0.5C, 4.2, CURRENT, 0.05C\n"),
    ("rest, 1 h", "WAIT, 3600\n"),
    ("WAIT, 60, VOLTAGE, 3", "WAIT, 60, VOLTAGE, 3\n"),
    ("WAIT, VOLTAGE, 3", "WAIT, VOLTAGE, 3\n"),
    ("WAIT, VOLTAGE, 3, TIME, 5", "WAIT, VOLTAGE, 3, TIME, 5\n"),
    ("CC, 500 mA, CAPACITY, 250 mAh", "CC, 0.5, CAPACITY, 0.25\n"),
    ("WAIT, 1\nCC, 1, TIME, 1\nLOOP, 2, 10", "WAIT, 1\nCC, 1, TIME, 1\nLOOP, 2, 10\n"),
    ("WAIT, 1\nLOOP, 1, 10", "WAIT, 1\nLOOP, 1, 10\n"),
    ("CV, 4.2, CURRENT, -0.1", "CV, 4.2, CURRENT, 0.1\n"),
    ("CV, 4.2, POWER, 0.5, CAPACITY, 2", "CV, 4.2, POWER, 0.5, CAPACITY, 2\n"),
];

/// What is refused: the text, line, column, and a part of what is said.
const REFUSED: &[(&str, usize, usize, &str)] = &[
    ("", 1, 1, "There is no step"),
    ("\n# nothing\n", 1, 1, "There is no step"),
    ("WAIT, 0", 1, 7, "longer than 0 s"),
    ("WAIT, -1", 1, 7, "longer than 0 s"),
    ("WAIT, -0.001", 1, 7, "longer than 0 s"),
    ("CC, 1, TIME, -0.001", 1, 14, "longer than 0 s"),
    ("WAIT", 1, 1, "WAIT needs its time"),
    ("WAIT, nan", 1, 7, "“nan” is not a time"),
    ("WAIT, inf", 1, 7, "“inf” is not a time"),
    ("CC, nan, TIME, 10", 1, 5, "“nan” is not a current"),
    ("CC, 1, VOLTAGE, -inf", 1, 17, "“-inf” is not a voltage"),
    ("CC, 1, CURRENT, 1", 1, 8, "current is held"),
    ("CV, 4.2, VOLTAGE, 4", 1, 10, "voltage is held"),
    ("CP, 1, POWER, 1", 1, 8, "power is held"),
    ("CC, 0, CAPACITY, 1", 1, 8, "No current flows"),
    ("CV, 4.2, CURRENT, 0", 1, 19, "never quite reaches"),
    ("DISABLE, 1", 1, 1, "“DISABLE” is no step. Begin the step with CC"),
    ("CC, 1, TIME", 1, 12, "TIME has no value. Write one, as in “TIME, 60”."),
    ("CC, 1, TIME, 10, 5", 1, 18, "“5” is no limit"),
    ("CC, 1,5, TIME, 10", 1, 7, "Decimals take a point"),
    ("CC, 1", 1, 1, "Nothing ends this step"),
    ("CC", 1, 3, "A value is missing here. Write “CC, 1, VOLTAGE, 4.2”."),
    ("CC, TIME, 10", 1, 5, "A value is missing"),
    ("CC, 1, TIME, 10,", 1, 17, "What the limit looks at is missing"),
    ("WAIT, 5, TIME, 5", 1, 10, "TIME is given twice"),
    ("WAIT, 5, 5", 1, 10, "“5” is no limit"),
    ("WAIT, 5, CURRENT, 5", 1, 10, "No current flows"),
    ("WAIT, 5\n\n  CC, x, TIME, 1", 3, 7, "“x” is not a current"),
    ("WAIT, 5\nLOOP, 3, 2", 2, 7, "name a step from 1 to 1"),
    ("LOOP, 1, 2", 1, 1, "first step cannot be a loop"),
    ("WAIT, 5\nLOOP, 1, 1.5", 2, 10, "“1.5” is not a number of times"),
    ("WAIT, 5\nLOOP, 1, 2, TIME, 5", 2, 13, "Remove the rest"),
    ("CCCV, 1, CURRENT, 0.05", 1, 10, "Write “CCCV, 1, 4.2, CURRENT, 0.05”"),
    ("CCCV, 0, 4.2, TIME, 5", 1, 7, "never reached"),
    ("WAIT, 1e9", 1, 7, "longer than ten years"),
    ("CC, 1 0, TIME, 5", 1, 5, "there is a blank in it"),
    ("ünklar, 1", 1, 1, "“ünklar” is no step"),
    ("CC, ä, TIME, ö", 1, 5, "“ä” is not a current"),
];

#[test]
fn everything_the_as_built_application_accepts_is_read_and_written() {
    for (text, canonical) in ACCEPTED_THERE {
        assert_eq!(read(text).map(|program| write(&program)).as_deref(), Ok(*canonical), "{text:?}");
    }
}

#[test]
fn what_it_refuses_without_reason_is_read_too() {
    for (text, canonical) in REFUSED_THERE_ONLY {
        assert_eq!(read(text).map(|program| write(&program)).as_deref(), Ok(*canonical), "{text:?}");
    }
}

#[test]
fn the_extensions_are_read_and_written() {
    for (text, canonical) in OWN {
        assert_eq!(read(text).map(|program| write(&program)).as_deref(), Ok(*canonical), "{text:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_with_its_place_and_a_remedy() {
    for (text, line, column, part) in REFUSED {
        let faults = read(text).expect_err(text);
        let first = &faults[0];
        assert_eq!((first.line, first.column), (*line, *column), "{text:?}: {faults:?}");
        assert!(first.message.contains(part), "{text:?}: {}", first.message);
    }
}

#[test]
fn all_problems_of_a_text_are_told() {
    let faults = read("CC, x, TIME, y\nNO\nWAIT, 5\nCV, 4.2, AMPS, 3").unwrap_err();
    let places: Vec<_> = faults.iter().map(|fault| (fault.line, fault.column)).collect();
    assert_eq!(places, [(1, 5), (1, 14), (2, 1), (4, 10)]);
    assert_eq!(faults[2].to_string().split(". ").next(), Some("Line 2, column 1: “NO” is no step"));
    assert!(read(&"X\n".repeat(2_000)).unwrap_err().len() <= super::super::program::FAULTS_MAX);
    assert!(read(&"WAIT, 5\n".repeat(501)).unwrap_err()[0].message.contains("at most 500 steps"));
    assert!(read(&"#\n".repeat(60_000)).unwrap_err()[0].message.contains("longer than 100 kB"));
}

#[test]
fn the_place_of_a_spot_in_the_written_text_is_known() {
    let program = read("WAIT, 5\nCCCV, 1, 4.2, TIME, 60, CURRENT, 0.05").unwrap();
    assert_eq!(written_place(&program, 0, Spot::Amount(0)), (1, 7));
    assert_eq!(written_place(&program, 1, Spot::Value(1)), (2, 10));
    assert_eq!(written_place(&program, 1, Spot::Amount(1)), (2, 34));
}

pub(crate) mod properties {
    use super::*;
    use proptest::prelude::*;

    fn rate() -> impl Strategy<Value = Rate> {
        let amperes = (-1e4_f64..1e4).prop_map(Rate::A);
        prop_oneof![
            amperes,
            (-500.0_f64..500.0).prop_map(Rate::C),
            (1_u32..100).prop_map(|n| Rate::C(1.0 / f64::from(n)))
        ]
    }

    fn ends() -> impl Strategy<Value = Vec<End>> {
        let amount = || 1e-6_f64..1e4;
        let current = prop_oneof![amount().prop_map(End::CurrentA), (1e-3_f64..10.0).prop_map(End::RateC)];
        let all = (
            prop::option::of(amount().prop_map(End::TimeS)),
            prop::option::of((-10.0_f64..1e3).prop_map(End::VoltageV)),
            prop::option::of(current),
            prop::option::of(amount().prop_map(End::PowerW)),
            prop::option::of(amount().prop_map(End::CapacityAh)),
        );
        let all = all.prop_map(|(a, b, c, d, e)| [a, b, c, d, e].into_iter().flatten().collect::<Vec<End>>());
        all.prop_shuffle()
    }

    fn step() -> impl Strategy<Value = ProgramStep> {
        let deed = prop_oneof![
            Just(Deed::Rest),
            rate().prop_map(|current| Deed::Cc { current }),
            (-5.0_f64..1e3).prop_map(|voltage_v| Deed::Cv { voltage_v }),
            (-1e5_f64..1e5).prop_map(|power_w| Deed::Cp { power_w }),
            (rate(), 0.1_f64..1e3).prop_map(|(current, voltage_v)| Deed::CcCv { current, voltage_v }),
            (1_u32..6, 1_u32..1000).prop_map(|(to, times)| Deed::Loop { to, times }),
        ];
        (deed, ends()).prop_map(|(deed, until)| ProgramStep { deed, until })
    }

    /// Programs as the rules let them be: steps that break one are left out.
    pub(crate) fn program() -> impl Strategy<Value = Program> {
        (prop::collection::vec(step(), 1..12), 1_u32..50).prop_filter_map("keeps no rule", |(steps, cycles)| {
            let mut kept: Vec<ProgramStep> = Vec::new();
            for mut step in steps {
                if matches!(step.deed, Deed::Loop { .. }) {
                    step.until.clear();
                } else {
                    let fits = |end: &End| super::super::super::rules::allowed(step.deed, *end);
                    step.until.retain(fits);
                }
                kept.push(step);
                if Program::checked(kept.clone(), 1).is_err() {
                    kept.pop();
                }
            }
            Program::checked(kept, cycles).ok()
        })
    }

    proptest! {
        #[test]
        fn a_program_written_is_read_back(program in program()) {
            let text = write(&program);
            // Two programs mean the same when the last step is a loop to the first one: the text knows one of them.
            let expected = Program::checked(program.steps.clone(), program.cycles).unwrap();
            let read = read(&text).map_err(|faults| TestCaseError::fail(format!("{text}{faults:?}")))?;
            prop_assert_eq!(write(&read), text);
            if !matches!(expected.steps.last().map(|step| step.deed), Some(Deed::Loop { to: 1, .. })) {
                prop_assert_eq!(read, expected);
            }
        }

        #[test]
        fn any_text_is_answered(text in "(?s).{0,200}") {
            if let Ok(program) = read(&text) {
                prop_assert_eq!(read(&write(&program)), Ok(program));
            }
        }

        #[test]
        fn any_line_of_the_right_words_is_answered(
            words in prop::collection::vec("CC|CV|CP|CCCV|WAIT|LOOP|TIME|VOLTAGE|CURRENT|-?[0-9]{1,3}(\\.[0-9])?|C/[0-9]|nan| |#", 1..9),
        ) {
            let line = words.join(", ");
            match read(&line) {
                Ok(program) => prop_assert_eq!(read(&write(&program)), Ok(program)),
                Err(faults) => prop_assert!(faults.iter().all(|fault| fault.line == 1 && fault.column <= line.chars().count() + 1)),
            }
        }
    }
}
