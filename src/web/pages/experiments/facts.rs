//! What an experiment is about: its battery's rating, what measured it, and what was measured.

use super::super::monitor::quantities::Quantity;
use crate::domain::number::plain;
use crate::domain::sample::Subject;
use crate::store::experiments::Experiment;
use crate::store::monitor::MeasureLine;
use crate::web::moment::Moment;
use crate::web::{State, WebError};

/// Most instruments named.
const INSTRUMENTS_MAX: usize = 8;
/// Most quantities named; the chart's menu has all of them.
const RECORDED_MAX: usize = 12;

/// The facts that are not in the experiment's own row.
pub(super) struct Facts {
    /// Of the battery: name and value.
    pub(super) battery: Vec<(&'static str, String)>,
    /// What measured it.
    pub(super) instruments: Vec<String>,
    /// What was measured, in words.
    pub(super) recorded: String,
    /// The same for the chart.
    pub(super) quantities: Vec<Quantity>,
    /// The file it came from.
    pub(super) imported: Option<String>,
}

impl Facts {
    /// Reads them.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn read(state: &State, experiment: &Experiment) -> Result<Self, WebError> {
        let store = &state.store;
        let battery = store.battery(experiment.battery).await?.map(|battery| {
            let facts = battery.facts;
            let maker = [facts.manufacturer, facts.model].into_iter().filter(|word| !word.is_empty());
            vec![
                ("Rated", format!("{} Ah", plain(facts.capacity_ah))),
                ("Voltage", format!("{} to {} V", plain(facts.voltage_min_v), plain(facts.voltage_max_v))),
                ("Current", format!("{} to {} A", signed(facts.current_min_a), signed(facts.current_max_a))),
                ("Maker", maker.collect::<Vec<_>>().join(" ")),
                ("Serial", facts.serial),
            ]
        });
        let mut battery = battery.unwrap_or_default();
        battery.retain(|(_, value)| !value.is_empty());
        let instruments = store.station_instruments(experiment.station).await?.into_iter().take(INSTRUMENTS_MAX);
        let given = store.station_measures(experiment.station).await?.into_iter();
        let given: Vec<MeasureLine> = given
            .map(|measure| MeasureLine { column: measure.column, name: measure.name, unit: measure.unit })
            .collect();
        let columns = store.subject_columns(Subject::Experiment(experiment.experiment)).await?;
        let quantities = Quantity::among(columns.iter().map(String::as_str), &given);
        let now_us = state.clock.now_us();
        let imported = store.imported_file(experiment.experiment).await?;
        Ok(Self {
            battery,
            instruments: instruments.map(|one| format!("{} {}", one.model, one.serial).trim().to_owned()).collect(),
            recorded: recorded(&quantities),
            quantities,
            imported: imported.map(|file| format!("{} on {}", file.file_name, Moment::new(file.at_us, now_us).text)),
        })
    }
}

fn recorded(quantities: &[Quantity]) -> String {
    let name = |one: &Quantity| {
        if one.unit.is_empty() { one.name.clone() } else { format!("{} in {}", one.name, one.unit) }
    };
    let mut words: Vec<String> = quantities.iter().take(RECORDED_MAX).map(name).collect();
    if quantities.len() > RECORDED_MAX {
        words.push(format!("and {} more", quantities.len() - RECORDED_MAX));
    }
    words.join(", ")
}

/// `+4.8`, `−10`
fn signed(value: f64) -> String {
    let text = plain(value.abs());
    match value {
        value if value > 0.0 => format!("+{text}"),
        value if value < 0.0 => format!("−{text}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_measures_are_named_in_part() {
        let columns: Vec<String> = (0..20).map(|cell| format!("cell_{cell}_voltage_v")).collect();
        let quantities = Quantity::among(columns.iter().map(String::as_str), &[]);
        let words = recorded(&quantities);
        assert!(words.starts_with("Cell 0 voltage in V, ") && words.ends_with(", and 8 more"), "{words}");
        assert_eq!((signed(-10.0), signed(4.8), signed(0.0)), ("−10".into(), "+4.8".into(), "0".into()));
    }
}
