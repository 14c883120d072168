//! Which change of an experiment's state is allowed, and who may cause it: one table, asked before every change.

use super::experiment::ExperimentState::{
    self, Aborted, CommsLost, Draft, Fault, Finished, Finishing, Paused, Queued, Running, Starting, Stopped, Stopping,
};

/// Who may cause a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// A person, or the server for itself: the scheduler, the watch over the runs.
    Order,
    /// The unit, by what it reports of its station.
    Report,
    /// Either.
    Both,
}

/// Every allowed change: from, to, and by whom. What is over has none.
pub const EDGES: &[(ExperimentState, ExperimentState, Cause)] = &[
    (Draft, Queued, Cause::Order),
    (Draft, Aborted, Cause::Order),
    (Queued, Starting, Cause::Order),
    (Queued, Aborted, Cause::Order),
    // A unit that began by itself, or whose answer to a start came when it was no longer waited for.
    (Queued, Running, Cause::Report),
    (Queued, Paused, Cause::Report),
    // The unit was asked and does not know of the start: it waits again.
    (Starting, Queued, Cause::Order),
    (Starting, Running, Cause::Report),
    (Starting, Paused, Cause::Report),
    (Starting, Finished, Cause::Report),
    (Starting, Stopping, Cause::Order),
    (Starting, Stopped, Cause::Report),
    (Starting, CommsLost, Cause::Order),
    (Starting, Fault, Cause::Both),
    (Running, Paused, Cause::Report),
    (Running, Finishing, Cause::Both),
    (Running, Finished, Cause::Report),
    (Running, Stopping, Cause::Order),
    (Running, Stopped, Cause::Report),
    (Running, CommsLost, Cause::Order),
    (Running, Fault, Cause::Both),
    (Paused, Running, Cause::Report),
    (Paused, Finishing, Cause::Report),
    (Paused, Finished, Cause::Report),
    (Paused, Stopping, Cause::Order),
    (Paused, Stopped, Cause::Report),
    (Paused, CommsLost, Cause::Order),
    (Paused, Fault, Cause::Both),
    (Finishing, Finished, Cause::Both),
    (Finishing, Stopping, Cause::Order),
    (Finishing, Stopped, Cause::Report),
    (Finishing, CommsLost, Cause::Order),
    (Finishing, Fault, Cause::Both),
    // It came to its end before the stop reached it.
    (Stopping, Finished, Cause::Report),
    (Stopping, Stopped, Cause::Both),
    (Stopping, Fault, Cause::Both),
    // Heard again, it does not go on by itself: it was told to stop, and somebody has to look.
    (CommsLost, Finished, Cause::Report),
    (CommsLost, Stopping, Cause::Order),
    (CommsLost, Stopped, Cause::Report),
    (CommsLost, Fault, Cause::Both),
];

/// Whether an experiment may go from one state to another at all.
#[must_use]
pub fn is_allowed(from: ExperimentState, to: ExperimentState) -> bool {
    EDGES.iter().any(|(has_from, has_to, _)| (*has_from, *has_to) == (from, to))
}

/// Whether it may because its unit reports so. A report that comes late or twice must not wake what is over.
#[must_use]
pub fn may_be_reported(from: ExperimentState, to: ExperimentState) -> bool {
    EDGES.iter().any(|(has_from, has_to, cause)| (*has_from, *has_to) == (from, to) && *cause != Cause::Order)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Random walks, and changes tried in each: together ten million, a million walks.
    const WALKS: usize = 1_000_000;
    const TRIES: usize = 10;

    #[test]
    fn every_change_stands_once_and_what_is_over_stays_so() {
        for (index, (from, to, _)) in EDGES.iter().enumerate() {
            assert_ne!(from, to);
            assert!(!from.is_over(), "{from:?} is over");
            assert!(
                EDGES[..index].iter().all(|(has_from, has_to, _)| (has_from, has_to) != (from, to)),
                "{from:?} {to:?}"
            );
        }
    }

    #[test]
    fn every_state_can_be_reached_and_left() {
        for (state, _) in ExperimentState::ALL {
            let reached = EDGES.iter().any(|(_, to, _)| *to == state) || state == Draft;
            let left = EDGES.iter().any(|(from, ..)| *from == state) || state.is_over();
            assert!(reached && left, "{state:?}");
        }
    }

    #[test]
    fn every_run_can_be_stopped_whatever_it_does() {
        for state in [Starting, Running, Paused, Finishing, CommsLost] {
            assert!(is_allowed(state, Stopping), "{state:?}");
        }
        assert!(is_allowed(Queued, Aborted) && !is_allowed(Queued, Stopping));
    }

    #[test]
    fn a_late_report_does_not_wake_what_is_over() {
        for (state, _) in ExperimentState::ALL {
            assert!(!is_allowed(state, state), "{state:?} is no change");
            if state.is_over() {
                assert!(ExperimentState::ALL.iter().all(|(to, _)| !may_be_reported(state, *to)), "{state:?} is over");
            }
        }
        assert!(may_be_reported(Queued, Running));
        assert!(!may_be_reported(Queued, Finished));
        assert!(!may_be_reported(CommsLost, Running) && may_be_reported(CommsLost, Stopped));
        assert!(!may_be_reported(Draft, Running));
    }

    /// A million random walks through what is allowed: none leaves the order of a life.
    #[test]
    fn no_walk_runs_before_it_waits_starts_twice_without_waiting_or_comes_back_from_its_end() {
        let states = ExperimentState::ALL.map(|(state, _)| state);
        let allowed = states.map(|from| states.map(|to| is_allowed(from, to)));
        let mut random = fastrand::Rng::with_seed(21);
        let mut illegal = 0;
        for _ in 0..WALKS {
            let (mut at, mut has_waited, mut starts_since_waiting) = (0, false, 0);
            for _ in 0..TRIES {
                let to = random.usize(..states.len());
                if !allowed[at][to] {
                    continue;
                }
                illegal += usize::from(states[at].is_over());
                has_waited |= states[to] == Queued;
                starts_since_waiting = match states[to] {
                    Queued => 0,
                    Starting => starts_since_waiting + 1,
                    _ => starts_since_waiting,
                };
                let runs = matches!(states[to], Starting | Running | Paused | Stopping | CommsLost | Finishing);
                illegal += usize::from(starts_since_waiting > 1 || (runs && !has_waited));
                at = to;
            }
        }
        assert_eq!(illegal, 0);
    }
}
