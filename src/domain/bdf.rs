//! Names of the Battery Data Format (LF Energy, ontology 1.3.0) for the quantities we store, both ways.

/// A quantity of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Our column.
    pub column: &'static str,
    /// Preferred label: for people.
    pub label: &'static str,
    /// Machine name.
    pub machine: &'static str,
    /// Labels and machine names of earlier versions.
    pub earlier: &'static [&'static str],
}

const fn term(
    column: &'static str,
    label: &'static str,
    machine: &'static str,
    earlier: &'static [&'static str],
) -> Term {
    Term { column, label, machine, earlier }
}

/// Seconds since the test began.
pub const TEST_TIME: Term = term("", "Test Time / s", "test_time_second", &[]);
/// Seconds since 1970, UTC.
pub const UNIX_TIME: Term = term("", "Unix Time / s", "unix_time_second", &[]);
/// Milliseconds since the test began; deprecated, only read.
pub const TEST_TIME_MS: Term = term("", "Test Time / ms", "test_time_millisecond", &[]);
/// Milliseconds since 1970; deprecated, only read.
pub const UNIX_TIME_MS: Term = term("", "Unix Time / ms", "unix_time_millisecond", &[]);
/// Cycles, as the instrument counts them.
pub const CYCLE_COUNT: Term = term("cycle", "Cycle Count / 1", "cycle_count", &[]);
/// Executed steps: rises by one with each.
pub const STEP_COUNT: Term = term("step_count", "Step Count / 1", "step_count", &[]);

/// What is measured, in the order in which it is written.
#[rustfmt::skip]
pub const TERMS: &[Term] = &[
    term("voltage_v", "Voltage / V", "voltage_volt", &[]),
    term("current_a", "Current / A", "current_ampere", &[]),
    term("step", "Step ID", "step_id", &["Step ID / 1"]),
    term("power_w", "Power / W", "power_watt", &[]),
    term("temperature_c", "Temperature T1 / degC", "temperature_t1_celsius", &["Surface Temperature T1 / degC", "surface_temperature_t1_celsius"]),
    term("temperature_2_c", "Temperature T2 / degC", "temperature_t2_celsius", &["Surface Temperature T2 / degC", "surface_temperature_t2_celsius"]),
    term("temperature_3_c", "Temperature T3 / degC", "temperature_t3_celsius", &["Surface Temperature T3 / degC", "surface_temperature_t3_celsius"]),
    term("temperature_4_c", "Temperature T4 / degC", "temperature_t4_celsius", &["Surface Temperature T4 / degC", "surface_temperature_t4_celsius"]),
    term("temperature_5_c", "Temperature T5 / degC", "temperature_t5_celsius", &["Surface Temperature T5 / degC", "surface_temperature_t5_celsius"]),
    term("surface_temperature_c", "Surface Temperature / degC", "surface_temperature_celsius", &[]),
    term("ambient_c", "Ambient Temperature / degC", "ambient_temperature_celsius", &[]),
    term("charging_capacity_ah", "Charging Capacity / Ah", "charging_capacity_ah", &[]),
    term("discharging_capacity_ah", "Discharging Capacity / Ah", "discharging_capacity_ah", &[]),
    term("net_capacity_ah", "Net Capacity / Ah", "net_capacity_ah", &[]),
    term("cumulative_capacity_ah", "Cumulative Capacity / Ah", "cumulative_capacity_ah", &[]),
    term("charging_energy_wh", "Charging Energy / Wh", "charging_energy_wh", &[]),
    term("discharging_energy_wh", "Discharging Energy / Wh", "discharging_energy_wh", &[]),
    term("net_energy_wh", "Net Energy / Wh", "net_energy_wh", &[]),
    term("cumulative_energy_wh", "Cumulative Energy / Wh", "cumulative_energy_wh", &[]),
    term("internal_resistance_ohm", "Internal Resistance / ohm", "internal_resistance_ohm", &[]),
    term("ambient_pressure_pa", "Ambient Pressure / Pa", "ambient_pressure_pa", &[]),
    term("applied_pressure_pa", "Applied Pressure / Pa", "applied_pressure_pa", &[]),
    term("step_cumulative_capacity_ah", "Step Cumulative Capacity / Ah", "step_cumulative_capacity_ah", &["Step Capacity / Ah", "step_capacity_ah"]),
    term("step_cumulative_energy_wh", "Step Cumulative Energy / Wh", "step_cumulative_energy_wh", &["Step Energy / Wh", "step_energy_wh"]),
    term("step_time_s", "Step Time / s", "step_time_second", &[]),
    term("record_index", "Record Index / 1", "record_index", &[]),
    term("step_record_index", "Step Record Index / 1", "step_record_index", &["Step Index / 1", "step_index"]),
];

/// The term of one of our columns.
#[must_use]
pub fn of_column(column: &str) -> Option<&'static Term> {
    TERMS.iter().find(|term| term.column == column)
}

impl Term {
    /// Whether a header is this term under any of its names.
    #[must_use]
    pub fn is(&self, header: &str) -> bool {
        let names = [self.label, self.machine];
        names.iter().chain(self.earlier).any(|name| name.eq_ignore_ascii_case(header))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_for_two_terms() {
        let others = [TEST_TIME, UNIX_TIME, TEST_TIME_MS, UNIX_TIME_MS, CYCLE_COUNT, STEP_COUNT];
        let all: Vec<&Term> = TERMS.iter().chain(&others).collect();
        for term in &all {
            for name in [term.label, term.machine].iter().chain(term.earlier) {
                assert_eq!(all.iter().filter(|other| other.is(name)).count(), 1, "{name}");
            }
        }
        assert_eq!(of_column("voltage_v").map(|term| term.label), Some("Voltage / V"));
    }
}
