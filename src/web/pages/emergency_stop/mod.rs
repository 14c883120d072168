//! The emergency stop: outputs off, now, from any page, and the truth about which are off.
//!
//! The watch over the runs sends from memory before anything is asked of the database. A process without it, one that only
//! serves pages, orders the stops through the database.

pub mod page;

use std::time::Duration;

use crate::domain::audit::{Actor, Change};
use crate::domain::ids::ExperimentId;
use crate::ingest::lookout::{Off, Output, Scope};
use crate::store::runs::OpenRun;
use crate::web::pages::monitor::numbers::duration_words;
use crate::web::{State, WebError};

/// Longest wait for the database to be told; the outputs have been told before.
const STORE_PATIENCE: Duration = Duration::from_secs(30);

/// The scope of a word: `all`, `unit:cu-01`, `station:4`.
///
/// # Errors
/// In words, with what to write.
pub fn scope(word: &str) -> Result<Scope, String> {
    let scope = match word.split_once(':') {
        None if word.is_empty() || word == "all" => Some(Scope::All),
        Some(("unit", unit)) => unit.parse().ok().map(Scope::Unit),
        Some(("station", station)) => station.parse::<i64>().ok().map(|id| Scope::Station(id.into())),
        _ => None,
    };
    scope.ok_or_else(|| "This is no scope. Write “all”, “unit:ID” or “station:NUMBER”.".to_owned())
}

/// The word of a scope.
#[must_use]
pub fn word(scope: &Scope) -> String {
    match scope {
        Scope::All => "all".to_owned(),
        Scope::Unit(unit) => format!("unit:{unit}"),
        Scope::Station(station) => format!("station:{station}"),
    }
}

/// Switches outputs off; what is known of them a moment later.
///
/// # Errors
/// Where this process has no watch: when the database fails.
pub async fn halt(state: &State, by: Actor, scope: &Scope, reason: &str) -> Result<Vec<Output>, WebError> {
    let outputs = state.lookout.get().map(|lookout| lookout.halt(scope, &by.name));
    let stored = tell_store(state.clone(), by, scope.clone(), reason.to_owned());
    match outputs {
        // The page must not wait for a database that is slow: the outputs have been told.
        Some(outputs) => {
            tokio::spawn(async move {
                match tokio::time::timeout(STORE_PATIENCE, stored).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => tracing::error!(%error, "an emergency stop was sent and not written down"),
                    Err(_) => tracing::error!("an emergency stop was sent and not written down: no answer"),
                }
            });
            Ok(outputs)
        }
        None => {
            stored.await?;
            Ok(Vec::new())
        }
    }
}

/// Orders the stops through the database as well, and notes who pressed.
async fn tell_store(state: State, by: Actor, scope: Scope, reason: String) -> Result<(), WebError> {
    let now_us = state.clock.now_us();
    let runs = state.store.open_runs().await?;
    let reason = if reason.is_empty() { "Emergency stop".to_owned() } else { format!("Emergency stop: {reason}") };
    for run in runs.iter().filter(|run| scope.covers(run.station, &run.device)) {
        // One that ended meanwhile needs no stop.
        if let Err(error) = state.store.ask_stop(&by, run.experiment, &reason, now_us).await {
            tracing::warn!(experiment = %run.experiment, error = &error as &dyn std::error::Error, "not ordered to stop");
        }
    }
    let change = Change::new("emergency stop", word(&scope)).because(&reason);
    state.store.audit(&by, &change, now_us).await?;
    Ok(())
}

/// What is known of the outputs, from the watch or else from the database.
///
/// # Errors
/// When the database is asked and fails.
pub async fn outputs(state: &State) -> Result<Vec<Output>, WebError> {
    if let Some(lookout) = state.lookout.get() {
        return Ok(lookout.outputs());
    }
    Ok(state.store.open_runs().await?.into_iter().map(of_run).collect())
}

/// A run as an output nobody here has heard of.
fn of_run(run: OpenRun) -> Output {
    use crate::domain::experiment::ExperimentState::{CommsLost, Stopping};
    let asked = matches!(run.state, Stopping | CommsLost);
    Output {
        station: (run.station, run.station_name),
        unit: run.device,
        run: Some((run.experiment, run.name)),
        last_current_a: None,
        is_heard: true,
        off: if asked { Off::Waiting(Duration::ZERO) } else { Off::NotAsked },
    }
}

/// An output as the result shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Colour class.
    pub tone: &'static str,
    /// Name of the icon.
    pub icon: &'static str,
    /// “Off, confirmed”.
    pub word: &'static str,
    /// Name of the station.
    pub station: String,
    /// What runs there.
    pub run: Option<(ExperimentId, String)>,
    /// What else there is to know; may be empty.
    pub more: String,
}

impl Line {
    /// An output in words.
    #[must_use]
    pub fn new(output: &Output) -> Self {
        let last = output.last_current_a.map(current_words).unwrap_or_default();
        let (tone, icon, word, more) = match output.off {
            Off::NotAsked => ("away", "clock", "Not asked", String::new()),
            Off::Confirmed(after) => {
                ("good", "circle-check", "Off, confirmed", format!("After {:.1} s.", after.as_secs_f64()))
            }
            Off::Waiting(_) => ("warning", "clock", "Told, no answer yet", String::new()),
            Off::NoAnswer(_, rests_in) => {
                let rests = match rests_in {
                    Some(rests_in) if rests_in.is_zero() => "Should rest by itself by now.".to_owned(),
                    Some(rests_in) => {
                        let words = duration_words(i64::try_from(rests_in.as_micros()).unwrap_or(i64::MAX));
                        format!("Rests by itself in {words} at the latest.")
                    }
                    None => "Nothing is known of when it rests by itself.".to_owned(),
                };
                ("alarm", "alert-octagon", "No answer", format!("{last} {rests}").trim().to_owned())
            }
        };
        Self { tone, icon, word, station: output.station.1.clone(), run: output.run.clone(), more }
    }
}

fn current_words(current_a: f64) -> String {
    match current_a {
        a if a > 0.0 => format!("Last known: charging at {a:.3} A."),
        a if a < 0.0 => format!("Last known: discharging at {:.3} A.", -a),
        _ => "Last known: at rest.".to_owned(),
    }
}

/// The sentence above the outputs: never good while one is unknown.
#[must_use]
pub fn verdict(outputs: &[Output]) -> (&'static str, &'static str, String) {
    let asked: Vec<&Output> = outputs.iter().filter(|output| output.off != Off::NotAsked).collect();
    let off = asked.iter().filter(|output| matches!(output.off, Off::Confirmed(_))).count();
    if asked.is_empty() {
        return ("away", "clock", "Nothing was switched off".to_owned());
    }
    if off == asked.len() {
        let all = if off == 1 { "The output is off".to_owned() } else { format!("All {off} outputs are off") };
        return ("good", "circle-check", all);
    }
    let unknown: Vec<&str> = asked
        .iter()
        .filter(|output| !matches!(output.off, Off::Confirmed(_)))
        .map(|output| output.station.1.as_str())
        .take(5)
        .collect();
    let more = if asked.len() - off > unknown.len() { " and more" } else { "" };
    let text = format!("{off} of {} outputs are off, {}{more} unknown", asked.len(), unknown.join(", "));
    ("alarm", "alert-octagon", text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(name: &str, off: Off) -> Output {
        Output {
            station: (4.into(), name.to_owned()),
            unit: "cu-1".parse().unwrap(),
            run: None,
            last_current_a: Some(-4.0),
            is_heard: true,
            off,
        }
    }

    #[test]
    fn a_scope_is_read_back_from_its_word() {
        for text in ["all", "unit:cu-01", "station:4"] {
            assert_eq!(word(&scope(text).unwrap()), text);
        }
        assert_eq!(scope(""), Ok(Scope::All));
        for bad in ["hall", "unit:A B", "station:four", "station:"] {
            assert!(scope(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn nothing_is_good_while_one_output_is_unknown() {
        let off = output("A1", Off::Confirmed(Duration::from_millis(340)));
        let told = output("A2", Off::Waiting(Duration::ZERO));
        let away = output("A3", Off::NoAnswer(Duration::from_secs(5), Some(Duration::from_secs(40))));
        assert_eq!(
            verdict(&[off.clone(), output("A4", Off::NotAsked)]),
            ("good", "circle-check", "The output is off".into())
        );
        for unknown in [told, away.clone()] {
            let (tone, _, text) = verdict(&[off.clone(), unknown]);
            assert!(tone == "alarm" && text.starts_with("1 of 2 outputs are off, A"), "{text}");
        }
        assert_eq!(Line::new(&away).more, "Last known: discharging at 4.000 A. Rests by itself in 40 s at the latest.");
        assert_eq!(Line::new(&off).more, "After 0.3 s.");
    }
}
