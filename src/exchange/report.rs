//! The report of an experiment, put together from the database.

use chrono::{DateTime, Local, Offset, Utc};

use super::fingerprint::Digesting;
use crate::analysis::cycling::{Accumulator, Row, Summary};
use crate::domain::battery::Technology;
use crate::domain::experiment::ExperimentState;
use crate::domain::measure;
use crate::domain::number::plain;
use crate::domain::profile::Step;
use crate::domain::sample::Subject;
use crate::report::chart;
use crate::report::chart::cycles::{capacity_per_cycle, voltage_over_charge};
use crate::report::csv::ordered;
use crate::report::experiment::{AlarmLine, Fact, Happening, Report, numbers};
use crate::series::codec::ColumnValues;
use crate::series::window::{Series, reduce};
use crate::store::alarm_list::{AlarmFilter, Answered};
use crate::store::experiments::Experiment;
use crate::store::ordered::OrderedRun;
use crate::store::{Store, StoreError};

/// Columns of the chart.
const CHART_COLUMNS: [&str; 3] = ["voltage_v", "current_a", "temperature_c"];
/// Points across the chart: finer than paper shows, and still a small file.
const CHART_POINTS: usize = 1_000;
/// Rows looked at between two chances for others.
const ROWS_AT_ONCE: usize = 16_384;
/// Most instruments named.
const INSTRUMENTS_MAX: usize = 8;
/// Most alarms and most changes of state listed: the report stays a report.
const ALARMS_MAX: usize = 100;
const HAPPENINGS_MAX: usize = 60;

/// What the rows of an experiment tell.
#[derive(Debug, Clone)]
pub struct Measured {
    /// The chart of the whole experiment: voltage, current, temperature.
    pub series: Series,
    /// Its cycles.
    pub summary: Summary,
    /// BLAKE3 of every row; empty when it was not asked for.
    pub fingerprint: String,
}

/// Reads all rows of an experiment, block by block; `None` without rows. Takes long when there are many: not for a thread
/// that answers requests.
///
/// # Errors
/// When the database fails or holds a damaged block.
pub async fn measured(
    store: &Store,
    experiment: &Experiment,
    with_fingerprint: bool,
) -> Result<Option<Measured>, StoreError> {
    let subject = Subject::Experiment(experiment.experiment);
    let Some(stream) = store.subject_streams(subject).await?.into_iter().next() else { return Ok(None) };
    let Some(latest) = store.latest(stream).await? else { return Ok(None) };
    let (from_us, to_us) = (latest.first_at_us, latest.at_us.max(latest.first_at_us));
    let names = CHART_COLUMNS.map(str::to_owned);
    let pieces = store.drawn_window(stream, &names, from_us, to_us).await?;
    let series = reduce(&pieces, names.len(), from_us, to_us, CHART_POINTS);
    drop(pieces);
    let columns = ordered(store.subject_columns(subject).await?);
    let place = |name: &str| columns.iter().position(|column| column == name);
    let places = Places {
        voltage: place("voltage_v"),
        current: place("current_a"),
        temperature: place("temperature_c"),
        cycle: place("cycle"),
    };
    let fingerprint = with_fingerprint.then(|| Digesting::of(&columns));
    let mut rows = store.ordered_rows(subject, columns).await?;
    let mut accumulator = Accumulator::new(series.gaps.clone());
    while let Some(run) = rows.next(ROWS_AT_ONCE).await? {
        places.rows(&run, &mut accumulator);
        if let Some(fingerprint) = &fingerprint {
            fingerprint.rows(&run);
        }
    }
    let fingerprint = fingerprint.map(Digesting::finish).unwrap_or_default();
    Ok(accumulator.finish().map(|summary| Measured { series, summary, fingerprint }))
}

/// Places of the columns that the cycles follow from.
struct Places {
    voltage: Option<usize>,
    current: Option<usize>,
    temperature: Option<usize>,
    cycle: Option<usize>,
}

impl Places {
    fn rows(&self, run: &OrderedRun<'_>, accumulator: &mut Accumulator) {
        let mut cells = [self.voltage, self.current, self.temperature, self.cycle].map(|place| {
            let column = place.and_then(|place| run.block.columns.get(place)).and_then(Option::as_ref);
            Cursor {
                column,
                null: column.map_or(0, |column| column.nulls.partition_point(|null| (*null as usize) < run.rows.start)),
            }
        });
        for row in run.rows.clone() {
            let [voltage_v, current_a, temperature_c, cycle] = cells.each_mut().map(|cell| cell.get(row));
            accumulator.row(Row { at_us: run.block.times_us[row], voltage_v, current_a, temperature_c, cycle });
        }
    }
}

/// Reads a column from top to bottom.
struct Cursor<'a> {
    column: Option<&'a ColumnValues>,
    null: usize,
}

impl Cursor<'_> {
    fn get(&mut self, row: usize) -> Option<f64> {
        let column = self.column?;
        if column.nulls.get(self.null).is_some_and(|null| *null as usize == row) {
            self.null += 1;
            return None;
        }
        column.values.get(row).copied()
    }
}

/// The report of an experiment. Takes long when it has many rows: not for a thread that answers requests.
///
/// # Errors
/// When the database fails or holds a damaged block.
pub async fn report(store: &Store, experiment: &Experiment, now_us: i64) -> Result<Report, StoreError> {
    let measured = measured(store, experiment, true).await?;
    let id = experiment.experiment;
    let end_us = experiment.finished_at_us.unwrap_or(now_us);
    let duration = experiment.started_at_us.map(|from_us| span_words(end_us.saturating_sub(from_us)));
    let mut report = Report {
        experiment: id.0,
        name: experiment.name.clone(),
        description: experiment.description.clone(),
        status: status(experiment),
        made: moment(now_us),
        zone: zone(now_us),
        profile: experiment.profile_name.clone(),
        steps: experiment.steps.iter().flat_map(|steps| &steps.steps).map(Step::words).collect(),
        times: experiment.steps.as_ref().map_or(1, |steps| steps.cycles),
        svg_words: "No samples.".to_owned(),
        happened: happened(store, experiment).await?,
        ..Report::default()
    };
    report.facts = facts(store, experiment, duration.as_deref()).await?;
    let filter = AlarmFilter { answered: Answered::All, experiment: Some(id), ..AlarmFilter::default() };
    let mut alarms = store.alarms(&filter, i64::try_from(ALARMS_MAX + 1).unwrap_or(i64::MAX)).await?;
    report.has_more_alarms = alarms.len() > ALARMS_MAX;
    alarms.truncate(ALARMS_MAX);
    report.alarms = alarms
        .into_iter()
        .rev()
        .map(|alarm| AlarmLine {
            at: moment(alarm.at_us),
            severity: capital(alarm.severity.as_str()),
            answer: match (alarm.acknowledged_by.as_str(), alarm.answer.as_str()) {
                ("", answer) => answer.to_owned(),
                (who, "") => who.to_owned(),
                (who, answer) => format!("{who}: {answer}"),
            },
            message: alarm.message,
        })
        .collect();
    let Some(Measured { series, summary, fingerprint }) = measured else { return Ok(report) };
    let (from_us, to_us) = (summary.first_at_us, summary.last_at_us);
    let origin_us = experiment.started_at_us.unwrap_or(from_us);
    report.svg = chart::monitor(&series, (from_us, to_us), Some(origin_us));
    report.svg_words = chart::summary(&series);
    report.drawn = match series.bucket_us {
        None => "Every sample drawn".to_owned(),
        Some(bucket_us) => format!("Lowest and highest of every {} drawn", span_words(bucket_us)),
    };
    report.curves_svg = voltage_over_charge(&summary.curves);
    report.capacity_svg = capacity_per_cycle(&summary.cycles);
    report.rule = format!("Charge and energy are integrals over the samples, gaps left out; {}.", summary.rule.words());
    report.numbers = numbers(&summary, &duration.unwrap_or_else(|| span_words(to_us.saturating_sub(from_us))));
    report.set_cycles(&summary);
    report.fingerprint = fingerprint;
    let gaps = match series.gaps.len() {
        0 => String::new(),
        1 => ", 1 gap".to_owned(),
        count => format!(", {count} gaps"),
    };
    report.facts.push(Fact { name: "Samples", value: format!("{}{gaps}", summary.rows) });
    Ok(report)
}

fn status(experiment: &Experiment) -> String {
    let word = experiment.state.title();
    if experiment.reason.is_empty() { word.to_owned() } else { format!("{word}: {}", experiment.reason) }
}

async fn facts(store: &Store, experiment: &Experiment, duration: Option<&str>) -> Result<Vec<Fact>, StoreError> {
    let mut facts = vec![("Battery", experiment.battery_name.clone())];
    let technology = experiment.technology.parse().map_or("", Technology::title);
    facts.push((
        "Technology",
        [technology, &experiment.chemistry].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", "),
    ));
    if let Some(battery) = store.battery(experiment.battery).await? {
        let facts_of = &battery.facts;
        facts.push(("Rated", format!("{} Ah", plain(facts_of.capacity_ah))));
        facts.push(("Voltage", format!("{} to {} V", plain(facts_of.voltage_min_v), plain(facts_of.voltage_max_v))));
        facts.push((
            "Maker",
            [facts_of.manufacturer.as_str(), &facts_of.model]
                .into_iter()
                .filter(|word| !word.is_empty())
                .collect::<Vec<_>>()
                .join(" "),
        ));
        facts.push(("Serial", facts_of.serial.clone()));
    }
    let unit = experiment.unit.as_ref().map_or_else(String::new, |unit| format!(", unit {unit}"));
    facts.push(("Station", format!("{}{unit}", experiment.station_name)));
    for instrument in store.station_instruments(experiment.station).await?.into_iter().take(INSTRUMENTS_MAX) {
        facts.push(("Instrument", format!("{} {}", instrument.model, instrument.serial)));
    }
    let given = store.station_measures(experiment.station).await?;
    let named = |column: &String| {
        let measure = given.iter().find(|measure| measure.column == *column);
        measure.map_or_else(|| measure::title(column), |measure| measure.name.clone())
    };
    let columns = ordered(store.subject_columns(Subject::Experiment(experiment.experiment)).await?);
    facts.push(("Recorded", columns.iter().map(named).collect::<Vec<_>>().join(", ")));
    if let Some(file) = store.imported_file(experiment.experiment).await? {
        facts.push(("Imported", format!("{} on {}", file.file_name, moment(file.at_us))));
    }
    facts.push(("Queued", moment(experiment.created_at_us)));
    facts.push(("Added by", experiment.added_by.trim_matches('-').to_owned()));
    facts.push(("Started", experiment.started_at_us.map(moment).unwrap_or_default()));
    facts.push(("Ended", experiment.finished_at_us.map(moment).unwrap_or_default()));
    facts.push(("Duration", duration.unwrap_or_default().to_owned()));
    facts.push(("Tags", experiment.tags.join(", ")));
    let known = facts.into_iter().filter(|(_, value)| !value.trim().is_empty());
    Ok(known.map(|(name, value)| Fact { name, value }).collect())
}

async fn happened(store: &Store, experiment: &Experiment) -> Result<Vec<Happening>, StoreError> {
    let transitions = store.transitions(experiment.experiment).await?;
    let told = transitions.into_iter().take(HAPPENINGS_MAX).rev().map(|one| {
        let what = match (one.from, one.to) {
            (Some(ExperimentState::Paused | ExperimentState::CommsLost), ExperimentState::Running) => "Went on",
            (_, ExperimentState::Running) => "Started",
            (_, to) => to.title(),
        };
        let who = if one.actor.len() > 1 { one.actor.as_str() } else { "" };
        let why = [one.reason.as_str(), who].into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(", ");
        Happening { at: moment(one.at_us), what: what.to_owned(), why }
    });
    Ok(told.collect())
}

/// A word as it begins a line.
fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `21 Nov 2026 02:34:18` in the zone of the server.
fn moment(at_us: i64) -> String {
    DateTime::<Utc>::from_timestamp_micros(at_us)
        .map_or_else(|| "–".to_owned(), |at| at.with_timezone(&Local).format("%-d %b %Y %H:%M:%S").to_string())
}

/// `UTC`, or `UTC+01:00`.
fn zone(at_us: i64) -> String {
    let at = DateTime::<Utc>::from_timestamp_micros(at_us).unwrap_or_default().with_timezone(&Local);
    if at.offset().fix().local_minus_utc() == 0 { "UTC".to_owned() } else { at.format("UTC%:z").to_string() }
}

/// A length of time in its two largest units: `7 d 9 h`, `1 min 30 s`, `250 ms`.
#[must_use]
pub fn span_words(us: i64) -> String {
    const UNITS: [(i64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    if us < 1_000_000 {
        return format!("{} ms", us.max(0) / 1_000);
    }
    let seconds = us / 1_000_000;
    let first = UNITS.iter().position(|(unit, _)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let mut rest = seconds;
    let mut words = Vec::new();
    for (unit, name) in UNITS.iter().skip(first).take(2) {
        if rest / unit > 0 {
            words.push(format!("{} {name}", rest / unit));
        }
        rest %= unit;
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_has_two_units() {
        for (us, words) in [
            (637_695_000_000, "7 d 9 h"),
            (90_000_000, "1 min 30 s"),
            (3_600_000_000, "1 h"),
            (250_000, "250 ms"),
            (-5, "0 ms"),
        ] {
            assert_eq!(span_words(us), words);
        }
    }
}
