//! The flags of `cellar simulate` that make things go wrong on purpose.

use std::time::Duration;

use clap::Args;

use super::BadInput;
use crate::sim::mischief::{ClockFault, Mischief, Silence};

/// Largest window of `--shuffle`, in messages: 3 MB of readings a device.
const SHUFFLE_MAX: usize = 1_000;

/// What goes wrong, in any scenario
#[derive(Debug, Args)]
#[command(next_help_heading = "What goes wrong on purpose")]
pub(super) struct MischiefArgs {
    /// Send so many percent of the messages of readings twice
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    dup: f64,
    /// Let messages leave in an order of chance, within a window of so many
    #[arg(long, value_name = "N", default_value_t = 0)]
    shuffle: usize,
    /// After so many percent of the messages send an old one of the run again
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0)]
    replay: f64,
    /// Restart each device every so many seconds on average: a new boot, rows from 0
    #[arg(long, value_name = "S")]
    reboot: Option<f64>,
    /// Reset each connection every so many seconds on average, at any byte
    #[arg(long, value_name = "S")]
    reset: Option<f64>,
    /// Every so many seconds on average let nothing through a connection for 30 s
    #[arg(long, value_name = "S")]
    stall: Option<f64>,
    /// Devices stay connected and say nothing from AFTER seconds on, for FOR seconds or to the end
    #[arg(long, value_name = "AFTER[:FOR]")]
    silence: Option<Silence>,
    /// Clocks of the devices: right, 1970, 2038, 2106, jumps, none, late (dated after 3 s) or mixed
    #[arg(long, value_name = "WHICH", default_value = "right")]
    clock: ClockFault,
}

impl MischiefArgs {
    /// What was asked for.
    pub(super) fn mischief(&self) -> Result<Mischief, BadInput> {
        let share = |flag: &str, percent: f64| match percent {
            0.0..=100.0 => Ok(percent / 100.0),
            _ => Err(BadInput(format!("--{flag} {percent}: use 0 to 100 percent"))),
        };
        let mean = |flag: &str, seconds: Option<f64>| {
            let time = seconds.map(|seconds| Duration::try_from_secs_f64(seconds).ok().filter(|time| !time.is_zero()));
            match time {
                Some(None) => Err(BadInput(format!("--{flag} must be a number of seconds above 0"))),
                Some(time) => Ok(time),
                None => Ok(None),
            }
        };
        if self.shuffle > SHUFFLE_MAX {
            return Err(BadInput(format!("--shuffle {}: use at most {SHUFFLE_MAX} messages", self.shuffle)));
        }
        Ok(Mischief {
            twice: share("dup", self.dup)?,
            shuffle: self.shuffle,
            replay: share("replay", self.replay)?,
            reboot_every: mean("reboot", self.reboot)?,
            reset_every: mean("reset", self.reset)?,
            stall_every: mean("stall", self.stall)?,
            silence: self.silence,
            clock: self.clock,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        mischief: MischiefArgs,
    }

    fn parse(line: &str) -> Result<Mischief, String> {
        let words = std::iter::once("cellar").chain(line.split_whitespace());
        let parsed = Cli::try_parse_from(words).map_err(|error| error.to_string())?;
        parsed.mischief.mischief().map_err(|error| error.0)
    }

    #[test]
    fn what_is_not_asked_for_does_not_go_wrong() {
        assert_eq!(parse(""), Ok(Mischief::default()));
    }

    #[test]
    fn percentages_and_times_are_read_and_checked() {
        let all =
            parse("--dup 10 --shuffle 1000 --replay 5 --reboot 20 --reset 1.5 --silence 3:4 --clock mixed").unwrap();
        assert_eq!((all.twice, all.shuffle, all.replay), (0.1, 1000, 0.05));
        assert_eq!((all.reset_every, all.clock), (Some(Duration::from_millis(1500)), ClockFault::Mixed));
        for bad in ["--dup 101", "--replay -1", "--reboot 0", "--shuffle 1001", "--clock 2039", "--silence now"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
