//! What a research object says of itself: RO-Crate 1.1 metadata, and battery and test in the words of `BattINFO`.

use serde_json::{Value, json};

use super::bundle::{Part, Written};
use super::export::ExportError;
use super::format::Format;
use crate::domain::battery::{self, BatteryFacts};
use crate::report::csv::Dialect;
use crate::store::Store;
use crate::store::experiments::Experiment;

/// The name of the metadata, which the specification fixes.
pub(super) const METADATA: &str = "ro-crate-metadata.json";
/// A crate needs a word on what may be done with it; only the laboratory can say more.
const LICENSE: &str = "No licence was stated. Ask the laboratory before using these data.";

/// The metadata of a crate of these experiments and files (RO-Crate 1.1).
pub(super) fn metadata(experiments: &[Experiment], written: &[Written], now_us: i64) -> String {
    let published = day(now_us);
    let names: Vec<&str> = experiments.iter().map(|experiment| experiment.name.as_str()).collect();
    let files: Vec<Value> = written.iter().map(|file| json!({ "@id": id_of(&file.name) })).collect();
    let mut graph = vec![
        json!({
            "@id": METADATA,
            "@type": "CreativeWork",
            "conformsTo": { "@id": "https://w3id.org/ro/crate/1.1" },
            "about": { "@id": "./" },
        }),
        json!({
            "@id": "./",
            "@type": "Dataset",
            "name": names.join(", "),
            "description": format!("Battery cycling experiments with samples, reports and metadata: {}.", names.join(", ")),
            "datePublished": published,
            "license": LICENSE,
            "hasPart": files,
            "mentions": experiments.iter().map(|one| json!({ "@id": run_id(one) })).collect::<Vec<_>>(),
        }),
        json!({
            "@id": "#cellar",
            "@type": "SoftwareApplication",
            "name": "Cellar",
            "softwareVersion": env!("CARGO_PKG_VERSION"),
        }),
    ];
    for experiment in experiments {
        graph.push(json!({
            "@id": run_id(experiment),
            "@type": "CreateAction",
            "name": experiment.name,
            "description": experiment.description,
            "object": { "@id": battery_id(experiment) },
            "instrument": { "@id": "#cellar" },
            "startTime": experiment.started_at_us.map(moment),
            "endTime": experiment.finished_at_us.map(moment),
            "keywords": experiment.tags,
        }));
    }
    let mut batteries: Vec<&Experiment> = experiments.iter().collect();
    batteries.sort_by_key(|experiment| experiment.battery.0);
    batteries.dedup_by_key(|experiment| experiment.battery.0);
    graph.extend(batteries.into_iter().map(|experiment| {
        json!({ "@id": battery_id(experiment), "@type": "IndividualProduct", "name": experiment.battery_name })
    }));
    for file in written {
        let Some(experiment) = experiments.get(file.experiment) else { continue };
        graph.push(json!({
            "@id": id_of(&file.name),
            "@type": "File",
            "name": file.name,
            "description": words(file.part),
            "about": { "@id": run_id(experiment) },
            "encodingFormat": media_type(file.part),
            "contentSize": file.bytes.to_string(),
            "sha256": file.sha256,
            "dateModified": published,
        }));
    }
    let crate_of = json!({ "@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph });
    let mut text = format!("{:#}", without_nothing(crate_of));
    text.push('\n');
    text
}

/// Battery and test of an experiment in the words of `BattINFO` (JSON-LD).
pub(super) async fn battinfo(store: &Store, experiment: &Experiment) -> Result<String, ExportError> {
    let battery = store.battery(experiment.battery).await?;
    let instruments = store.station_instruments(experiment.station).await?;
    let equipment: Vec<Value> = instruments
        .iter()
        .map(|instrument| {
            json!({
                "@type": "BatteryCycler",
                "schema:model": instrument.model,
                "schema:serialNumber": instrument.serial,
            })
        })
        .collect();
    let test = json!({
        "@context": "https://w3id.org/emmo/domain/battery/context",
        "@type": "BatteryTest",
        "schema:name": experiment.name,
        "schema:description": experiment.description,
        "schema:startTime": experiment.started_at_us.map(moment),
        "schema:endTime": experiment.finished_at_us.map(moment),
        "hasTestObject": battery.map(|battery| test_object(&battery.facts)),
        "hasTestEquipment": equipment,
    });
    let mut text = format!("{:#}", without_nothing(test));
    text.push('\n');
    Ok(text)
}

fn test_object(facts: &BatteryFacts) -> Value {
    let category = format!("{} {}", facts.technology.title(), facts.chemistry);
    let kind = match facts.format {
        battery::Format::Cylindrical => "CylindricalBattery",
        battery::Format::Prismatic => "PrismaticBattery",
        battery::Format::Pouch => "PouchCell",
        battery::Format::Coin => "CoinCell",
        _ => "Battery",
    };
    let quantity = |kind: &str, value: f64, unit: &str| {
        json!({
            "@type": kind,
            "hasNumericalPart": { "@type": "RealData", "hasNumberValue": value },
            "hasMeasurementUnit": format!("emmo:{unit}"),
        })
    };
    let mut properties = vec![
        quantity("NominalCapacity", facts.capacity_ah, "AmpereHour"),
        quantity("LowerVoltageLimit", facts.voltage_min_v, "Volt"),
        quantity("UpperVoltageLimit", facts.voltage_max_v, "Volt"),
    ];
    properties.extend(facts.mass_kg.map(|mass_kg| quantity("Mass", mass_kg, "Kilogram")));
    properties.extend(facts.active_mass_kg.map(|mass_kg| quantity("ActiveMass", mass_kg, "Kilogram")));
    properties.extend(facts.area_m2.map(|area_m2| quantity("ElectrodeArea", area_m2, "SquareMetre")));
    json!({
        "@type": kind,
        "schema:productID": facts.name,
        "schema:manufacturer": facts.manufacturer,
        "schema:model": facts.model,
        "schema:serialNumber": facts.serial,
        "schema:category": category.trim(),
        "schema:productionDate": facts.made_on,
        "schema:accountablePerson": facts.owner,
        "hasMeasuredProperty": properties,
    })
}

/// Leaves out what nobody said.
fn without_nothing(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let said = |value: &Value| !(value.is_null() || value == "" || value == &json!([]));
            Value::Object(
                fields
                    .into_iter()
                    .filter(|(_, value)| said(value))
                    .map(|(name, value)| (name, without_nothing(value)))
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(without_nothing).collect()),
        other => other,
    }
}

fn words(part: Part) -> &'static str {
    match part {
        Part::Table(Format::Csv(Dialect::Cellar)) => {
            "Every sample, every column, every digit; times in UTC, charge current is positive"
        }
        Part::Table(Format::Parquet(_)) => "Every sample in the Battery Data Format, ontology 1.3.0",
        Part::Table(_) => "Every sample",
        Part::Report => "Report for people",
        Part::BattInfo => "Battery and test as BattINFO JSON-LD",
    }
}

fn media_type(part: Part) -> &'static str {
    match part {
        Part::Table(format) => format.media_type(),
        Part::Report => "text/html",
        Part::BattInfo => "application/ld+json",
    }
}

fn run_id(experiment: &Experiment) -> String {
    format!("#experiment-{}", experiment.experiment)
}

fn battery_id(experiment: &Experiment) -> String {
    format!("#battery-{}", experiment.battery)
}

/// The name of a file as a relative address.
fn id_of(name: &str) -> String {
    let mut id = String::with_capacity(name.len());
    for letter in name.chars() {
        if letter.is_ascii_alphanumeric() || "-._~()".contains(letter) {
            id.push(letter);
        } else {
            let mut bytes = [0; 4];
            letter.encode_utf8(&mut bytes).bytes().for_each(|byte| id.push_str(&format!("%{byte:02X}")));
        }
    }
    id
}

/// RFC 3339, UTC.
fn moment(at_us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(at_us).map_or_else(String::new, |at| at.to_rfc3339())
}

fn day(at_us: i64) -> String {
    chrono::DateTime::from_timestamp_micros(at_us).map_or_else(String::new, |at| at.format("%Y-%m-%d").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_an_address_and_nothing_is_left_out_of_it() {
        assert_eq!(id_of("experiment-1-Zyklus ä.csv"), "experiment-1-Zyklus%20%C3%A4.csv");
    }

    #[test]
    fn what_nobody_said_is_not_there() {
        let told = without_nothing(json!({ "a": "", "b": null, "c": [{ "d": "", "e": 0 }], "f": [] }));
        assert_eq!(told, json!({ "c": [{ "e": 0 }] }));
    }
}
