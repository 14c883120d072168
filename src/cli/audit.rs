//! `cellar audit`: checks the audit log and writes it out.

use std::borrow::Cow;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::flags::StoreFlags;
use super::print;
use super::user::open;
use crate::clock::Clock;
use crate::domain::audit::{Actor, Change};
use crate::store::Store;
use crate::store::audit::Entry;

/// Columns of the export.
const COLUMNS: [&str; 11] =
    ["id", "at", "actor", "role", "address", "route", "action", "object", "old", "new", "reason"];

#[derive(Debug, Subcommand)]
pub(super) enum AuditVerb {
    /// Read the whole log and check that no entry was changed, removed or put in. Exit status 1 when one was.
    Verify {
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: StoreFlags,
    },
    /// Write the whole log as CSV.
    Export {
        /// File to write; - for standard output
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        #[command(flatten)]
        server: StoreFlags,
    },
}

pub(super) async fn run(verb: &AuditVerb) -> anyhow::Result<ExitCode> {
    match verb {
        AuditVerb::Verify { json, server } => {
            let store = open(server).await?;
            let check = store.verify_audit().await?;
            store.close().await;
            let is_good = check.faults.is_empty();
            if *json {
                let answer = json!({
                    "good": is_good, "entries": check.entries, "head": check.head, "faults": check.faults,
                });
                print(&answer.to_string())?;
            } else {
                let verdict =
                    if is_good { "All of them are as they were written." } else { "The log was tampered with:" };
                print(&format!("{} entries, head {}. {verdict}", check.entries, check.head))?;
                check.faults.iter().try_for_each(|fault| print(&format!("- {fault}")))?;
            }
            Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::from(1) })
        }
        AuditVerb::Export { output, server } => {
            let store = open(server).await?;
            // Before it is read, so that the export tells of itself.
            let change = Change::new("export audit log", "audit log");
            store.audit(&Actor::shell("cellar audit export"), &change, Clock::System.now_us()).await?;
            let file = output.display();
            if output.as_os_str() == "-" {
                export(&store, std::io::stdout().lock()).await?;
            } else {
                let out = std::fs::File::create(output).with_context(|| format!("cannot write {file}"))?;
                export(&store, out).await.with_context(|| format!("cannot write {file}"))?;
            }
            store.close().await;
            Ok(ExitCode::SUCCESS)
        }
    }
}

async fn export(store: &Store, out: impl Write) -> anyhow::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS)?;
    let mut last = 0;
    loop {
        let entries = store.audit_after(last).await?;
        let Some(newest) = entries.last() else { break };
        last = newest.audit_id;
        for entry in &entries {
            csv.write_record(record(entry).iter().map(|cell| cell.as_bytes()))?;
        }
    }
    csv.flush()?;
    Ok(())
}

fn record(entry: &Entry) -> [Cow<'_, str>; 11] {
    let at = chrono::DateTime::from_timestamp_micros(entry.at_us)
        .map_or_else(String::new, |at| at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true));
    let json = |text: &'_ Option<String>| text.clone().unwrap_or_default();
    [
        entry.audit_id.to_string().into(),
        at.into(),
        cell(&entry.actor),
        cell(&entry.role),
        cell(&entry.address),
        cell(&entry.route),
        cell(&entry.action),
        cell(&entry.object),
        cell(&json(&entry.old_json)).into_owned().into(),
        cell(&json(&entry.new_json)).into_owned().into(),
        cell(&entry.reason),
    ]
}

/// Text as a spreadsheet shows it, never as a formula it runs.
fn cell(text: &str) -> Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, shown) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-", "'-"),
            ("@x", "'@x"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("ann", "ann"),
            ("a=b", "a=b"),
            ("", ""),
        ] {
            assert_eq!(cell(text), shown, "{text:?}");
        }
    }
}
