//! The pages and the JSON API: everything that knows HTTP.
//!
//! `routes` lists every URL. A page is a struct under `pages` with the template of the same name.

pub mod answer;
pub mod api;
pub mod assets;
pub mod cookie;
pub mod denials;
pub mod error;
pub mod forms;
mod guard;
pub mod headers;
pub mod live;
pub mod moment;
pub mod page;
pub mod pages;
pub mod routes;
pub mod state;
pub mod visitor;

use std::net::TcpListener;

use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, dev::Server, web};

pub use error::WebError;
pub use state::State;
pub use visitor::Visitor;

/// Threads that answer requests: pages are small, the store has its own threads.
const WORKERS: usize = 2;
/// How long running answers may take when the server stops; event streams are cut, browsers come back by themselves.
const SHUTDOWN_TIMEOUT_S: u64 = 2;

/// Starts answering on `listener`. The future of the server ends when it is stopped through its handle.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: TcpListener, state: State) -> std::io::Result<Server> {
    if !assets::is_complete() {
        tracing::warn!("static/vendor was missing when this program was built: run `make assets`, then build again");
    }
    let board = live::Board::start(state.clone());
    let state = web::Data::new(state);
    let board = web::Data::new(board);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(state.clone())
            .app_data(board.clone())
            .app_data(forms())
            .configure(routes::register)
            .wrap(from_fn(error::render))
            .wrap(Compress::default())
            .wrap(from_fn(headers::on_every_answer))
    });
    Ok(server.workers(WORKERS).shutdown_timeout(SHUTDOWN_TIMEOUT_S).disable_signals().listen(listener)?.run())
}

/// How forms are read: the guard has bounded them, a field that does not fit is our own 422.
fn forms() -> web::FormConfig {
    web::FormConfig::default().error_handler(|error, _| {
        WebError::Invalid { target: "form", message: format!("{error}. Load the page again and fill it in once more.") }
            .into()
    })
}
