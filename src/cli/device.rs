//! `cellar device`: who may log in.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::flags::ServerFlags;
use super::{BadInput, device_export, print};
use crate::app;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::device::DeviceKind;
use crate::domain::ids::{BadDeviceId, DeviceId};
use crate::domain::secret::DeviceSecret;
use crate::store::devices::{Device, DeviceFilter};
use crate::store::pending_devices::PendingDevice;
use crate::store::{Store, StoreError};

/// Devices read at a time.
const DEVICES_PER_READ: i64 = 500;

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
    /// List the registered devices.
    List {
        /// Print JSON for programs, one object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Shut a device out: its connection is closed, and it cannot log in.
    Disable {
        /// The device
        id: String,
        /// Why, for the audit log
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Let a device in again that was shut out, with the secret it has.
    Enable {
        /// The device
        id: String,
        /// Why, for the audit log
        #[arg(long, default_value = "")]
        reason: String,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Give a device a new secret and print it, this once; the old one counts no more.
    Rotate {
        /// The device
        id: String,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// List devices that nobody registered and that tried to connect.
    Pending {
        /// Print JSON for programs, one object a line.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Register a pending device with the secret it presented.
    Approve {
        /// What it calls itself
        id: String,
        /// Its code, as `device pending` and the device itself show it: needed when several call themselves the same
        #[arg(long)]
        code: Option<String>,
        /// unit, probe or gateway
        #[arg(long)]
        kind: DeviceKind,
        #[command(flatten)]
        server: ServerFlags,
    },
    /// Write the password and access files of a Mosquitto broker into a folder.
    ExportMosquitto {
        /// The folder; made when missing
        dir: PathBuf,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerFlags,
    },
}

pub(super) async fn run(verb: &DeviceVerb) -> anyhow::Result<ExitCode> {
    match verb {
        DeviceVerb::Add { id, kind, json, server } => add(&parse(id)?, *kind, *json, server).await?,
        DeviceVerb::List { json, server } => list(*json, server).await?,
        DeviceVerb::Disable { id, reason, server } => admit(&parse(id)?, false, reason, server).await?,
        DeviceVerb::Enable { id, reason, server } => admit(&parse(id)?, true, reason, server).await?,
        DeviceVerb::Rotate { id, json, server } => rotate(&parse(id)?, *json, server).await?,
        DeviceVerb::Pending { json, server } => pending(*json, server).await?,
        DeviceVerb::Approve { id, code, kind, server } => {
            approve(&parse(id)?, code.as_deref(), *kind, server).await?;
        }
        DeviceVerb::ExportMosquitto { dir, json, server } => device_export::run(dir, *json, server).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(device: &DeviceId, kind: DeviceKind, json: bool, server: &ServerFlags) -> anyhow::Result<()> {
    let store = open(server).await?;
    let secret = DeviceSecret::draw()?;
    store.register_device(&Actor::shell("cellar device add"), device, kind, &secret, Clock::System.now_us()).await?;
    store.close().await;
    print(&if json {
        json!({ "device": device, "kind": kind, "secret": secret.reveal() }).to_string()
    } else {
        format!("Registered {} {device}. Its secret, shown only now: {}", kind.as_str(), secret.reveal())
    })?;
    Ok(())
}

async fn list(json: bool, server: &ServerFlags) -> anyhow::Result<()> {
    let store = open(server).await?;
    if !json {
        print(&format!("{:<32}  {:<7}  {:<8}  {:<20}  model", "device", "kind", "state", "last heard (UTC)"))?;
    }
    let mut after = String::new();
    loop {
        let devices = store.devices(&DeviceFilter::default(), &after, DEVICES_PER_READ).await?;
        let Some(last) = devices.last() else { break };
        after = last.device.to_string();
        for device in &devices {
            print(&if json { serde_json::to_string(device)? } else { line(device) })?;
        }
    }
    store.close().await;
    Ok(())
}

fn line(device: &Device) -> String {
    let state = if device.disabled { "shut out" } else { "enabled" };
    let seen = device.seen_at_us.map_or_else(|| "never".to_owned(), moment);
    let line = format!("{:<32}  {:<7}  {state:<8}  {seen:<20}  ", device.device, device.kind.as_str());
    format!("{line}{}", plain(&device.model)).trim_end().to_owned()
}

async fn admit(device: &DeviceId, admits: bool, reason: &str, server: &ServerFlags) -> anyhow::Result<()> {
    let store = open(server).await?;
    let now_us = Clock::System.now_us();
    let changed = if admits {
        store.enable_device(&Actor::shell("cellar device enable"), device, reason, now_us).await
    } else {
        store.disable_device(&Actor::shell("cellar device disable"), device, reason, now_us).await
    };
    let changed = changed.map_err(as_input)?;
    store.close().await;
    print(&match (admits, changed) {
        (true, true) => format!("Device {device} may log in again, with the secret it has."),
        (true, false) => format!("Device {device} was not shut out."),
        (false, true) => format!("Device {device} is shut out; its connection is closed within 2 s."),
        (false, false) => format!("Device {device} was shut out already."),
    })?;
    remind_of_broker(server, changed)
}

async fn rotate(device: &DeviceId, json: bool, server: &ServerFlags) -> anyhow::Result<()> {
    let store = open(server).await?;
    let known = store.device(device).await?;
    let known = known.ok_or_else(|| BadInput(format!("there is no device “{device}”")))?;
    let by = Actor::shell("cellar device rotate");
    let secret = store.rotate_device(&by, device, known.revision, Clock::System.now_us()).await.map_err(as_input)?;
    store.close().await;
    if json {
        print(&json!({ "device": device, "secret": secret.reveal() }).to_string())?;
        return Ok(());
    }
    print(&format!("Device {device} has a new secret, shown only now: {}", secret.reveal()))?;
    remind_of_broker(server, true)
}

async fn pending(json: bool, server: &ServerFlags) -> anyhow::Result<()> {
    let store = open(server).await?;
    let devices = store.pending_devices().await?;
    store.close().await;
    if !json {
        print(&format!("{:<32}  {:<8}  {:<39}  {:<20}  tries", "device", "code", "address", "last tried (UTC)"))?;
    }
    for pending in &devices {
        let PendingDevice { device, address, first_at_us, last_at_us, tries, .. } = pending;
        let code = pending.code();
        print(&if json {
            json!({ "device": device, "code": code, "address": address, "first_at_us": first_at_us,
                "last_at_us": last_at_us, "tries": tries })
            .to_string()
        } else {
            format!("{device:<32}  {code:<8}  {address:<39}  {:<20}  {tries}", moment(*last_at_us))
        })?;
    }
    Ok(())
}

async fn approve(device: &DeviceId, code: Option<&str>, kind: DeviceKind, server: &ServerFlags) -> anyhow::Result<()> {
    let store = open(server).await?;
    let chosen = chosen(store.pending_devices().await?, device, code)?;
    let by = Actor::shell("cellar device approve");
    let approved = store.approve_pending(&by, device, &chosen.secret_sha256, kind, Clock::System.now_us()).await;
    approved.map_err(as_input)?;
    store.close().await;
    print(&format!("Registered {} {device} with the secret it presented (code {}).", kind.as_str(), chosen.code()))?;
    remind_of_broker(server, true)
}

/// The one pending device that is meant.
fn chosen(pending: Vec<PendingDevice>, device: &DeviceId, code: Option<&str>) -> Result<PendingDevice, BadInput> {
    let named: Vec<_> = pending.into_iter().filter(|row| row.device == *device).collect();
    let codes: Vec<String> = named.iter().map(PendingDevice::code).collect();
    let mut meant: Vec<_> =
        named.into_iter().filter(|row| code.is_none_or(|code| row.code().eq_ignore_ascii_case(code))).collect();
    match (meant.pop(), meant.is_empty()) {
        (Some(one), true) => Ok(one),
        (Some(_), false) => Err(BadInput(format!(
            "{} devices call themselves {device}: say which one with --code, one of {}",
            codes.len(),
            codes.join(", ")
        ))),
        (None, _) if codes.is_empty() => Err(BadInput(format!("no device called {device} is pending"))),
        (None, _) => Err(BadInput(format!("{device} is pending with another code: {}", codes.join(", ")))),
    }
}

/// Opens the database of the settings and brings it up to date.
pub(super) async fn open(server: &ServerFlags) -> anyhow::Result<Store> {
    let store = app::open_store(&server.settings()?).await?;
    store.migrate().await?;
    Ok(store)
}

fn parse(id: &str) -> Result<DeviceId, BadInput> {
    id.parse().map_err(|error: BadDeviceId| BadInput(error.to_string()))
}

/// What somebody can put right by typing something else is bad input.
fn as_input(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Missing { .. } | StoreError::Duplicate { .. } | StoreError::Conflict(_) => {
            BadInput(error.to_string()).into()
        }
        error => error.into(),
    }
}

/// A broker has files of its own, which nobody changes but a person.
fn remind_of_broker(server: &ServerFlags, changed: bool) -> anyhow::Result<()> {
    if changed && !server.settings()?.broker.url.is_empty() {
        print("The broker does not know yet: run `cellar device export-mosquitto DIR` and let it reload.")?;
    }
    Ok(())
}

/// A moment for people.
fn moment(at_us: i64) -> String {
    let moment = chrono::DateTime::from_timestamp_micros(at_us);
    moment.map_or_else(|| at_us.to_string(), |moment| moment.format("%Y-%m-%d %H:%M:%S").to_string())
}

/// A device's own words without what could move a terminal's cursor.
fn plain(text: &str) -> String {
    text.chars().filter(|character| !character.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(device: &str, secret: &str) -> PendingDevice {
        PendingDevice {
            device: device.parse().unwrap(),
            secret_sha256: DeviceSecret::sent(secret).sha256(),
            address: "10.0.0.1".to_owned(),
            first_at_us: 1,
            last_at_us: 2,
            tries: 1,
        }
    }

    #[test]
    fn a_pending_device_is_approved_only_when_it_is_clear_which_one_is_meant() {
        let list = || vec![waiting("a", "1"), waiting("b", "2"), waiting("b", "3")];
        let choose = |device: &str, code: Option<&str>| chosen(list(), &device.parse().unwrap(), code);
        let code = waiting("b", "3").code();
        assert_eq!(choose("a", None).unwrap(), waiting("a", "1"));
        assert_eq!(choose("b", Some(&code.to_uppercase())).unwrap(), waiting("b", "3"));
        assert!(choose("b", None).unwrap_err().to_string().contains(&code));
        assert!(choose("a", Some(&code)).unwrap_err().to_string().contains("another code"));
        assert_eq!(choose("c", None).unwrap_err().to_string(), "no device called c is pending");
    }
}
