//! How often a sign-in may be tried: pauses that grow with every failure, and never a lock.
//!
//! A lock would let anybody shut a colleague out. Instead each try is charged to a budget and after some free failures
//! each further one doubles the pause before the next. There are two sorts of budgets:
//!
//! - An address from which this person signed in before is *known* and has a budget of its own for this person. It
//!   does not matter there what the rest of the world tries.
//! - All other tries are charged to the person's budget for strangers and to that of the address they come from.
//!
//! A try is charged when it begins and given back when it succeeds, so tries at the same time cannot slip through.
//! What is remembered is in memory only and bounded; names are kept as hashes, because people type passwords there.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sha2::{Digest, Sha256};

/// Failures of one person without a pause, from strangers and again from each known address.
pub const ACCOUNT_FREE: u32 = 4;
/// The longest pause of one person, s: 12 guesses an hour, and somebody at a new computer still gets in.
pub const ACCOUNT_PAUSE_MAX_S: u32 = 300;
/// Failures from one address without a pause: with the pauses that follow there are at most 30 in the first minute.
pub const ADDRESS_FREE: u32 = 24;
/// The longest pause of an address, s: a whole laboratory may be behind it.
pub const ADDRESS_PAUSE_MAX_S: u32 = 60;
/// Failures are forgotten when there was no try for so long, µs: 1 h.
pub const FORGET_AFTER_US: i64 = 3_600_000_000;
/// Names that are remembered, some 1 MiB. Who tries so many fills the table with names that failed once; those go
/// first.
pub const ACCOUNTS_MAX: usize = 10_000;
/// Addresses that are remembered, some 1 MiB.
pub const ADDRESSES_MAX: usize = 10_000;
/// Known addresses of one person; the one used longest ago goes first.
pub const KNOWN_PER_ACCOUNT_MAX: usize = 20;
/// People with known addresses. Only who signs in gets here, so this is the number of people.
pub const KNOWN_ACCOUNTS_MAX: usize = 10_000;

const SECOND_US: i64 = 1_000_000;

/// It is too early for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-ins failed; wait {seconds} s and try again")]
pub struct Wait {
    /// How long to wait, s, at least 1: the value of `Retry-After`.
    pub seconds: u32,
}

/// How a budget paces its tries.
#[derive(Debug, Clone, Copy)]
struct Pace {
    free: u32,
    pause_max_s: u32,
}

const PERSON: Pace = Pace { free: ACCOUNT_FREE, pause_max_s: ACCOUNT_PAUSE_MAX_S };
const ADDRESS: Pace = Pace { free: ADDRESS_FREE, pause_max_s: ADDRESS_PAUSE_MAX_S };

impl Pace {
    /// How long after so many failures the next try may come, µs.
    fn pause_us(self, failures: u32) -> i64 {
        let Some(doublings) = failures.checked_sub(self.free + 1) else { return 0 };
        let pause_s = 1_u32.checked_shl(doublings).map_or(self.pause_max_s, |pause_s| pause_s.min(self.pause_max_s));
        i64::from(pause_s) * SECOND_US
    }
}

/// The failures that count against somebody or something.
#[derive(Debug, Clone, Copy, Default)]
struct Budget {
    /// Failures, and tries that are under way.
    failures: u32,
    /// When the last try began, µs.
    last_us: i64,
}

impl Budget {
    /// How long to wait from now on, µs; 0 or less if a try may begin.
    fn wait_us(&mut self, pace: Pace, now_us: i64) -> i64 {
        if now_us.saturating_sub(self.last_us) >= FORGET_AFTER_US {
            self.failures = 0;
        }
        // A clock that was set back must not make the pause longer than it would have been.
        self.last_us = self.last_us.min(now_us);
        self.last_us.saturating_add(pace.pause_us(self.failures)).saturating_sub(now_us)
    }

    fn charge(&mut self, now_us: i64) {
        self.failures = self.failures.saturating_add(1);
        self.last_us = now_us;
    }

    fn give_back(&mut self) {
        self.failures = self.failures.saturating_sub(1);
    }

    /// Failures that are still possible before the first pause.
    fn left(&self, pace: Pace) -> u32 {
        (pace.free + 1).saturating_sub(self.failures)
    }
}

/// A name as it is remembered: the hash of its lower-case letters.
type Account = [u8; 16];

#[derive(Debug, Default)]
struct State {
    strangers: HashMap<Account, Budget>,
    addresses: HashMap<IpAddr, Budget>,
    known: HashMap<Account, Vec<(IpAddr, Budget)>>,
}

/// Counts the tries of everybody. Share it by reference or in an `Arc`.
#[derive(Debug, Default)]
pub struct Throttle {
    state: Mutex<State>,
}

impl Throttle {
    /// One that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Begins a try, or says how long to wait. A try counts as failed until [`Throttle::succeeded`].
    ///
    /// `account` is the name as it was typed, whether or not anybody has it; upper and lower case and spaces at the
    /// ends make no difference. `address` is that of the person's computer, not of a proxy in between. An IPv6 address
    /// counts with all others of its /64, which a single computer has for itself.
    ///
    /// # Errors
    ///
    /// If it is too early; nothing was charged then.
    pub fn check(&self, account: &str, address: IpAddr, now_us: i64) -> Result<(), Wait> {
        let (account, address) = (account_of(account), network_of(address));
        let mut state = self.state();
        if let Some(budget) = state.known_budget(&account, address) {
            let wait_us = budget.wait_us(PERSON, now_us);
            return allow(wait_us).map(|()| budget.charge(now_us));
        }
        let State { strangers, addresses, .. } = &mut *state;
        let person_us = strangers.get_mut(&account).map_or(0, |budget| budget.wait_us(PERSON, now_us));
        let address_us = addresses.get_mut(&address).map_or(0, |budget| budget.wait_us(ADDRESS, now_us));
        allow(person_us.max(address_us))?;
        make_room(strangers, &account, ACCOUNTS_MAX);
        strangers.entry(account).or_default().charge(now_us);
        make_room(addresses, &address, ADDRESSES_MAX);
        addresses.entry(address).or_default().charge(now_us);
        Ok(())
    }

    /// The try that [`Throttle::check`] began led to a session: gives it back, and knows the address from now on.
    ///
    /// Failures of others stay: whoever has a name and password of their own could otherwise wipe out their guesses.
    pub fn succeeded(&self, account: &str, address: IpAddr, now_us: i64) {
        let (account, address) = (account_of(account), network_of(address));
        let mut state = self.state();
        if state.known_budget(&account, address).is_none() {
            state.strangers.get_mut(&account).map(Budget::give_back);
            state.addresses.get_mut(&address).map(Budget::give_back);
        }
        state.know(account, address, now_us);
    }

    /// The try that [`Throttle::check`] began was wrong. Answers how many more may fail before the first pause.
    pub fn failed(&self, account: &str, address: IpAddr) -> u32 {
        let (account, address) = (account_of(account), network_of(address));
        let mut state = self.state();
        if let Some(budget) = state.known_budget(&account, address) {
            return budget.left(PERSON);
        }
        let person = state.strangers.get(&account).map_or(ACCOUNT_FREE, |budget| budget.left(PERSON));
        let address = state.addresses.get(&address).map_or(ADDRESS_FREE, |budget| budget.left(ADDRESS));
        person.min(address)
    }

    /// The try that [`Throttle::check`] began was neither right nor wrong yet, as when a code is still to come: gives it
    /// back without knowing the address.
    pub fn give_back(&self, account: &str, address: IpAddr) {
        let (account, address) = (account_of(account), network_of(address));
        let mut state = self.state();
        if let Some(budget) = state.known_budget(&account, address) {
            budget.give_back();
            return;
        }
        state.strangers.get_mut(&account).map(Budget::give_back);
        state.addresses.get_mut(&address).map(Budget::give_back);
    }

    /// How long to wait before a next try, s; 0 if it may come at once. Nothing is charged.
    pub fn pause_s(&self, account: &str, address: IpAddr, now_us: i64) -> u32 {
        let (account, address) = (account_of(account), network_of(address));
        let mut state = self.state();
        let wait_us = if let Some(budget) = state.known_budget(&account, address) {
            budget.wait_us(PERSON, now_us)
        } else {
            let person_us = state.strangers.get_mut(&account).map_or(0, |budget| budget.wait_us(PERSON, now_us));
            person_us.max(state.addresses.get_mut(&address).map_or(0, |budget| budget.wait_us(ADDRESS, now_us)))
        };
        allow(wait_us).map_or_else(|wait| wait.seconds, |()| 0)
    }

    /// Knows an address of somebody from before, as from the sessions that are stored when the program starts.
    pub fn remember(&self, account: &str, address: IpAddr, seen_us: i64) {
        self.state().know(account_of(account), network_of(address), seen_us);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is complete before something could panic, so a poisoned state is sound.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn known_budget(&mut self, account: &Account, address: IpAddr) -> Option<&mut Budget> {
        let known = self.known.get_mut(account)?;
        known.iter_mut().find(|(known, _)| *known == address).map(|(_, budget)| budget)
    }

    fn know(&mut self, account: Account, address: IpAddr, seen_us: i64) {
        if !self.known.contains_key(&account) && self.known.len() >= KNOWN_ACCOUNTS_MAX {
            let last_us = |known: &[(IpAddr, Budget)]| known.iter().map(|(_, budget)| budget.last_us).max();
            let oldest = self.known.iter().min_by_key(|(_, known)| last_us(known)).map(|(account, _)| *account);
            oldest.map(|account| self.known.remove(&account));
        }
        let known = self.known.entry(account).or_default();
        known.retain(|(known, _)| *known != address);
        if known.len() >= KNOWN_PER_ACCOUNT_MAX {
            let oldest = known.iter().enumerate().min_by_key(|(_, (_, budget))| budget.last_us);
            oldest.map(|(index, _)| index).map(|index| known.swap_remove(index));
        }
        known.push((address, Budget { failures: 0, last_us: seen_us }));
    }
}

/// Drops the half that is least worth keeping when a new key finds the table full: those with the fewest failures, and
/// of these the oldest. So nobody can make a guessed name forgotten by typing many others.
fn make_room<K: Hash + Eq + Copy>(budgets: &mut HashMap<K, Budget>, key: &K, max: usize) {
    if budgets.len() < max || budgets.contains_key(key) {
        return;
    }
    let mut ranked: Vec<_> = budgets.iter().map(|(key, budget)| ((budget.failures, budget.last_us), *key)).collect();
    let half = ranked.len() / 2;
    ranked.select_nth_unstable_by_key(half, |(rank, _)| *rank);
    for (_, key) in &ranked[..half.max(1)] {
        budgets.remove(key);
    }
}

fn allow(wait_us: i64) -> Result<(), Wait> {
    if wait_us <= 0 {
        return Ok(());
    }
    Err(Wait { seconds: u32::try_from((wait_us - 1) / SECOND_US + 1).unwrap_or(ACCOUNT_PAUSE_MAX_S) })
}

fn account_of(name: &str) -> Account {
    let hash: [u8; 32] = Sha256::digest(name.trim().to_lowercase().as_bytes()).into();
    let mut account = Account::default();
    account.copy_from_slice(&hash[..16]);
    account
}

/// IPv4 as it is, also inside IPv6; IPv6 without its lower 64 bits.
fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        address @ IpAddr::V4(_) => address,
    }
}

#[cfg(test)]
mod tests;
