//! Names of columns as other programs have them, made ours.

use crate::domain::measure::is_quantity;
use crate::domain::sample::COLUMN_NAME_MAX;

/// A header as the name of a column: `Cell temp. 1` is `cell_temp_1`. `number` names what has no letter left.
#[must_use]
pub(super) fn column(header: &str, number: usize) -> String {
    let mut name = String::new();
    for letter in header.chars().flat_map(char::to_lowercase) {
        if letter.is_ascii_alphanumeric() {
            name.push(letter);
        } else if !name.ends_with('_') && !name.is_empty() {
            name.push('_');
        }
    }
    let name: String = name.trim_end_matches('_').chars().take(COLUMN_NAME_MAX).collect();
    if is_quantity(&name) { name } else { format!("column_{number}") }
}

/// A name that is not taken: `x`, then `x_2`.
#[must_use]
pub(super) fn free(name: String, taken: &[String]) -> String {
    if !taken.contains(&name) {
        return name;
    }
    let numbered = (2_u32..).map(|number| {
        let number = format!("_{number}");
        let room = COLUMN_NAME_MAX.saturating_sub(number.len());
        format!("{}{number}", &name[..name.len().min(room)])
    });
    numbered.into_iter().find(|name| !taken.contains(name)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_becomes_a_name() {
        assert_eq!(column("Cell temp. 1", 5), "cell_temp_1");
        assert_eq!(column("  =Druck (bar) ", 5), "druck_bar");
        assert_eq!(column("温度", 5), "column_5");
        assert_eq!(column(&"x".repeat(100), 5).len(), COLUMN_NAME_MAX);
        assert_eq!(free("a".into(), &["a".into(), "a_2".into()]), "a_3");
    }
}
