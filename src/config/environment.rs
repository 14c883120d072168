//! Settings from environment variables: `CELLAR__HTTP__ADDRESS` is `http.address`.

use super::ConfigError;

/// How the variables begin.
pub const PREFIX: &str = "CELLAR__";

/// Lays the variables over the table.
pub(super) fn overlay(
    table: &mut toml::Table,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<(), ConfigError> {
    for (name, value) in variables {
        let Some(path) = name.strip_prefix(PREFIX) else { continue };
        let keys: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        let Some((last, sections)) = keys.split_last() else { continue };
        let mut place = &mut *table;
        for section in sections {
            let entry = place.entry(section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            let toml::Value::Table(inner) = entry else {
                return Err(ConfigError::Form { place: name, reason: format!("{section} is a value, not a section") });
            };
            place = inner;
        }
        // Only true and false are not text: addresses, URLs and words all are.
        let value = match value.as_str() {
            "true" => toml::Value::Boolean(true),
            "false" => toml::Value::Boolean(false),
            _ => toml::Value::String(value),
        };
        place.insert(last.clone(), value);
    }
    Ok(())
}
