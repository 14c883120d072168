//! The formats. A new one is a file here and a line of [`FORMATS`].

mod bdf;
mod own;
mod wattrex;

use super::table::{cells, separator};
use super::{Head, Plan};
use crate::domain::sample::BATCH_COLUMNS_MAX;

/// A format of files.
#[derive(Debug)]
pub struct Format {
    /// The word it is asked for by.
    pub word: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// How a file is read, or why it is not of this format.
    pub recognise: fn(&Head) -> Result<Plan, String>,
}

/// Every format, the most exact first: `auto` takes the first that fits.
pub const FORMATS: &[Format] = &[
    Format { word: "csv", title: "CSV of Cellar", recognise: own::recognise },
    Format { word: "bdf-csv", title: "Battery Data Format", recognise: bdf::recognise },
    Format { word: "wattrex-csv", title: "export of the Battery Experiments Manager", recognise: wattrex::export },
    Format {
        word: "wattrex-import-csv",
        title: "import file of the Battery Experiments Manager",
        recognise: wattrex::import,
    },
];

/// The headers of a table and what stands between them.
fn headers(head: &Head) -> Result<(char, Vec<String>), String> {
    let line = head.first_line();
    let separator = separator(line);
    let headers = cells(line, separator).ok_or("a quote in the first line is not closed")?;
    // Times, indices and what is ignored come on top of what is stored.
    if headers.len() > 2 * BATCH_COLUMNS_MAX {
        return Err(format!("it has {} columns, more than {}", headers.len(), 2 * BATCH_COLUMNS_MAX));
    }
    Ok((separator, headers))
}
