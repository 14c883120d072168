//! Instruments that units found: kept for good, so that what was measured can be traced to what measured it.

use super::devices::read_id;
use super::group::on_group;
use super::sql::{InsertedId, on_read, statements};
use super::{Group, Store, StoreError};
use crate::domain::ids::{DeviceId, InstrumentId, StationId};
use crate::domain::instrument::{FoundInstrument, ToldLimits, USUAL_QUANTITIES};

statements! {
    KNOWN = "
        SELECT instrument_id, link, model, serial, absent_at_us
        FROM instrument
        WHERE device_id = ?";
    INSERT = "
        INSERT INTO instrument
            (device_id, model, serial, link, measures_json, voltage_min_v, voltage_max_v, current_min_a, current_max_a,
             first_at_us, last_at_us)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    SEEN = "
        UPDATE instrument
        SET last_at_us = ?, absent_at_us = NULL, measures_json = COALESCE(?, measures_json),
            voltage_min_v = COALESCE(?, voltage_min_v), voltage_max_v = COALESCE(?, voltage_max_v),
            current_min_a = COALESCE(?, current_min_a), current_max_a = COALESCE(?, current_max_a)
        WHERE instrument_id = ?";
    ABSENT = "
        UPDATE instrument
        SET absent_at_us = ?
        WHERE instrument_id = ?";
    COMES = "
        INSERT INTO instrument_presence (instrument_id, from_us, to_us)
        VALUES (?, ?, NULL)
        ON CONFLICT (instrument_id, from_us) DO UPDATE SET to_us = NULL" | "
        INSERT INTO instrument_presence (instrument_id, from_us, to_us)
        VALUES (?, ?, NULL)
        ON DUPLICATE KEY UPDATE to_us = NULL";
    GOES = "
        UPDATE instrument_presence
        SET to_us = ?
        WHERE instrument_id = ? AND to_us IS NULL";
    OF_UNIT = "
        SELECT i.instrument_id, i.device_id, i.model, i.serial, i.link, i.measures_json, i.voltage_min_v, i.voltage_max_v,
            i.current_min_a, i.current_max_a, i.first_at_us, i.last_at_us, i.absent_at_us, st.station_id,
            st.name AS station_name
        FROM instrument i
        LEFT JOIN station_instrument si ON si.live_instrument_id = i.instrument_id
        LEFT JOIN station st ON st.station_id = si.station_id
        WHERE i.device_id = ?
        ORDER BY i.link, i.absent_at_us IS NOT NULL, i.absent_at_us DESC, i.instrument_id
        LIMIT ?";
    OF_STATION = "
        SELECT i.instrument_id, i.device_id, i.model, i.serial, i.link, i.measures_json, i.voltage_min_v, i.voltage_max_v,
            i.current_min_a, i.current_max_a, i.first_at_us, i.last_at_us, i.absent_at_us, st.station_id,
            st.name AS station_name
        FROM station_instrument mine
        JOIN instrument i ON i.instrument_id = mine.instrument_id
        LEFT JOIN station_instrument si ON si.live_instrument_id = i.instrument_id
        LEFT JOIN station st ON st.station_id = si.station_id
        WHERE mine.station_id = ?
        ORDER BY i.link, i.instrument_id
        LIMIT ?";
    PRESENCE = "
        SELECT i.instrument_id, i.link, i.model, i.serial, p.from_us, p.to_us
        FROM instrument_presence p
        JOIN instrument i ON i.instrument_id = p.instrument_id
        WHERE i.device_id = ?
        ORDER BY p.from_us DESC, i.instrument_id
        LIMIT ?";
}

/// Most instruments of one unit that are read, absent ones included: years of repairs.
pub const INSTRUMENTS_READ_MAX: i64 = 1_000;
/// Most entries of a unit's history that are read.
pub const PRESENCE_MAX: i64 = 100;

/// An instrument of a unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Instrument {
    /// Key.
    pub instrument_id: InstrumentId,
    /// The unit that found it.
    pub unit: DeviceId,
    /// Maker's model name.
    pub model: String,
    /// Serial number.
    pub serial: String,
    /// Where on the unit.
    pub link: String,
    /// What it measures; the usual quantities when its unit does not say.
    pub quantities: Vec<String>,
    /// What it can do, as far as its unit says.
    pub limits: ToldLimits,
    /// When it was first found, µs UTC.
    pub first_at_us: i64,
    /// When it was last found, µs UTC.
    pub last_at_us: i64,
    /// When its unit first did not find it any more, µs UTC; `None` while it is there.
    pub absent_at_us: Option<i64>,
    /// The live station it belongs to, with its name.
    pub station: Option<(StationId, String)>,
}

impl Instrument {
    /// What people call it: model and serial number, or its link.
    #[must_use]
    pub fn title(&self) -> String {
        let words: Vec<&str> =
            [self.model.as_str(), self.serial.as_str()].into_iter().filter(|word| !word.is_empty()).collect();
        if words.is_empty() { self.link.clone() } else { words.join(" ") }
    }
}

/// From when to when an instrument was there.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Presence {
    /// The instrument.
    #[sqlx(try_from = "i64")]
    pub instrument_id: InstrumentId,
    /// Where.
    pub link: String,
    /// Its model.
    pub model: String,
    /// Its serial number.
    pub serial: String,
    /// Since when, µs UTC.
    pub from_us: i64,
    /// Until when, µs UTC; `None`: it is there.
    pub to_us: Option<i64>,
}

/// What a report of a unit changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Detection {
    /// Instruments in the report.
    pub found: usize,
    /// Of those, never seen before.
    pub new: usize,
    /// Of those, missed for a while.
    pub back: usize,
    /// Not in the report and there before it.
    pub gone: usize,
}

#[derive(sqlx::FromRow)]
struct InstrumentRow {
    instrument_id: i64,
    device_id: String,
    model: String,
    serial: String,
    link: String,
    measures_json: Option<String>,
    voltage_min_v: Option<f64>,
    voltage_max_v: Option<f64>,
    current_min_a: Option<f64>,
    current_max_a: Option<f64>,
    first_at_us: i64,
    last_at_us: i64,
    absent_at_us: Option<i64>,
    station_id: Option<i64>,
    station_name: Option<String>,
}

impl InstrumentRow {
    fn read(self) -> Result<Instrument, StoreError> {
        let quantities = match &self.measures_json {
            Some(json) => serde_json::from_str(json).map_err(|error| StoreError::Unreadable {
                what: format!("instrument {}", self.instrument_id),
                reason: error.to_string(),
            })?,
            None => USUAL_QUANTITIES.map(str::to_owned).to_vec(),
        };
        Ok(Instrument {
            instrument_id: InstrumentId(self.instrument_id),
            unit: read_id(&self.device_id)?,
            model: self.model,
            serial: self.serial,
            link: self.link,
            quantities,
            limits: ToldLimits {
                voltage_min_v: self.voltage_min_v,
                voltage_max_v: self.voltage_max_v,
                current_min_a: self.current_min_a,
                current_max_a: self.current_max_a,
            },
            first_at_us: self.first_at_us,
            last_at_us: self.last_at_us,
            absent_at_us: self.absent_at_us,
            station: self.station_id.map(StationId).zip(self.station_name),
        })
    }
}

/// An instrument as it is known before a report: key, link, model, serial number, since when it is absent.
type Known = (i64, String, String, String, Option<i64>);

impl Group {
    /// Notes what a unit found on its links. What it did not find is absent from now on, and kept. A report of nothing
    /// changes nothing: some units answer so although everything is there.
    ///
    /// `found` is [cleaned](crate::domain::instrument::cleaned).
    ///
    /// # Errors
    /// When the database fails.
    pub async fn note_instruments(
        &mut self,
        device: &DeviceId,
        found: &[FoundInstrument],
        now_us: i64,
    ) -> Result<Detection, StoreError> {
        let mut detection = Detection { found: found.len(), ..Detection::default() };
        if found.is_empty() {
            return Ok(detection);
        }
        let mut known: Vec<Known> = on_group!(self, conn, dialect => {
            sqlx::query_as(KNOWN.text(dialect)).bind(device.as_str()).fetch_all(conn).await?
        });
        for instrument in found {
            let same = known.iter().position(|(_, link, model, serial, _)| instrument.key() == (link, model, serial));
            let known = same.map(|index| known.swap_remove(index));
            match known {
                None => {
                    detection.new += 1;
                    self.enter_instrument(device, instrument, now_us).await?;
                }
                Some((id, .., absent_at_us)) => {
                    if absent_at_us.is_some() {
                        detection.back += 1;
                        self.comes(id, now_us).await?;
                    }
                    self.see_instrument(id, instrument, now_us).await?;
                }
            }
        }
        for (id, ..) in known.into_iter().filter(|(.., absent_at_us)| absent_at_us.is_none()) {
            detection.gone += 1;
            on_group!(self, conn, dialect => {
                sqlx::query(ABSENT.text(dialect)).bind(now_us).bind(id).execute(conn).await?;
            });
            on_group!(self, conn, dialect => {
                sqlx::query(GOES.text(dialect)).bind(now_us).bind(id).execute(conn).await?;
            });
        }
        Ok(detection)
    }

    async fn enter_instrument(
        &mut self,
        device: &DeviceId,
        found: &FoundInstrument,
        now_us: i64,
    ) -> Result<(), StoreError> {
        let measures = measures_json(found);
        let id = on_group!(self, conn, dialect => {
            sqlx::query(INSERT.text(dialect))
                .bind(device.as_str())
                .bind(&found.model)
                .bind(&found.serial)
                .bind(&found.link)
                .bind(&measures)
                .bind(found.limits.voltage_min_v)
                .bind(found.limits.voltage_max_v)
                .bind(found.limits.current_min_a)
                .bind(found.limits.current_max_a)
                .bind(now_us)
                .bind(now_us)
                .execute(conn)
                .await?
                .inserted_id()
        });
        self.comes(id, now_us).await
    }

    async fn see_instrument(&mut self, id: i64, found: &FoundInstrument, now_us: i64) -> Result<(), StoreError> {
        let measures = measures_json(found);
        on_group!(self, conn, dialect => {
            sqlx::query(SEEN.text(dialect))
                .bind(now_us)
                .bind(&measures)
                .bind(found.limits.voltage_min_v)
                .bind(found.limits.voltage_max_v)
                .bind(found.limits.current_min_a)
                .bind(found.limits.current_max_a)
                .bind(id)
                .execute(conn)
                .await?;
        });
        Ok(())
    }

    async fn comes(&mut self, id: i64, now_us: i64) -> Result<(), StoreError> {
        on_group!(self, conn, dialect => {
            sqlx::query(COMES.text(dialect)).bind(id).bind(now_us).execute(conn).await?;
        });
        Ok(())
    }
}

fn measures_json(found: &FoundInstrument) -> Option<String> {
    found.measures.as_ref().map(|names| serde_json::json!(names).to_string())
}

impl Store {
    /// Every instrument a unit ever found, by link, those that are there first; at most [`INSTRUMENTS_READ_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn instruments_of(&self, unit: &DeviceId) -> Result<Vec<Instrument>, StoreError> {
        let rows: Vec<InstrumentRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_UNIT.text(dialect)).bind(unit.as_str()).bind(INSTRUMENTS_READ_MAX).fetch_all(pool).await?
        });
        rows.into_iter().map(InstrumentRow::read).collect()
    }

    /// The instruments a station has, or had until it was retired.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn station_instruments(&self, station: StationId) -> Result<Vec<Instrument>, StoreError> {
        let rows: Vec<InstrumentRow> = on_read!(&self.db, pool, dialect => {
            sqlx::query_as(OF_STATION.text(dialect)).bind(station.0).bind(INSTRUMENTS_READ_MAX).fetch_all(pool).await?
        });
        rows.into_iter().map(InstrumentRow::read).collect()
    }

    /// When instruments of a unit came and went, the newest first; at most [`PRESENCE_MAX`].
    ///
    /// # Errors
    /// When the database fails.
    pub async fn instrument_history(&self, unit: &DeviceId) -> Result<Vec<Presence>, StoreError> {
        Ok(on_read!(&self.db, pool, dialect => {
            sqlx::query_as(PRESENCE.text(dialect)).bind(unit.as_str()).bind(PRESENCE_MAX).fetch_all(pool).await?
        }))
    }
}
