//! What is wrong with a form, field by field.

use std::borrow::Cow;

use crate::domain::text::hexadecimal;
pub use crate::domain::text::line;
use crate::store::StoreError;

/// Problems of a form: each stands beside its field and, as a link, in the summary on top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `name` and `id` of the field.
    pub field: Cow<'static, str>,
    /// What is wrong and what to enter instead.
    pub message: String,
}

impl Problems {
    /// Notes a problem of a field.
    pub fn add(&mut self, field: impl Into<Cow<'static, str>>, message: impl Into<String>) {
        self.list.push(Problem { field: field.into(), message: message.into() });
    }

    /// The value, or its problem noted.
    pub fn take<T, E: ToString>(&mut self, field: &'static str, value: Result<T, E>) -> Option<T> {
        value.map_err(|error| self.add(field, error.to_string())).ok()
    }

    /// Whether the form can be used.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// All problems, in the order of the fields.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.list
    }

    /// The first problem of a field.
    #[must_use]
    pub fn of(&self, field: &str) -> Option<&str> {
        self.list.iter().find(|problem| problem.field == field).map(|problem| problem.message.as_str())
    }
}

/// Bytes of what makes one showing of a form different from the next.
const ONCE_BYTES: usize = 16;

/// A new mark for a form that makes something: sent twice, it makes one thing. 32 hexadecimal digits.
///
/// # Errors
/// When the system gives no random numbers.
pub fn once() -> Result<String, StoreError> {
    let mut bytes = [0_u8; ONCE_BYTES];
    getrandom::fill(&mut bytes).map_err(StoreError::Randomness)?;
    Ok(hexadecimal(&bytes))
}

/// The mark a form came with; `None` for what [`once`] never made, which then protects nothing.
#[must_use]
pub fn once_of(typed: &str) -> Option<&str> {
    let is_mark = typed.len() == 2 * ONCE_BYTES && typed.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_mark.then_some(typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_a_mark_of_its_own() {
        let (first, second) = (once().unwrap(), once().unwrap());
        assert_ne!(first, second);
        assert_eq!(once_of(&first), Some(first.as_str()));
        assert_eq!((once_of(""), once_of("'; --"), once_of(&first[1..])), (None, None, None));
    }

    #[test]
    fn a_problem_is_found_by_its_field() {
        let mut problems = Problems::default();
        assert_eq!(problems.take("capacity", "5".parse::<f64>()), Some(5.0));
        assert_eq!(problems.take("voltage", "x".parse::<f64>()), None);
        problems.add("voltage", "second");
        assert_eq!(problems.of("voltage"), Some("invalid float literal"));
        assert_eq!((problems.of("capacity"), problems.all().len()), (None, 2));
    }
}
