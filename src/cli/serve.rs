//! `cellar serve`: the server.

use std::process::ExitCode;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::flags::{ServerFlags, start_log};
use super::print;
use crate::app::{App, StartError};
use crate::config::Config;

pub(super) async fn run(flags: &ServerFlags) -> anyhow::Result<ExitCode> {
    let config = flags.settings()?;
    start_log(&config)?;
    let mut signals = StopSignals::listen()?;
    let Some(app) = signals.start(&config).await? else { return Ok(ExitCode::SUCCESS) };
    announce(&app, &config)?;
    let name = signals.wait().await;
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

/// The signals that ask a program to end.
///
/// They are listened for before anybody is told that the server is ready: one that came between would end the process
/// at once, with what it holds.
pub(super) struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    /// Takes the signals from now on; one that comes before [`StopSignals::wait`] is not lost.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Starts the server; `None` when it was asked to end before it was ready.
    pub(super) async fn start(&mut self, config: &Config) -> Result<Option<App>, StartError> {
        tokio::select! {
            app = App::start(config) => app.map(Some),
            name = self.wait() => {
                tracing::info!(signal = name, "stopping before the start was over");
                Ok(None)
            }
        }
    }

    /// Waits for SIGTERM or SIGINT and names it.
    pub(super) async fn wait(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
