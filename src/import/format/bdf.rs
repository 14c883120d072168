//! Battery Data Format: labels and machine names of ontology 1.3.0, and those of earlier versions.

use super::super::name::{column, free};
use super::super::{Head, Mapped, Plan, Role};
use super::headers;
use crate::domain::bdf::{CYCLE_COUNT, STEP_COUNT, TERMS, TEST_TIME, TEST_TIME_MS, Term, UNIX_TIME, UNIX_TIME_MS};

const SECOND_US: i64 = 1_000_000;
const MILLISECOND_US: i64 = 1_000;

pub(super) fn recognise(head: &Head) -> Result<Plan, String> {
    let (separator, headers) = headers(head)?;
    let has = |terms: &[&Term]| headers.iter().any(|header| terms.iter().any(|term| term.is(header)));
    for (terms, label) in [
        (&[&TEST_TIME, &TEST_TIME_MS, &UNIX_TIME, &UNIX_TIME_MS][..], TEST_TIME.label),
        (&[&TERMS[0]], TERMS[0].label),
        (&[&TERMS[1]], TERMS[1].label),
    ] {
        if !has(terms) {
            return Err(format!("there is no {label}"));
        }
    }
    let mut taken: Vec<String> = Vec::new();
    let mut columns = Vec::new();
    let mut times: Vec<Role> = Vec::new();
    for (number, header) in headers.iter().enumerate() {
        let time = [
            (&TEST_TIME, Role::Elapsed(SECOND_US)),
            (&TEST_TIME_MS, Role::Elapsed(MILLISECOND_US)),
            (&UNIX_TIME, Role::Unix(SECOND_US)),
            (&UNIX_TIME_MS, Role::Unix(MILLISECOND_US)),
        ];
        if let Some((_, role)) = time.into_iter().find(|(term, _)| term.is(header)) {
            let is_again = times.iter().any(|known| std::mem::discriminant(known) == std::mem::discriminant(&role));
            times.push(role.clone());
            let (role, why) = if is_again { (Role::Ignored, "the same time again") } else { (role, "") };
            columns.push(Mapped::new(header, role, why));
            continue;
        }
        let known = TERMS.iter().chain([&CYCLE_COUNT, &STEP_COUNT]).find(|term| term.is(header));
        let (name, why) = match known {
            Some(term) => (term.column.to_owned(), String::new()),
            None => (column(header, number + 1), "no word of the format; stored under a name of its own".to_owned()),
        };
        let name = free(name, &taken);
        taken.push(name.clone());
        columns.push(Mapped::new(header, Role::Value { column: name, divide: 1.0 }, why));
    }
    let by_label = headers.iter().filter(|header| header.contains(" / ")).count();
    let names = if by_label > 0 { "labels" } else { "machine names" };
    let evidence = vec![format!("The header has the {names} of time, voltage and current.")];
    Ok(Plan { separator, columns, evidence })
}
