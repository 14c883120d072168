//! `GET /profiles/{id}`: a profile in sentences, and its dry run.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::find;
use super::trial::{On, Trial, begins_with_charge, trial};
use crate::analysis::cell_model::typical::Family;
use crate::domain::ids::BatteryId;
use crate::domain::number;
use crate::domain::profile::{pybamm, unicycler};
use crate::store::batteries::{Battery, BatteryChoice};
use crate::store::profiles::Profile;
use crate::web::answer::Notice;
use crate::web::forms::Problems;
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Batteries offered for a dry run; others are found from their own page.
const CHOICES_MAX: i64 = 200;
/// Largest capacity of a dry run, Ah.
const CAPACITY_MAX_AH: f64 = 1e5;

/// What the address asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// What was done before somebody was led here.
    done: String,
    /// Battery of the dry run.
    battery: String,
    /// Family of a typical one.
    cell: String,
    /// Its capacity, Ah.
    capacity: String,
    /// State of charge at the start, %.
    soc: String,
}

#[derive(Template)]
#[template(path = "profiles/show.html")]
struct Page {
    layout: Layout,
    profile: Profile,
    notice: Option<Notice>,
    trial: Option<Trial>,
    problems: Problems,
    asked: Asked,
    batteries: Vec<BatteryChoice>,
    unicycler_notes: Vec<String>,
    pybamm_notes: Vec<String>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn families(&self) -> [Family; 3] {
        Family::ALL
    }

    fn is_family(&self, family: &Family) -> bool {
        self.asked.cell == family.as_str()
    }

    fn is_battery(&self, battery: &BatteryChoice) -> bool {
        self.asked.battery == battery.battery_id.to_string()
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for an unknown profile.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let profile = find(&state, &id).await?;
    let mut asked = asked.into_inner();
    let mut problems = Problems::default();
    let battery = match asked.battery.parse::<i64>() {
        Ok(id) => state.store.battery(BatteryId(id)).await?,
        Err(_) => None,
    };
    if battery.is_none() && !asked.battery.is_empty() {
        problems.add("battery", "There is no such battery. Choose another one.");
    }
    let on = on(&profile, battery.as_ref(), &mut asked, &mut problems);
    let now_us = state.clock.now_us();
    let trial = match on {
        Some(on) => Some(trial(&profile.program, on, battery.as_ref(), now_us).await?),
        None => None,
    };
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        layout: Layout::new(&request, "profiles"),
        notice: done(&asked.done, &profile.name),
        batteries: state.store.battery_choices("", CHOICES_MAX).await?,
        unicycler_notes: unicycler::write(&profile.program).notes,
        pybamm_notes: pybamm::write(&profile.program).notes,
        profile,
        trial,
        problems,
        asked,
        now_us,
    };
    answer::page(status, &page)
}

/// What the dry run is made on; fills in what was not asked for.
fn on(profile: &Profile, battery: Option<&Battery>, asked: &mut Asked, problems: &mut Problems) -> Option<On> {
    let guess = On::guess(&profile.program);
    let mut number =
        |field: &'static str, typed: &str, usual: f64, range: std::ops::RangeInclusive<f64>, unit: &str| {
            if typed.trim().is_empty() {
                return Some(usual);
            }
            let value = problems.take(field, number::typed(typed))?;
            if !range.contains(&value) {
                problems.add(field, format!("Enter {} to {} {unit}.", range.start(), range.end()));
                return None;
            }
            Some(value)
        };
    let usual_soc = if begins_with_charge(&profile.program) { 10.0 } else { 90.0 };
    let soc_pct = number("soc", &asked.soc, usual_soc, 0.0..=100.0, "%");
    let capacity_ah = number("capacity", &asked.capacity, guess.capacity_ah, 0.001..=CAPACITY_MAX_AH, "Ah");
    let (soc_pct, capacity_ah) = (soc_pct?, capacity_ah?);
    if asked.soc.trim().is_empty() {
        asked.soc = soc_pct.to_string();
    }
    if let Some(battery) = battery {
        let on = On::battery(battery, soc_pct);
        if on.is_none() {
            problems.add(
                "battery",
                format!("There is no model of {} to compute with. Choose a typical cell.", battery.name),
            );
        }
        return on;
    }
    if asked.capacity.trim().is_empty() {
        asked.capacity = capacity_ah.to_string();
    }
    let family = Family::from_word(&asked.cell).unwrap_or(guess.family);
    family.as_str().clone_into(&mut asked.cell);
    Some(On::typical(family, capacity_ah, soc_pct))
}

/// What was done before somebody was led here.
fn done(word: &str, name: &str) -> Option<Notice> {
    Some(Notice::done(match word {
        "added" => format!("{name} was stored."),
        "edited" => format!("{name} was changed. Experiments keep the steps they were queued with."),
        "same" => format!("Nothing was changed: {name} was so already."),
        "retired" => format!("{name} was retired: it can no longer be chosen for experiments."),
        "back" => format!("{name} can be chosen for experiments again."),
        _ => return None,
    }))
}
