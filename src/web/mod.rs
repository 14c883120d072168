//! The pages and the JSON API: everything that knows HTTP.
//!
//! `routes` lists every URL. A page is a struct under `pages` with the template of the same name.

pub mod answer;
pub mod api;
pub mod assets;
pub mod bell;
pub mod cookie;
pub mod denials;
pub mod download;
pub mod error;
pub mod forms;
mod guard;
pub mod headers;
pub mod live;
pub mod moment;
pub mod multipart;
pub mod page;
pub mod pages;
pub mod routes;
pub mod state;
pub mod summaries;
mod unread;
pub mod upkeep;
pub mod upload;
pub mod visitor;

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, HttpServer, dev::Server, web};
use rustls::ServerConfig;

pub use error::WebError;
pub use state::State;
pub use visitor::Visitor;

/// Threads that answer requests: pages are small, the store has its own threads.
const WORKERS: usize = 2;
/// How long running answers may take when the server stops; event streams are cut, browsers come back by themselves.
const SHUTDOWN_TIMEOUT_S: u64 = 2;
/// Most connections of each worker: together more than a large lab's screens hold open, and below the file handles of a
/// service.
const WORKER_CONNECTIONS_MAX: usize = 2_048;
/// Time for a TLS handshake, and again for the head of a request: whoever sends a byte a second holds nothing up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection stays open for a next request.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How long a closing connection may take.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Starts answering on `listener`, over TLS if there is a configuration for it. The future of the server ends when it is stopped through its handle.
///
/// # Errors
/// When the listener cannot be used.
pub fn serve(listener: TcpListener, state: State, tls: Option<Arc<ServerConfig>>) -> std::io::Result<Server> {
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
            .app_data(web::PayloadConfig::new(guard::UPLOAD_BYTES_MAX))
            .configure(routes::register)
            .wrap(from_fn(error::render))
            .wrap(Compress::default())
            .wrap(from_fn(headers::on_every_answer))
            .wrap(from_fn(unread::close_after))
    });
    let server = server
        // An answer that is compressed while it is sent would wait 40 ms for the client's acknowledgement.
        .tcp_nodelay(true)
        .workers(WORKERS)
        .max_connections(WORKER_CONNECTIONS_MAX)
        .client_request_timeout(REQUEST_TIMEOUT)
        .keep_alive(KEEP_ALIVE)
        .client_disconnect_timeout(DISCONNECT_TIMEOUT)
        .tls_handshake_timeout(REQUEST_TIMEOUT)
        .shutdown_timeout(SHUTDOWN_TIMEOUT_S)
        .disable_signals();
    let server = match tls {
        None => server.listen(listener)?,
        Some(tls) => server.listen_rustls_0_23(listener, ServerConfig::clone(&tls))?,
    };
    Ok(server.run())
}

/// How forms are read: the guard has bounded them, a field that does not fit is our own 422.
fn forms() -> web::FormConfig {
    web::FormConfig::default().error_handler(|error, _| {
        WebError::Invalid { target: "form", message: format!("{error}. Load the page again and fill it in once more.") }
            .into()
    })
}
