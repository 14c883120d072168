//! Leadership: one of the servers that share a database schedules, sends and watches for all.
//!
//! The leader holds a [lease](crate::store::lease) and renews it. Its term ends when it could not be renewed in time, by a clock that
//! nobody can set; then, or when the leader gives the lease up, another server takes it over in a new epoch. Two leaders at once are
//! possible for a moment when a computer was suspended: devices refuse orders of the lower epoch, and every change in the
//! database is a compare-and-set.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::server_id::ServerId;
use crate::clock::Clock;
use crate::store::lease::{LEADER, Lease};
use crate::store::{Store, StoreError};

/// How long a lease lasts. With a look each second after its end another server leads at most 15 s after the last sign.
const LEASE: Duration = Duration::from_secs(12);
/// The same, µs.
const LEASE_US: i64 = 12_000_000;
/// How long a leader acts after the last renewal that is sure: it stops before anybody else may begin.
const TERM: Duration = Duration::from_secs(10);
/// How often the leader renews: three tries fit into its term.
const RENEW_EVERY: Duration = Duration::from_secs(3);
/// How often the others look, and a leader whose renewal failed tries again.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for the database when the lease is given up: a stop is quick.
const GIVE_UP_MAX: Duration = Duration::from_secs(1);

/// A term of leadership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// Its number: every command carries it, and devices refuse lower ones.
    pub epoch: i64,
}

/// The newest epoch that is known here, whoever leads. Cheap to clone; all clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Epoch(Arc<AtomicI64>);

impl Epoch {
    /// The epoch.
    #[must_use]
    pub fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    /// The number itself, for whoever knows nothing of leaders.
    #[must_use]
    pub fn shared(&self) -> Arc<AtomicI64> {
        Arc::clone(&self.0)
    }

    fn learn(&self, epoch: i64) {
        self.0.fetch_max(epoch, Ordering::Relaxed);
    }
}

impl From<i64> for Epoch {
    fn from(epoch: i64) -> Self {
        Self(Arc::new(epoch.into()))
    }
}

/// This server's part in the election.
pub struct Leadership {
    store: Store,
    id: ServerId,
    clock: Clock,
    term: watch::Sender<Option<Term>>,
    epoch: Epoch,
    /// Whether this server led last, as far as it knows.
    led_last: watch::Sender<bool>,
    /// When the lease was last surely ours.
    confirmed: Instant,
    /// The lease of somebody else, and since when it stands like that.
    seen: Option<(Lease, Instant)>,
    has_looked: bool,
}

impl Leadership {
    /// A server that does not lead yet.
    #[must_use]
    pub fn new(store: Store, id: ServerId, clock: Clock) -> Self {
        Self {
            store,
            id,
            clock,
            term: watch::Sender::new(None),
            epoch: Epoch::default(),
            led_last: watch::Sender::new(false),
            confirmed: Instant::now(),
            seen: None,
            has_looked: false,
        }
    }

    /// The term while this server leads. Whoever acts for all servers acts only while it is `Some`.
    #[must_use]
    pub fn term(&self) -> watch::Receiver<Option<Term>> {
        self.term.subscribe()
    }

    /// The newest epoch known.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        self.epoch.clone()
    }

    /// Whether this server leads, or led until the database went away: until it hears of another one it goes on listening, for
    /// whoever watches over runs does so without a database too.
    #[must_use]
    pub fn led_last(&self) -> watch::Receiver<bool> {
        self.led_last.subscribe()
    }

    /// Works until `stop` is true (or its sender is gone), then gives the lease up.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_failing = false;
        loop {
            let end = self.confirmed + TERM;
            let leads = self.term.borrow().is_some();
            let step = async {
                tick.tick().await;
                self.step().await
            };
            let stepped = tokio::select! {
                stepped = step => stepped,
                // A database that hangs does not make the term longer.
                () = sleep_until(end), if leads => {
                    tracing::warn!("the lease could not be renewed in time: this server leads no more");
                    self.term.send_replace(None);
                    continue;
                }
                _ = stop.wait_for(|stop| *stop) => break,
            };
            match stepped {
                Ok(()) => is_failing = false,
                Err(error) if !is_failing => {
                    is_failing = true;
                    tracing::warn!(error = &error as &dyn std::error::Error, "the lease cannot be read, trying again");
                }
                Err(_) => {}
            }
        }
        self.give_up().await;
    }

    /// Looks once: takes a lease that is free, renews one that is held.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn step(&mut self) -> Result<(), StoreError> {
        let term = *self.term.borrow();
        let before = Instant::now();
        let until_us = self.clock.now_us().saturating_add(LEASE_US);
        if let Some(Term { epoch }) = term {
            if before < self.confirmed + RENEW_EVERY {
                return Ok(());
            }
            if self.store.renew_lease(LEADER, self.id.as_str(), epoch, until_us).await? {
                self.confirmed = before;
            } else {
                tracing::warn!(epoch, "another server took the lease over: this one leads no more");
                self.term.send_replace(None);
                self.led_last.send_replace(false);
            }
            return Ok(());
        }
        let lease = self.store.lease(LEADER).await?;
        self.epoch.learn(lease.epoch);
        if !self.may_take(&lease) {
            if lease.owner != self.id.as_str() {
                self.led_last.send_replace(false);
            }
            return Ok(());
        }
        if let Some(epoch) = self.store.take_lease(LEADER, &lease, self.id.as_str(), until_us).await? {
            tracing::info!(epoch, "this server leads");
            (self.confirmed, self.seen) = (before, None);
            self.epoch.learn(epoch);
            self.term.send_replace(Some(Term { epoch }));
            self.led_last.send_replace(true);
        }
        Ok(())
    }

    /// Whether a lease is free: given up, over by the clock, of the process that ran here before and was killed, or
    /// unchanged for so long that it is over whatever the clocks say.
    fn may_take(&mut self, lease: &Lease) -> bool {
        let is_first_look = !std::mem::replace(&mut self.has_looked, true);
        let is_over = lease.owner.is_empty() || lease.until_us < self.clock.now_us();
        let was_mine = is_first_look && self.id.is_kept() && lease.owner == self.id.as_str();
        if is_over || was_mine {
            return true;
        }
        match &self.seen {
            Some((seen, since)) if seen == lease => since.elapsed() >= LEASE,
            _ => {
                self.seen = Some((lease.clone(), Instant::now()));
                false
            }
        }
    }

    /// Ends the term, if there is one, so that another server can begin at once.
    pub async fn give_up(&mut self) {
        let Some(Term { epoch }) = self.term.send_replace(None) else { return };
        match timeout(GIVE_UP_MAX, self.store.give_up_lease(LEADER, self.id.as_str(), epoch)).await {
            Ok(Ok(())) => {}
            // It ends by itself.
            Ok(Err(error)) => tracing::debug!(error = &error as &dyn std::error::Error, "the lease is not given up"),
            Err(_) => tracing::debug!("the lease is not given up: the database does not answer"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        folder: tempfile::TempDir,
        store: Store,
        now_us: Arc<AtomicI64>,
    }

    impl Bench {
        async fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Store::open_file(&folder.path().join("db")).await.unwrap();
            store.migrate().await.unwrap();
            Self { folder, store, now_us: Arc::new(1_000_000.into()) }
        }

        fn server(&self, name: &str) -> Leadership {
            let id = ServerId::of_folder(&self.folder.path().join(name));
            Leadership::new(self.store.clone(), id, Clock::Manual(Arc::clone(&self.now_us)))
        }
    }

    fn epoch(server: &Leadership) -> Option<i64> {
        server.term.borrow().map(|term| term.epoch)
    }

    #[tokio::test]
    async fn one_server_leads_and_the_other_takes_over_when_it_gives_up_or_its_time_is_over() {
        let bench = Bench::new().await;
        let (mut first, mut second) = (bench.server("a"), bench.server("b"));
        first.step().await.unwrap();
        second.step().await.unwrap();
        assert_eq!((epoch(&first), epoch(&second), second.epoch().get()), (Some(1), None, 1));
        first.give_up().await;
        second.step().await.unwrap();
        assert_eq!((epoch(&first), epoch(&second)), (None, Some(2)));
        // It was not heard of for longer than its lease.
        bench.now_us.fetch_add(LEASE_US + 1, Ordering::Relaxed);
        first.step().await.unwrap();
        assert_eq!(epoch(&first), Some(3));
        second.confirmed -= RENEW_EVERY;
        second.step().await.unwrap();
        assert_eq!(epoch(&second), None, "it learns at its next renewal");
        assert_eq!((*first.led_last().borrow(), *second.led_last().borrow()), (true, false));
    }

    #[tokio::test]
    async fn a_server_that_was_killed_leads_again_at_once() {
        let bench = Bench::new().await;
        let mut killed = bench.server("a");
        killed.step().await.unwrap();
        drop(killed);
        let (mut other, mut back) = (bench.server("b"), bench.server("a"));
        other.step().await.unwrap();
        back.step().await.unwrap();
        assert_eq!((epoch(&other), epoch(&back)), (None, Some(2)));
    }

    #[tokio::test]
    async fn a_lease_of_a_clock_far_ahead_is_taken_when_it_is_not_renewed() {
        let bench = Bench::new().await;
        let mut ahead = bench.server("a");
        bench.now_us.store(86_400_000_000, Ordering::Relaxed);
        ahead.step().await.unwrap();
        bench.now_us.store(1_000_000, Ordering::Relaxed);
        let mut second = bench.server("b");
        second.step().await.unwrap();
        assert_eq!(epoch(&second), None);
        // Renewed, it stays.
        ahead.confirmed -= RENEW_EVERY;
        bench.now_us.store(86_400_000_001, Ordering::Relaxed);
        ahead.step().await.unwrap();
        bench.now_us.store(1_000_000, Ordering::Relaxed);
        second.seen.as_mut().unwrap().1 -= LEASE;
        second.step().await.unwrap();
        assert_eq!(epoch(&second), None);
        second.seen.as_mut().unwrap().1 -= LEASE;
        second.step().await.unwrap();
        assert_eq!(epoch(&second), Some(2));
    }

    #[tokio::test]
    async fn a_term_ends_when_the_database_does_not_answer() {
        let bench = Bench::new().await;
        let mut server = bench.server("a");
        server.step().await.unwrap();
        let (mut term, led_last) = (server.term(), server.led_last());
        bench.store.close().await;
        // Nearly all of the term has passed since the last renewal.
        server.confirmed -= TERM - Duration::from_millis(100);
        let (stop, stopped) = watch::channel(false);
        let running = tokio::spawn(server.run(stopped));
        term.wait_for(Option::is_none).await.unwrap();
        assert!(*led_last.borrow(), "it goes on listening");
        stop.send_replace(true);
        running.await.unwrap();
    }
}
