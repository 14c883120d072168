//! `/experiments/new`: what, where and how, a review, and into the queue. Plain GET and POST throughout.

mod form;
mod typed;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::domain::ids::ExperimentId;
use crate::store::StoreError;
use crate::store::batteries::Battery;
use crate::store::stations_read::Station;
use crate::web::forms::{self, Problems, once_of};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::pages::profiles::trial::{On, Trial, begins_with_charge, trial};
use crate::web::{State, Visitor, WebError, answer};

use form::{Page, Place};
pub use typed::Typed;
use typed::{Draft, Way};

/// How full a battery is taken to be before a charge and before a discharge, %.
const SOC_EMPTY_PCT: f64 = 10.0;
const SOC_FULL_PCT: f64 = 90.0;
/// Electrolyte fields of one side, as the form writes them.
const SIDES: [(&str, &str); 2] = [("negative", "Negative side"), ("positive", "Positive side")];

/// The address of the form.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Query {
    battery: String,
    station: String,
    profile: String,
    /// Experiment to be repeated.
    clone: String,
    /// Part of a battery's name.
    find: String,
    /// Whether battery and station are to be chosen anew.
    choose: String,
    /// Whether both are said to be chosen.
    go: String,
}

#[derive(Template)]
#[template(path = "experiments/review.html")]
struct Review {
    layout: Layout,
    typed: Typed,
    draft: Draft,
    battery: Battery,
    place: Place,
    /// What is to be expected of it, for batteries there is a model of.
    trial: Option<Trial>,
    once: String,
    now_us: i64,
}

impl Review {
    fn carried(&self) -> Vec<(&'static str, &str)> {
        self.typed.carried()
    }

    fn steps(&self) -> Vec<String> {
        self.draft.steps.steps.iter().map(crate::domain::profile::Step::words).collect()
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn is_new_profile(&self) -> bool {
        matches!(self.draft.way, Way::New(_))
    }
}

/// Answers with the form: first battery and station, then the rest.
///
/// # Errors
/// 404 for an experiment to be repeated that is not there.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    query: web::Query<Query>,
) -> Result<HttpResponse, WebError> {
    let mut typed = Typed::default();
    if !query.clone.is_empty() {
        const UNKNOWN: WebError = WebError::NotFound("such experiment to be repeated");
        let id = query.clone.parse().map_err(|_| UNKNOWN)?;
        let experiment = state.store.experiment(ExperimentId(id)).await?.ok_or(UNKNOWN)?;
        typed = Typed::of(&experiment);
    }
    for (field, given) in [
        (&mut typed.battery, &query.battery),
        (&mut typed.station, &query.station),
        (&mut typed.profile, &query.profile),
    ] {
        if !given.is_empty() {
            field.clone_from(given);
        }
    }
    let mut problems = Problems::default();
    if !query.go.is_empty() && query.choose.is_empty() {
        things(&state, &typed, &mut problems).await?;
    }
    let code = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page::new(&request, &state, typed, problems, &query.find, !query.choose.is_empty()).await?;
    answer::page(code, &page)
}

/// Takes the form: back to it, on to the review, or into the queue.
///
/// # Errors
/// When the database fails; what does not fit is told on the form.
pub async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    body: web::Bytes,
) -> Result<HttpResponse, WebError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let typed = Typed::read(kind, &body)?;
    let mut problems = Problems::default();
    if typed.step == "queue" {
        return match make(&state, &visitor, &typed, once_of(&typed.once), &mut problems).await? {
            Made::Queued(id) => Ok(answer::see_other(&format!("/?station={}&queued={id}", typed.station))),
            Made::Refused => refused(&request, &state, typed, problems, StatusCode::UNPROCESSABLE_ENTITY).await,
            // Retired, filled up or taken between the check and the deed.
            Made::Conflict(why) => {
                problems.add("battery", why);
                refused(&request, &state, typed, problems, StatusCode::CONFLICT).await
            }
        };
    }
    let (Some(battery), Some(station)) = things(&state, &typed, &mut problems).await? else {
        return refused(&request, &state, typed, problems, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    if typed.step == "edit" {
        return refused(&request, &state, typed, problems, StatusCode::OK).await;
    }
    let Some(draft) = typed.check(&state, &battery, &station, &mut problems).await? else {
        return refused(&request, &state, typed, problems, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    let now_us = state.clock.now_us();
    let review = Review {
        layout: Layout::new(&request, "experiments"),
        place: Place::new(&station, now_us),
        trial: dry_run(&draft, &battery, now_us).await?,
        now_us,
        once: forms::once()?,
        typed,
        draft,
        battery,
    };
    answer::page(StatusCode::OK, &review)
}

/// The form again, with what is wrong beside its fields.
async fn refused(
    request: &HttpRequest,
    state: &State,
    typed: Typed,
    problems: Problems,
    code: StatusCode,
) -> Result<HttpResponse, WebError> {
    let choose = problems.of("battery").is_some() || problems.of("station").is_some();
    let page = Page::new(request, state, typed, problems, "", choose).await?;
    answer::page(code, &page)
}

/// What became of an experiment that was to be queued.
#[derive(Debug)]
pub enum Made {
    /// It waits under this number.
    Queued(ExperimentId),
    /// Something does not fit; the problems say what.
    Refused,
    /// Somebody else was faster; the text says with what.
    Conflict(String),
}

/// Checks everything and queues the experiment.
///
/// # Errors
/// When the database fails.
pub async fn make(
    state: &State,
    visitor: &Visitor,
    typed: &Typed,
    once: Option<&str>,
    problems: &mut Problems,
) -> Result<Made, WebError> {
    let (Some(battery), Some(station)) = things(state, typed, problems).await? else { return Ok(Made::Refused) };
    let Some(draft) = typed.check(state, &battery, &station, problems).await? else { return Ok(Made::Refused) };
    let profile = if let Way::New(profile) = &draft.way { Some(profile) } else { None };
    let now_us = state.clock.now_us();
    let queued = state.store.queue_with_profile(&visitor.actor(), &draft.experiment, profile, once, now_us).await;
    match queued {
        Ok(id) => Ok(Made::Queued(id)),
        Err(StoreError::Duplicate { name, .. }) => {
            problems.add("profile_name", format!("There is a profile “{name}” now. Choose another name."));
            Ok(Made::Refused)
        }
        Err(StoreError::Conflict(why)) => Ok(Made::Conflict(why)),
        Err(error) => Err(error.into()),
    }
}

/// What the profile would do to a battery of this kind: full when it begins with a discharge, otherwise empty.
async fn dry_run(draft: &Draft, battery: &Battery, now_us: i64) -> Result<Option<Trial>, WebError> {
    let soc_pct = if begins_with_charge(&draft.program) { SOC_EMPTY_PCT } else { SOC_FULL_PCT };
    let Some(on) = On::battery(battery, soc_pct) else { return Ok(None) };
    trial(&draft.program, on, Some(battery), now_us).await.map(Some)
}

/// Battery and station of a form; what is missing or retired is noted.
async fn things(
    state: &State,
    typed: &Typed,
    problems: &mut Problems,
) -> Result<(Option<Battery>, Option<Station>), WebError> {
    let mut battery = match typed.battery_id() {
        Some(id) => state.store.battery(id).await?,
        None => None,
    };
    let mut station = match typed.station_id() {
        Some(id) => state.store.station(id).await?,
        None => None,
    };
    match &battery {
        None => problems.add("battery", "Choose the battery."),
        Some(found) if found.retired_at_us.is_some() => {
            problems.add("battery", format!("{} is retired. Choose another battery.", found.name));
            battery = None;
        }
        Some(_) => {}
    }
    match &station {
        None => problems.add("station", "Choose the station."),
        Some(found) if !found.is_live() => {
            problems.add("station", format!("{} is retired. Choose another station.", found.name));
            station = None;
        }
        Some(found) if found.is_virtual => {
            problems
                .add("station", format!("{} holds what was measured elsewhere. Choose another station.", found.name));
            station = None;
        }
        Some(_) => {}
    }
    Ok((battery, station))
}
