//! A battery as an electrical and thermal circuit.
//!
//! The model is the one of the fuel-gauge literature (Plett 2004, Balasingam and Pattipati 2014): an equilibrium voltage
//! over state of charge, a series resistance and two resistor-capacitor pairs, all in the terminals of the whole battery:
//!
//! ```text
//! V = n OCV(s) + I R0 + v1 + v2        I > 0 charges
//! vi(t + dt) = ai vi + (1 - ai) Ri I   ai = exp(-dt / (Ri Ci))
//! s(t + dt)  = s + eta I dt / (3600 Q) eta < 1 only while charging
//! ```
//!
//! Heat is what the resistors turn into it plus the charge that is not stored; one thermal mass gives it to the air by
//! convection. Every update is the exact solution for a constant current over the step, so the length of the step changes
//! the accuracy only where the current itself changes.

use super::ocv::{Chemistry, OcvCurve};

/// Everything that makes one battery different from another.
#[derive(Debug, Clone, PartialEq)]
pub struct CellParameters {
    /// Equilibrium curve of one cell.
    pub chemistry: Chemistry,
    /// Cells in series.
    pub cells_series: u32,
    /// Charge between empty and full when new, Ah.
    pub capacity_ah: f64,
    /// Series resistance when new, Ω.
    pub r0_ohm: f64,
    /// Resistance of the fast pair, Ω.
    pub r1_ohm: f64,
    /// Capacitance of the fast pair, F.
    pub c1_f: f64,
    /// Resistance of the slow pair, Ω.
    pub r2_ohm: f64,
    /// Capacitance of the slow pair, F.
    pub c2_f: f64,
    /// Further series resistance while charging at full, Ω: gassing of lead-acid; 0 for lithium.
    pub charge_end_ohm: f64,
    /// Growth of that resistance: by a factor e per this much state of charge (fraction).
    pub charge_end_width: f64,
    /// Part of the charging current that is stored, 0 to 1.
    pub coulombic_efficiency: f64,
    /// Heat capacity of the whole battery, J/K.
    pub heat_capacity_j_per_k: f64,
    /// Heat given to the air per kelvin of difference, W/K.
    pub convection_w_per_k: f64,
    /// Part of the capacity lost per equivalent full cycle.
    pub fade_per_cycle: f64,
    /// Growth of the series resistance per equivalent full cycle, as a part of the new one.
    pub resistance_growth_per_cycle: f64,
    /// Lowest voltage it may be discharged to, V.
    pub voltage_min_v: f64,
    /// Highest voltage it may be charged to, V.
    pub voltage_max_v: f64,
}

/// A battery in use: its parameters and its state.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    parameters: CellParameters,
    curve: OcvCurve,
    soc: f64,
    v1_v: f64,
    v2_v: f64,
    temperature_c: f64,
    ambient_c: f64,
    throughput_ah: f64,
}

impl Cell {
    /// A rested battery at the temperature of the air. `soc` is a fraction, 0 to 1.
    #[must_use]
    pub fn new(parameters: CellParameters, soc: f64, ambient_c: f64) -> Self {
        let curve = OcvCurve::new(parameters.chemistry);
        Self { parameters, curve, soc, v1_v: 0.0, v2_v: 0.0, temperature_c: ambient_c, ambient_c, throughput_ah: 0.0 }
    }

    /// What it is made of.
    #[must_use]
    pub fn parameters(&self) -> &CellParameters {
        &self.parameters
    }

    /// State of charge as a fraction of the present capacity.
    #[must_use]
    pub fn soc(&self) -> f64 {
        self.soc
    }

    /// Temperature of the battery, °C.
    #[must_use]
    pub fn temperature_c(&self) -> f64 {
        self.temperature_c
    }

    /// Temperature of the air around it, °C.
    #[must_use]
    pub fn ambient_c(&self) -> f64 {
        self.ambient_c
    }

    /// Warms the battery from outside to a temperature, °C; a warmer one stays as it is.
    pub fn warm_to(&mut self, temperature_c: f64) {
        self.temperature_c = self.temperature_c.max(temperature_c);
    }

    /// Changes the temperature of the air, °C.
    pub fn set_ambient_c(&mut self, ambient_c: f64) {
        self.ambient_c = ambient_c;
    }

    /// Charge and discharge so far in equivalent full cycles.
    #[must_use]
    pub fn equivalent_cycles(&self) -> f64 {
        self.throughput_ah / (2.0 * self.parameters.capacity_ah)
    }

    /// Present capacity, Ah: falls with use, never below half.
    #[must_use]
    pub fn capacity_ah(&self) -> f64 {
        let left = 1.0 - self.parameters.fade_per_cycle * self.equivalent_cycles();
        self.parameters.capacity_ah * left.max(0.5)
    }

    /// Voltage at the terminals with no current, V: equilibrium and what the pairs still hold.
    #[must_use]
    pub fn idle_voltage_v(&self) -> f64 {
        f64::from(self.parameters.cells_series) * self.curve.voltage_v(self.soc) + self.v1_v + self.v2_v
    }

    /// Resistance a change of current meets at once, Ω; larger while charging a nearly full lead-acid battery.
    #[must_use]
    pub fn resistance_ohm(&self, charging: bool) -> f64 {
        let parameters = &self.parameters;
        let aged = 1.0 + parameters.resistance_growth_per_cycle * self.equivalent_cycles();
        let charge_end_ohm = if charging && parameters.charge_end_ohm > 0.0 {
            parameters.charge_end_ohm * ((self.soc - 1.0) / parameters.charge_end_width).exp()
        } else {
            0.0
        };
        parameters.r0_ohm * aged + charge_end_ohm
    }

    /// Voltage at the terminals at this current, V.
    #[must_use]
    pub fn voltage_v(&self, current_a: f64) -> f64 {
        self.idle_voltage_v() + current_a * self.resistance_ohm(current_a > 0.0)
    }

    /// The current that brings the terminals to this voltage, A.
    #[must_use]
    pub fn current_at_voltage_a(&self, voltage_v: f64) -> f64 {
        let difference_v = voltage_v - self.idle_voltage_v();
        difference_v / self.resistance_ohm(difference_v > 0.0)
    }

    /// The current at which the terminals take this power, A; `None` when the battery cannot give so much.
    #[must_use]
    pub fn current_at_power_a(&self, power_w: f64) -> Option<f64> {
        // P = I (E + I R): the root that is 0 at no power.
        let (idle_v, ohm) = (self.idle_voltage_v(), self.resistance_ohm(power_w > 0.0));
        let discriminant = idle_v * idle_v + 4.0 * ohm * power_w;
        (discriminant >= 0.0).then(|| (discriminant.sqrt() - idle_v) / (2.0 * ohm))
    }

    /// Lets `dt_s` seconds pass at a constant current.
    pub fn advance(&mut self, current_a: f64, dt_s: f64) {
        let parameters = &self.parameters;
        let charge_ah = current_a * dt_s / 3600.0;
        let efficiency = if current_a > 0.0 { parameters.coulombic_efficiency } else { 1.0 };
        let lost_w = if current_a > 0.0 { (1.0 - efficiency) * current_a * self.idle_voltage_v() } else { 0.0 };
        let heat_w = current_a * current_a * self.resistance_ohm(current_a > 0.0)
            + self.v1_v * self.v1_v / parameters.r1_ohm
            + self.v2_v * self.v2_v / parameters.r2_ohm
            + lost_w;
        let settled_c = self.ambient_c + heat_w / parameters.convection_w_per_k;
        let tau_s = parameters.heat_capacity_j_per_k / parameters.convection_w_per_k;

        self.temperature_c = relax(self.temperature_c, settled_c, dt_s / tau_s);
        self.v1_v = relax(self.v1_v, parameters.r1_ohm * current_a, dt_s / (parameters.r1_ohm * parameters.c1_f));
        self.v2_v = relax(self.v2_v, parameters.r2_ohm * current_a, dt_s / (parameters.r2_ohm * parameters.c2_f));
        self.soc += efficiency * charge_ah / self.capacity_ah();
        self.throughput_ah += charge_ah.abs();
    }
}

/// First-order approach to `goal`: the exact solution after `time` time constants.
fn relax(now: f64, goal: f64, time: f64) -> f64 {
    goal + (now - goal) * (-time).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2 Ah, 50 mΩ, 20 mΩ with 30 s, 30 mΩ with 300 s, 50 J/K, 0.1 W/K.
    fn parameters() -> CellParameters {
        CellParameters {
            chemistry: Chemistry::Nmc811,
            cells_series: 1,
            capacity_ah: 2.0,
            r0_ohm: 0.05,
            r1_ohm: 0.02,
            c1_f: 1500.0,
            r2_ohm: 0.03,
            c2_f: 10_000.0,
            charge_end_ohm: 0.0,
            charge_end_width: 1.0,
            coulombic_efficiency: 1.0,
            heat_capacity_j_per_k: 50.0,
            convection_w_per_k: 0.1,
            fade_per_cycle: 0.0,
            resistance_growth_per_cycle: 0.0,
            voltage_min_v: 2.5,
            voltage_max_v: 4.2,
        }
    }

    fn close(left: f64, right: f64, within: f64) {
        assert!((left - right).abs() <= within, "{left} is not {right}");
    }

    #[test]
    fn a_load_step_meets_the_series_resistance_at_once() {
        let cell = Cell::new(parameters(), 0.5, 25.0);
        close(cell.voltage_v(0.0), 3.751, 1e-12);
        close(cell.voltage_v(-2.0), 3.751 - 0.1, 1e-12);
        close(cell.current_at_voltage_a(3.651), -2.0, 1e-9);
        // 3.651 V x -2 A.
        close(cell.current_at_power_a(-7.302).unwrap(), -2.0, 1e-9);
        // The most it can give is E²/4R = 70.3 W.
        assert!(cell.current_at_power_a(-71.0).is_none());
    }

    #[test]
    fn the_pairs_load_and_relax_with_their_time_constants() {
        let mut cell = Cell::new(parameters(), 0.5, 25.0);
        cell.advance(-2.0, 30.0);
        // After one time constant 1 - 1/e of 40 mV, after a tenth of one 1 - e^-0.1 of 60 mV.
        close(cell.v1_v, -0.04 * (1.0 - (-1.0_f64).exp()), 1e-12);
        close(cell.v2_v, -0.06 * (1.0 - (-0.1_f64).exp()), 1e-12);
        let before_v = cell.v1_v;
        cell.advance(0.0, 30.0);
        close(cell.v1_v, before_v / std::f64::consts::E, 1e-12);
    }

    #[test]
    fn the_length_of_the_step_does_not_matter_at_constant_current() {
        let mut coarse = Cell::new(parameters(), 0.5, 25.0);
        let mut fine = coarse.clone();
        coarse.advance(-2.0, 10.0);
        (0..100).for_each(|_| fine.advance(-2.0, 0.1));
        close(coarse.v1_v, fine.v1_v, 1e-12);
        close(coarse.soc, fine.soc, 1e-12);
    }

    #[test]
    fn charge_is_counted_and_only_charging_loses_some() {
        let mut cell = Cell::new(CellParameters { coulombic_efficiency: 0.9, ..parameters() }, 0.5, 25.0);
        cell.advance(-1.0, 1800.0);
        close(cell.soc(), 0.25, 1e-12);
        cell.advance(1.0, 1800.0);
        close(cell.soc(), 0.25 + 0.25 * 0.9, 1e-12);
        // 1 Ah moved: a quarter of a cycle of 2 x 2 Ah.
        close(cell.equivalent_cycles(), 0.25, 1e-12);
    }

    #[test]
    fn heat_produced_is_heat_stored_plus_heat_given_away() {
        let mut cell = Cell::new(parameters(), 1.0, 25.0);
        let (current_a, dt_s) = (-2.0, 0.1);
        let (mut produced_j, mut given_j) = (0.0, 0.0);
        for _ in 0..10_000 {
            let before_c = cell.temperature_c();
            produced_j += dt_s * (4.0 * 0.05 + cell.v1_v * cell.v1_v / 0.02 + cell.v2_v * cell.v2_v / 0.03);
            cell.advance(current_a, dt_s);
            given_j += dt_s * 0.1 * ((before_c + cell.temperature_c()) / 2.0 - 25.0);
        }
        let stored_j = 50.0 * (cell.temperature_c() - 25.0);
        close(produced_j, stored_j + given_j, 1e-3 * produced_j);
        // Settled after 1000 s (two time constants): 4 A² x 100 mΩ = 0.4 W, 4 K at the end; 1 - e^-2 of it is 3.46 K,
        // a little less because the slow pair needs 300 s to take its part.
        assert!((2.9..3.46).contains(&(cell.temperature_c() - 25.0)), "{}", cell.temperature_c());
    }

    #[test]
    fn with_nothing_but_series_resistance_the_temperature_follows_the_closed_form() {
        let mut cell = Cell::new(CellParameters { r1_ohm: 1e-9, r2_ohm: 1e-9, ..parameters() }, 1.0, 20.0);
        cell.advance(-2.0, 500.0);
        // 4 A² x 50 mΩ / 0.1 W/K = 2 K, after one time constant (50 J/K over 0.1 W/K) 1 - 1/e of it.
        close(cell.temperature_c(), 20.0 + 2.0 * (1.0 - (-1.0_f64).exp()), 1e-6);
    }

    #[test]
    fn use_takes_capacity_and_adds_resistance() {
        let aging = CellParameters { fade_per_cycle: 0.001, resistance_growth_per_cycle: 0.002, ..parameters() };
        let mut cell = Cell::new(aging, 1.0, 25.0);
        for _ in 0..10 {
            cell.advance(-2.0, 3600.0);
            cell.advance(2.0, 3600.0);
        }
        close(cell.equivalent_cycles(), 10.0, 1e-9);
        close(cell.capacity_ah(), 2.0 * 0.99, 1e-9);
        close(cell.resistance_ohm(false), 0.05 * 1.02, 1e-9);
    }
}
