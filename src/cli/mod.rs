//! The command line: one verb per file.
//!
//! Exit status: 0 done, 1 the input is bad (said why, with place and remedy), 2 it could not run.

mod archive;
mod audit;
mod demo;
mod demo_lab;
mod device;
mod device_export;
mod doctor;
mod export;
mod flags;
mod import;
mod migrate;
mod report;
mod serve;
mod settings;
mod simulate;
mod simulate_check;
mod simulate_mischief;
mod simulate_register;
mod token;
mod tunnel;
mod user;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::app::StartError;
use crate::config::ConfigError;

/// The server a battery lab runs its life on.
#[derive(Debug, Parser)]
#[command(name = "cellar", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run the server: pages, API and devices.
    Serve(flags::ServerFlags),
    /// Run the server with a simulated lab.
    Demo(demo::DemoArgs),
    /// Bring the database up to date.
    Migrate(flags::ServerFlags),
    /// Say whether database, disk and everything stored are well.
    Doctor(doctor::DoctorArgs),
    /// Show the settings in use.
    #[command(subcommand)]
    Config(settings::ConfigVerb),
    /// Register devices, let them in, shut them out.
    #[command(subcommand)]
    Device(device::DeviceVerb),
    /// Say who may sign in.
    #[command(subcommand)]
    User(user::UserVerb),
    /// Give out and take back the tokens of programs.
    #[command(subcommand)]
    Token(token::TokenVerb),
    /// Move the rows of finished experiments to the archive, and back.
    #[command(subcommand)]
    Archive(archive::ArchiveVerb),
    /// Check and export the audit log.
    #[command(subcommand)]
    Audit(audit::AuditVerb),
    /// Import files of finished experiments.
    Import(import::ImportArgs),
    /// Write an experiment to a file.
    Export(export::ExportArgs),
    /// Write the report of an experiment.
    Report(report::ReportArgs),
    /// Run simulated devices against a server, or check what became of their readings.
    Simulate(Box<simulate::SimulateArgs>),
}

/// Runs the command line and says how it went.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let status = if error.use_stderr() { ExitCode::from(1) } else { ExitCode::SUCCESS };
            // Nothing can be done if even this cannot be printed.
            let _ = error.print();
            return status;
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(dispatch(cli)));
    match done {
        Ok(status) => status,
        Err(error) => {
            complain(&error);
            let is_start = |cause: &(dyn std::error::Error + 'static)| {
                cause.downcast_ref::<StartError>().is_some_and(StartError::is_input)
            };
            let is_input =
                error.chain().any(|cause| cause.is::<ConfigError>() || cause.is::<BadInput>() || is_start(cause));
            ExitCode::from(if is_input { 1 } else { 2 })
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.verb.unwrap_or(Verb::Serve(flags::ServerFlags::default())) {
        Verb::Serve(flags) => serve::run(&flags).await,
        Verb::Demo(args) => demo::run(&args).await,
        Verb::Migrate(flags) => migrate::run(&flags).await,
        Verb::Doctor(args) => doctor::run(&args).await,
        Verb::Config(verb) => settings::run(&verb),
        Verb::Device(verb) => device::run(&verb).await,
        Verb::User(verb) => user::run(&verb).await,
        Verb::Token(verb) => token::run(&verb).await,
        Verb::Archive(verb) => archive::run(&verb).await,
        Verb::Audit(verb) => audit::run(&verb).await,
        Verb::Import(args) => import::run(&args).await,
        Verb::Report(args) => report::run(&args).await.map(|()| ExitCode::SUCCESS),
        Verb::Export(args) => export::run(&args).await.map(|()| ExitCode::SUCCESS),
        Verb::Simulate(args) => simulate::run(&args).await,
    }
}

/// What somebody typed cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct BadInput(String);

/// One line to standard output: results, not messages.
fn print(line: &str) -> std::io::Result<()> {
    use std::io::Write;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn complain(error: &anyhow::Error) {
    use std::io::Write;
    // Nothing can be done if even this cannot be printed.
    let _ = writeln!(std::io::stderr(), "cellar: {error:#}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn no_two_flags_of_a_verb_have_the_same_name() {
        super::Cli::command().debug_assert();
    }
}
