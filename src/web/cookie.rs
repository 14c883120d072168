//! The cookies we set and read.

use actix_web::http::header::{self, HeaderMap, HeaderValue};

/// The value of a cookie; the first one when a browser sends several of that name.
pub fn read<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// Adds a cookie that scripts cannot read and other sites' forms do not send. `max_age_s` 0 removes it, `None` ends it
/// with the browser.
pub fn set(headers: &mut HeaderMap, name: &str, value: &str, is_secure: bool, max_age_s: Option<i64>) {
    let age = max_age_s.map_or_else(String::new, |seconds| format!("; Max-Age={seconds}"));
    let secure = if is_secure { "; Secure" } else { "" };
    let line = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{age}");
    // The values are hexadecimal digits of ours: they always fit into a header.
    if let Ok(line) = HeaderValue::from_str(&line) {
        headers.append(header::SET_COOKIE, line);
    }
}

/// Name of the cookie of a session. With TLS the prefix makes browsers refuse one that another host planted.
#[must_use]
pub fn session_name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-cellar" } else { "cellar" }
}

/// Name of the cookie that marks a visit before sign-in, for the forms shown then.
#[must_use]
pub fn visit_name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-cellar-visit" } else { "cellar-visit" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_found_by_its_whole_name() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("cellar-visit=1; theme=dark; cellar=2"));
        assert_eq!(read(&headers, "cellar"), Some("2"));
        assert_eq!(read(&headers, "cellar-visit"), Some("1"));
        assert_eq!(read(&headers, "dark"), None);
    }

    #[test]
    fn cookies_are_closed_to_scripts_and_other_sites() {
        let mut headers = HeaderMap::new();
        set(&mut headers, "__Host-cellar", "ab", true, Some(60));
        let line = headers.get(header::SET_COOKIE).unwrap().to_str().unwrap();
        assert_eq!(line, "__Host-cellar=ab; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=60");
    }
}
