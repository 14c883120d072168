//! Single cells under the laboratory's own numbers, and the places they sit in.

pub mod add;
pub mod edit;
pub mod fill;
pub mod form;
pub mod list;
pub mod place;
pub mod retire;
pub mod show;

use super::monitor::status::Status;
use crate::domain::ids::CellId;
use crate::store::cells::Cell;
use crate::web::{State, WebError};

const FREE: Status = Status { icon: "circle-dashed", word: "Free", tone: "away" };
const PLACED: Status = Status { icon: "circle-check", word: "In a battery", tone: "good" };
const RETIRED: Status = Status { icon: "archive", word: "Retired", tone: "away" };

/// How a cell stands.
#[must_use]
pub fn status(cell: &Cell) -> Status {
    match (&cell.place, cell.retired_at_us) {
        (_, Some(_)) => RETIRED,
        (Some(_), None) => PLACED,
        (None, None) => FREE,
    }
}

/// The cell of an address.
async fn find(state: &State, id: &str) -> Result<Cell, WebError> {
    const UNKNOWN: WebError = WebError::NotFound("such cell");
    let id: i64 = id.parse().map_err(|_| UNKNOWN)?;
    state.store.cell(CellId(id)).await?.ok_or(UNKNOWN)
}
