//! `GET /experiments/{id}/data.csv`, there and below `/api/v1`: everything that was measured, as a file.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::find;
use crate::domain::audit::Change;
use crate::exchange::export::CsvExport;
use crate::exchange::name;
use crate::report::csv::Dialect;
use crate::web::download::{Pieces, file};
use crate::web::{State, Visitor, WebError};

/// Which form of CSV.
#[derive(Debug, Deserialize)]
pub struct Asked {
    /// `csv`, `wattrex` or `bdf`; ours when absent.
    dialect: Option<String>,
    /// For the Battery Data Format: `labels` or `machine`.
    names: Option<String>,
}

impl Asked {
    fn dialect(&self, usual: &'static str) -> Result<Dialect, WebError> {
        let word = self.dialect.as_deref().unwrap_or(usual);
        let dialect = Dialect::from_word(word).ok_or_else(|| WebError::Invalid {
            target: "dialect",
            message: format!("“{}” is not known; use csv, wattrex or bdf", word.chars().take(40).collect::<String>()),
        })?;
        match (dialect, self.names.as_deref()) {
            (Dialect::Bdf, Some("machine")) => Ok(Dialect::BdfMachine),
            (dialect, None | Some("labels")) => Ok(dialect),
            (_, Some(_)) => Err(WebError::Invalid {
                target: "names",
                message: "use labels, or machine with the dialect bdf".to_owned(),
            }),
        }
    }
}

/// Answers with the file, sent while it is read.
///
/// # Errors
/// 404 for an experiment that is not there, 422 for a form that is not known, 429 when the visitor fetches two files
/// already.
pub async fn csv(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let dialect = asked.dialect("csv")?;
    send(&state, &visitor, &id, dialect).await
}

/// The same in the Battery Data Format.
///
/// # Errors
/// As [`csv()`].
pub async fn bdf(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let dialect = asked.dialect("bdf")?;
    send(&state, &visitor, &id, dialect).await
}

async fn send(state: &State, visitor: &Visitor, id: &str, dialect: Dialect) -> Result<HttpResponse, WebError> {
    let experiment = find(state, id).await?;
    let actor = visitor.actor();
    let turn = state.downloads.turn(&actor.name)?;
    let export = CsvExport::new(&state.store, &experiment, dialect).await?;
    let change = Change::new("export experiment", format!("experiment {}", experiment.experiment));
    state.store.audit(&actor, &change, state.clock.now_us()).await?;
    let name = name::of_experiment(experiment.experiment.0, &experiment.name, dialect.ending());
    Ok(file(&name, "text/csv; charset=utf-8", turn, |pieces| write(export, pieces)))
}

async fn write(mut export: CsvExport, pieces: Pieces) {
    loop {
        match export.next_piece().await {
            Ok(None) => return,
            Ok(Some(piece)) => {
                if pieces.send(piece).await.is_err() {
                    return;
                }
            }
            Err(error) => return pieces.fail(error).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_asked_for_by_its_word() {
        let asked = |dialect: Option<&str>, names: Option<&str>| {
            let owned = |word: Option<&str>| word.map(str::to_owned);
            Asked { dialect: owned(dialect), names: owned(names) }.dialect("csv")
        };
        assert_eq!(asked(None, None).unwrap(), Dialect::Cellar);
        assert_eq!(asked(Some("wattrex"), None).unwrap(), Dialect::Wattrex);
        assert_eq!(asked(Some("bdf"), Some("machine")).unwrap(), Dialect::BdfMachine);
        for (dialect, names) in [(Some("xlsx"), None), (None, Some("machine")), (Some("bdf"), Some("short"))] {
            assert!(matches!(asked(dialect, names), Err(WebError::Invalid { .. })), "{dialect:?} {names:?}");
        }
    }
}
