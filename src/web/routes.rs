//! Every URL in one table, each with the least role that may use it.

use actix_web::{Route, guard, web};

use super::WebError;
use super::pages::{health, monitor, theme};
use super::{api, assets, live};

/// The least role a route asks for. Checked once people can log in; until then it documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Access {
    /// Anybody, without log-in.
    Public,
    /// Whoever may look.
    Viewer,
    /// Whoever may run experiments.
    Operator,
    /// Whoever may change users, devices and settings.
    Admin,
}

/// One URL.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Path pattern.
    pub path: &'static str,
    /// Who may use it.
    pub access: Access,
    /// Method and handler.
    pub route: fn() -> Route,
}

/// The table.
pub const ROUTES: &[Entry] = &[
    Entry { path: "/", access: Access::Viewer, route: || get().to(monitor::page) },
    Entry { path: "/live/monitor", access: Access::Viewer, route: || get().to(live::monitor) },
    Entry { path: "/api/v1/streams/{id}/series", access: Access::Viewer, route: || get().to(api::series::of_stream) },
    Entry {
        path: "/api/v1/experiments/{id}/series",
        access: Access::Viewer,
        route: || get().to(api::series::of_experiment),
    },
    Entry { path: "/theme", access: Access::Public, route: || web::post().to(theme::choose) },
    Entry { path: "/healthz", access: Access::Public, route: || get().to(health::alive) },
    Entry { path: "/readyz", access: Access::Public, route: || get().to(health::ready) },
    Entry { path: "/static/{version}/{path:.*}", access: Access::Public, route: || get().to(assets::file) },
];

/// GET, and HEAD with the same answer less its body.
fn get() -> Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// Registers the table; every other URL is answered with 404.
pub fn register(config: &mut web::ServiceConfig) {
    for entry in ROUTES {
        config.route(entry.path, (entry.route)());
    }
    config.default_service(web::route().to(|| async { Err::<&str, _>(WebError::NotFound("this page")) }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_url_is_listed_twice() {
        let mut paths: Vec<_> = ROUTES.iter().map(|entry| entry.path).collect();
        paths.sort_unstable();
        paths.dedup();
        assert_eq!(paths.len(), ROUTES.len());
    }
}
