//! `cellar serve`: the server.

use std::process::ExitCode;

use tokio::signal::unix::{SignalKind, signal};

use super::flags::{ServerFlags, start_log};
use super::print;
use crate::app::App;
use crate::config::Config;

pub(super) async fn run(flags: &ServerFlags) -> anyhow::Result<ExitCode> {
    let config = flags.settings()?;
    start_log(&config)?;
    let app = App::start(&config).await?;
    announce(&app, &config)?;
    let name = until_stopped().await?;
    tracing::info!(signal = name, "stopping");
    app.stop().await;
    Ok(ExitCode::SUCCESS)
}

/// Says where pages and devices connect, as one JSON line for programs; devices behind a broker connect to that.
pub(super) fn announce(app: &App, config: &Config) -> anyhow::Result<()> {
    let mut addresses = serde_json::Map::new();
    if let Some(http) = app.http() {
        addresses.insert("http".to_owned(), http.to_string().into());
    }
    if let Some(mqtt) = app.mqtt() {
        addresses.insert("mqtt".to_owned(), mqtt.to_string().into());
    } else if let Some(broker) = config.broker.url.rsplit(['/', '@']).next().filter(|broker| !broker.is_empty()) {
        addresses.insert("mqtt".to_owned(), broker.into());
    }
    if app.tls().is_some() {
        addresses.insert("tls".to_owned(), true.into());
    }
    print(&serde_json::Value::from(addresses).to_string())?;
    Ok(())
}

/// Waits for SIGTERM or SIGINT and names it.
pub(super) async fn until_stopped() -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
