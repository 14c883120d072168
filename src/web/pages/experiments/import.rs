//! `/experiments/import`: a file of a finished experiment. First the file, then what it is and whose it is, then it is stored.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::domain::experiment::{DESCRIPTION_MAX, NAME_MAX};
use crate::domain::ids::{BatteryId, ProfileId};
use crate::domain::text::{line, lines};
use crate::exchange::import::{ImportError, Inspected, Reading, Wishes, inspect, load, name_of};
use crate::import::{Evidence, FORMATS, Format};
use crate::store::StoreError;
use crate::web::api::imports::start_us;
use crate::web::download::aside;
use crate::web::forms::{Problems, once_of};
use crate::web::moment::Moment;
use crate::web::page::Layout;
use crate::web::upload::{FILE_BYTES_MAX, FormProof, forget, receive, waiting};
use crate::web::{State, Visitor, WebError, answer};

/// What the second form carries.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    upload: String,
    file_name: String,
    format: String,
    start: String,
    battery: String,
    profile: String,
    name: String,
    description: String,
    again: String,
}

#[derive(Template)]
#[template(path = "experiments/import.html")]
struct Page {
    layout: Layout,
    problems: Problems,
    typed: Typed,
    /// What the file is; `None` while none was sent.
    found: Option<Evidence>,
    /// The experiment the same bytes became before.
    earlier: Option<i64>,
    now_us: i64,
}

impl Page {
    fn formats(&self) -> &'static [Format] {
        FORMATS
    }

    fn largest_mb(&self) -> u64 {
        FILE_BYTES_MAX / 1024 / 1024
    }

    fn moment(&self, at_us: &i64) -> Moment {
        Moment::with_seconds(*at_us, self.now_us)
    }
}

fn page(
    request: &HttpRequest,
    state: &State,
    problems: Problems,
    typed: Typed,
    found: Option<&Inspected>,
    earlier: Option<i64>,
) -> Result<HttpResponse, WebError> {
    let status = if problems.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let layout = Layout::new(request, "experiments");
    let found = found.map(|inspected| inspected.evidence.clone());
    answer::page(status, &Page { layout, problems, typed, found, earlier, now_us: state.clock.now_us() })
}

/// Answers with the first form.
///
/// # Errors
/// When the template fails.
pub async fn form(request: HttpRequest, state: web::Data<State>) -> Result<HttpResponse, WebError> {
    page(&request, &state, Problems::default(), Typed::default(), None, None)
}

/// Takes the file and tells what it is.
///
/// # Errors
/// 403 for a form that is not ours; a file that cannot be read is told of on the page.
pub async fn submit(
    request: HttpRequest,
    state: web::Data<State>,
    proof: FormProof,
    payload: web::Payload,
) -> Result<HttpResponse, WebError> {
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let sent = receive(kind, payload, &proof, &state.uploads, state.clock.now_us()).await?;
    let mut typed = Typed { format: line(sent.text("format")), start: line(sent.text("start")), ..Typed::default() };
    let mut problems = Problems::default();
    let reading = reading(&typed, &mut problems);
    let Some(mut file) = sent.file.filter(|file| file.bytes > 0) else {
        problems.add("file", "Choose a file with rows in it.");
        return page(&request, &state, problems, typed, None, None);
    };
    if !problems.is_empty() {
        return page(&request, &state, problems, typed, None, None);
    }
    let (path, now_us) = (file.path().to_owned(), state.clock.now_us());
    match aside(move || async move { inspect(&path, &reading, now_us) }).await? {
        Ok(inspected) => {
            file.keep();
            typed.upload.clone_from(&file.mark);
            typed.file_name.clone_from(&file.name);
            typed.name = name_of(&file.name);
            let earlier = state.store.import_of_file(&inspected.sha256).await?.map(|(experiment, _)| experiment.0);
            page(&request, &state, problems, typed, Some(&inspected), earlier)
        }
        Err(ImportError::Fault(fault)) => {
            problems.add("file", format!("{}: {fault}.", file.name));
            page(&request, &state, problems, typed, None, None)
        }
        Err(error) => Err(crate::web::api::imports::refused(error)),
    }
}

/// Stores what was shown.
///
/// # Errors
/// What does not fit is told on the page; the file goes on waiting.
pub async fn confirm(
    request: HttpRequest,
    state: web::Data<State>,
    visitor: Visitor,
    typed: web::Form<Typed>,
) -> Result<HttpResponse, WebError> {
    let typed = typed.into_inner();
    let mut problems = Problems::default();
    let Some(path) = waiting(&state.uploads, &typed.upload) else {
        // Sent twice: the first one made it.
        if let Some(mark) = once_of(&typed.upload)
            && let Some(made) = state.store.imported_once(mark).await?
        {
            return Ok(answer::see_other(&format!("/experiments/{made}?done=imported")));
        }
        problems.add("file", "The file is not here any more. Choose it again.");
        return page(&request, &state, problems, Typed { upload: String::new(), ..typed }, None, None);
    };
    let reading = reading(&typed, &mut problems);
    let wishes = wishes(&state, &typed, &mut problems).await?;
    let (store, by, now_us) = (state.store.clone(), visitor.actor(), state.clock.now_us());
    let (file_name, is_good, mark) = (line(&typed.file_name), problems.is_empty(), typed.upload.clone());
    let done = aside(move || async move {
        let inspected = inspect(&path, &reading, now_us)?;
        let loaded =
            if is_good { Some(load(&store, &by, (&path, &file_name), &inspected, &wishes).await) } else { None };
        Ok::<_, ImportError>((inspected, loaded))
    });
    let (inspected, loaded) = done.await?.map_err(crate::web::api::imports::refused)?;
    let mut earlier = None;
    match loaded {
        Some(Ok(experiment)) => {
            forget(&state.uploads, &mark);
            return Ok(answer::see_other(&format!("/experiments/{experiment}?done=imported")));
        }
        Some(Err(ImportError::Again { experiment })) => {
            earlier = Some(experiment.0);
            problems.add(
                "again",
                format!("The same file became experiment {experiment} before. Tick this to import it again."),
            );
        }
        Some(Err(ImportError::Store(StoreError::Missing { what, .. }))) => {
            let field = if what.contains("profile") { "profile" } else { "battery" };
            problems.add(field, format!("There is no {what} any more. Choose another one."));
        }
        Some(Err(error)) => return Err(crate::web::api::imports::refused(error)),
        None => {}
    }
    page(&request, &state, problems, typed, Some(&inspected), earlier)
}

fn reading(typed: &Typed, problems: &mut Problems) -> Reading {
    let start_us = start_us(&typed.start).map_err(|message| problems.add("start", message)).ok().flatten();
    Reading { format: typed.format.clone(), start_us }
}

async fn wishes(state: &State, typed: &Typed, problems: &mut Problems) -> Result<Wishes, WebError> {
    let (name, description) = (line(&typed.name), lines(&typed.description));
    for (field, text, most) in [("name", &name, NAME_MAX), ("description", &description, DESCRIPTION_MAX)] {
        let count = text.chars().count();
        if count > most {
            problems.add(field, format!("It has {count} characters. Use {most} or fewer."));
        }
    }
    let battery = match line(&typed.battery).as_str() {
        "" => None,
        said => {
            let by_number = match said.parse::<i64>() {
                Ok(number) => state.store.battery(BatteryId(number)).await?.map(|battery| battery.battery_id),
                Err(_) => None,
            };
            let found = match by_number {
                Some(battery) => Some(battery),
                None => state.store.battery_named(said).await?,
            };
            if found.is_none() {
                problems
                    .add("battery", "There is no battery of that number or name. Leave it empty to have one added.");
            }
            found
        }
    };
    let profile = match line(&typed.profile).as_str() {
        "" => None,
        said => {
            let by_number = match said.parse::<i64>() {
                Ok(number) => state.store.profile(ProfileId(number)).await?.map(|profile| profile.profile_id),
                Err(_) => None,
            };
            let found = match by_number {
                Some(profile) => Some(profile),
                None => state.store.profile_named(said).await?,
            };
            if found.is_none() {
                problems
                    .add("profile", "There is no profile of that number or name. Leave it empty when it is not known.");
            }
            found
        }
    };
    Ok(Wishes {
        name,
        description,
        battery,
        profile,
        again: !typed.again.is_empty(),
        once: once_of(&typed.upload).map(str::to_owned),
    })
}
