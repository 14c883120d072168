//! Where a request comes from, as far as the browser says.

use actix_web::dev::ServiceRequest;
use actix_web::http::header;

use super::header_text;
use crate::web::WebError;

/// Whether the host the browser asked for can be this server. A name nobody gave it is a page of somebody else that
/// made its own name point here, to read our answers as if they were its own.
pub(super) fn is_our_host(request: &ServiceRequest, names: &[String]) -> bool {
    let host = request.connection_info().host().to_owned();
    let asked = request.headers().get(header::HOST).and_then(|value| value.to_str().ok());
    // HTTP/1.0 has no host; no browser speaks it.
    asked.is_none_or(|asked| is_known(asked, names)) && (asked.is_some() || is_known(&host, names) || host.is_empty())
}

fn is_known(host: &str, names: &[String]) -> bool {
    let name = without_port(host);
    // An address cannot be made to point elsewhere.
    name.parse::<std::net::IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    }
}

/// Whether a change was sent by a page of this server.
///
/// # Errors
/// [`WebError::Forgery`] when the browser says that another site sent it.
pub(super) fn is_our_page(request: &ServiceRequest) -> Result<(), WebError> {
    let site = header_text(request, "sec-fetch-site");
    if !site.is_empty() && site != "same-origin" {
        return Err(WebError::Forgery);
    }
    let origin = header_text(request, header::ORIGIN.as_str());
    let host = header_text(request, header::HOST.as_str());
    let of_origin = origin.split_once("://").map(|(_, host)| host);
    if origin.is_empty() || of_origin.is_some_and(|place| place == host) { Ok(()) } else { Err(WebError::Forgery) }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_our_own_names_and_addresses_are_answered() {
        let names = ["lab.example".to_owned()];
        for host in ["127.0.0.1:8869", "localhost:8869", "[::1]:8869", "192.168.1.7", "lab.example:8869", "LAB.example"]
        {
            assert!(is_known(host, &names), "{host}");
        }
        for host in ["evil.example:8869", "localhost.evil.example", "127.0.0.1.evil.example", ""] {
            assert!(!is_known(host, &names), "{host}");
        }
    }

    #[test]
    fn a_form_of_another_site_is_told_by_its_headers() {
        let of = |headers: &[(&'static str, &'static str)]| {
            let mut request = TestRequest::post().insert_header(("host", "127.0.0.1:8869"));
            for header in headers {
                request = request.insert_header(*header);
            }
            is_our_page(&request.to_srv_request()).is_ok()
        };
        assert!(of(&[]));
        assert!(of(&[("origin", "http://127.0.0.1:8869"), ("sec-fetch-site", "same-origin")]));
        assert!(!of(&[("origin", "http://127.0.0.1:8870")]));
        assert!(!of(&[("origin", "http://evil.example")]));
        assert!(!of(&[("origin", "null")]));
        assert!(!of(&[("sec-fetch-site", "cross-site")]));
        assert!(!of(&[("sec-fetch-site", "same-site"), ("origin", "http://127.0.0.1:8869")]));
    }
}
