//! `cellar device export-mosquitto`: the files that let the registered devices into a Mosquitto broker, and no others.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde_json::json;

use super::device::open;
use super::flags::ServerFlags;
use super::{BadInput, print};
use crate::clock::Clock;
use crate::domain::audit::{Actor, Change};
use crate::domain::ids::DeviceId;
use crate::domain::secret::{BROKER_SALT_BYTES, DeviceSecret};
use crate::store::device_access::BrokerLogin;

/// Only their owner may read them: what is in them lets nobody in, but tells who is there.
const FILE_MODE: u32 = 0o600;

pub(super) async fn run(dir: &Path, json: bool, server: &ServerFlags) -> anyhow::Result<()> {
    let login = server_login(&server.settings()?.broker.url)?;
    let store = open(server).await?;
    let devices = store.broker_logins().await?;
    let passwords = passwords(&devices, login.as_ref())?;
    let access = access(login.as_ref().map(|login| login.user.as_str()));
    let (with_hash, without): (Vec<_>, Vec<_>) = devices.iter().partition(|device| device.hash.is_some());
    let left_out: Vec<&DeviceId> = without.iter().map(|login| &login.device).collect();

    std::fs::create_dir_all(dir).with_context(|| format!("cannot make the folder {}", dir.display()))?;
    let passwords_file = replace(dir, "passwords", &passwords)?;
    let access_file = replace(dir, "acl", &access)?;
    let change = Change::new("export broker log-ins", format!("{} devices", with_hash.len()));
    store.audit(&Actor::shell("cellar device export-mosquitto"), &change, Clock::System.now_us()).await?;
    store.close().await;

    if json {
        let user = login.map(|login| login.user);
        print(
            &json!({ "passwords": passwords_file, "acl": access_file, "devices": with_hash.len(),
                "left_out": left_out, "server_user": user })
            .to_string(),
        )?;
        return Ok(());
    }
    print(&format!("Wrote {} and {}: {} devices.", passwords_file.display(), access_file.display(), with_hash.len()))?;
    match login {
        Some(login) => print(&format!("The server logs in as {}.", login.user))?,
        None => print("The server itself is not in them: set broker.url with user name and password.")?,
    }
    if !left_out.is_empty() {
        let names: Vec<&str> = left_out.iter().map(|device| device.as_str()).collect();
        print(&format!(
            "Left out, because they were registered by an older version: {}. `cellar device rotate ID` mends that.",
            names.join(", ")
        ))?;
    }
    print("Mosquitto must be allowed to read them (chown). To make it read them now: kill -HUP $(pidof mosquitto)")?;
    Ok(())
}

/// What the server itself logs in with.
struct ServerLogin {
    user: String,
    password: String,
}

/// User name and password in the broker's URL, if they are there.
fn server_login(url: &str) -> Result<Option<ServerLogin>, BadInput> {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let Some((login, _)) = rest.rsplit_once('@') else { return Ok(None) };
    let Some((user, password)) = login.split_once(':') else { return Ok(None) };
    let is_odd = |character: char| character.is_whitespace() || character.is_control() || "+#/".contains(character);
    if user.is_empty() || user.contains(is_odd) {
        return Err(BadInput(format!("broker.url: “{user}” cannot be a user name in Mosquitto's files")));
    }
    Ok(Some(ServerLogin { user: user.to_owned(), password: password.to_owned() }))
}

fn passwords(devices: &[BrokerLogin], login: Option<&ServerLogin>) -> anyhow::Result<String> {
    let mut text = String::new();
    if let Some(ServerLogin { user, password }) = login {
        if devices.iter().any(|device| device.device.as_str() == user) {
            let taken = format!("broker.url: {user} is the id of a device, which would get the rights of the server");
            return Err(BadInput(taken).into());
        }
        let mut salt = [0; BROKER_SALT_BYTES];
        getrandom::fill(&mut salt)?;
        text.push_str(&format!("{user}:{}\n", DeviceSecret::sent(password).broker_hash(&salt)));
    }
    for BrokerLogin { device, hash } in devices {
        if let Some(hash) = hash {
            text.push_str(&format!("{device}:{hash}\n"));
        }
    }
    Ok(text)
}

/// The access list: a device speaks only below its own topics, and only the server hears them all.
fn access(server_user: Option<&str>) -> String {
    let mut text = "pattern write cellar/v1/%u/up/#\npattern read cellar/v1/%u/down/#\n".to_owned();
    if let Some(user) = server_user {
        text.push_str(&format!("\nuser {user}\ntopic read cellar/v1/+/up/#\ntopic write cellar/v1/+/down/#\n"));
    }
    text
}

/// Writes a file so that a reader finds the old content or the new one, never half of it.
fn replace(dir: &Path, name: &str, content: &str) -> anyhow::Result<PathBuf> {
    let (file, new) = (dir.join(name), dir.join(format!(".{name}.new")));
    let written = || -> std::io::Result<()> {
        // A leftover of an earlier try may have other rights.
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(&new)?;
        out.write_all(content.as_bytes())?;
        out.sync_all()?;
        std::fs::rename(&new, &file)
    };
    written().with_context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_servers_log_in_is_read_from_the_url() {
        let login = |url: &str| server_login(url).map(|login| login.map(|login| (login.user, login.password)));
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        assert_eq!(login("mqtt://srv:p:@ss@broker:1883").unwrap(), pair("srv", "p:@ss"));
        assert_eq!(login("mqtt://broker:1883").unwrap(), None);
        assert_eq!(login("").unwrap(), None);
        for user in ["a b", "a/b", "+", "#", "a\nb", ""] {
            assert!(login(&format!("mqtt://{user}:p@broker")).is_err(), "{user}");
        }
    }

    #[test]
    fn a_device_with_the_servers_user_name_would_be_the_server_so_nothing_is_written() {
        let device = BrokerLogin { device: "srv".parse().unwrap(), hash: Some("$7$".to_owned()) };
        let login = ServerLogin { user: "srv".to_owned(), password: "p".to_owned() };
        assert!(passwords(&[device.clone()], Some(&login)).unwrap_err().to_string().contains("rights of the server"));
        assert_eq!(passwords(&[device], None).unwrap(), "srv:$7$\n");
    }

    #[test]
    fn a_file_is_replaced_whole_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".acl.new"), "leftover").unwrap();
        std::fs::write(folder.path().join("acl"), "old").unwrap();
        let file = replace(folder.path(), "acl", "new").unwrap();
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "new");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
