//! Every URL in one table, each with the least role that may use it.

use actix_web::dev::ResourceDef;
use actix_web::http::header;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, HttpResponse, Route, guard, web};

use super::guard::admit;
use super::pages::{
    account, alarms, audit, batteries, cells, dead_letters, devices, emergency_stop, experiments, health, monitor,
    profiles, session, stations, theme, tokens, units, users, wall,
};
use super::{WebError, api, assets, live};

/// The least role a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Anybody, without sign-in.
    Public,
    /// Whoever may look.
    Viewer,
    /// Whoever may run experiments.
    Operator,
    /// Whoever may change users, devices and settings.
    Admin,
}

/// What a route does with the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Looks; HEAD gets the same answer less its body.
    Get,
    /// Changes something.
    Post,
    /// Changes parts of a thing; programs only, browsers' forms cannot send it.
    Patch,
}

impl Method {
    /// The word in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Patch => "PATCH",
        }
    }

    /// Whether it may change something: then it needs proof that a page of ours sent it.
    #[must_use]
    pub fn changes(self) -> bool {
        self != Self::Get
    }
}

/// One URL and method.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Looks or changes.
    pub method: Method,
    /// Path pattern.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// The handler.
    pub route: fn() -> Route,
    /// Whether the handler takes a form with a file from the connection itself, because it may be too large for memory.
    pub takes_file: bool,
}

impl Entry {
    /// Whether API tokens are taken here.
    #[must_use]
    pub fn is_for_programs(&self) -> bool {
        self.path.starts_with("/api/")
    }
}

const fn get(path: &'static str, access: Access, route: fn() -> Route) -> Entry {
    Entry { method: Method::Get, path, access, route, takes_file: false }
}

const fn patch(path: &'static str, access: Access, route: fn() -> Route) -> Entry {
    Entry { method: Method::Patch, path, access, route, takes_file: false }
}

const fn post(path: &'static str, access: Access, route: fn() -> Route) -> Entry {
    Entry { method: Method::Post, path, access, route, takes_file: false }
}

const fn upload(path: &'static str, access: Access, route: fn() -> Route) -> Entry {
    Entry { method: Method::Post, path, access, route, takes_file: true }
}

/// The table.
#[rustfmt::skip]
pub const ROUTES: &[Entry] = &[
    get("/", Access::Viewer, || web::route().to(monitor::page)),
    get("/wall", Access::Viewer, || web::route().to(wall::page)),
    get("/live/wall", Access::Viewer, || web::route().to(live::wall)),
    get("/live/monitor", Access::Viewer, || web::route().to(live::monitor)),
    get("/live/alarms", Access::Viewer, || web::route().to(live::alarms)),
    get("/alarms", Access::Viewer, || web::route().to(alarms::list::page)),
    get("/alarms/counts.json", Access::Viewer, || web::route().to(alarms::counts)),
    get("/alarms/{id}", Access::Viewer, || web::route().to(alarms::show::page)),
    post("/alarms/{id}/acknowledge", Access::Operator, || web::route().to(alarms::show::acknowledge)),
    get("/emergency-stop", Access::Viewer, || web::route().to(emergency_stop::page::form)),
    post("/emergency-stop", Access::Operator, || web::route().to(emergency_stop::page::press)),
    get("/emergency-stop/result", Access::Viewer, || web::route().to(emergency_stop::page::result)),
    get("/api/v1/alarms", Access::Viewer, || web::route().to(api::alarms::list)),
    post("/api/v1/alarms/{id}/acknowledge", Access::Operator, || web::route().to(api::alarms::acknowledge)),
    get("/api/v1/emergency-stop", Access::Viewer, || web::route().to(api::emergency_stop::look)),
    post("/api/v1/emergency-stop", Access::Operator, || web::route().to(api::emergency_stop::press)),
    get("/api/v1/streams/{id}/series", Access::Viewer, || web::route().to(api::series::of_stream)),
    get("/api/v1/experiments", Access::Viewer, || web::route().to(api::experiments::list)),
    post("/api/v1/experiments", Access::Operator, || web::route().to(api::experiments::queue)),
    get("/api/v1/experiments/{id}", Access::Viewer, || web::route().to(api::experiments::show)),
    post("/api/v1/experiments/{id}/cancel", Access::Operator, || web::route().to(api::experiments::cancel)),
    post("/api/v1/experiments/{id}/stop", Access::Operator, || web::route().to(api::experiments::stop)),
    post("/api/v1/experiments/{id}/pause", Access::Operator, || web::route().to(api::experiments::pause)),
    post("/api/v1/experiments/{id}/resume", Access::Operator, || web::route().to(api::experiments::resume)),
    get("/api/v1/experiments/{id}/series", Access::Viewer, || web::route().to(api::series::of_experiment)),
    get("/api/v1/experiments/{id}/marks", Access::Viewer, || web::route().to(api::marks::of_experiment)),
    get("/api/v1/profiles", Access::Viewer, || web::route().to(api::profiles::list)),
    post("/api/v1/profiles", Access::Operator, || web::route().to(api::profiles::add)),
    get("/api/v1/profiles/{id}", Access::Viewer, || web::route().to(api::profiles::show)),
    get("/api/v1/experiments/{id}/data.csv", Access::Viewer, || web::route().to(experiments::data::csv)),
    get("/api/v1/experiments/{id}/data.bdf.csv", Access::Viewer, || web::route().to(experiments::data::bdf)),
    get("/api/v1/experiments/{id}/data.bdf.parquet", Access::Viewer, || web::route().to(experiments::data::parquet)),
    get("/api/v1/experiments/{id}/data.ro-crate.zip", Access::Viewer, || web::route().to(experiments::data::ro_crate)),
    get("/api/v1/experiments/{id}/report.html", Access::Viewer, || web::route().to(experiments::report::file)),
    upload("/api/v1/imports", Access::Operator, || web::route().to(api::imports::add)),
    get("/api/v1/stations", Access::Viewer, || web::route().to(api::stations::stations)),
    get("/api/v1/units", Access::Viewer, || web::route().to(api::stations::units)),
    get("/api/v1/dead-letters", Access::Operator, || web::route().to(api::dead_letters::list)),
    post("/api/v1/dead-letters/{id}/redrive", Access::Operator, || web::route().to(api::dead_letters::redrive)),
    get("/api/v1/batteries", Access::Viewer, || web::route().to(api::batteries::list)),
    post("/api/v1/batteries", Access::Operator, || web::route().to(api::batteries::add)),
    get("/api/v1/batteries/{id}", Access::Viewer, || web::route().to(api::batteries::show)),
    patch("/api/v1/batteries/{id}", Access::Operator, || web::route().to(api::batteries::change)),
    get("/login", Access::Public, || web::route().to(session::login::page)),
    post("/login", Access::Public, || web::route().to(session::login::submit)),
    post("/logout", Access::Viewer, || web::route().to(session::logout::submit)),
    get("/setup/{token}", Access::Public, || web::route().to(session::setup::page)),
    post("/setup/{token}", Access::Public, || web::route().to(session::setup::submit)),
    get("/link/{token}", Access::Public, || web::route().to(session::link::page)),
    post("/link/{token}", Access::Public, || web::route().to(session::link::submit)),
    get("/account", Access::Viewer, || web::route().to(account::page)),
    get("/account/confirm", Access::Viewer, || web::route().to(account::confirm::page)),
    post("/account/confirm", Access::Viewer, || web::route().to(account::confirm::submit)),
    post("/account/password", Access::Viewer, || web::route().to(account::password::submit)),
    get("/account/second-factor", Access::Viewer, || web::route().to(account::second_factor::page)),
    post("/account/second-factor", Access::Viewer, || web::route().to(account::second_factor::turn_on)),
    post("/account/second-factor/off", Access::Viewer, || web::route().to(account::second_factor::turn_off)),
    post("/account/second-factor/codes", Access::Viewer, || web::route().to(account::second_factor::renew_codes)),
    post("/account/sessions/end-others", Access::Viewer, || web::route().to(account::sessions::end_others)),
    post("/account/sessions/{id}/end", Access::Viewer, || web::route().to(account::sessions::end)),
    get("/batteries", Access::Viewer, || web::route().to(batteries::list::page)),
    get("/batteries/new", Access::Operator, || web::route().to(batteries::add::form)),
    post("/batteries/new", Access::Operator, || web::route().to(batteries::add::add)),
    get("/batteries/{id}", Access::Viewer, || web::route().to(batteries::show::page)),
    get("/batteries/{id}/edit", Access::Operator, || web::route().to(batteries::edit::form)),
    post("/batteries/{id}/edit", Access::Operator, || web::route().to(batteries::edit::save)),
    get("/batteries/{id}/retire", Access::Operator, || web::route().to(batteries::retire::form)),
    post("/batteries/{id}/retire", Access::Operator, || web::route().to(batteries::retire::retire)),
    post("/batteries/{id}/bring-back", Access::Operator, || web::route().to(batteries::retire::bring_back)),
    get("/batteries/{id}/photo", Access::Viewer, || web::route().to(batteries::photo::show)),
    get("/batteries/{id}/photo/edit", Access::Operator, || web::route().to(batteries::photo::form)),
    post("/batteries/{id}/photo/edit", Access::Operator, || web::route().to(batteries::photo::store)),
    post("/batteries/{id}/photo/remove", Access::Operator, || web::route().to(batteries::photo::remove)),
    get("/batteries/{id}/label", Access::Viewer, || web::route().to(batteries::label::page)),
    get("/batteries/{id}/label.svg", Access::Viewer, || web::route().to(batteries::label::svg)),
    post("/batteries/{id}/places/fill", Access::Operator, || web::route().to(cells::fill::fill)),
    get("/batteries/{id}/places/{position}", Access::Viewer, || web::route().to(cells::place::page)),
    post("/batteries/{id}/places/{position}", Access::Operator, || web::route().to(cells::place::swap)),
    get("/cells", Access::Viewer, || web::route().to(cells::list::page)),
    get("/cells/new", Access::Operator, || web::route().to(cells::add::form)),
    post("/cells/new", Access::Operator, || web::route().to(cells::add::add)),
    get("/cells/{id}", Access::Viewer, || web::route().to(cells::show::page)),
    get("/cells/{id}/edit", Access::Operator, || web::route().to(cells::edit::form)),
    post("/cells/{id}/edit", Access::Operator, || web::route().to(cells::edit::save)),
    get("/cells/{id}/retire", Access::Operator, || web::route().to(cells::retire::form)),
    post("/cells/{id}/retire", Access::Operator, || web::route().to(cells::retire::retire)),
    post("/cells/{id}/bring-back", Access::Operator, || web::route().to(cells::retire::bring_back)),
    get("/stations", Access::Viewer, || web::route().to(stations::list::page)),
    get("/stations/new", Access::Operator, || web::route().to(stations::build::form)),
    post("/stations/new", Access::Operator, || web::route().to(stations::build::build)),
    get("/stations/{id}", Access::Viewer, || web::route().to(stations::show::page)),
    get("/stations/{id}/edit", Access::Operator, || web::route().to(stations::edit::form)),
    post("/stations/{id}/edit", Access::Operator, || web::route().to(stations::edit::save)),
    get("/stations/{id}/retire", Access::Operator, || web::route().to(stations::retire::form)),
    post("/stations/{id}/retire", Access::Operator, || web::route().to(stations::retire::retire)),
    post("/stations/{id}/relaunch", Access::Operator, || web::route().to(stations::relaunch::relaunch)),
    get("/units", Access::Viewer, || web::route().to(units::list::page)),
    get("/units/{id}", Access::Viewer, || web::route().to(units::show::page)),
    post("/units/{id}/detect", Access::Operator, || web::route().to(units::detect::detect)),
    get("/profiles", Access::Viewer, || web::route().to(profiles::list::page)),
    get("/profiles/new", Access::Operator, || web::route().to(profiles::add::form)),
    post("/profiles/new", Access::Operator, || web::route().to(profiles::add::add)),
    post("/profiles/upload", Access::Operator, || web::route().to(profiles::upload::upload)),
    post("/profiles/check", Access::Operator, || web::route().to(profiles::check::check)),
    get("/profiles/{id}.pybamm.txt", Access::Viewer, || web::route().to(profiles::download::pybamm)),
    get("/profiles/{id}.txt", Access::Viewer, || web::route().to(profiles::download::text)),
    get("/profiles/{id}.json", Access::Viewer, || web::route().to(profiles::download::unicycler)),
    get("/profiles/{id}", Access::Viewer, || web::route().to(profiles::show::page)),
    get("/profiles/{id}/edit", Access::Operator, || web::route().to(profiles::edit::form)),
    post("/profiles/{id}/edit", Access::Operator, || web::route().to(profiles::edit::save)),
    get("/profiles/{id}/copy", Access::Operator, || web::route().to(profiles::add::copy)),
    get("/profiles/{id}/retire", Access::Operator, || web::route().to(profiles::retire::form)),
    post("/profiles/{id}/retire", Access::Operator, || web::route().to(profiles::retire::retire)),
    post("/profiles/{id}/bring-back", Access::Operator, || web::route().to(profiles::retire::bring_back)),
    get("/devices", Access::Operator, || web::route().to(devices::list::page)),
    get("/devices/new", Access::Admin, || web::route().to(devices::add::form)),
    post("/devices/new", Access::Admin, || web::route().to(devices::add::add)),
    post("/devices/pending/approve", Access::Operator, || web::route().to(devices::pending::approve)),
    post("/devices/pending/dismiss", Access::Operator, || web::route().to(devices::pending::dismiss)),
    get("/devices/{id}", Access::Operator, || web::route().to(devices::show::page)),
    get("/devices/{id}/rotate", Access::Admin, || web::route().to(devices::rotate::form)),
    post("/devices/{id}/rotate", Access::Admin, || web::route().to(devices::rotate::rotate)),
    get("/devices/{id}/disable", Access::Admin, || web::route().to(devices::disable::form)),
    post("/devices/{id}/disable", Access::Admin, || web::route().to(devices::disable::disable)),
    post("/devices/{id}/enable", Access::Admin, || web::route().to(devices::enable::enable)),
    get("/experiments", Access::Viewer, || web::route().to(experiments::list::page)),
    get("/experiments/views", Access::Viewer, || web::route().to(experiments::views::page)),
    post("/experiments/views", Access::Viewer, || web::route().to(experiments::views::save)),
    post("/experiments/views/{id}/rename", Access::Viewer, || web::route().to(experiments::views::rename)),
    post("/experiments/views/{id}/delete", Access::Viewer, || web::route().to(experiments::views::delete)),
    get("/experiments/new", Access::Operator, || web::route().to(experiments::add::form)),
    post("/experiments/new", Access::Operator, || web::route().to(experiments::add::submit)),
    get("/experiments/download", Access::Viewer, || web::route().to(experiments::picked::zip)),
    get("/experiments/import", Access::Operator, || web::route().to(experiments::import::form)),
    upload("/experiments/import", Access::Operator, || web::route().to(experiments::import::submit)),
    post("/experiments/import/confirm", Access::Operator, || web::route().to(experiments::import::confirm)),
    get("/experiments/{id}", Access::Viewer, || web::route().to(experiments::show::page)),
    get("/experiments/{id}/data.csv", Access::Viewer, || web::route().to(experiments::data::csv)),
    get("/experiments/{id}/data.bdf.csv", Access::Viewer, || web::route().to(experiments::data::bdf)),
    get("/experiments/{id}/data.bdf.parquet", Access::Viewer, || web::route().to(experiments::data::parquet)),
    get("/experiments/{id}/data.ro-crate.zip", Access::Viewer, || web::route().to(experiments::data::ro_crate)),
    get("/streams/{id}/window.csv", Access::Viewer, || web::route().to(experiments::window_csv::csv)),
    get("/experiments/{id}/report", Access::Viewer, || web::route().to(experiments::report::page)),
    get("/experiments/{id}/report.html", Access::Viewer, || web::route().to(experiments::report::file)),
    get("/experiments/{id}/preview.svg", Access::Viewer, || web::route().to(experiments::preview::svg)),
    get("/experiments/{id}/cancel", Access::Operator, || web::route().to(experiments::cancel::form)),
    post("/experiments/{id}/cancel", Access::Operator, || web::route().to(experiments::cancel::cancel)),
    get("/experiments/{id}/bring-back", Access::Operator, || web::route().to(experiments::archive::form)),
    post("/experiments/{id}/bring-back", Access::Operator, || web::route().to(experiments::archive::bring_back)),
    get("/experiments/{id}/stop", Access::Operator, || web::route().to(experiments::order::stop_form)),
    post("/experiments/{id}/stop", Access::Operator, || web::route().to(experiments::order::stop)),
    get("/experiments/{id}/pause", Access::Operator, || web::route().to(experiments::order::pause_form)),
    post("/experiments/{id}/pause", Access::Operator, || web::route().to(experiments::order::pause)),
    get("/experiments/{id}/resume", Access::Operator, || web::route().to(experiments::order::resume_form)),
    post("/experiments/{id}/resume", Access::Operator, || web::route().to(experiments::order::resume)),
    post("/stations/{id}/queue/hold", Access::Operator, || web::route().to(experiments::hold::hold)),
    post("/stations/{id}/queue/release", Access::Operator, || web::route().to(experiments::hold::release)),
    get("/stations/{id}/queue", Access::Viewer, || web::route().to(experiments::queue::page)),
    post("/stations/{id}/queue/move", Access::Operator, || web::route().to(experiments::queue::move_one)),
    get("/dead-letters", Access::Admin, || web::route().to(dead_letters::list::page)),
    post("/dead-letters/redrive", Access::Admin, || web::route().to(dead_letters::redrive::all)),
    get("/dead-letters/{id}", Access::Admin, || web::route().to(dead_letters::show::page)),
    post("/dead-letters/{id}/redrive", Access::Admin, || web::route().to(dead_letters::redrive::one)),
    get("/users", Access::Admin, || web::route().to(users::list::page)),
    get("/users/new", Access::Admin, || web::route().to(users::add::form)),
    post("/users/new", Access::Admin, || web::route().to(users::add::add)),
    get("/users/{id}", Access::Admin, || web::route().to(users::show::page)),
    post("/users/{id}", Access::Admin, || web::route().to(users::edit::save)),
    get("/users/{id}/disable", Access::Admin, || web::route().to(users::disable::form)),
    post("/users/{id}/disable", Access::Admin, || web::route().to(users::disable::disable)),
    post("/users/{id}/enable", Access::Admin, || web::route().to(users::enable::enable)),
    post("/users/{id}/link", Access::Admin, || web::route().to(users::link::make)),
    get("/users/{id}/reset-second-factor", Access::Admin, || web::route().to(users::reset_second_factor::form)),
    post("/users/{id}/reset-second-factor", Access::Admin, || web::route().to(users::reset_second_factor::reset)),
    get("/tokens", Access::Admin, || web::route().to(tokens::list::page)),
    get("/tokens/new", Access::Admin, || web::route().to(tokens::add::form)),
    post("/tokens/new", Access::Admin, || web::route().to(tokens::add::add)),
    get("/tokens/{id}/revoke", Access::Admin, || web::route().to(tokens::revoke::form)),
    post("/tokens/{id}/revoke", Access::Admin, || web::route().to(tokens::revoke::revoke)),
    get("/audit", Access::Admin, || web::route().to(audit::list::page)),
    get("/audit/verify", Access::Admin, || web::route().to(audit::verify::page)),
    get("/audit.csv", Access::Admin, || web::route().to(audit::export::csv)),
    post("/theme", Access::Public, || web::route().to(theme::choose)),
    get("/healthz", Access::Public, || web::route().to(health::alive)),
    get("/readyz", Access::Public, || web::route().to(health::ready)),
    get("/static/{version}/{path:.*}", Access::Public, || web::route().to(assets::file)),
];

/// Registers the table; every other URL is answered with 404, a wrong method with 405.
pub fn register(config: &mut web::ServiceConfig) {
    for entry in ROUTES {
        let resource = web::resource(entry.path);
        let resource = match entry.method {
            Method::Get => resource.guard(guard::Any(guard::Get()).or(guard::Head())),
            Method::Post => resource.guard(guard::Post()),
            Method::Patch => resource.guard(guard::Patch()),
        };
        config.service(resource.wrap(from_fn(move |request, next| admit(entry, request, next))).route((entry.route)()));
    }
    config.default_service((NOWHERE.route)().wrap(from_fn(|request, next| admit(&NOWHERE, request, next))));
}

/// Stands for every URL that is not in the table: its page, too, shows who is signed in and has forms that work.
const NOWHERE: Entry = get("", Access::Public, || web::route().to(nothing));

async fn nothing(request: HttpRequest) -> Result<HttpResponse, WebError> {
    let allowed: Vec<&str> = ROUTES
        .iter()
        .filter(|entry| ResourceDef::new(entry.path).is_match(request.path()))
        .map(|entry| entry.method.as_str())
        .collect();
    if allowed.is_empty() {
        return Err(WebError::NotFound("this page"));
    }
    Ok(HttpResponse::MethodNotAllowed().insert_header((header::ALLOW, allowed.join(", "))).finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_is_listed_twice() {
        let mut keys: Vec<_> = ROUTES.iter().map(|entry| (entry.path, entry.method.as_str())).collect();
        keys.sort_unstable();
        let count = keys.len();
        keys.dedup();
        assert_eq!(keys.len(), count);
    }

    #[test]
    fn only_sign_in_and_signs_of_life_are_public() {
        let public: Vec<_> =
            ROUTES.iter().filter(|entry| entry.access == Access::Public).map(|entry| entry.path).collect();
        let expected = [
            "/login",
            "/login",
            "/setup/{token}",
            "/setup/{token}",
            "/link/{token}",
            "/link/{token}",
            "/theme",
            "/healthz",
            "/readyz",
            "/static/{version}/{path:.*}",
        ];
        assert_eq!(public, expected);
    }
}
