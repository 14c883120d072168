//! `cellar config`: the settings in use.

use std::process::ExitCode;

use clap::Subcommand;

use super::flags::ServerFlags;
use super::print;

#[derive(Debug, Subcommand)]
pub(super) enum ConfigVerb {
    /// Print the settings in use as TOML, passwords left out.
    Print(ServerFlags),
}

pub(super) fn run(verb: &ConfigVerb) -> anyhow::Result<ExitCode> {
    let ConfigVerb::Print(flags) = verb;
    print(flags.settings()?.to_toml().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
