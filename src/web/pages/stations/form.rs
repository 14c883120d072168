//! The form of a station, for a new one and for a successor.

use actix_web::HttpRequest;
use askama::Template;

use super::typed::{Key, Typed};
use super::words::{currents, told_limits, voltages};
use crate::domain::measure::{title, units};
use crate::store::devices::Device;
use crate::store::instruments::Instrument;
use crate::store::stations_read::Station;
use crate::web::answer::Notice;
use crate::web::forms::{Problems, once};
use crate::web::page::Layout;
use crate::web::pages::units::Reach;
use crate::web::{State, WebError};

/// The page with the form.
#[derive(Template)]
#[template(path = "stations/form.html")]
pub struct Page {
    layout: Layout,
    unit: Device,
    reach: Reach,
    /// The station that gets a successor.
    pub(super) parent: Option<Station>,
    /// Its instruments, for what it is now.
    parent_instruments: Vec<Instrument>,
    /// What may be picked.
    pub(super) offered: Vec<Instrument>,
    /// What belongs to other stations.
    taken: Vec<Instrument>,
    pub(super) typed: Typed,
    pub(super) problems: Problems,
    pub(super) notice: Option<Notice>,
}

/// An instrument in the form.
struct Offered {
    id: i64,
    name: String,
    hint: String,
    is_picked: bool,
    is_absent: bool,
    measures: Vec<Offer>,
}

/// A quantity in the form.
struct Offer {
    /// `12:voltage_v`.
    key: String,
    /// The same as part of an element's id.
    id: String,
    title: String,
    is_picked: bool,
    name: String,
    unit: String,
    units: &'static [&'static str],
}

impl Page {
    /// A form on a unit; `parent` is the station that gets a successor.
    pub(super) async fn new(
        request: &HttpRequest,
        state: &State,
        unit: Device,
        parent: Option<Station>,
    ) -> Result<Self, WebError> {
        let all = state.store.instruments_of(&unit.device).await?;
        let parent_instruments = match &parent {
            Some(parent) => state.store.station_instruments(parent.station_id).await?,
            None => Vec::new(),
        };
        // What the station has stays its own, also what its unit did not find lately.
        let is_own = |one: &Instrument| parent_instruments.iter().any(|own| own.instrument_id == one.instrument_id);
        let (offered, others): (Vec<_>, Vec<_>) = all
            .into_iter()
            .filter(|one| is_own(one) || one.absent_at_us.is_none())
            .partition(|one| is_own(one) || one.station.is_none());
        let now_us = state.clock.now_us();
        let typed = match &parent {
            Some(parent) => {
                let measures = state.store.station_measures(parent.station_id).await?;
                Typed::of(parent, &parent_instruments, &measures)
            }
            None => Typed::default(),
        };
        Ok(Self {
            layout: Layout::new(request, "stations"),
            reach: Reach::new(unit.seen_at_us, unit.disabled, now_us),
            unit,
            parent,
            parent_instruments,
            offered,
            taken: others,
            typed: Typed { once: once()?, ..typed },
            problems: Problems::default(),
            notice: None,
        })
    }

    fn action(&self) -> String {
        match &self.parent {
            Some(parent) => format!("/stations/{}/edit", parent.station_id),
            None => format!("/stations/new?unit={}", self.unit.device),
        }
    }

    fn heading(&self) -> String {
        self.parent.as_ref().map_or_else(|| "Build a station".to_owned(), |parent| format!("Modify {}", parent.name))
    }

    fn list(&self) -> Vec<Offered> {
        self.offered.iter().map(|instrument| self.offer(instrument)).collect()
    }

    fn offer(&self, instrument: &Instrument) -> Offered {
        let id = instrument.instrument_id.0;
        let text = |of: &std::collections::BTreeMap<Key, String>, key: &Key| of.get(key).cloned().unwrap_or_default();
        let measures = instrument.quantities.iter().map(|quantity| {
            let key = (id, quantity.clone());
            Offer {
                key: format!("{id}:{quantity}"),
                id: format!("{id}-{quantity}"),
                title: title(quantity),
                is_picked: self.typed.measures.contains(&key),
                name: text(&self.typed.names, &key),
                unit: text(&self.typed.units, &key),
                units: units(quantity),
            }
        });
        let parts = [instrument.link.clone(), told_limits(&instrument.limits)];
        Offered {
            id,
            name: instrument.title(),
            hint: parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", "),
            is_picked: self.typed.instruments.contains(&id),
            is_absent: instrument.absent_at_us.is_some(),
            measures: measures.collect(),
        }
    }

    fn voltages(parent: &Station) -> String {
        voltages(&parent.limits())
    }

    fn currents(parent: &Station) -> String {
        currents(&parent.limits())
    }

    fn own(&self) -> String {
        self.parent_instruments.iter().map(Instrument::title).collect::<Vec<_>>().join(", ")
    }
}
