//! What is wrong with a form, field by field.

pub use crate::domain::text::line;

/// Problems of a form: each stands beside its field and, as a link, in the summary on top.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
}

/// One problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// `name` and `id` of the field.
    pub field: &'static str,
    /// What is wrong and what to enter instead.
    pub message: String,
}

impl Problems {
    /// Notes a problem of a field.
    pub fn add(&mut self, field: &'static str, message: impl Into<String>) {
        self.list.push(Problem { field, message: message.into() });
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

#[cfg(test)]
mod tests {
    use super::*;

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
