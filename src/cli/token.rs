//! `cellar token`: what programs sign in with.

use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::flags::StoreFlags;
use super::user::{find, open};
use super::{BadInput, print};
use crate::auth::token::ApiToken;
use crate::clock::Clock;
use crate::domain::audit::Actor;
use crate::domain::ids::ApiTokenId;
use crate::domain::user::Scope;
use crate::store::tokens::{ApiToken as Stored, NewApiToken};

/// A day, µs.
const DAY_US: i64 = 24 * 3_600 * 1_000_000;
/// Longest text that says what a token is for, characters.
const NAME_MAX: usize = 80;

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Make a token for a program and print it, this once.
    Add {
        /// Whose role it has; at most that of an operator
        #[arg(long, value_name = "NAME")]
        user: String,
        /// read or write
        #[arg(long)]
        scope: Scope,
        /// What it is for
        #[arg(long, value_name = "TEXT")]
        name: String,
        /// How long it works
        #[arg(long, value_name = "N", default_value_t = 90, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: StoreFlags,
    },
    /// List all tokens, without what opens the door.
    List {
        /// Print JSON for programs.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: StoreFlags,
    },
    /// Take a token back.
    Revoke {
        /// Its number in the list
        id: i64,
        #[command(flatten)]
        server: StoreFlags,
    },
}

pub(super) async fn run(verb: &TokenVerb) -> anyhow::Result<ExitCode> {
    let now_us = Clock::System.now_us();
    match verb {
        TokenVerb::Add { user, scope, name, days, json, server } => {
            let name = name.trim();
            if name.is_empty() || name.chars().count() > NAME_MAX || name.contains(char::is_control) {
                return Err(
                    BadInput(format!("--name says what the token is for, in 1 to {NAME_MAX} characters")).into()
                );
            }
            let store = open(server).await?;
            let owner = find(&store, user).await?;
            if owner.disabled {
                return Err(BadInput(format!("{} is disabled: a token of theirs opens nothing", owner.name)).into());
            }
            let (token, expires_at_us) = (ApiToken::random()?, now_us + days * DAY_US);
            let new = NewApiToken { token_sha256: &token.sha256(), name, scope: *scope, expires_at_us };
            let id = store.add_api_token(&Actor::shell("cellar token add"), &owner, new, now_us).await?;
            store.close().await;
            print(&if *json {
                json!({
                    "id": id, "token": token.reveal(), "user": owner.name, "scope": scope, "name": name,
                    "expires_at_us": expires_at_us,
                })
                .to_string()
            } else {
                token.reveal().to_owned()
            })?;
        }
        TokenVerb::List { json, server } => {
            let store = open(server).await?;
            let tokens = store.api_tokens().await?;
            store.close().await;
            list(&tokens, *json, now_us)?;
        }
        TokenVerb::Revoke { id, server } => {
            let store = open(server).await?;
            let unknown = || BadInput(format!("there is no token {id}; `cellar token list` shows all"));
            let token = store.api_token_numbered(ApiTokenId(*id)).await?.ok_or_else(unknown)?;
            let done = store.revoke_api_token(&Actor::shell("cellar token revoke"), &token, now_us).await?;
            store.close().await;
            let what = if done { "is revoked" } else { "was revoked before" };
            print(&format!("Token {id}, {} of {}, {what}.", token.name, token.owner))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(tokens: &[Stored], json: bool, now_us: i64) -> std::io::Result<()> {
    if json {
        let list: Vec<_> = tokens
            .iter()
            .map(|token| {
                json!({
                    "id": token.api_token_id, "user": token.owner, "name": token.name, "scope": token.scope,
                    "created_at_us": token.created_at_us, "expires_at_us": token.expires_at_us,
                    "used_at_us": token.used_at_us, "revoked_at_us": token.revoked_at_us,
                })
            })
            .collect();
        return print(&serde_json::Value::from(list).to_string());
    }
    if tokens.is_empty() {
        return print("No tokens yet: `cellar token add --user NAME --scope read --name TEXT`");
    }
    for token in tokens {
        let state = match token.revoked_at_us {
            Some(_) => "revoked".to_owned(),
            None if token.expires_at_us <= now_us => "expired".to_owned(),
            None => format!("{} days left", (token.expires_at_us - now_us).div_euclid(DAY_US)),
        };
        let id = token.api_token_id.0;
        print(&format!("{id:>6}  {:<5}  {:<14}  {}: {}", token.scope.as_str(), state, token.owner, token.name))?;
    }
    Ok(())
}
