//! `cellar device`: registers devices.

use std::process::ExitCode;

use clap::Subcommand;

use super::flags::ServerFlags;
use super::{BadInput, print};
use crate::app;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::device::DeviceKind;
use crate::domain::ids::{BadDeviceId, DeviceId};
use crate::domain::secret::DeviceSecret;

#[derive(Debug, Subcommand)]
pub(super) enum DeviceVerb {
    /// Register a device and print its secret, this once. A known device gets a new secret.
    Add {
        /// 1 to 32 of a-z, 0-9 and -
        id: String,
        /// unit, probe or gateway
        #[arg(long)]
        kind: DeviceKind,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
}

pub(super) async fn run(verb: &DeviceVerb) -> anyhow::Result<ExitCode> {
    let DeviceVerb::Add { id, kind, json, server } = verb;
    let device: DeviceId = id.parse().map_err(|error: BadDeviceId| BadInput(error.to_string()))?;
    let store = app::open_store(&server.settings()?).await?;
    store.migrate().await?;
    let secret = DeviceSecret::draw()?;
    store.register_device(&Actor::shell("cellar device add"), &device, *kind, &secret, Clock::System.now_us()).await?;
    store.close().await;
    print(&if *json {
        serde_json::json!({ "device": device, "kind": kind, "secret": secret.reveal() }).to_string()
    } else {
        format!("Registered {} {device}. Its secret, shown only now: {}", kind.as_str(), secret.reveal())
    })?;
    Ok(ExitCode::SUCCESS)
}
