//! What goes wrong on purpose between a measurement and the server, for any kind of device. The journal stays the truth:
//! it has every row as it was measured and stamped, so whatever is done here must not lose, double or change one.

use std::str::FromStr;
use std::time::Duration;

/// 2038-01-19 03:14:08 UTC, where 32-bit seconds end, µs.
const END_OF_INT32_US: i64 = (1 << 31) * 1_000_000;
/// 2106-02-07 06:28:16 UTC, where unsigned 32-bit seconds end, µs.
const END_OF_UINT32_US: i64 = (1 << 32) * 1_000_000;
/// How long before such an end a faulty clock starts: a run sees both sides of it.
const BEFORE_END_US: i64 = 3_000_000;
/// How long a jumping clock stays at its offset, µs.
const JUMP_EVERY_US: i64 = 2_000_000;
/// Largest jump of a jumping clock in either direction: a day, as somebody who sets the wrong date makes it.
const JUMP_MAX_US: i64 = 86_400_000_000;

/// Everything that goes wrong in a run. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Mischief {
    /// Share of the messages of readings that are sent a second time.
    pub twice: f64,
    /// Messages wait for each other in a window of so many and leave it in an order of chance; 0 and 1 keep the order.
    pub shuffle: usize,
    /// Share of the messages after which an old one of the run is sent again, acknowledged or not.
    pub replay: f64,
    /// Mean time between two restarts of a device.
    pub reboot_every: Option<Duration>,
    /// Mean time between two resets of a connection, at any byte.
    pub reset_every: Option<Duration>,
    /// Mean time between two black holes: a connection that stays open while nothing arrives, for [`STALL`].
    pub stall_every: Option<Duration>,
    /// When devices fall silent.
    pub silence: Option<Silence>,
    /// What is wrong with the clocks.
    pub clock: ClockFault,
}

/// How long a black hole lasts: longer than a keep-alive of the simulated devices allows, so that they give up themselves.
pub const STALL: Duration = Duration::from_secs(30);

/// Devices that keep their connection and say nothing: what a hung program looks like from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    /// How long after the start.
    pub after: Duration,
    /// For how long; `None`: to the end of the run.
    pub lasts: Option<Duration>,
}

impl Silence {
    /// Whether a device that runs for `uptime` is silent; never once it was told to deliver what is left.
    #[must_use]
    pub fn is_now(&self, uptime: Duration) -> bool {
        uptime >= self.after && self.lasts.is_none_or(|lasts| uptime < self.after + lasts)
    }
}

impl FromStr for Silence {
    type Err = String;

    /// `AFTER` or `AFTER:FOR`, in seconds.
    fn from_str(text: &str) -> Result<Self, String> {
        let seconds = |text: &str| {
            let seconds = text.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            seconds.ok_or_else(|| format!("“{text}” is not a number of seconds: use AFTER or AFTER:FOR"))
        };
        Ok(match text.split_once(':') {
            Some((after, lasts)) => Self { after: seconds(after)?, lasts: Some(seconds(lasts)?) },
            None => Self { after: seconds(text)?, lasts: None },
        })
    }
}

/// What is wrong with the clock of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClockFault {
    /// Nothing.
    #[default]
    Right,
    /// It begins at the epoch at every start of the run: a board without a battery.
    Year1970,
    /// It passes the end of 32-bit seconds during the run.
    Year2038,
    /// It passes the end of unsigned 32-bit seconds during the run.
    Year2106,
    /// It jumps by up to a day, back and forth, every two seconds.
    Jumps,
    /// There is none: readings carry ticks, and nobody ever says when they were.
    None,
    /// There is none at first: readings carry ticks, and a while later the device says when they were.
    Late,
    /// Every device has another of these.
    Mixed,
}

/// The faults that [`ClockFault::Mixed`] deals out in turn.
const MIXED: [ClockFault; 7] = [
    ClockFault::Right,
    ClockFault::Year1970,
    ClockFault::Year2038,
    ClockFault::Year2106,
    ClockFault::Jumps,
    ClockFault::None,
    ClockFault::Late,
];

impl FromStr for ClockFault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "right" => Self::Right,
            "1970" => Self::Year1970,
            "2038" => Self::Year2038,
            "2106" => Self::Year2106,
            "jumps" => Self::Jumps,
            "none" => Self::None,
            "late" => Self::Late,
            "mixed" => Self::Mixed,
            other => {
                return Err(format!("“{other}”: use right, 1970, 2038, 2106, jumps, none, late or mixed"));
            }
        })
    }
}

impl ClockFault {
    /// The fault of one device; `number` tells devices apart.
    #[must_use]
    pub fn of_device(self, number: u64) -> Self {
        match self {
            Self::Mixed => MIXED[usize::try_from(number % MIXED.len() as u64).unwrap_or(0)],
            one => one,
        }
    }

    /// Whether readings carry ticks in place of times.
    #[must_use]
    pub fn ticks(self) -> bool {
        matches!(self, Self::None | Self::Late)
    }

    /// What such a clock shows at `at_us`, in a run that began at `start_us`; with [`ticks`](Self::ticks) µs since then.
    #[must_use]
    pub fn shows(self, at_us: i64, start_us: i64, seed: u64) -> i64 {
        let since_us = at_us - start_us;
        match self {
            Self::Right | Self::Mixed => at_us,
            Self::Year1970 | Self::None | Self::Late => since_us.max(0),
            Self::Year2038 => END_OF_INT32_US - BEFORE_END_US + since_us,
            Self::Year2106 => END_OF_UINT32_US - BEFORE_END_US + since_us,
            Self::Jumps => {
                let jump = since_us.div_euclid(JUMP_EVERY_US).cast_unsigned();
                let mut random = fastrand::Rng::with_seed(seed ^ jump.wrapping_mul(0x9e37_79b9_7f4a_7c15));
                at_us + random.i64(-JUMP_MAX_US..=JUMP_MAX_US)
            }
        }
    }
}

/// The next time something that happens on average every `mean` happens: memoryless, so that no two devices keep step.
#[must_use]
pub(super) fn wait(random: &mut fastrand::Rng, mean: Duration) -> Duration {
    mean.mul_f64((-(1.0 - random.f64()).ln()).min(8.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START_US: i64 = 1_795_240_800_000_000;

    #[test]
    fn clocks_show_what_their_fault_makes_of_the_time() {
        let at_us = START_US + 5_000_000;
        let shown = |fault: ClockFault| fault.shows(at_us, START_US, 1);
        assert_eq!(shown(ClockFault::Right), at_us);
        assert_eq!((shown(ClockFault::Year1970), shown(ClockFault::Late)), (5_000_000, 5_000_000));
        // Both sides of the end of 32-bit seconds within a run.
        assert!(ClockFault::Year2038.shows(START_US, START_US, 1) < i64::from(i32::MAX) * 1_000_000);
        assert!(shown(ClockFault::Year2038) > i64::from(i32::MAX) * 1_000_000);
        assert!(shown(ClockFault::Year2106) > i64::from(u32::MAX) * 1_000_000);
        let jumps: Vec<i64> =
            (0..20).map(|n| ClockFault::Jumps.shows(START_US + n * JUMP_EVERY_US, START_US, 1) - START_US).collect();
        assert!(jumps.windows(2).any(|pair| pair[1] < pair[0]) && jumps.iter().any(|jump| *jump > 3_600_000_000));
        assert_eq!(shown(ClockFault::Jumps), shown(ClockFault::Jumps), "the same seed jumps the same way");
    }

    #[test]
    fn every_fault_is_dealt_out_and_read_from_its_word() {
        let dealt: Vec<ClockFault> = (0..7).map(|number| ClockFault::Mixed.of_device(number)).collect();
        assert_eq!(dealt, MIXED);
        for (word, fault) in [("right", ClockFault::Right), ("none", ClockFault::None), ("mixed", ClockFault::Mixed)] {
            assert_eq!(word.parse(), Ok(fault));
        }
        assert!("2039".parse::<ClockFault>().is_err());
    }

    #[test]
    fn a_silence_begins_and_ends_as_written() {
        let silence: Silence = "5:2.5".parse().unwrap();
        let seconds = Duration::from_secs_f64;
        assert!(!silence.is_now(seconds(4.9)) && silence.is_now(seconds(5.0)) && !silence.is_now(seconds(7.6)));
        assert!("5".parse::<Silence>().unwrap().is_now(seconds(1e6)));
        assert!("soon".parse::<Silence>().is_err() && "1:-2".parse::<Silence>().is_err());
    }
}
