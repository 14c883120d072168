//! The client for the few requests this server makes itself: to the webhook of its settings, to the archive.

use std::time::Duration;

use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig, TlsProvider};

/// Bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// A client whose requests take at most so long, with everything. It goes to the address it is given and nowhere else: no
/// redirect is followed and no proxy of the environment is asked. An answer with any status is an answer. It blocks, so it
/// belongs on a thread that may wait.
#[must_use]
pub fn client(wait: Duration) -> Agent {
    let tls = TlsConfig::builder().provider(TlsProvider::Rustls).root_certs(RootCerts::WebPki).build();
    Agent::config_builder()
        .tls_config(tls)
        .max_redirects(0)
        .proxy(None)
        .http_status_as_error(false)
        .max_response_header_size(HEAD_BYTES_MAX)
        .user_agent(concat!("cellar/", env!("CARGO_PKG_VERSION")))
        .timeout_global(Some(wait))
        .build()
        .new_agent()
}
