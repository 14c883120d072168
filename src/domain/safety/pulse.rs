//! Whether a run is heard: late, silent, heard again. Judged by the server's monotonic clock alone.

use std::time::Duration;

/// A run is late when nothing was measured for so many sample periods …
const LATE_PERIODS: u32 = 3;
/// … but not before this.
pub const LATE_MIN: Duration = Duration::from_secs(5);
/// A run is silent when nothing was measured for so many sample periods …
const SILENT_PERIODS: u32 = 10;
/// … but not before this: the alarm is on the screen before half a minute has passed, with the second the watch takes between
/// two looks. It is also what a run gets to be heard after the start of the server.
pub const SILENT_MIN: Duration = Duration::from_secs(29);
/// A watch that did not look for so long was not listening either: what it did not hear then proves nothing.
pub const DEAF: Duration = Duration::from_secs(5);

/// What is expected of a run now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It measures.
    Running,
    /// Its output is off, or it is not under way yet: its unit is to be heard, not the run.
    Held,
    /// It was given up as silent, or is being stopped: nothing more is expected of it.
    GivenUp,
}

/// How well a run is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// As expected.
    Fine,
    /// Late.
    Late,
    /// Silent.
    Silent,
}

/// The pulse of a run. Moments count from any fixed start.
#[derive(Debug, Clone, PartialEq)]
pub struct Pulse {
    late_after: Duration,
    silent_after: Duration,
    /// When the run was last measured.
    measured_at: Duration,
    /// When its unit last said anything.
    unit_at: Duration,
    /// Until when silence proved nothing: the server's own start, a full queue, a pause of the watch.
    blind_until: Duration,
    looked_at: Duration,
    hearing: Hearing,
}

impl Pulse {
    /// A run with this sample period, known from `now` on.
    #[must_use]
    pub fn new(sample_period: Duration, now: Duration) -> Self {
        Self {
            late_after: (sample_period * LATE_PERIODS).max(LATE_MIN),
            silent_after: (sample_period * SILENT_PERIODS).max(SILENT_MIN),
            measured_at: now,
            unit_at: now,
            blind_until: now,
            looked_at: now,
            hearing: Hearing::Fine,
        }
    }

    /// The run was measured.
    pub fn measured(&mut self, now: Duration) {
        self.measured_at = self.measured_at.max(now);
        self.unit_at = self.unit_at.max(now);
    }

    /// Its unit said something.
    pub fn unit_heard(&mut self, now: Duration) {
        self.unit_at = self.unit_at.max(now);
    }

    /// How long nothing was measured.
    #[must_use]
    pub fn silence(&self, now: Duration) -> Duration {
        now.saturating_sub(self.measured_at)
    }

    /// After how much silence a run is given up.
    #[must_use]
    pub fn silent_after(&self) -> Duration {
        self.silent_after
    }

    /// Looks how well the run is heard; the new state if it changed.
    ///
    /// While nothing `is_stored`, devices wait for their acknowledgements and measure without sending: then any word of
    /// the unit counts, and the run gets its whole time again afterwards.
    pub fn look(&mut self, now: Duration, phase: Phase, is_stored: bool) -> Option<Hearing> {
        if now.saturating_sub(self.looked_at) > DEAF {
            self.blind_until = now;
            self.unit_at = self.unit_at.max(now);
        }
        self.looked_at = self.looked_at.max(now);
        if !is_stored {
            self.blind_until = now;
        }
        let heard_at = match phase {
            Phase::Running if is_stored => self.measured_at.max(self.blind_until),
            _ => self.unit_at,
        };
        let silence = now.saturating_sub(heard_at);
        let hearing = match phase {
            // Heard again is news of a run given up; that it still is not heard is none.
            Phase::GivenUp if self.hearing == Hearing::Silent && silence > self.late_after => Hearing::Silent,
            Phase::GivenUp => Hearing::Fine,
            _ if silence > self.silent_after => Hearing::Silent,
            _ if silence > self.late_after && phase == Phase::Running => Hearing::Late,
            // Once silent, a run is heard again when rows come, not when the reckoning changes.
            _ if self.hearing == Hearing::Silent && silence > self.late_after => Hearing::Silent,
            _ => Hearing::Fine,
        };
        (hearing != self.hearing).then(|| {
            self.hearing = hearing;
            hearing
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Looks every second from `from` to `to`; what changed, and when.
    fn looks(pulse: &mut Pulse, from: u64, to: u64, phase: Phase, is_stored: bool) -> Vec<(u64, Hearing)> {
        (from..=to).filter_map(|at| pulse.look(s(at), phase, is_stored).map(|hearing| (at, hearing))).collect()
    }

    #[test]
    fn a_run_is_late_then_silent_then_heard_again() {
        let mut pulse = Pulse::new(s(1), s(0));
        pulse.measured(s(10));
        let _ = looks(&mut pulse, 1, 10, Phase::Running, true);
        assert_eq!(looks(&mut pulse, 11, 60, Phase::Running, true), [(16, Hearing::Late), (40, Hearing::Silent)]);
        pulse.measured(s(61));
        assert_eq!(looks(&mut pulse, 61, 62, Phase::Running, true), [(61, Hearing::Fine)]);
    }

    #[test]
    fn slow_instruments_get_their_time() {
        let mut pulse = Pulse::new(s(60), s(0));
        let found = looks(&mut pulse, 1, 700, Phase::Running, true);
        assert_eq!(found, [(181, Hearing::Late), (601, Hearing::Silent)]);
    }

    #[test]
    fn a_heartbeat_does_not_replace_what_is_measured() {
        let mut pulse = Pulse::new(s(1), s(0));
        let mut silent_at = None;
        for at in 1..=40 {
            pulse.unit_heard(s(at));
            if pulse.look(s(at), Phase::Running, true) == Some(Hearing::Silent) {
                silent_at = Some(at);
            }
        }
        assert_eq!(silent_at, Some(30));
    }

    #[test]
    fn while_nothing_is_stored_a_heartbeat_is_enough_but_silence_is_not() {
        let mut pulse = Pulse::new(s(1), s(0));
        for at in 1..=100 {
            pulse.unit_heard(s(at));
            assert_ne!(pulse.look(s(at), Phase::Running, false), Some(Hearing::Silent));
        }
        // Stored again: the run gets its whole time.
        assert_eq!(looks(&mut pulse, 101, 129, Phase::Running, true), [(106, Hearing::Late)]);
        pulse.measured(s(129));
        let _ = pulse.look(s(129), Phase::Running, true);
        let found = looks(&mut pulse, 130, 200, Phase::Running, false);
        assert_eq!(found.last(), Some(&(159, Hearing::Silent)), "{found:?}");
    }

    #[test]
    fn a_held_run_need_not_measure_but_its_unit_must_live() {
        let mut pulse = Pulse::new(s(1), s(0));
        for at in 1..=100 {
            pulse.unit_heard(s(at));
            assert_eq!(pulse.look(s(at), Phase::Held, true), None);
        }
        assert_eq!(looks(&mut pulse, 101, 140, Phase::Held, true), [(130, Hearing::Silent)]);
    }

    #[test]
    fn a_server_that_did_not_listen_accuses_nobody() {
        let mut pulse = Pulse::new(s(1), s(0));
        let _ = looks(&mut pulse, 1, 5, Phase::Running, true);
        // Stopped for a minute, and again on the other side of the time it has.
        assert_eq!(pulse.look(s(65), Phase::Running, true), None);
        assert_eq!(looks(&mut pulse, 66, 94, Phase::Running, true), [(71, Hearing::Late)]);
    }

    proptest! {
        #[test]
        fn a_run_heard_in_time_is_never_silent(gaps_ms in proptest::collection::vec(1_u64..28_000, 1..100)) {
            let mut pulse = Pulse::new(s(1), s(0));
            let (mut now_ms, mut heard_ms) = (0, 0);
            for gap_ms in gaps_ms {
                heard_ms += gap_ms;
                while now_ms < heard_ms {
                    prop_assert_ne!(pulse.look(Duration::from_millis(now_ms), Phase::Running, true), Some(Hearing::Silent));
                    now_ms += 1_000;
                }
                pulse.measured(Duration::from_millis(heard_ms));
            }
        }

        #[test]
        fn a_silent_run_is_found_within_a_look(period_ms in 1_u64..20_000, last_ms in 0_u64..100_000) {
            let mut pulse = Pulse::new(Duration::from_millis(period_ms), s(0));
            pulse.measured(Duration::from_millis(last_ms));
            let due = Duration::from_millis(last_ms) + pulse.silent_after();
            let found = (0..1_000).find(|at| pulse.look(s(*at), Phase::Running, true) == Some(Hearing::Silent));
            prop_assert_eq!(found, Some(u64::try_from(due.as_millis()).unwrap() / 1_000 + 1));
        }
    }
}
