//! A station whose temperature runs away, to be stopped by the server.

use super::{Channel, ROOM_C, Station};
use crate::domain::station::StationState;

/// A temperature that runs away: the cooling fails, and so does the unit's own protection.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Runaway {
    /// Real time of running before it begins, s.
    pub after_s: f64,
    /// How fast it warms, °C per second of real time.
    pub rate_c_per_s: f64,
}

impl Station {
    /// Lets the temperature run away during the next run; once, until somebody ends that run.
    pub fn will_run_away(&mut self, runaway: Runaway) {
        self.runaway = Some(runaway);
    }

    pub(super) fn run_away(&mut self, dt_s: f64) {
        let Some(runaway) = &mut self.runaway else { return };
        if self.state == StationState::Running
            && let Channel::Cycler(cycler) = &mut self.channel
        {
            runaway.after_s -= dt_s;
            if runaway.after_s < 0.0 {
                cycler.overheat(ROOM_C - runaway.after_s * runaway.rate_c_per_s);
            }
        } else if runaway.after_s < 0.0 {
            // It was ended: whoever looked has mended the cooling, or the next run would be stopped at once.
            self.runaway = None;
            if let Channel::Idle(Some(cell)) = &mut self.channel {
                cell.warm_to(ROOM_C);
            }
        }
    }
}
