//! What the rules found, in words.

use super::alarm::{Breach, Code, Finding};
use crate::domain::measure::title;

/// A value beyond its limit.
pub(super) fn raised(code: Code, value: f64, limit: f64, column: &str, is_late: bool) -> Finding {
    let message = breach(code, value, limit, column);
    Finding::Raised(Breach { code, value: Some(value), limit: Some(limit), message, is_late })
}

/// “Temperature 62.1 °C is above 60.0 °C”.
fn breach(code: Code, value: f64, limit: f64, column: &str) -> String {
    match code {
        Code::VoltageHigh => format!("Voltage {value:.3} V is above {limit:.3} V"),
        Code::VoltageLow => format!("Voltage {value:.3} V is below {limit:.3} V"),
        Code::ChargeCurrentHigh => format!("Charge current {} is above {}", amperes(value), amperes(limit)),
        Code::DischargeCurrentHigh => {
            format!("Discharge current {} is above {}", amperes(-value), amperes(-limit))
        }
        Code::TemperatureHigh => format!("{} {} is above {}", title(column), celsius(value), celsius(limit)),
        Code::TemperatureLow => format!("{} {} is below {}", title(column), celsius(value), celsius(limit)),
        Code::TemperatureNear => {
            format!("{} {} is over {}, near its limit", title(column), celsius(value), celsius(limit))
        }
        Code::TemperatureRise => format!("Temperature rises by {value:.1} °C/min, more than {limit:.1} °C/min"),
        Code::VoltageRate => {
            format!("Voltage moves by {value:.3} V/s at a steady current, more than {limit:.3} V/s")
        }
        Code::ChargeHigh => {
            format!("{:.3} Ah went in one direction, more than {limit:.3} Ah", value.abs())
        }
        Code::TimeLong => format!("Runs for {}, longer than {}", hours(value), hours(limit)),
        Code::TemperaturesDiffer => format!("Temperature sensors differ by {value:.1} °C, more than {limit:.1} °C"),
        other => format!("{}: {value} with a limit of {limit}", other.as_str()),
    }
}

/// A sensor that cannot be believed: “Temperature has not moved for 10 min while current flows”.
pub(super) fn sensor(code: Code, column: &str) -> Finding {
    let name = title(column);
    let message = match code {
        Code::TemperatureFrozen => format!("{name} has not moved for 10 min while current flows"),
        Code::TemperatureImplausible => format!("{name} is nothing a battery can have: its sensor is broken"),
        _ => format!("{name} has not been measured for 1 min"),
    };
    Finding::Raised(Breach { code, value: None, limit: None, message, is_late: false })
}

fn amperes(value: f64) -> String {
    if value.abs() < 0.1 { format!("{:.3} mA", value * 1e3) } else { format!("{value:.3} A") }
}

fn celsius(value: f64) -> String {
    format!("{value:.1} °C").replace('-', "−")
}

fn hours(seconds: f64) -> String {
    format!("{:.1} h", seconds / 3_600.0)
}
