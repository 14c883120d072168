//! The form of a new experiment: what is chosen, what can be, and why some cannot.

use actix_web::HttpRequest;
use askama::Template;

use super::{SIDES, Typed, things};
use crate::domain::battery::Technology;
use crate::domain::ids::{ProfileId, StationId};
use crate::domain::limits::Limits;
use crate::domain::profile::check;
use crate::domain::station::StationState;
use crate::store::batteries::{Battery, BatteryChoice};
use crate::store::stations_read::{Station, StationChoice};
use crate::web::forms::Problems;
use crate::web::page::Layout;
use crate::web::pages::monitor::line::UNIT_SILENT_US;
use crate::web::pages::monitor::numbers::{duration_words, value_text};
use crate::web::{State, WebError};

/// Batteries offered at once; the find box leads to the others.
const BATTERIES_MAX: i64 = 30;
/// Stations offered: more than a hall has.
const STATIONS_MAX: i64 = 500;
/// Profiles that are checked for fitting.
const PROFILES_MAX: i64 = 500;
/// Profiles shown that do not fit: their reasons, not their number, are of use.
const MISFITS_MAX: usize = 50;

/// A station as the form shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Place {
    pub(super) station: StationId,
    pub(super) name: String,
    pub(super) limits: String,
    pub(super) now: String,
    /// Why an experiment will have to wait for its unit.
    pub(super) away: Option<String>,
}

impl Place {
    /// A station at `now_us`.
    pub(super) fn new(station: &Station, now_us: i64) -> Self {
        Self::of(
            &StationChoice {
                station_id: station.station_id,
                name: station.name.clone(),
                unit: station.unit.clone(),
                unit_seen_at_us: station.unit_seen_at_us,
                state: station.state,
                limits: station.limits(),
                queued: station.queued,
            },
            now_us,
        )
    }

    fn of(station: &StationChoice, now_us: i64) -> Self {
        let away = match (&station.unit, station.unit_seen_at_us) {
            (None, _) => Some("No unit drives it.".to_owned()),
            (Some(unit), None) => Some(format!("Unit {unit} was never heard.")),
            (Some(unit), Some(seen_us)) if now_us - seen_us > UNIT_SILENT_US => {
                Some(format!("No message from unit {unit} for {}.", duration_words(now_us - seen_us)))
            }
            (Some(_), Some(_)) => None,
        };
        let state = match station.state {
            StationState::Running | StationState::Paused => "at work",
            StationState::Fault => "in fault",
            StationState::Idle | StationState::Finished | StationState::Stopped => "free",
        };
        let ahead = match station.queued {
            0 => String::new(),
            1 => ", 1 experiment waits".to_owned(),
            queued => format!(", {queued} experiments wait"),
        };
        Self {
            station: station.station_id,
            name: station.name.clone(),
            limits: limits_words(&station.limits),
            now: format!("{state}{ahead}"),
            away,
        }
    }
}

/// “2.500 to 4.200 V, −9.600 to +4.800 A”.
fn limits_words(limits: &Limits) -> String {
    format!(
        "{} to {} V, {} to {} A",
        value_text("voltage_v", limits.voltage_min_v),
        value_text("voltage_v", limits.voltage_max_v),
        value_text("current_a", limits.current_min_a),
        value_text("current_a", limits.current_max_a)
    )
}

/// A profile as the form shows it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Offer {
    profile: ProfileId,
    name: String,
    steps: usize,
    /// Why it cannot be chosen.
    reason: Option<String>,
}

#[derive(Template)]
#[template(path = "experiments/add.html")]
pub(super) struct Page {
    layout: Layout,
    typed: Typed,
    problems: Problems,
    /// Text the offered batteries contain.
    find: String,
    /// Battery and station, once both are chosen: then the rest is asked.
    chosen: Option<(Battery, Place)>,
    batteries: Vec<BatteryChoice>,
    /// The battery chosen so far, when it is not among those offered.
    battery: Option<Battery>,
    places: Vec<Place>,
    fitting: Vec<Offer>,
    misfits: Vec<Offer>,
    misfits_more: usize,
}

impl Page {
    /// The form as typed; `choose` asks for battery and station again.
    pub(super) async fn new(
        request: &HttpRequest,
        state: &State,
        typed: Typed,
        mut problems: Problems,
        find: &str,
        choose: bool,
    ) -> Result<Self, WebError> {
        let now_us = state.clock.now_us();
        let mut unusable = Problems::default();
        let (battery, station) = things(state, &typed, &mut unusable).await?;
        // Nothing is wrong with what nobody chose yet; what was chosen and cannot be is told.
        if problems.is_empty() {
            for problem in unusable.all() {
                let is_chosen = match problem.field.as_ref() {
                    "battery" => !typed.battery.is_empty(),
                    _ => !typed.station.is_empty(),
                };
                if is_chosen {
                    problems.add(problem.field.clone(), problem.message.clone());
                }
            }
        }
        let mut page = Self {
            layout: Layout::new(request, "experiments"),
            typed,
            problems,
            find: find.to_owned(),
            chosen: None,
            batteries: Vec::new(),
            battery: None,
            places: Vec::new(),
            fitting: Vec::new(),
            misfits: Vec::new(),
            misfits_more: 0,
        };
        if let (Some(battery), Some(station), false) = (&battery, &station, choose) {
            page.offer_profiles(state, battery, station).await?;
            page.chosen = Some((battery.clone(), Place::new(station, now_us)));
            return Ok(page);
        }
        page.batteries = state.store.battery_choices(find, BATTERIES_MAX).await?;
        page.battery =
            battery.filter(|chosen| page.batteries.iter().all(|choice| choice.battery_id != chosen.battery_id));
        let stations = state.store.station_choices(STATIONS_MAX).await?;
        page.places = stations.iter().map(|station| Place::of(station, now_us)).collect();
        Ok(page)
    }

    async fn offer_profiles(&mut self, state: &State, battery: &Battery, station: &Station) -> Result<(), WebError> {
        let (of_battery, of_station) = (battery.limits(), station.limits());
        for choice in state.store.profile_choices(PROFILES_MAX).await? {
            let reason = match choice.program.resolve(battery.capacity_ah) {
                Err(why) => Some(why.to_string()),
                Ok(steps) => check(&steps, Some((&battery.name, &of_battery)), Some((&station.name, &of_station)))
                    .first()
                    .map(|misfit| format!("Step {}: {}", misfit.step, misfit.message)),
            };
            let offer =
                Offer { profile: choice.profile_id, name: choice.name, steps: choice.program.steps.len(), reason };
            if offer.reason.is_none() {
                self.fitting.push(offer);
            } else if self.misfits.len() < MISFITS_MAX {
                self.misfits.push(offer);
            } else {
                self.misfits_more += 1;
            }
        }
        Ok(())
    }

    fn is_battery(&self, choice: &BatteryChoice) -> bool {
        choice.battery_id.to_string() == self.typed.battery
    }

    fn is_station(&self, place: &Place) -> bool {
        place.station.to_string() == self.typed.station
    }

    fn is_profile(&self, offer: &Offer) -> bool {
        !self.typed.is_written() && offer.profile.to_string() == self.typed.profile
    }

    fn choice_limits(&self, choice: &BatteryChoice) -> String {
        limits_words(&choice.limits)
    }

    fn battery_limits(&self, battery: &Battery) -> String {
        limits_words(&battery.limits())
    }

    fn is_redox(&self) -> bool {
        self.chosen.as_ref().is_some_and(|(battery, _)| battery.technology == Technology::RedoxStack)
    }

    fn sides(&self) -> Vec<Side<'_>> {
        let typed = &self.typed;
        let of = |name, title, words: [&'_ str; 5]| {
            let words = words.map(str::to_owned);
            Side { name, title, words, problems: &self.problems }
        };
        vec![
            of(
                SIDES[0].0,
                SIDES[0].1,
                [
                    &typed.negative_composition,
                    &typed.negative_volume_ml,
                    &typed.negative_flow_min,
                    &typed.negative_flow_max,
                    &typed.negative_soc_pct,
                ],
            ),
            of(
                SIDES[1].0,
                SIDES[1].1,
                [
                    &typed.positive_composition,
                    &typed.positive_volume_ml,
                    &typed.positive_flow_min,
                    &typed.positive_flow_max,
                    &typed.positive_soc_pct,
                ],
            ),
        ]
    }

    /// The address that asks for battery and station again.
    fn choose_path(&self) -> String {
        let pairs = [("battery", &self.typed.battery), ("station", &self.typed.station), ("clone", &self.typed.clone)];
        let pairs: Vec<_> = pairs.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        format!("/experiments/new?choose=1&{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
    }
}

/// The fields of one electrolyte.
struct Side<'a> {
    name: &'static str,
    title: &'static str,
    words: [String; 5],
    problems: &'a Problems,
}

/// A field of an electrolyte.
struct SideField<'a> {
    name: String,
    label: &'static str,
    value: &'a str,
    problem: Option<&'a str>,
}

impl Side<'_> {
    fn fields(&self) -> Vec<SideField<'_>> {
        const FIELDS: [(&str, &str); 5] = [
            ("composition", "Electrolyte"),
            ("volume_ml", "Volume, mL"),
            ("flow_min", "Lowest flow, mL/min"),
            ("flow_max", "Highest flow, mL/min"),
            ("soc_pct", "Charged at the start, %"),
        ];
        FIELDS
            .into_iter()
            .zip(&self.words)
            .map(|((part, label), value)| {
                let name = format!("{}_{part}", self.name);
                SideField { problem: self.problems.of(&name), name, label, value }
            })
            .collect()
    }
}
