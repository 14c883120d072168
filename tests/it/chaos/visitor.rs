//! Somebody who looks at the monitor page all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use cellar::sim::timing::quantile;

use super::rig::{Rig, get, seconds};

/// From one look to the next.
const EVERY: Duration = Duration::from_millis(100);

/// Looks until it is asked to end.
pub(super) struct Visitor {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<i64>>,
}

impl Visitor {
    pub(super) fn start(rig: &Rig) -> Self {
        let (address, cookie) = (rig.server.url(""), rig.sign_in());
        let is_over = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&is_over);
        let thread = std::thread::spawn(move || {
            let mut waits_us = Vec::new();
            while !asked.load(Ordering::Relaxed) {
                let began = Instant::now();
                let (status, answer) = get(&address, "/", &cookie);
                assert_eq!(status, 200, "{answer}");
                waits_us.push(i64::try_from(began.elapsed().as_micros()).expect("less than an age"));
                std::thread::sleep(EVERY);
            }
            waits_us
        });
        Self { is_over, thread }
    }

    /// How long 99 % of the looks waited, s.
    pub(super) fn finish(self) -> f64 {
        self.is_over.store(true, Ordering::Relaxed);
        let mut waits_us = self.thread.join().expect("every look was answered");
        assert!(waits_us.len() > 50, "{} looks prove nothing", waits_us.len());
        waits_us.sort_unstable();
        quantile(&waits_us, 0.99).map_or(f64::INFINITY, seconds)
    }
}
