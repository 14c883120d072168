//! Places where a test lets the process die: before and after the commit of an order, around sending.
//!
//! Only with the feature `failpoints`, which no release has. `CELLAR_FAILPOINT=start-after-commit` ends the process, as
//! `kill -9` would, the first time it comes by there; `start-after-commit=3` the third time.

/// Dies here, if the environment says so. In a build without the feature this is nothing at all.
macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::store::failpoint::reach($name);
    };
    ($what:expr, $when:literal) => {
        #[cfg(feature = "failpoints")]
        $crate::store::failpoint::reach(&format!("{}-{}", $what, $when));
    };
}
pub(crate) use failpoint;

/// Comes by a place.
#[cfg(feature = "failpoints")]
pub(crate) fn reach(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    static WANTED: OnceLock<Option<(String, usize)>> = OnceLock::new();
    static PASSED: AtomicUsize = AtomicUsize::new(0);
    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("CELLAR_FAILPOINT").ok().filter(|text| !text.is_empty())?;
        let (name, count) = text.split_once('=').unwrap_or((&text, "1"));
        Some((name.to_owned(), count.parse().unwrap_or(1)))
    });
    let Some((wanted, count)) = wanted else { return };
    if wanted == name && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *count {
        tracing::warn!(name, "the process dies here, as it was told to");
        std::process::abort();
    }
}
