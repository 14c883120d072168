//! `cellar user`: who may sign in.

use std::io::Read;
use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::flags::StoreFlags;
use super::{BadInput, print};
use crate::app;
use crate::auth::password::{Hasher, Password};
use crate::auth::sign_in::LINK_US;
use crate::auth::token::LinkToken;
use crate::auth::weak::{self, BYTES_MAX};
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::user::{BadUserName, FULL_NAME_MAX, Role, UserName};
use crate::store::users::{NewUser, User, UserEdit};
use crate::store::{Store, StoreError};

#[derive(Debug, Subcommand)]
pub(super) enum UserVerb {
    /// Add somebody, with a password from standard input.
    Add {
        /// 2 to 32 of a-z, 0-9, dot, hyphen and underscore, a letter first
        name: String,
        /// viewer, operator or admin
        #[arg(long)]
        role: Role,
        /// Read the password from standard input, one line. Without it they choose one by a link, see `user link`.
        #[arg(long)]
        password_stdin: bool,
        /// Their name for people
        #[arg(long, value_name = "TEXT", default_value = "")]
        full_name: String,
        #[command(flatten)]
        server: StoreFlags,
    },
    /// List everybody.
    List {
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: StoreFlags,
    },
    /// Shut somebody out and end all their sessions.
    Disable(Named),
    /// Let somebody in again.
    Enable(Named),
    /// Give somebody a new password and end all their sessions.
    Password {
        #[command(flatten)]
        named: Named,
        /// Read the password from standard input, one line.
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Print a link with which somebody chooses a password, once and within 72 hours.
    Link(Named),
    /// Turn off the second factor of somebody who lost phone and recovery codes.
    ResetSecondFactor(Named),
}

/// A user name and the flags of the database.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// User name
    name: String,
    #[command(flatten)]
    server: StoreFlags,
}

pub(super) async fn run(verb: &UserVerb) -> anyhow::Result<ExitCode> {
    let now_us = Clock::System.now_us();
    match verb {
        UserVerb::Add { name, role, password_stdin, full_name, server } => {
            let name: UserName = name.parse().map_err(|error: BadUserName| BadInput(error.to_string()))?;
            if full_name.chars().count() > FULL_NAME_MAX {
                return Err(
                    BadInput(format!("--full-name is too long; take at most {FULL_NAME_MAX} characters")).into()
                );
            }
            let password_hash = if *password_stdin { Some(hash_from_stdin(name.as_str()).await?) } else { None };
            let user = NewUser { name, full_name: full_name.trim().to_owned(), role: *role, password_hash };
            let store = open(server).await?;
            store.add_user(&Actor::shell("cellar user add"), &user, now_us).await.map_err(as_input)?;
            store.close().await;
            print(&format!("Added {}, {}.", user.name, role.title().to_lowercase()))?;
        }
        UserVerb::List { json, server } => {
            let store = open(server).await?;
            let users = store.users().await?;
            store.close().await;
            list(&users, *json)?;
        }
        UserVerb::Disable(named) => admit(named, false, now_us).await?,
        UserVerb::Enable(named) => admit(named, true, now_us).await?,
        UserVerb::Password { named, .. } => {
            let store = open(&named.server).await?;
            let user = find(&store, &named.name).await?;
            let hash = hash_from_stdin(&user.name).await?;
            store.set_password(&Actor::shell("cellar user password"), &user, &hash, None, now_us).await?;
            store.close().await;
            print(&format!("{} has a new password; all their sessions have ended.", user.name))?;
        }
        UserVerb::Link(named) => {
            let store = open(&named.server).await?;
            let user = find(&store, &named.name).await?;
            if user.disabled {
                return Err(BadInput(format!("{} is disabled: `cellar user enable {0}` first", user.name)).into());
            }
            let token = LinkToken::random()?;
            let by = Actor::shell("cellar user link");
            store.add_sign_in_link(&by, &user, &token.sha256(), now_us + LINK_US, now_us).await?;
            store.close().await;
            print(&format!("/link/{}", token.reveal()))?;
        }
        UserVerb::ResetSecondFactor(named) => {
            let store = open(&named.server).await?;
            let user = find(&store, &named.name).await?;
            let had = user.totp_secret.is_some();
            if had {
                let by = Actor::shell("cellar user reset-second-factor");
                store.set_second_factor(&by, &user, None, now_us).await?;
            }
            store.close().await;
            let what = if had { "is off" } else { "was off already" };
            print(&format!("The second factor of {} {what}.", user.name))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the database of the flags, brought up to date.
pub(super) async fn open(server: &StoreFlags) -> anyhow::Result<Store> {
    let store = app::open_store(&server.settings()?).await?;
    store.migrate().await?;
    Ok(store)
}

/// Somebody by their name.
pub(super) async fn find(store: &Store, name: &str) -> anyhow::Result<User> {
    let unknown = || BadInput(format!("nobody is called “{name}”; `cellar user list` shows everybody"));
    Ok(store.user_named(name).await?.ok_or_else(unknown)?)
}

/// What somebody else's change or an existing name says is for who typed.
pub(super) fn as_input(error: StoreError) -> anyhow::Error {
    match error {
        StoreError::Duplicate { .. } | StoreError::Conflict(_) => BadInput(error.to_string()).into(),
        error => error.into(),
    }
}

async fn admit(named: &Named, is_in: bool, now_us: i64) -> anyhow::Result<()> {
    let store = open(&named.server).await?;
    let user = find(&store, &named.name).await?;
    let (route, word) = if is_in { ("cellar user enable", "enabled") } else { ("cellar user disable", "disabled") };
    let is_as_asked = user.disabled != is_in;
    if !is_as_asked {
        let edit = UserEdit { full_name: user.full_name.clone(), role: user.role, disabled: !is_in };
        store.edit_user(&Actor::shell(route), &user, &edit, "", now_us).await.map_err(as_input)?;
    }
    store.close().await;
    print(&format!("{} is {word}{}.", user.name, if is_as_asked { " already" } else { "" }))?;
    Ok(())
}

fn list(users: &[User], json: bool) -> std::io::Result<()> {
    if json {
        let list: Vec<_> = users
            .iter()
            .map(|user| {
                json!({
                    "name": user.name, "full_name": user.full_name, "role": user.role, "disabled": user.disabled,
                    "has_password": user.password_hash.is_some(), "second_factor": user.totp_secret.is_some(),
                    "created_at_us": user.created_at_us, "sign_in_at_us": user.sign_in_at_us,
                })
            })
            .collect();
        return print(&serde_json::Value::from(list).to_string());
    }
    if users.is_empty() {
        return print("Nobody yet: `cellar user add NAME --role admin --password-stdin`");
    }
    for user in users {
        let factor = if user.totp_secret.is_some() { "second factor" } else { "" };
        let state = match (user.disabled, &user.password_hash) {
            (true, _) => "disabled",
            (false, None) => "no password yet",
            (false, Some(_)) => "",
        };
        let notes = [factor, state].into_iter().filter(|note| !note.is_empty()).collect::<Vec<_>>().join(", ");
        print(format!("{:<32}  {:<8}  {}  {notes}", user.name, user.role.as_str(), user.full_name).trim_end())?;
    }
    Ok(())
}

/// Hashes the first line of standard input, if it is a good password.
async fn hash_from_stdin(user: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    // One more than fits, so that what is too long shows as such.
    let bytes_max = BYTES_MAX as u64 + 2;
    std::io::stdin().take(bytes_max).read_to_string(&mut text).context("cannot read the password")?;
    let password = Password::new(text.lines().next().unwrap_or_default().to_owned());
    zeroize::Zeroize::zeroize(&mut text);
    weak::check(&password, user).map_err(|error| BadInput(error.to_string()))?;
    Ok(Hasher::default().hash(password).await?.into_string())
}
