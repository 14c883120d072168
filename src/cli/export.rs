//! `cellar export`: an experiment as a file.

use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::flags::StoreFlags;
use super::user::open;
use super::{BadInput, print};
use crate::clock::Clock;
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::ExperimentId;
use crate::domain::sample::Subject;
use crate::exchange::export::CsvExport;
use crate::report::csv::Dialect;

/// Progress is told after so many rows.
const TELL_ROWS: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Every column, every digit; `cellar import` reads it back without loss
    Csv,
    /// As the Battery Experiments Manager writes it, in mV and mA
    WattrexCsv,
    /// Battery Data Format
    BdfCsv,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Names {
    /// Voltage / V
    #[default]
    Labels,
    /// `voltage_volt`
    Machine,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Number of the experiment
    experiment: i64,
    #[arg(long, value_enum, default_value = "csv")]
    format: Format,
    /// Headers of the Battery Data Format
    #[arg(long, value_enum, default_value = "labels")]
    names: Names,
    /// File to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Print what was written as JSON, not with -o -
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: StoreFlags,
}

pub(super) async fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let dialect = match (args.format, args.names) {
        (Format::Csv, _) => Dialect::Cellar,
        (Format::WattrexCsv, _) => Dialect::Wattrex,
        (Format::BdfCsv, Names::Labels) => Dialect::Bdf,
        (Format::BdfCsv, Names::Machine) => Dialect::BdfMachine,
    };
    let store = open(&args.server).await?;
    let id = ExperimentId(args.experiment);
    let unknown = || BadInput(format!("there is no experiment {id}; the list is on the page Experiments"));
    let experiment = store.experiment(id).await?.ok_or_else(unknown)?;
    let change = Change::new("export experiment", format!("experiment {id}"));
    store.audit(&Actor::shell("cellar export"), &change, Clock::System.now_us()).await?;
    let undated = store.undated_rows(Subject::Experiment(id)).await?;
    let export = CsvExport::new(&store, &experiment, dialect).await?;
    let is_stdout = args.output.as_os_str() == "-";
    let rows = if is_stdout {
        write(export, std::io::stdout().lock()).await.context("cannot write to standard output")?
    } else {
        let whole = || format!("cannot write {}", args.output.display());
        to_file(export, &args.output).await.with_context(whole)?
    };
    store.close().await;
    if undated > 0 {
        tell(&format!(
            "Left out {undated} rows of a device without a clock: nobody knows yet when they were measured."
        ));
    }
    if is_stdout {
        return Ok(());
    }
    if args.json {
        print(&json!({ "file": args.output, "rows": rows, "undated_rows": undated }).to_string())?;
    } else {
        print(&format!("Wrote {}: {rows} rows.", args.output.display()))?;
    }
    Ok(())
}

/// Writes beside the file first: what stands under its name is whole.
async fn to_file(export: CsvExport, path: &Path) -> anyhow::Result<u64> {
    let mut name = path.file_name().context("it has no name")?.to_os_string();
    name.push(".part");
    let part = path.with_file_name(name);
    let file = std::fs::File::create(&part)?;
    match write(export, BufWriter::with_capacity(1024 * 1024, file)).await {
        Ok(rows) => {
            std::fs::rename(&part, path)?;
            Ok(rows)
        }
        Err(error) => {
            // The first error is the one to tell.
            let _ = std::fs::remove_file(&part);
            Err(error)
        }
    }
}

async fn write(mut export: CsvExport, mut out: impl Write) -> anyhow::Result<u64> {
    let mut told = 0;
    while let Some(piece) = export.next_piece().await? {
        out.write_all(&piece)?;
        if export.row_count() / TELL_ROWS > told {
            told = export.row_count() / TELL_ROWS;
            if std::io::stderr().is_terminal() {
                tell(&format!("{told} million rows"));
            }
        }
    }
    out.flush()?;
    Ok(export.row_count())
}

/// A line to whoever watches; nothing can be done if it cannot be printed.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
