//! `GET /batteries/{id}`: one battery, and what can be done with it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::find;
use super::words::{cells, current_range, voltage_range};
use crate::domain::battery::Technology;
use crate::domain::number::plain;
use crate::store::batteries::{Battery, BatteryExperiment};
use crate::store::cell_places::Place;
use crate::web::answer::{DoneQuery, Notice};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::{State, WebError, answer};

/// Experiments shown; the list of experiments has all.
const EXPERIMENTS_SHOWN: i64 = 10;

#[derive(Template)]
#[template(path = "batteries/show.html")]
struct Page {
    layout: Layout,
    battery: Battery,
    experiments: Vec<BatteryExperiment>,
    /// All places, in order; none where no cell sits.
    places: Vec<(i64, Option<Place>)>,
    /// When the picture was stored; none without one.
    photo_at_us: Option<i64>,
    notice: Option<Notice>,
    now_us: i64,
}

impl Page {
    fn moment(&self, at_us: &i64) -> Moment {
        Moment::new(*at_us, self.now_us)
    }

    fn voltages(&self) -> String {
        voltage_range(self.battery.voltage_min_v, self.battery.voltage_max_v)
    }

    fn cell_voltages(&self) -> String {
        voltage_range(self.battery.cell_voltage_min_v, self.battery.cell_voltage_max_v)
    }

    fn currents(&self) -> String {
        current_range(self.battery.current_min_a, self.battery.current_max_a)
    }

    /// What its maker, its owner and the balance say: name and text, only what was said.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let facts = &self.battery.facts;
        let amount = |value: Option<f64>, per_si: f64, unit: &str| {
            value.map_or_else(String::new, |value| format!("{} {unit}", plain(value * per_si)))
        };
        let format = if facts.format.as_str().is_empty() { "" } else { facts.format.title() };
        let all = [
            ("Maker", facts.manufacturer.clone()),
            ("Model", facts.model.clone()),
            ("Serial number", facts.serial.clone()),
            ("Format", format.to_owned()),
            ("Made on", facts.made_on.clone()),
            ("Bought on", facts.bought_on.clone()),
            ("Mass", amount(facts.mass_kg, 1e3, "g")),
            ("Active mass", amount(facts.active_mass_kg, 1e3, "g")),
            ("Electrode area", amount(facts.area_m2, 1e4, "cm²")),
            ("Size of an electrode", amount(facts.electrode_size_m2, 1e4, "cm²")),
            ("Electrodes", facts.electrode_composition.clone()),
            ("Bipolar plates", facts.bipolar.clone()),
            ("Membrane", facts.membrane.clone()),
            ("Electrolyte", facts.electrolyte.clone()),
            ("Owner", facts.owner.clone()),
            ("Kept at", facts.location.clone()),
        ];
        all.into_iter().filter(|(_, text)| !text.is_empty()).collect()
    }

    fn cells_words(&self) -> String {
        cells(&self.battery)
    }

    /// How many places have a cell.
    fn taken(&self) -> usize {
        self.places.iter().filter(|(_, place)| place.is_some()).count()
    }

    fn is_unknown(&self) -> bool {
        self.battery.technology == Technology::Generic
    }

    fn capacity(&self) -> String {
        plain(self.battery.capacity_ah)
    }
}

/// Answers with the page.
///
/// # Errors
/// 404 for an unknown battery.
pub async fn page(
    request: HttpRequest,
    state: web::Data<State>,
    id: web::Path<String>,
    query: web::Query<DoneQuery>,
) -> Result<HttpResponse, WebError> {
    let battery = find(&state, &id).await?;
    let experiments = state.store.experiments_on(battery.battery_id, EXPERIMENTS_SHOWN).await?;
    let sitting = state.store.places(battery.battery_id).await?;
    let places = by_position(i64::from(battery.places()), sitting);
    let photo_at_us = state.store.battery_photo_at(battery.battery_id).await?;
    let notice = done(&query.done, &battery.name);
    let layout = Layout::new(&request, "batteries");
    answer::page(
        StatusCode::OK,
        &Page { layout, battery, experiments, places, photo_at_us, notice, now_us: state.clock.now_us() },
    )
}

/// Every place with what sits there.
fn by_position(count: i64, sitting: Vec<Place>) -> Vec<(i64, Option<Place>)> {
    let mut sitting = sitting.into_iter().peekable();
    (1..=count).map(|position| (position, sitting.next_if(|place| place.position == position))).collect()
}

/// What was done before somebody was led here.
fn done(word: &str, name: &str) -> Option<Notice> {
    Some(Notice::done(match word {
        "added" => format!("{name} was added."),
        "edited" => format!("{name} was changed."),
        "same" => format!("Nothing was changed: {name} was so already."),
        "retired" => format!("{name} is retired: no form offers it any more. Its experiments stay."),
        "filled" => "Each place has a cell of its own number now.".to_owned(),
        "swapped" => format!("The cells of {name} were changed."),
        "photo" => format!("The picture of {name} was stored."),
        "no-photo" => format!("{name} has no picture now."),
        "back" => format!("{name} is in use again."),
        _ => return None,
    }))
}
