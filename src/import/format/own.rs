//! Our own CSV: read back without loss.

use super::super::{Head, Mapped, Plan, Role};
use super::headers;
use crate::domain::measure::is_quantity;

/// What a file begins with: everything after that was measured.
const DERIVED: [&str; 3] = ["time_utc", "time_local", "elapsed_s"];

pub(super) fn recognise(head: &Head) -> Result<Plan, String> {
    let (separator, headers) = headers(head)?;
    if !headers.iter().take(DERIVED.len()).eq(DERIVED.iter()) {
        return Err(format!("it does not begin with {}", DERIVED.join(",")));
    }
    let derived = [Role::Moment, Role::Ignored, Role::Elapsed(1_000_000)];
    let why = ["", "the same moment as time_utc", "says when the experiment began"];
    let mut columns: Vec<Mapped> =
        DERIVED.iter().zip(derived).zip(why).map(|((header, role), why)| Mapped::new(header, role, why)).collect();
    let measured = &headers[DERIVED.len()..];
    for (at, header) in measured.iter().enumerate() {
        if !is_quantity(header) {
            return Err(format!("“{}” is no name of a column", header.chars().take(40).collect::<String>()));
        }
        if measured[..at].contains(header) {
            return Err(format!("the column {header} is there twice"));
        }
        columns.push(Mapped::new(header, Role::Value { column: header.clone(), divide: 1.0 }, ""));
    }
    let evidence = vec![format!("The header begins with {}.", DERIVED.join(", "))];
    Ok(Plan { separator, columns, evidence })
}
