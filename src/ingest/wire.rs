//! Decoded messages as the JSON they came from, for dead letters: what is set aside can be sent again.

use serde_json::{Map, Value, json};

use crate::domain::sample::{Batch, Subject, TimeBase};

/// A batch as the payload of `up/samples`.
pub(super) fn samples_json(batch: &Batch) -> Vec<u8> {
    let columns: Map<String, Value> = batch
        .columns
        .iter()
        .map(|column| (column.name.clone(), (0..batch.rows()).map(|row| column.get(row)).collect()))
        .collect();
    let times = match batch.base {
        TimeBase::Utc => "at_us",
        TimeBase::Tick => "tick_us",
    };
    let subject = match batch.subject {
        Subject::Experiment(id) => json!({ "experiment": id }),
        Subject::Battery(id) => json!({ "battery": id }),
    };
    json!({ "boot": batch.boot, "seq": batch.seq, "for": subject, times: batch.times_us, "columns": columns })
        .to_string()
        .into_bytes()
}
