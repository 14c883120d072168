//! The batch parser against hand-made texts, and against serde on random ones.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn parse(text: &str) -> Result<Batch, String> {
    parse_batch(text.as_bytes()).map_err(|fault| fault.to_string())
}

#[test]
fn a_batch_is_read_with_its_keys_in_any_order() {
    let text = r#" { "columns" : {"voltage_v":[3.7, null ,-1e-3],"current_a":[0,1,2]}, "step":[1,1,2],
        "for":{"experiment":9},"note":{"x":[1,{"y":"z"}]}, "at_us":[10,11,12],"seq":5,"boot":4294967295 } "#;
    let batch = parse(text).unwrap();
    assert_eq!((batch.boot, batch.seq, batch.base), (u32::MAX, 5, TimeBase::Utc));
    assert_eq!((batch.subject, batch.times_us.as_slice()), (Subject::Experiment(ExperimentId(9)), &[10, 11, 12][..]));
    let names: Vec<_> = batch.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["voltage_v", "current_a", "step"]);
    let voltage: Vec<_> = (0..3).map(|row| batch.columns[0].get(row)).collect();
    assert_eq!(voltage, [Some(3.7), None, Some(-1e-3)]);
    assert_eq!(batch.columns[0].nulls, [1]);
}

#[test]
fn a_probe_sends_ticks_about_a_battery() {
    let batch = parse(r#"{"boot":1,"seq":0,"for":{"battery":3},"tick_us":[1],"columns":{"voltage_v":[3]}}"#).unwrap();
    assert_eq!((batch.base, batch.subject), (TimeBase::Tick, Subject::Battery(BatteryId(3))));
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    let good = r#"{"boot":1,"seq":0,"for":{"battery":3},"at_us":[1,2],"columns":{"v":[3,4]}}"#;
    assert!(parse(good).is_ok());
    for (from, to, expected) in [
        ("\"boot\":1,", "", "“boot”"),
        ("\"seq\":0,", "", "“seq”"),
        ("\"for\":{\"battery\":3},", "", "“for”"),
        ("\"at_us\":[1,2],", "", "“at_us” or “tick_us”"),
        (",\"columns\":{\"v\":[3,4]}", "", "at least one row and one column"),
        ("[1,2]", "[]", "at least one row and one column"),
        ("[3,4]", "[3]", "2 values in column v, one per time, not 1"),
        ("[3,4]", "[3,NaN]", "byte 70: expected a number in column v"),
        ("[3,4]", "[3,1e400]", "within ±1.8e308 in column v"),
        ("[3,4]", "[3,4", "a comma or the end of the array in column v"),
        ("[3,4]", "[3,,4]", "a number in column v"),
        ("[3,4]", "[3,4],\"v\":[1,2]", "column v once"),
        ("\"columns\"", "\"v\"", "at least one row and one column"),
        ("\"columns\":", "\"quality\":[1,2],\"columns\":{\"quality\":[1,2]},\"x\":", "column quality once"),
        ("\"v\"", "\"V\"", "a column name of 1 to 64"),
        ("\"v\"", "\"\"", "a column name of 1 to 64"),
        ("[1,2]", "[1,2.5]", "an integer"),
        ("[1,2]", "[1,null]", "a number"),
        ("[1,2]", "[1,2],\"tick_us\":[1,2]", "one kind of time"),
        ("\"boot\":1", "\"boot\":4294967296", "a boot of 0 to 4294967295"),
        ("\"boot\":1", "\"boot\":1,\"boot\":2", "each key once"),
        ("\"seq\":0", "\"seq\":-1", "a seq of 0 or more"),
        ("\"seq\":0", "\"seq\":9223372036854775807", "a last seq of at most"),
        ("{\"battery\":3}", "{}", "\"experiment\":id"),
        ("{\"battery\":3}", "{\"battery\":3,\"experiment\":4}", "\"experiment\":id"),
        ("{\"battery\":3}", "3", "\"experiment\":id"),
        ("\"columns\"", "columns", "a string"),
    ] {
        let fault = parse(&good.replacen(from, to, 1)).unwrap_err();
        assert!(fault.contains(expected), "{from} -> {to}: {fault}");
    }
    assert!(parse(&format!("{good}x")).unwrap_err().contains("nothing behind"));
    assert!(parse("").unwrap_err().contains("an object"));
}

#[test]
fn rows_and_columns_beyond_the_limits_are_refused() {
    let batch = |rows: usize, columns: usize| {
        let ones = vec!["1"; rows].join(",");
        let columns: Vec<_> = (0..columns).map(|column| format!(r#""c{column}":[{ones}]"#)).collect();
        let columns = columns.join(",");
        format!(r#"{{"boot":1,"seq":0,"for":{{"battery":3}},"at_us":[{ones}],"columns":{{{columns}}}}}"#)
    };
    assert!(parse(&batch(BATCH_ROWS_MAX, 1)).is_ok());
    assert!(parse(&batch(BATCH_ROWS_MAX + 1, 1)).unwrap_err().contains("at most 16384 rows"));
    assert!(parse(&batch(1, BATCH_COLUMNS_MAX)).is_ok());
    assert!(parse(&batch(1, BATCH_COLUMNS_MAX + 1)).unwrap_err().contains("at most 128 columns"));
    let name = "a".repeat(COLUMN_NAME_MAX + 1);
    assert!(parse(&batch(1, 1).replace("c0", &name)).is_err());
    assert!(parse(&batch(1, 1).replace("c0", &name[1..])).is_ok());
}

#[test]
fn deep_nesting_under_an_unknown_key_is_refused_and_does_not_overflow() {
    let deep = format!(r#"{{"x":{}"#, "[".repeat(60_000));
    assert!(parse(&deep).is_err());
}

/// The batch as serde reads it.
fn by_serde(text: &str) -> Batch {
    let value: Value = serde_json::from_str(text).unwrap();
    let (base, times) = match value.get("at_us") {
        Some(times) => (TimeBase::Utc, times),
        None => (TimeBase::Tick, &value["tick_us"]),
    };
    let named = value["columns"].as_object().unwrap().iter();
    let words = ["step", "cycle", "quality"].iter().filter_map(|word| value.get_key_value_of(word));
    let column = |(name, values): (&String, &Value)| {
        let values = values.as_array().unwrap();
        Column {
            name: name.clone(),
            values: values.iter().map(|value| value.as_f64().unwrap_or(0.0)).collect(),
            nulls: (0..).zip(values).filter(|(_, value)| value.is_null()).map(|(row, _)| row).collect(),
        }
    };
    let subject = match value["for"]["battery"].as_i64() {
        Some(id) => Subject::Battery(BatteryId(id)),
        None => Subject::Experiment(ExperimentId(value["for"]["experiment"].as_i64().unwrap())),
    };
    Batch {
        boot: u32::try_from(value["boot"].as_u64().unwrap()).unwrap(),
        seq: value["seq"].as_i64().unwrap(),
        subject,
        base,
        times_us: times.as_array().unwrap().iter().map(|time| time.as_i64().unwrap()).collect(),
        columns: named.chain(words).map(column).collect(),
    }
}

trait KeyValue {
    fn get_key_value_of(&self, key: &str) -> Option<(&String, &Value)>;
}

impl KeyValue for Value {
    fn get_key_value_of(&self, key: &str) -> Option<(&String, &Value)> {
        self.as_object()?.get_key_value(key)
    }
}

fn values(rows: usize) -> impl Strategy<Value = Vec<Value>> {
    let finite = any::<f64>().prop_filter("JSON has no other", |value| value.is_finite());
    let value = prop_oneof![
        4 => (-5_000_000_i64..5_000_000).prop_map(|value| json!(value as f64 / 1e6)),
        1 => finite.prop_map(|value| json!(value)),
        1 => any::<i64>().prop_map(|value| json!(value)),
        1 => Just(Value::Null),
    ];
    prop::collection::vec(value, rows)
}

fn batches() -> impl Strategy<Value = Value> {
    (1_usize..20).prop_flat_map(|rows| {
        let columns = prop::collection::btree_map("[a-z0-9_]{2,8}", values(rows), 1..5);
        let words = prop::option::of(values(rows));
        let times = prop::collection::vec(any::<i64>(), rows);
        (any::<u32>(), 0..=i64::MAX - 20, any::<(bool, bool, i64)>(), times, columns, words).prop_map(
            |(boot, seq, (is_battery, is_tick, id), times, columns, step)| {
                let subject = if is_battery { "battery" } else { "experiment" };
                let clock = if is_tick { "tick_us" } else { "at_us" };
                let mut batch = Map::new();
                batch.insert("for".to_owned(), json!({ subject: id }));
                batch.insert("columns".to_owned(), json!(columns));
                batch.insert(clock.to_owned(), json!(times));
                batch.insert("boot".to_owned(), json!(boot));
                batch.insert("seq".to_owned(), json!(seq));
                batch.insert("unknown".to_owned(), json!({"a": [true, "\"}\u{1F50B}"]}));
                batch.extend(step.map(|step| ("step".to_owned(), json!(step))));
                Value::Object(batch)
            },
        )
    })
}

/// Batches are equal, their numbers bit for bit.
fn same(left: &Batch, right: &Batch) -> bool {
    let bits = |batch: &Batch| -> Vec<u64> {
        batch.columns.iter().flat_map(|column| column.values.iter().map(|value| value.to_bits())).collect()
    };
    let sorted = |batch: &Batch| {
        let mut batch = batch.clone();
        batch.columns.sort_by(|a, b| a.name.cmp(&b.name));
        batch
    };
    let (left, right) = (sorted(left), sorted(right));
    left == right && bits(&left) == bits(&right)
}

proptest! {
    #[test]
    fn a_valid_batch_is_read_as_serde_reads_it(batch in batches(), pretty in any::<bool>()) {
        let text = if pretty { serde_json::to_string_pretty(&batch) } else { serde_json::to_string(&batch) }.unwrap();
        let ours = parse(&text);
        prop_assert!(ours.as_ref().is_ok_and(|ours| same(ours, &by_serde(&text))), "{text}\n{ours:?}");
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse_batch(&bytes);
    }

    #[test]
    fn a_damaged_batch_never_panics_and_is_never_read_where_serde_refuses(
        batch in batches(), place in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()
    ) {
        let mut bytes = serde_json::to_vec(&batch).unwrap();
        let place = place.index(bytes.len());
        if cut { bytes.truncate(place) } else { bytes[place] = byte }
        if parse_batch(&bytes).is_ok() {
            prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok(), "{}", String::from_utf8_lossy(&bytes));
        }
    }
}
