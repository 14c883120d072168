//! `GET` and `POST /api/v1/batteries`, `GET` and `PATCH /api/v1/batteries/{id}`: batteries for programs, in SI units.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::domain::battery::{BatteryFacts, Draft, Misfit};
use crate::domain::ids::BatteryId;
use crate::store::StoreError;
use crate::store::batteries::{Battery, BatteryQuery, BatterySort};
use crate::web::forms::{Problem, line};
use crate::web::moment::day;
use crate::web::{State, Visitor, WebError};

/// Batteries of an answer when nothing is said.
const PER_PAGE_DEFAULT: i64 = 50;
/// Most batteries of one answer.
const PER_PAGE_MAX: i64 = 200;
/// Last page that can be asked for.
const PAGE_MAX: i64 = 100_000;
/// Longest text to look for, in characters.
const TEXT_MAX: usize = 100;

/// A battery as programs get it.
#[derive(Debug, Serialize)]
struct Answer {
    battery_id: BatteryId,
    #[serde(flatten)]
    facts: BatteryFacts,
    version: i64,
    created_at_us: i64,
    updated_at_us: i64,
    retired_at_us: Option<i64>,
}

impl From<Battery> for Answer {
    fn from(battery: Battery) -> Self {
        Self {
            battery_id: battery.battery_id,
            facts: battery.facts,
            version: battery.version,
            created_at_us: battery.created_at_us,
            updated_at_us: battery.updated_at_us,
            retired_at_us: battery.retired_at_us,
        }
    }
}

/// What a program sends: fields of [`BatteryFacts`]; `null` means not said.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Entered {
    name: Option<String>,
    manufacturer: Option<String>,
    model: Option<String>,
    serial: Option<String>,
    technology: Option<String>,
    chemistry: Option<String>,
    kind: Option<String>,
    format: Option<String>,
    cells_series: Option<f64>,
    cells_parallel: Option<f64>,
    capacity_ah: Option<f64>,
    voltage_min_v: Option<f64>,
    voltage_max_v: Option<f64>,
    current_min_a: Option<f64>,
    current_max_a: Option<f64>,
    cell_voltage_min_v: Option<f64>,
    cell_voltage_max_v: Option<f64>,
    mass_kg: Option<f64>,
    active_mass_kg: Option<f64>,
    area_m2: Option<f64>,
    electrode_size_m2: Option<f64>,
    electrode_composition: Option<String>,
    bipolar: Option<String>,
    membrane: Option<String>,
    electrolyte: Option<String>,
    owner: Option<String>,
    location: Option<String>,
    made_on: Option<String>,
    bought_on: Option<String>,
    description: Option<String>,
}

impl Entered {
    /// The fields of a JSON object.
    fn read(fields: Map<String, Value>) -> Result<Self, WebError> {
        serde_json::from_value(Value::Object(fields)).map_err(|error| unreadable(&error))
    }

    fn check(self, now_us: i64) -> Result<BatteryFacts, WebError> {
        let draft = Draft {
            name: self.name.unwrap_or_default(),
            manufacturer: self.manufacturer.unwrap_or_default(),
            model: self.model.unwrap_or_default(),
            serial: self.serial.unwrap_or_default(),
            technology: self.technology.unwrap_or_default(),
            chemistry: self.chemistry.unwrap_or_default(),
            kind: self.kind.unwrap_or_default(),
            format: self.format.unwrap_or_default(),
            cells_series: self.cells_series,
            cells_parallel: self.cells_parallel,
            capacity_ah: self.capacity_ah,
            voltage_min_v: self.voltage_min_v,
            voltage_max_v: self.voltage_max_v,
            current_min_a: self.current_min_a,
            current_max_a: self.current_max_a,
            cell_voltage_min_v: self.cell_voltage_min_v,
            cell_voltage_max_v: self.cell_voltage_max_v,
            mass_kg: self.mass_kg,
            active_mass_kg: self.active_mass_kg,
            area_m2: self.area_m2,
            electrode_size_m2: self.electrode_size_m2,
            electrode_composition: self.electrode_composition.unwrap_or_default(),
            bipolar: self.bipolar.unwrap_or_default(),
            membrane: self.membrane.unwrap_or_default(),
            electrolyte: self.electrolyte.unwrap_or_default(),
            owner: self.owner.unwrap_or_default(),
            location: self.location.unwrap_or_default(),
            made_on: self.made_on.unwrap_or_default(),
            bought_on: self.bought_on.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
        };
        let problem = |misfit: Misfit| Problem { field: misfit.field.into(), message: misfit.message };
        draft.check(&day(now_us)).map_err(|misfits| WebError::InvalidFields(misfits.into_iter().map(problem).collect()))
    }
}

/// What a program asks of the list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    q: String,
    technology: String,
    kind: String,
    /// `true`, `false`, or empty for both.
    retired: String,
    sort: String,
    order: String,
    page: Option<i64>,
    per_page: Option<i64>,
}

#[derive(Debug, Serialize)]
struct List {
    batteries: Vec<Answer>,
    total: i64,
    page: i64,
    per_page: i64,
}

/// The batteries that fit, page by page.
///
/// # Errors
/// 422 for a word that asks for nothing there is.
pub async fn list(state: web::Data<State>, asked: web::Query<Asked>) -> Result<HttpResponse, WebError> {
    let page = asked.page.unwrap_or(1).clamp(1, PAGE_MAX);
    let per_page = asked.per_page.unwrap_or(PER_PAGE_DEFAULT).clamp(1, PER_PAGE_MAX);
    let sort = word("sort", &asked.sort, BatterySort::from_word)?;
    let query = BatteryQuery {
        text: line(&asked.q).chars().take(TEXT_MAX).collect(),
        technology: word("technology", &asked.technology, |word| word.parse().ok())?,
        kind: word("kind", &asked.kind, |word| word.parse().ok())?,
        retired: word("retired", &asked.retired, |word| word.parse().ok())?,
        sort: sort.unwrap_or_default(),
        descending: asked.order == "desc",
        offset: (page - 1) * per_page,
        limit: per_page,
    };
    let found = state.store.batteries(&query).await?;
    let batteries = found.batteries.into_iter().map(Answer::from).collect();
    Ok(HttpResponse::Ok().json(List { batteries, total: found.total, page, per_page }))
}

/// One battery.
///
/// # Errors
/// 404 for an unknown one.
pub async fn show(state: web::Data<State>, id: web::Path<String>) -> Result<HttpResponse, WebError> {
    Ok(HttpResponse::Ok().json(Answer::from(find(&state, &id).await?)))
}

/// Stores a battery; limits that are not sent become the usual ones of the chemistry.
///
/// # Errors
/// 422 with each field that does not fit, 409 when the name is taken.
pub async fn add(state: web::Data<State>, visitor: Visitor, body: web::Bytes) -> Result<HttpResponse, WebError> {
    let now_us = state.clock.now_us();
    let facts = Entered::read(object(&body)?)?.check(now_us)?;
    let id = state.store.add_battery(&visitor.actor(), &facts, None, now_us).await?;
    let battery = state.store.battery(id).await?.ok_or(UNKNOWN)?;
    let path = format!("/api/v1/batteries/{id}");
    Ok(HttpResponse::Created().insert_header((header::LOCATION, path)).json(Answer::from(battery)))
}

/// Changes the fields that are sent. With `version` in the body it does so only if nobody changed the battery since.
///
/// # Errors
/// 404 for an unknown battery, 422 with each field that does not fit, 409 for an old version or a name that is taken.
pub async fn change(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    body: web::Bytes,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let mut sent = object(&body)?;
    if let Some(version) = sent.remove("version")
        && version != battery.version
    {
        let name = &battery.name;
        let why = format!("Version {version} of {name} is not the present one, {}. Read it again.", battery.version);
        return Err(WebError::Conflict(why));
    }
    let now_us = state.clock.now_us();
    let stored = serde_json::to_value(&battery.facts).map_err(WebError::internal)?;
    let mut fields = stored.as_object().cloned().unwrap_or_default();
    fields.extend(sent);
    let facts = Entered::read(fields)?.check(now_us)?;
    if facts != battery.facts {
        state.store.edit_battery(&visitor.actor(), &battery, &facts, now_us).await.map_err(|error| match error {
            StoreError::Missing { .. } => UNKNOWN,
            error => error.into(),
        })?;
    }
    Ok(HttpResponse::Ok().json(Answer::from(find(&state, &id).await?)))
}

const UNKNOWN: WebError = WebError::NotFound("such battery");

async fn find(state: &State, id: &str) -> Result<Battery, WebError> {
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.battery(BatteryId(id)).await?.ok_or(UNKNOWN)
}

/// The JSON object of a body.
fn object(body: &[u8]) -> Result<Map<String, Value>, WebError> {
    serde_json::from_slice(body).map_err(|error| unreadable(&error))
}

fn unreadable(error: &serde_json::Error) -> WebError {
    WebError::Invalid { target: "body", message: format!("{error}; send a JSON object with the fields of a battery") }
}

/// A word of the address, or 422; nothing for an empty one.
fn word<T>(target: &'static str, typed: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, WebError> {
    if typed.is_empty() {
        return Ok(None);
    }
    let unknown = || WebError::Invalid { target, message: format!("“{}” is not known here", line(typed)) };
    read(typed).map(Some).ok_or_else(unknown)
}
