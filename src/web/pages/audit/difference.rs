//! What an entry of the log changed, field by field.

use serde_json::{Map, Value};

use crate::web::moment::Moment;

/// A field before and after.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Difference {
    /// Its name in words.
    pub(super) field: String,
    /// What it was; `None` when there was nothing before.
    pub(super) old: Option<String>,
    /// What it is; `None` when there is nothing any more.
    pub(super) new: Option<String>,
}

/// The fields that differ between what counted before and what counts now, both JSON objects or absent.
pub(super) fn differences(old: Option<&str>, new: Option<&str>, now_us: i64) -> Vec<Difference> {
    let (old, new) = (object(old), object(new));
    let mut fields: Vec<&String> = old.keys().chain(new.keys()).collect();
    fields.sort_unstable();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| old.get(*field) != new.get(*field))
        .map(|field| Difference {
            field: in_words(field),
            old: old.get(field).map(|value| text(field, value, now_us)),
            new: new.get(field).map(|value| text(field, value, now_us)),
        })
        .collect()
}

/// The fields; what is no object counts as one field called “value”.
fn object(json: Option<&str>) -> Map<String, Value> {
    match json.map(serde_json::from_str) {
        None | Some(Ok(Value::Null)) => Map::new(),
        Some(Ok(Value::Object(fields))) => fields,
        Some(Ok(other)) => Map::from_iter([("value".to_owned(), other)]),
        Some(Err(_)) => Map::from_iter([("value".to_owned(), Value::from(json.unwrap_or_default()))]),
    }
}

fn in_words(field: &str) -> String {
    field.strip_suffix("_at_us").unwrap_or(field).replace('_', " ")
}

fn text(field: &str, value: &Value, now_us: i64) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::String(text) => text.clone(),
        Value::Number(number) if field.ends_with("_at_us") => {
            number.as_i64().map_or_else(|| value.to_string(), |at_us| Moment::new(at_us, now_us).text)
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changed_is_told() {
        let found = differences(
            Some(r#"{"full_name":"","role":"viewer","disabled":false}"#),
            Some(r#"{"full_name":"Ann Bell","role":"viewer","disabled":true}"#),
            0,
        );
        let said: Vec<_> = found
            .iter()
            .map(|field| (field.field.as_str(), field.old.as_deref().unwrap(), field.new.as_deref().unwrap()))
            .collect();
        assert_eq!(said, [("disabled", "no", "yes"), ("full name", "empty", "Ann Bell")]);
    }

    #[test]
    fn what_is_new_or_gone_has_one_side() {
        let made = differences(None, Some(r#"{"expires_at_us":31622400000000}"#), 0);
        assert_eq!((made[0].field.as_str(), made[0].old.as_deref()), ("expires", None));
        assert!(made[0].new.as_deref().is_some_and(|at| at.contains("Jan 1971")), "{made:?}");
        assert_eq!(differences(Some("[1]"), None, 0)[0].old.as_deref(), Some("[1]"));
        assert_eq!(differences(Some("no json"), None, 0)[0].old.as_deref(), Some("no json"));
        assert_eq!(differences(None, None, 0), []);
    }
}
