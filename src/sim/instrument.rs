//! What a measuring instrument makes of a quantity: noise, and the last digit it shows.

/// Noise of the voltage, V (standard deviation): a tenth of a millivolt, as of a 16-bit converter over 5 V.
const VOLTAGE_NOISE_V: f64 = 1e-4;
/// Noise of the current, A (standard deviation).
const CURRENT_NOISE_A: f64 = 2e-4;
/// Noise of a thermocouple, K (standard deviation).
const TEMPERATURE_NOISE_K: f64 = 0.02;

/// A seeded instrument: the same seed reads the same noise.
#[derive(Debug, Clone)]
pub struct Instrument {
    random: fastrand::Rng,
}

impl Instrument {
    /// An instrument whose noise follows from the seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed) }
    }

    /// Reads a voltage to 0.1 mV.
    pub fn voltage_v(&mut self, true_v: f64) -> f64 {
        round(true_v + VOLTAGE_NOISE_V * self.gaussian(), 4)
    }

    /// Reads a current to 0.1 mA.
    pub fn current_a(&mut self, true_a: f64) -> f64 {
        round(true_a + CURRENT_NOISE_A * self.gaussian(), 4)
    }

    /// Reads a temperature to 0.01 °C.
    pub fn temperature_c(&mut self, true_c: f64) -> f64 {
        round(true_c + TEMPERATURE_NOISE_K * self.gaussian(), 2)
    }

    /// A normally distributed number of mean 0 and deviation 1 (Box and Muller).
    fn gaussian(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.random.f64()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.random.f64()).cos()
    }
}

/// The nearest number with so many decimals: the one that prints short. Never a negative zero.
#[must_use]
pub fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale + 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_print_no_more_digits_than_the_instrument_has() {
        let mut instrument = Instrument::new(7);
        for _ in 0..1000 {
            let text = instrument.voltage_v(3.751_234_567).to_string();
            assert!(text.len() <= "3.7512".len(), "{text}");
        }
        assert_eq!(round(-0.000_01, 4).to_string(), "0");
    }

    #[test]
    fn noise_has_the_stated_size_and_no_offset() {
        let mut instrument = Instrument::new(1);
        let errors: Vec<f64> = (0..20_000).map(|_| instrument.gaussian()).collect();
        let mean = errors.iter().sum::<f64>() / 20_000.0;
        let variance = errors.iter().map(|error| error * error).sum::<f64>() / 20_000.0;
        assert!(mean.abs() < 0.03 && (variance - 1.0).abs() < 0.05, "{mean} {variance}");
    }

    #[test]
    fn the_same_seed_reads_the_same_noise() {
        let (mut one, mut two, mut other) = (Instrument::new(5), Instrument::new(5), Instrument::new(6));
        let read = |instrument: &mut Instrument| -> Vec<f64> { (0..9).map(|_| instrument.current_a(1.0)).collect() };
        assert_eq!(read(&mut one), read(&mut two));
        assert_ne!(read(&mut one), read(&mut other));
    }
}
