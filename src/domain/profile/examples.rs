//! Profiles a new lab begins with: C-rates, so that they fit a cell of any size.

/// A profile offered to a new lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Example {
    /// Name.
    pub name: &'static str,
    /// What it is for.
    pub description: &'static str,
    /// Text form, with comments.
    pub text: &'static str,
}

/// All examples.
#[must_use]
pub fn examples() -> &'static [Example] {
    &[
        Example {
            name: "Formation, three slow cycles, 2.5 to 4.2 V",
            description: "First cycles of a lithium-ion cell with a nickel-rich cathode.",
            text: "WAIT, 3600  # let the electrolyte settle\nCCCV, C/10, 4.2, CURRENT, C/50\nWAIT, 600\n\
                   CC, -C/10, VOLTAGE, 2.5\nWAIT, 600\nLOOP, 2, 3\n",
        },
        Example {
            name: "Capacity check, NMC, 2.5 to 4.2 V",
            description: "Full charge, then the charge a discharge at C/5 gives.",
            text: "CCCV, 0.5C, 4.2, CURRENT, 0.05C\nWAIT, 1800\nCC, -0.2C, VOLTAGE, 2.5\nWAIT, 1800\n",
        },
        Example {
            name: "Cycle life, NMC, 1C, 100 cycles",
            description: "Charge at C/2, discharge at 1C, a hundred times.",
            text: "CCCV, 0.5C, 4.2, CURRENT, 0.05C, TIME, 14400\nWAIT, 600\nCC, -1C, VOLTAGE, 2.5\nWAIT, 600\n\
                   LOOP, 1, 100\n",
        },
        Example {
            name: "Cycle life, LFP, 1C, 100 cycles",
            description: "Charge at C/2, discharge at 1C, a hundred times, 2.5 to 3.6 V.",
            text: "CCCV, 0.5C, 3.6, CURRENT, 0.05C, TIME, 14400\nWAIT, 600\nCC, -1C, VOLTAGE, 2.5\nWAIT, 600\n\
                   LOOP, 1, 100\n",
        },
        Example {
            name: "Pulse resistance, NMC, ten states of charge",
            description: "From full in steps of a tenth of the charge: rest, 10 s pulses at 1C in both directions.",
            text: "CCCV, 0.5C, 4.1, CURRENT, 0.05C\nWAIT, 3600\nCC, -1C, TIME, 10, VOLTAGE, 2.5\nWAIT, 40\n\
                   CC, 0.75C, TIME, 10, VOLTAGE, 4.2\nWAIT, 40\nCC, -C/3, TIME, 1080, VOLTAGE, 2.5\nWAIT, 3600\n\
                   LOOP, 3, 10\n",
        },
        Example {
            name: "Charge of a 12 V lead-acid block",
            description: "Constant current to 14.4 V, then the voltage held until the current falls to C/50.",
            text: "CCCV, C/10, 14.4, CURRENT, C/50, TIME, 43200\nWAIT, 3600\n",
        },
        Example {
            name: "Rest and watch the voltage, one day",
            description: "Open circuit: self-discharge, or a battery of which nothing is known.",
            text: "WAIT, 86400\n",
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::text;
    use super::*;
    use crate::domain::limits::Limits;

    #[test]
    fn every_example_keeps_the_rules_and_has_a_name_of_its_own() {
        let mut names = std::collections::BTreeSet::new();
        for example in examples() {
            assert!(names.insert(example.name) && example.name.chars().count() <= 80);
            let program = text::read(example.text).unwrap_or_else(|faults| panic!("{}: {faults:?}", example.name));
            assert!(program.resolve(5.0).is_ok());
        }
    }

    #[test]
    fn the_examples_for_nmc_fit_an_ordinary_cell() {
        let cell = Limits { voltage_min_v: 2.5, voltage_max_v: 4.2, current_min_a: -10.0, current_max_a: 5.0 };
        for example in examples().iter().filter(|example| example.name.contains("NMC")) {
            let steps = text::read(example.text).unwrap().resolve(5.0).unwrap();
            assert_eq!(super::super::check(&steps, Some(("NMC-022", &cell)), None), [], "{}", example.name);
        }
    }
}
