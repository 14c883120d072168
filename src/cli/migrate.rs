//! `cellar migrate`: brings the database up to date.

use std::process::ExitCode;

use super::flags::ServerFlags;
use super::print;
use crate::app;

pub(super) async fn run(flags: &ServerFlags) -> anyhow::Result<ExitCode> {
    let config = flags.settings()?;
    let store = app::open_store(&config).await?;
    let steps = store.migrate().await?;
    store.close().await;
    print(&format!("The {} database is up to date: {steps} steps.", store.engine().name()))?;
    Ok(ExitCode::SUCCESS)
}
