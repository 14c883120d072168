//! `GET /experiments/{id}/data.csv`, `data.bdf.csv`, `data.bdf.parquet`, `data.ro-crate.zip`, there and below `/api/v1`:
//! everything that was measured, as a file.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::find;
use crate::domain::audit::Change;
use crate::domain::sample::Subject;
use crate::exchange::bundle::{Bundle, Content};
use crate::exchange::export::{ExportError, TableExport};
use crate::exchange::format::Format;
use crate::exchange::name;
use crate::report::csv::Dialect;
use crate::web::download::{Pieces, file};
use crate::web::{State, Visitor, WebError};

/// Which form of table.
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
        let Some(Format::Csv(dialect)) = Format::from_word(word) else {
            let word: String = word.chars().take(40).collect();
            let message = format!("“{word}” is not known; use csv, wattrex or bdf");
            return Err(WebError::Invalid { target: "dialect", message });
        };
        match (dialect, self.names.as_deref()) {
            (Dialect::Bdf, Some("machine")) => Ok(Dialect::BdfMachine),
            (dialect, None | Some("labels")) => Ok(dialect),
            (_, Some(_)) => Err(WebError::Invalid {
                target: "names",
                message: "use labels, or machine with the dialect bdf".to_owned(),
            }),
        }
    }

    /// Names in a Parquet file: those for programs, unless labels are asked for.
    fn of_parquet(&self) -> Result<Dialect, WebError> {
        match self.names.as_deref() {
            None | Some("machine") => Ok(Dialect::BdfMachine),
            Some("labels") => Ok(Dialect::Bdf),
            Some(_) => Err(WebError::Invalid { target: "names", message: "use labels or machine".to_owned() }),
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
    send(&state, &visitor, &id, Format::Csv(dialect)).await
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
    send(&state, &visitor, &id, Format::Csv(dialect)).await
}

/// The same as Parquet.
///
/// # Errors
/// As [`csv()`].
pub async fn parquet(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let dialect = asked.of_parquet()?;
    send(&state, &visitor, &id, Format::Parquet(dialect)).await
}

/// Samples, report and metadata with hashes as a research object.
///
/// # Errors
/// As [`csv()`].
pub async fn ro_crate(
    state: web::Data<State>,
    visitor: Visitor,
    id: web::Path<String>,
) -> Result<HttpResponse, WebError> {
    send(&state, &visitor, &id, Format::RoCrate).await
}

async fn send(state: &State, visitor: &Visitor, id: &str, format: Format) -> Result<HttpResponse, WebError> {
    let experiment = find(state, id).await?;
    // Before anything is sent: a file that breaks off in the middle tells nobody why.
    state.store.check_archived(Subject::Experiment(experiment.experiment)).await?;
    let actor = visitor.actor();
    let turn = state.downloads.turn(&actor.name)?;
    let change = Change::new("export experiment", format!("experiment {}", experiment.experiment));
    state.store.audit(&actor, &change, state.clock.now_us()).await?;
    let name = name::of_experiment(experiment.experiment.0, &experiment.name, format.ending());
    let Some(table) = TableExport::of(&state.store, &experiment, format).await.map_err(WebError::internal)? else {
        let bundle = Bundle::new(&state.store, vec![experiment], Content::Table(format), state.clock.now_us());
        return Ok(file(&name, format.media_type(), turn, |pieces| send_bundle(bundle, pieces)));
    };
    Ok(file(&name, format.media_type(), turn, |pieces| send_table(table, pieces)))
}

async fn send_table(mut table: TableExport, pieces: Pieces) {
    while let Some(piece) = handed(table.next_piece().await, &pieces).await {
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

/// Sends a zip to its end, or until the client has left.
pub(super) async fn send_bundle(mut bundle: Bundle, pieces: Pieces) {
    while let Some(piece) = handed(bundle.next_piece().await, &pieces).await {
        if pieces.send(piece).await.is_err() {
            return;
        }
    }
}

/// The piece to send; `None` at the end, and after an error, which breaks the file off.
async fn handed(piece: Result<Option<Vec<u8>>, ExportError>, pieces: &Pieces) -> Option<Vec<u8>> {
    match piece {
        Ok(piece) => piece,
        Err(error) => {
            pieces.fail(WebError::internal(error)).await;
            None
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
