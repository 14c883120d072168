//! `cellar export`: experiments as files.

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
use crate::exchange::bundle::{Bundle, Content};
use crate::exchange::export::{ExportError, TableExport};
use crate::exchange::format::Format;
use crate::report::csv::Dialect;
use crate::store::Store;
use crate::store::experiments::Experiment;

/// Progress is told after so many rows.
const TELL_ROWS: u64 = 1_000_000;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Form {
    /// Every column, every digit; `cellar import` reads it back without loss
    Csv,
    /// As the Battery Experiments Manager writes it, in mV and mA
    WattrexCsv,
    /// Battery Data Format
    BdfCsv,
    /// Battery Data Format as Parquet
    BdfParquet,
    /// Samples, report and metadata with hashes in one zip
    RoCrate,
    /// A table and its rows as SQL
    Sql,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Names {
    /// Voltage / V
    Labels,
    /// `voltage_volt`
    Machine,
}

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Numbers of the experiments; several are put into one zip
    #[arg(required = true, num_args = 1..)]
    experiments: Vec<i64>,
    #[arg(long, value_enum, default_value = "csv")]
    format: Form,
    /// The same as --format sql
    #[arg(long, conflicts_with = "format")]
    sql: bool,
    /// Headers of the Battery Data Format; labels in CSV and machine names in Parquet when absent
    #[arg(long, value_enum)]
    names: Option<Names>,
    /// File to write; - for standard output
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Print what was written as JSON, not with -o -
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: StoreFlags,
}

impl ExportArgs {
    fn format(&self) -> Format {
        match (self.format, self.names) {
            _ if self.sql => Format::Sql,
            (Form::Csv, _) => Format::Csv(Dialect::Cellar),
            (Form::WattrexCsv, _) => Format::Csv(Dialect::Wattrex),
            (Form::BdfCsv, None | Some(Names::Labels)) => Format::Csv(Dialect::Bdf),
            (Form::BdfCsv, Some(Names::Machine)) => Format::Csv(Dialect::BdfMachine),
            (Form::BdfParquet, Some(Names::Labels)) => Format::Parquet(Dialect::Bdf),
            (Form::BdfParquet, None | Some(Names::Machine)) => Format::Parquet(Dialect::BdfMachine),
            (Form::Sql, _) => Format::Sql,
            (Form::RoCrate, _) => Format::RoCrate,
        }
    }
}

/// What is written.
enum Export {
    Table(Box<TableExport>),
    Bundle(Box<Bundle>),
}

impl Export {
    /// One experiment as a table is that table; anything else is a zip.
    async fn new(store: &Store, experiments: Vec<Experiment>, format: Format) -> Result<Self, ExportError> {
        if let [experiment] = experiments.as_slice()
            && let Some(table) = TableExport::of(store, experiment, format).await?
        {
            return Ok(Self::Table(Box::new(table)));
        }
        let bundle = Bundle::new(store, experiments, Content::Table(format), Clock::System.now_us());
        Ok(Self::Bundle(Box::new(bundle)))
    }

    async fn next_piece(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        match self {
            Self::Table(table) => table.next_piece().await,
            Self::Bundle(bundle) => bundle.next_piece().await,
        }
    }

    fn row_count(&self) -> u64 {
        match self {
            Self::Table(table) => table.row_count(),
            Self::Bundle(bundle) => bundle.row_count(),
        }
    }
}

pub(super) async fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let store = open(&args.server).await?;
    let mut experiments = Vec::with_capacity(args.experiments.len());
    let mut undated = 0;
    for id in args.experiments.iter().map(|id| ExperimentId(*id)) {
        let unknown = || BadInput(format!("there is no experiment {id}; the list is on the page Experiments"));
        experiments.push(store.experiment(id).await?.ok_or_else(unknown)?);
        undated += store.undated_rows(Subject::Experiment(id)).await?;
    }
    let told: Vec<String> = args.experiments.iter().map(ToString::to_string).collect();
    let what = if told.len() == 1 { "experiment" } else { "experiments" };
    let change = Change::new("export experiment", format!("{what} {}", told.join(", ")));
    store.audit(&Actor::shell("cellar export"), &change, Clock::System.now_us()).await?;
    let export = Export::new(&store, experiments, args.format()).await?;
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
async fn to_file(export: Export, path: &Path) -> anyhow::Result<u64> {
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

async fn write(mut export: Export, mut out: impl Write) -> anyhow::Result<u64> {
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
