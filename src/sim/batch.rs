//! From logged rows to a batch, to its JSON form on the wire, and to the fingerprint of each of its rows.

use serde::ser::{Serialize, SerializeMap, SerializeSeq, SerializeStruct, Serializer};

use super::cycler::Row;
use crate::domain::sample::{Batch, Column, Subject, TimeBase};

/// Columns that stand beside `columns` in the message, because they count rather than measure.
const COUNTING: [&str; 3] = ["step", "cycle", "quality"];

/// A batch of the rows of a channel, each with its time in µs since the epoch; `seq` numbers the first one.
#[must_use]
pub fn from_rows(boot: u32, seq: i64, subject: Subject, rows: &[(i64, Row)]) -> Batch {
    let column = |name: &str, value: &dyn Fn(&Row) -> Option<f64>| {
        let values: Vec<Option<f64>> = rows.iter().map(|(_, row)| value(row)).collect();
        values.iter().any(Option::is_some).then(|| from_options(name, &values))
    };
    let columns = [
        column("voltage_v", &|row| Some(row.voltage_v)),
        column("current_a", &|row| Some(row.current_a)),
        column("power_w", &|row| Some(row.power_w)),
        column("capacity_ah", &|row| Some(row.capacity_ah)),
        column("energy_wh", &|row| Some(row.energy_wh)),
        column("temperature_c", &|row| row.temperature_c),
        column("ambient_c", &|row| row.ambient_c),
        column("test_time_s", &|row| Some(row.test_time_s)),
        column("step", &|row| Some(f64::from(row.step))),
        column("cycle", &|row| Some(f64::from(row.cycle))),
    ];
    Batch {
        boot,
        seq,
        subject,
        base: TimeBase::Utc,
        times_us: rows.iter().map(|(at_us, _)| *at_us).collect(),
        columns: columns.into_iter().flatten().collect(),
    }
}

/// A column in which `None` was not measured.
#[must_use]
pub fn from_options(name: &str, values: &[Option<f64>]) -> Column {
    let is_null = |(row, value): (usize, &Option<f64>)| value.is_none().then(|| u32::try_from(row).unwrap_or(u32::MAX));
    Column {
        name: name.to_owned(),
        values: values.iter().map(|value| value.unwrap_or(0.0)).collect(),
        nulls: values.iter().enumerate().filter_map(is_null).collect(),
    }
}

/// The payload of `up/samples`. Values must be finite.
#[must_use]
pub fn encode(batch: &Batch) -> Vec<u8> {
    // Writing to memory cannot fail, and no key of the message is anything but text.
    serde_json::to_vec(&Wire(batch)).unwrap_or_default()
}

struct Wire<'a>(&'a Batch);
struct Measured<'a>(&'a [Column]);
struct Values<'a>(&'a Column);
struct Counts<'a>(&'a Column);
struct About(Subject);

impl Serialize for Wire<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let batch = self.0;
        let mut message = serializer.serialize_struct("samples", 8)?;
        message.serialize_field("boot", &batch.boot)?;
        message.serialize_field("seq", &batch.seq)?;
        message.serialize_field("for", &About(batch.subject))?;
        match batch.base {
            TimeBase::Utc => message.serialize_field("at_us", &batch.times_us)?,
            TimeBase::Tick => message.serialize_field("tick_us", &batch.times_us)?,
        }
        message.serialize_field("columns", &Measured(&batch.columns))?;
        for name in COUNTING {
            if let Some(column) = batch.columns.iter().find(|column| column.name == name) {
                message.serialize_field(name, &Counts(column))?;
            }
        }
        message.end()
    }
}

impl Serialize for About {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry(self.0.kind(), &self.0.id())?;
        map.end()
    }
}

impl Serialize for Measured<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let measured = self.0.iter().filter(|column| !COUNTING.contains(&column.name.as_str()));
        serializer.collect_map(measured.map(|column| (&column.name, Values(column))))
    }
}

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0.values.len();
        let mut list = serializer.serialize_seq(Some(rows))?;
        (0..rows).try_for_each(|row| list.serialize_element(&self.0.get(row)))?;
        list.end()
    }
}

impl Serialize for Counts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rows = self.0.values.len();
        let mut list = serializer.serialize_seq(Some(rows))?;
        #[expect(clippy::cast_possible_truncation, reason = "counts are whole numbers far below 2^53")]
        (0..rows).try_for_each(|row| list.serialize_element(&self.0.get(row).map(|count| count as i64)))?;
        list.end()
    }
}

/// A fingerprint of one row: what it is about, its time, and name and bits of every measured value, in any order of
/// columns. A null counts as if the column were not there: storage may join batches with and without a column.
#[must_use]
pub fn row_hash(batch: &Batch, row: usize) -> u64 {
    let mut hash = RowHasher::new(batch);
    hash.row(batch, row)
}

/// Fingerprints of all rows, see [`row_hash`].
#[must_use]
pub fn row_hashes(batch: &Batch) -> Vec<u64> {
    let mut hash = RowHasher::new(batch);
    (0..batch.rows()).map(|row| hash.row(batch, row)).collect()
}

/// The parts of the fingerprint that are the same for all rows of a batch.
struct RowHasher {
    subject: u64,
    names: Vec<u64>,
}

impl RowHasher {
    fn new(batch: &Batch) -> Self {
        let subject = mix(fnv1a(batch.subject.kind()) ^ batch.subject.id().cast_unsigned());
        Self { subject, names: batch.columns.iter().map(|column| fnv1a(&column.name)).collect() }
    }

    fn row(&mut self, batch: &Batch, row: usize) -> u64 {
        let base = match batch.base {
            TimeBase::Utc => 0,
            TimeBase::Tick => u64::MAX,
        };
        let start = mix(self.subject ^ mix(batch.times_us[row].cast_unsigned() ^ base));
        batch.columns.iter().zip(&self.names).fold(start, |sum, (column, name)| match column.get(row) {
            // A sum does not depend on the order; mixing first makes equal changes in two columns not cancel.
            Some(value) => sum.wrapping_add(mix(name ^ mix(value.to_bits()))),
            None => sum,
        })
    }
}

/// Spreads every input bit over the whole word (the finisher of SplitMix64).
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::{BatteryId, ExperimentId};

    fn row(voltage_v: f64, temperature_c: Option<f64>) -> Row {
        Row {
            test_time_s: 1.5,
            step: 2,
            cycle: 3,
            voltage_v,
            current_a: -1.0,
            power_w: -3.7,
            capacity_ah: -0.01,
            energy_wh: -0.037,
            temperature_c,
            ambient_c: None,
        }
    }

    fn batch() -> Batch {
        let rows = [(1_000_000, row(3.7, Some(25.0))), (1_100_000, row(3.6999, None))];
        from_rows(9, 40, Subject::Experiment(ExperimentId(7)), &rows)
    }

    #[test]
    fn a_batch_has_the_wire_form_of_the_protocol() {
        let expected = concat!(
            r#"{"boot":9,"seq":40,"for":{"experiment":7},"at_us":[1000000,1100000],"columns":{"#,
            r#""voltage_v":[3.7,3.6999],"current_a":[-1.0,-1.0],"power_w":[-3.7,-3.7],"capacity_ah":[-0.01,-0.01],"#,
            r#""energy_wh":[-0.037,-0.037],"temperature_c":[25.0,null],"test_time_s":[1.5,1.5]},"#,
            r#""step":[2,2],"cycle":[3,3]}"#
        );
        assert_eq!(String::from_utf8(encode(&batch())).unwrap(), expected);
    }

    #[test]
    fn a_row_keeps_its_fingerprint_through_rebatching_and_any_order_of_columns() {
        let whole = batch();
        let hashes = row_hashes(&whole);
        let mut part = whole.slice(1, 2);
        part.columns.reverse();
        // The second row has no temperature: a batch without that column says the same.
        part.columns.retain(|column| column.name != "temperature_c");
        assert_eq!(row_hash(&part, 0), hashes[1]);
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn any_change_of_a_row_changes_its_fingerprint() {
        let original = row_hash(&batch(), 0);
        let changes: [fn(&mut Batch); 6] = [
            |batch| batch.times_us[0] += 1,
            |batch| batch.columns[0].values[0] = 3.7_f64.next_up(),
            |batch| batch.columns[0].nulls = vec![0],
            |batch| batch.columns[0].name = "voltage_mv".into(),
            |batch| batch.subject = Subject::Battery(BatteryId(7)),
            |batch| {
                let (current, power) = (batch.columns[1].values[0], batch.columns[2].values[0]);
                (batch.columns[1].values[0], batch.columns[2].values[0]) = (power, current);
            },
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut changed = batch();
            change(&mut changed);
            assert_ne!(row_hash(&changed, 0), original, "change {number}");
        }
    }
}
