//! The only place where the time of day is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Where the present time comes from: the system, or a value a test sets.
#[derive(Debug, Clone, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// Stands still until somebody moves it.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Now, microseconds since the epoch, UTC.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        match self {
            Self::System => chrono::Utc::now().timestamp_micros(),
            Self::Manual(now_us) => now_us.load(Ordering::Relaxed),
        }
    }
}
