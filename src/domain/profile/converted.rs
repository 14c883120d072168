//! What came of a profile in another program's form.

/// A profile in another program's form, and what of it could not be expressed there (or here).
#[derive(Debug, Clone, PartialEq)]
pub struct Converted<T> {
    /// What could be.
    pub result: T,
    /// What could not, a sentence each.
    pub notes: Vec<String>,
}

/// Why a protocol cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct Unusable {
    /// Where: `method[2].current_mA`, `Line 3, column 1`.
    pub place: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Unusable {
    pub(in crate::domain::profile) fn at(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}
