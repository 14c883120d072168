//! Places where a test lets the process die: before and after the commit of every change of a run, around sending.
//!
//! Release builds have none of it. In others `CELLAR_FAILPOINT=queued-starting-after-commit` ends the process, as `kill -9`
//! would, the first time it comes by there. Named are the two states of the change and the moment, or the verb of a command and
//! the moment: `stop-before-send`, `stop-after-send`, `stop-noted`.

/// Dies here, if the environment says so. In a release build this is nothing at all.
macro_rules! failpoint {
    ($what:expr, $when:literal) => {
        #[cfg(debug_assertions)]
        $crate::store::failpoint::reach($what, $when);
    };
}
pub(crate) use failpoint;

/// Comes by a place.
#[cfg(debug_assertions)]
pub(crate) fn reach(what: &str, when: &str) {
    static WANTED: std::sync::OnceLock<Option<String>> = std::sync::OnceLock::new();
    let wanted = WANTED.get_or_init(|| std::env::var("CELLAR_FAILPOINT").ok().filter(|name| !name.is_empty()));
    let is_here = |wanted: &String| wanted.strip_prefix(what).and_then(|rest| rest.strip_prefix('-')) == Some(when);
    if wanted.as_ref().is_some_and(is_here) {
        tracing::warn!(what, when, "the process dies here, as it was told to");
        std::process::abort();
    }
}
