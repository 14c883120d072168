//! `GET` and `POST /emergency-stop`: asks once, then tells of every output. Works without a script.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{Line, halt, outputs, scope, verdict, word};
use crate::domain::audit::REASON_MAX;
use crate::ingest::lookout::{Off, Output};
use crate::web::forms::{Problems, line};
use crate::web::page::Layout;
use crate::web::{State, Visitor, WebError, answer};

#[derive(Template)]
#[template(path = "emergency_stop/ask.html")]
struct Ask {
    layout: Layout,
    choices: Vec<Choice>,
    away: Vec<String>,
    reason: String,
    problems: Problems,
}

/// A scope that can be chosen.
struct Choice {
    word: String,
    title: String,
    more: String,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "emergency_stop/result.html")]
struct Told {
    layout: Layout,
    tone: &'static str,
    icon: &'static str,
    verdict: String,
    lines: Vec<Line>,
    is_settled: bool,
    scope: String,
}

/// What the address asks for.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// The scope that is chosen at first, or was.
    pub scope: String,
}

/// What is typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Word of the scope.
    pub scope: String,
    /// Why; may be empty, and be added later.
    pub reason: String,
}

/// Asks once.
///
/// # Errors
/// When the database is asked and fails.
pub async fn form(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let all = outputs(&state).await?;
    let layout = Layout::new(&request, "emergency-stop");
    let page = ask(layout, &all, &asked.scope, String::new(), Problems::default());
    answer::page(StatusCode::OK, &page)
}

fn ask(layout: Layout, all: &[Output], chosen: &str, reason: String, problems: Problems) -> Ask {
    let chosen = scope(chosen).map_or_else(|_| "all".to_owned(), |scope| word(&scope));
    let running = |outputs: &[&Output]| {
        let count = outputs.iter().filter(|output| output.run.is_some()).count();
        format!("{count} with an experiment")
    };
    let every: Vec<&Output> = all.iter().collect();
    let choice = |word: String, title: String, more: String| Choice { is_chosen: word == chosen, word, title, more };
    let mut choices = vec![choice("all".to_owned(), format!("All {} stations", all.len()), running(&every))];
    let mut units: Vec<_> = all.iter().map(|output| &output.unit).collect();
    units.sort_unstable();
    units.dedup();
    for unit in units {
        let of_unit: Vec<&Output> = all.iter().filter(|output| output.unit == *unit).collect();
        let names: Vec<&str> = of_unit.iter().map(|output| output.station.1.as_str()).take(8).collect();
        let title = format!("Unit {unit}: {}", names.join(", "));
        choices.push(choice(format!("unit:{unit}"), title, running(&of_unit)));
    }
    for output in all {
        let more = output.run.as_ref().map_or_else(|| "Nothing runs there".to_owned(), |(_, name)| name.clone());
        choices.push(choice(
            format!("station:{}", output.station.0),
            format!("Only station {}", output.station.1),
            more,
        ));
    }
    let away = all.iter().filter(|output| !output.is_heard).map(|output| output.station.1.clone()).collect();
    Ask { layout, choices, away, reason, problems }
}

/// Switches off.
///
/// # Errors
/// Where this process has no watch: when the database fails.
pub async fn press(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let reason: String = line(&typed.reason).chars().take(REASON_MAX).collect();
    let scope = match scope(&typed.scope) {
        Ok(scope) => scope,
        Err(why) => {
            let mut problems = Problems::default();
            problems.add("scope", why);
            let all = outputs(&state).await?;
            let layout = Layout::new(&request, "emergency-stop");
            return answer::page(StatusCode::UNPROCESSABLE_ENTITY, &ask(layout, &all, "all", reason, problems));
        }
    };
    halt(&state, visitor.actor(), &scope, &reason).await?;
    Ok(answer::see_other(&format!("/emergency-stop/result?scope={}", word(&scope))))
}

/// Tells of every output.
///
/// # Errors
/// When the database is asked and fails.
pub async fn result(
    request: HttpRequest,
    state: web::Data<State>,
    asked: web::Query<Asked>,
) -> Result<HttpResponse, WebError> {
    let wanted = scope(&asked.scope).map_err(|message| WebError::Invalid { target: "scope", message })?;
    let mut all = outputs(&state).await?;
    all.retain(|output| wanted.covers(output.station.0, &output.unit));
    // What is unknown stands first.
    all.sort_by_key(|output| (matches!(output.off, Off::Confirmed(_)), output.station.1.clone()));
    let (tone, icon, verdict) = verdict(&all);
    let page = Told {
        layout: Layout::new(&request, "emergency-stop"),
        tone,
        icon,
        verdict,
        lines: all.iter().map(Line::new).collect(),
        is_settled: all.iter().all(|output| matches!(output.off, Off::Confirmed(_) | Off::NotAsked)),
        scope: word(&wanted),
    };
    answer::page(StatusCode::OK, &page)
}
