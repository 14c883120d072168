//! What a unit is told of the stations it drives: all of them, whenever one of them changes.

use serde_json::{Value, json};

use super::group::on_group;
use super::outbox::NewCommand;
use super::sql::statements;
use super::stations_build::told_limits;
use super::{Group, StoreError};
use crate::domain::audit::Actor;
use crate::domain::command::Verb;
use crate::domain::ids::DeviceId;
use crate::domain::limits::Limits;

statements! {
    LIVE_OF_UNIT = "
        SELECT station_id, name, voltage_min_v, voltage_max_v, current_min_a, current_max_a
        FROM station
        WHERE device_id = ? AND retired_at_us IS NULL
        ORDER BY station_id";
    INSTRUMENTS_OF_UNIT = "
        SELECT si.station_id, i.instrument_id, i.model, i.serial, i.link
        FROM station_instrument si
        JOIN instrument i ON i.instrument_id = si.instrument_id
        WHERE i.device_id = ? AND si.live_instrument_id IS NOT NULL
        ORDER BY i.instrument_id";
    MEASURES_OF_UNIT = "
        SELECT m.station_id, m.instrument_id, m.quantity, m.column_name
        FROM station_measure m
        JOIN station st ON st.station_id = m.station_id
        WHERE st.device_id = ? AND st.retired_at_us IS NULL
        ORDER BY m.station_id, m.position";
}

impl Group {
    /// Tells a unit all the stations it drives; earlier words that it has not heard are not needed any more.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn tell_stations(&mut self, by: &Actor, unit: &DeviceId, now_us: i64) -> Result<(), StoreError> {
        let stations: Vec<(i64, String, f64, f64, f64, f64)> = on_group!(self, conn, dialect => {
            sqlx::query_as(LIVE_OF_UNIT.text(dialect)).bind(unit.as_str()).fetch_all(conn).await?
        });
        let instruments: Vec<(i64, i64, String, String, String)> = on_group!(self, conn, dialect => {
            sqlx::query_as(INSTRUMENTS_OF_UNIT.text(dialect)).bind(unit.as_str()).fetch_all(conn).await?
        });
        let measures: Vec<(i64, i64, String, String)> = on_group!(self, conn, dialect => {
            sqlx::query_as(MEASURES_OF_UNIT.text(dialect)).bind(unit.as_str()).fetch_all(conn).await?
        });
        let list: Vec<Value> = stations
            .into_iter()
            .map(|(id, name, voltage_min_v, voltage_max_v, current_min_a, current_max_a)| {
                let limits = Limits { voltage_min_v, voltage_max_v, current_min_a, current_max_a };
                let own = instruments.iter().filter(|(station, ..)| *station == id);
                let own = own.map(|(_, instrument, model, serial, link)| {
                    let columns = measures.iter().filter(|(station, of, ..)| (*station, *of) == (id, *instrument));
                    let columns: serde_json::Map<String, Value> =
                        columns.map(|(.., quantity, column)| (quantity.clone(), column.clone().into())).collect();
                    json!({ "model": model, "serial": serial, "link": link, "columns": columns })
                });
                json!({ "station": id, "name": name, "limits": told_limits(&limits),
                    "instruments": own.collect::<Vec<_>>() })
            })
            .collect();
        self.replace_commands(unit, Verb::Stations).await?;
        let payload = json!({ "stations": list });
        let new = NewCommand { device: unit, verb: Verb::Stations, payload, expires_at_us: None };
        self.add_command(by, &new, now_us).await?;
        Ok(())
    }
}
