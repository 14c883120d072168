//! Runs in doubt: what was ordered is not what is heard. The unit is asked, and what it then reports decides; nothing is
//! started again because somebody believes that it did not start.

use super::command::CommandState;
use super::experiment::ExperimentState;

/// How long an answered or expired order may stay without the report that follows it, µs.
const PATIENCE_US: i64 = 3_000_000;
/// How long after the answer to `get_state` its reports may come, µs.
const REPORTS_US: i64 = 2_000_000;
/// A unit that does not report is asked again after this time, µs.
const ASK_EVERY_US: i64 = 10_000_000;
/// A unit that was heard within this time is there, µs.
pub const PRESENT_US: i64 = 15_000_000;
/// Starts that a unit may leave unanswered before somebody has to look.
pub const STARTS_MAX: i64 = 3;

/// A command about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    /// Where it stands.
    pub state: CommandState,
    /// When it was made, µs UTC.
    pub created_at_us: i64,
    /// When it was answered, or else when it became too late, µs UTC.
    pub closed_at_us: Option<i64>,
}

/// What is known of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// Where it stands.
    pub state: ExperimentState,
    /// Since when, µs UTC.
    pub moved_at_us: i64,
    /// The last `start`, or of a run that is being stopped or was lost the last `stop`.
    pub order: Option<Told>,
    /// The last `get_state` on its behalf.
    pub ask: Option<Told>,
    /// Whether the last report of the station says that it runs or holds this very experiment.
    pub is_at_work: bool,
    /// When that report came, µs UTC.
    pub reported_at_us: Option<i64>,
    /// When the unit was last heard, µs UTC.
    pub unit_seen_at_us: Option<i64>,
    /// How often it was started.
    pub starts: i64,
}

/// What to do about a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing, or wait.
    Leave,
    /// Ask the unit what it does.
    Ask,
    /// The unit does not know of the start: wait in the queue again.
    Queue,
    /// The unit took none of several starts.
    NeverBegan,
    /// The unit does not know of a run that was under way.
    Lost,
    /// The unit is at rest: what was ordered has happened.
    Stopped,
    /// The unit goes on in spite of the stop: say it again.
    StopAgain,
}

/// What to do about a run at a moment.
#[must_use]
pub fn judge(facts: &Facts, now_us: i64) -> Verdict {
    // Reports come in the order they were made: one after it was at work says that it is no more.
    if let Some(since_us) = forgotten_since_us(facts) {
        return if now_us < since_us.saturating_add(PATIENCE_US) { Verdict::Leave } else { Verdict::Lost };
    }
    let Some(since_us) = unclear_since_us(facts) else { return Verdict::Leave };
    if now_us < since_us.saturating_add(PATIENCE_US) {
        return Verdict::Leave;
    }
    // An answer from before the doubt says nothing about it.
    let ask = facts.ask.filter(|ask| ask.created_at_us >= since_us);
    match ask {
        Some(Told { state: CommandState::Executed, created_at_us, closed_at_us }) => {
            let answered_at_us = closed_at_us.unwrap_or(created_at_us);
            if now_us < answered_at_us.saturating_add(REPORTS_US) {
                Verdict::Leave
            } else if facts.reported_at_us.is_some_and(|at_us| at_us >= created_at_us) {
                decide(facts)
            } else {
                ask_if_present(facts, now_us)
            }
        }
        Some(Told { state, .. }) if state.is_open() => Verdict::Leave,
        _ => ask_if_present(facts, now_us),
    }
}

/// Since when a unit reports that it does not know of a run that was under way, µs UTC.
fn forgotten_since_us(facts: &Facts) -> Option<i64> {
    match facts.state {
        ExperimentState::Running
        | ExperimentState::Paused
        | ExperimentState::Finishing
        | ExperimentState::CommsLost => {
            facts.reported_at_us.filter(|at_us| !facts.is_at_work && *at_us > facts.moved_at_us)
        }
        _ => None,
    }
}

/// Since when an order was answered, or came too late, without the report that follows it, µs UTC.
fn unclear_since_us(facts: &Facts) -> Option<i64> {
    match facts.state {
        // A run that was lost was told to stop: it may have begun after it had answered that.
        ExperimentState::Starting | ExperimentState::Stopping | ExperimentState::CommsLost => match facts.order {
            Some(order) if order.state.is_open() => None,
            Some(order) => Some(order.closed_at_us.unwrap_or(order.created_at_us).max(facts.moved_at_us)),
            None => Some(facts.moved_at_us),
        },
        _ => None,
    }
}

fn ask_if_present(facts: &Facts, now_us: i64) -> Verdict {
    let is_present = facts.unit_seen_at_us.is_some_and(|at_us| now_us < at_us.saturating_add(PRESENT_US));
    let is_due = facts.ask.is_none_or(|ask| now_us >= ask.created_at_us.saturating_add(ASK_EVERY_US));
    if is_present && is_due { Verdict::Ask } else { Verdict::Leave }
}

fn decide(facts: &Facts) -> Verdict {
    match (facts.state, facts.is_at_work) {
        (ExperimentState::Starting, false) if facts.starts >= STARTS_MAX => Verdict::NeverBegan,
        (ExperimentState::Starting, false) => Verdict::Queue,
        (ExperimentState::Stopping | ExperimentState::CommsLost, true) => Verdict::StopAgain,
        (ExperimentState::Stopping, false) => Verdict::Stopped,
        (ExperimentState::CommsLost, false) => Verdict::Lost,
        _ => Verdict::Leave,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn told(state: CommandState, created_s: i64, closed_s: Option<i64>) -> Option<Told> {
        Some(Told { state, created_at_us: created_s * S, closed_at_us: closed_s.map(|s| s * S) })
    }

    fn starting(order: Option<Told>) -> Facts {
        Facts {
            state: ExperimentState::Starting,
            moved_at_us: 100 * S,
            order,
            ask: None,
            is_at_work: false,
            reported_at_us: Some(90 * S),
            unit_seen_at_us: Some(130 * S),
            starts: 1,
        }
    }

    #[test]
    fn a_start_without_an_answer_is_asked_about_and_waits_again_when_the_unit_does_not_know_of_it() {
        let open = starting(told(CommandState::Sent, 100, Some(130)));
        assert_eq!(judge(&open, 129 * S), Verdict::Leave);
        let expired = starting(told(CommandState::Expired, 100, Some(130)));
        assert_eq!(judge(&expired, 132 * S), Verdict::Leave, "the report may be on its way");
        assert_eq!(judge(&expired, 133 * S), Verdict::Ask);
        let asked = |state, answered_s| Facts { ask: told(state, 133, answered_s), ..expired };
        assert_eq!(judge(&asked(CommandState::Sent, None), 139 * S), Verdict::Leave);
        // The answer is there, its reports not yet.
        assert_eq!(judge(&asked(CommandState::Executed, Some(134)), 135 * S), Verdict::Leave);
        let idle = Facts { reported_at_us: Some(134 * S), ..asked(CommandState::Executed, Some(134)) };
        assert_eq!(judge(&idle, 136 * S), Verdict::Queue);
        assert_eq!(judge(&Facts { starts: STARTS_MAX, ..idle }, 136 * S), Verdict::NeverBegan);
        assert_eq!(judge(&Facts { is_at_work: true, ..idle }, 136 * S), Verdict::Leave, "its report moves it");
    }

    #[test]
    fn a_unit_that_is_away_is_not_asked_and_one_that_does_not_report_not_all_the_time() {
        let expired = starting(told(CommandState::Expired, 100, Some(130)));
        assert_eq!(judge(&Facts { unit_seen_at_us: Some(110 * S), ..expired }, 133 * S), Verdict::Leave);
        assert_eq!(judge(&Facts { unit_seen_at_us: None, ..expired }, 133 * S), Verdict::Leave);
        let silent =
            Facts { ask: told(CommandState::Expired, 133, Some(143)), unit_seen_at_us: Some(145 * S), ..expired };
        assert_eq!(judge(&silent, 142 * S), Verdict::Leave);
        assert_eq!(judge(&silent, 143 * S), Verdict::Ask);
        let mute = Facts { ask: told(CommandState::Executed, 133, Some(134)), ..silent };
        assert_eq!(judge(&mute, 150 * S), Verdict::Ask, "it answered and reported nothing");
    }

    #[test]
    fn an_answer_from_before_the_doubt_does_not_count() {
        let early = Facts {
            ask: told(CommandState::Executed, 120, Some(121)),
            reported_at_us: Some(121 * S),
            ..starting(told(CommandState::Expired, 100, Some(130)))
        };
        assert_eq!(judge(&early, 140 * S), Verdict::Ask);
    }

    #[test]
    fn a_stop_is_said_again_until_the_unit_rests() {
        let stopping = Facts {
            state: ExperimentState::Stopping,
            ask: told(CommandState::Executed, 133, Some(134)),
            reported_at_us: Some(134 * S),
            is_at_work: true,
            ..starting(told(CommandState::Rejected, 100, Some(130)))
        };
        assert_eq!(judge(&stopping, 140 * S), Verdict::StopAgain);
        assert_eq!(judge(&Facts { is_at_work: false, ..stopping }, 140 * S), Verdict::Stopped);
        let open = Facts { order: told(CommandState::Queued, 139, None), ..stopping };
        assert_eq!(judge(&open, 140 * S), Verdict::Leave);
    }

    #[test]
    fn a_run_that_its_unit_forgot_is_noticed() {
        let running = Facts {
            state: ExperimentState::Running,
            moved_at_us: 100 * S,
            is_at_work: true,
            reported_at_us: Some(101 * S),
            ..starting(told(CommandState::Executed, 90, Some(91)))
        };
        assert_eq!(judge(&running, 1_000 * S), Verdict::Leave);
        let rebooted = Facts { is_at_work: false, reported_at_us: Some(120 * S), ..running };
        assert_eq!(judge(&rebooted, 122 * S), Verdict::Leave);
        assert_eq!(judge(&rebooted, 123 * S), Verdict::Lost);
    }

    #[test]
    fn a_lost_run_that_goes_on_after_its_stop_was_answered_is_stopped_again() {
        let lost = Facts {
            state: ExperimentState::CommsLost,
            order: told(CommandState::Executed, 100, Some(101)),
            ask: None,
            is_at_work: true,
            reported_at_us: Some(102 * S),
            ..starting(None)
        };
        assert_eq!(judge(&lost, 103 * S), Verdict::Leave, "the report may be on its way");
        assert_eq!(judge(&lost, 104 * S), Verdict::Ask);
        let asked = Facts { ask: told(CommandState::Executed, 104, Some(105)), reported_at_us: Some(105 * S), ..lost };
        assert_eq!(judge(&asked, 107 * S), Verdict::StopAgain);
        // A stop that waits for its answer is repeated by whoever sent it.
        assert_eq!(judge(&Facts { order: told(CommandState::Sent, 100, None), ..asked }, 107 * S), Verdict::Leave);
        // It never began: its unit rests, and has nothing new to report until it is asked.
        let never = Facts { is_at_work: false, reported_at_us: Some(90 * S), ..lost };
        assert_eq!(judge(&never, 104 * S), Verdict::Ask);
        let rests = Facts { is_at_work: false, ..asked };
        assert_eq!(judge(&rests, 108 * S), Verdict::Lost);
    }
}
