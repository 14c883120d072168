//! The dry run of a profile as a page shows it.

use crate::analysis::cell_model::cell::CellParameters;
use crate::analysis::cell_model::typical::{self, Family};
use crate::analysis::dry_run::{CellModel, DryRun, Ending, dry_run};
use crate::domain::battery::Technology;
use crate::domain::profile::{Deed, End, Misfit, Program, Rate, check};
use crate::report::chart;
use crate::series::window::Series;
use crate::store::batteries::Battery;
use crate::web::WebError;
use crate::web::pages::monitor::numbers::duration_words;

/// Air in the lab, °C.
const ROOM_C: f64 = 25.0;
const US_PER_S: f64 = 1e6;
/// Longest run shown by its finish time, s: nobody plans further.
const FINISH_MAX_S: f64 = 10.0 * 366.0 * 86_400.0;

/// The battery a dry run is made on.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web::pages) struct On {
    /// In words: “a typical NMC cell of 5 Ah”.
    pub(in crate::web::pages) words: String,
    /// Family of the model.
    pub(super) family: Family,
    /// Ah.
    pub(super) capacity_ah: f64,
    /// State of charge at the start, %.
    pub(in crate::web::pages) soc_pct: f64,
    parameters: CellParameters,
}

impl On {
    /// A typical battery of a family.
    pub(super) fn typical(family: Family, capacity_ah: f64, soc_pct: f64) -> Self {
        let kind = match family {
            Family::Nmc => "a typical NMC cell",
            Family::Lfp => "a typical LFP cell",
            Family::LeadAcid => "a typical lead-acid block of 12 V",
        };
        Self {
            words: format!("{kind} of {capacity_ah} Ah"),
            family,
            capacity_ah,
            soc_pct,
            parameters: typical::parameters(family, family.cells_series(), capacity_ah, None),
        }
    }

    /// A battery of the lab; `None` for those there is no model of.
    pub(in crate::web::pages) fn battery(battery: &Battery, soc_pct: f64) -> Option<Self> {
        let family = match battery.technology {
            Technology::Lithium if battery.chemistry.to_ascii_uppercase().contains("LFP") => Family::Lfp,
            Technology::Lithium => Family::Nmc,
            Technology::LeadAcid => Family::LeadAcid,
            _ => return None,
        };
        let is_known = battery.capacity_ah.is_finite() && battery.capacity_ah > 0.0 && battery.cells_series > 0;
        is_known.then(|| Self {
            words: format!("{}, computed as {}", battery.name, family.title()),
            family,
            capacity_ah: battery.capacity_ah,
            soc_pct,
            parameters: typical::parameters(family, battery.cells_series, battery.capacity_ah, Some(&battery.limits())),
        })
    }

    /// The model of it.
    #[must_use]
    pub(in crate::web::pages) fn model(&self) -> CellModel {
        CellModel { parameters: self.parameters.clone(), soc: self.soc_pct / 100.0, ambient_c: ROOM_C }
    }

    /// What a profile seems to be written for.
    pub(super) fn guess(program: &Program) -> Self {
        let volts = program.steps.iter().flat_map(|step| {
            let held = match step.deed {
                Deed::Cv { voltage_v } | Deed::CcCv { voltage_v, .. } => Some(voltage_v),
                _ => None,
            };
            held.into_iter().chain(step.until.iter().filter_map(|end| match end {
                End::VoltageV(volts) => Some(*volts),
                _ => None,
            }))
        });
        let highest_v = volts.fold(f64::NEG_INFINITY, f64::max);
        let family = if highest_v > 5.0 {
            Family::LeadAcid
        } else if (3.4..=3.7).contains(&highest_v) {
            Family::Lfp
        } else {
            Family::Nmc
        };
        let amperes = program.steps.iter().filter_map(|step| match step.deed {
            Deed::Cc { current: Rate::A(amperes) } | Deed::CcCv { current: Rate::A(amperes), .. } => {
                Some(amperes.abs())
            }
            _ => None,
        });
        let largest_a = amperes.fold(0.0, f64::max);
        // A profile in amperes is usually written for about 1C.
        let capacity_ah = if largest_a > 0.0 {
            largest_a
        } else if family == Family::LeadAcid {
            60.0
        } else {
            5.0
        };
        Self::typical(family, capacity_ah, if begins_with_charge(program) { 10.0 } else { 90.0 })
    }
}

/// Whether the first step with a direction charges.
pub(in crate::web::pages) fn begins_with_charge(program: &Program) -> bool {
    let directions = program.steps.iter().filter_map(|step| match step.deed {
        Deed::Cc { current } | Deed::CcCv { current, .. } => Some(current.number()),
        Deed::Cp { power_w } => Some(power_w),
        _ => None,
    });
    directions.into_iter().find(|direction| *direction != 0.0).is_some_and(|direction| direction > 0.0)
}

/// A dry run, ready to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web::pages) struct Trial {
    /// What it was made on.
    pub(in crate::web::pages) on: On,
    /// Result, or why there is none.
    pub(in crate::web::pages) result: Result<Shown, String>,
}

/// The result of a dry run.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web::pages) struct Shown {
    run: DryRun,
    /// The drawing.
    pub(in crate::web::pages) svg: String,
    /// The drawing in words.
    pub(in crate::web::pages) summary: String,
    /// When it would be finished if it began now, µs UTC.
    pub(in crate::web::pages) finish_at_us: Option<i64>,
    /// What the battery does not allow.
    pub(in crate::web::pages) misfits: Vec<Misfit>,
}

/// Makes a dry run on a thread that may take its time.
pub(in crate::web::pages) async fn trial(
    program: &Program,
    on: On,
    battery: Option<&Battery>,
    now_us: i64,
) -> Result<Trial, WebError> {
    let steps = match program.resolve(on.capacity_ah) {
        Ok(steps) => steps,
        Err(why) => return Ok(Trial { on, result: Err(why.to_string()) }),
    };
    let limits = battery.map(|battery| (battery.name.clone(), battery.limits()));
    let misfits = check(&steps, limits.as_ref().map(|(name, limits)| (name.as_str(), limits)), None);
    let model = on.model();
    let run = tokio::task::spawn_blocking(move || dry_run(&steps, &model)).await.map_err(WebError::internal)?;
    let series = series(&run);
    let end_us = us(run.computed_s);
    let finish_at_us = (run.duration_s < FINISH_MAX_S).then(|| now_us.saturating_add(us(run.duration_s)));
    let shown =
        Shown { svg: chart::forecast(&series, end_us), summary: chart::summary(&series), finish_at_us, misfits, run };
    Ok(Trial { on, result: Ok(shown) })
}

fn us(seconds: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates; ten years fit many times")]
    let us = (seconds * US_PER_S) as i64;
    us
}

fn series(run: &DryRun) -> Series {
    let column =
        |value: fn(&crate::analysis::dry_run::Point) -> f64| run.points.iter().map(|p| Some(value(p))).collect();
    Series {
        times_us: run.points.iter().map(|point| us(point.time_s)).collect(),
        columns: vec![column(|p| p.voltage_v), column(|p| p.current_a), column(|p| p.temperature_c)],
        gaps: Vec::new(),
        bucket_us: None,
        rows: run.points.len(),
    }
}

impl Shown {
    /// How long it takes, in words.
    pub(in crate::web::pages) fn duration(&self) -> String {
        let about = if self.is_whole() { "" } else { "about " };
        format!("{about}{}", duration_words(us(self.run.duration_s)))
    }

    /// Energy put in, Wh.
    pub(in crate::web::pages) fn energy_in(&self) -> String {
        amount(self.run.energy_in_wh)
    }

    /// Energy taken out, Wh.
    pub(in crate::web::pages) fn energy_out(&self) -> String {
        amount(self.run.energy_out_wh)
    }

    /// Highest temperature, °C.
    pub(in crate::web::pages) fn hottest(&self) -> String {
        format!("{:.0}", self.run.hottest_c)
    }

    /// Whether everything was computed to the end.
    pub(super) fn is_whole(&self) -> bool {
        self.run.ending == Ending::Finished
    }

    /// Whether it would not come to its end.
    pub(in crate::web::pages) fn fails(&self) -> bool {
        matches!(self.run.ending, Ending::Fault { .. } | Ending::Endless { .. })
    }

    /// What has to be known about the end.
    pub(in crate::web::pages) fn note(&self) -> String {
        match &self.run.ending {
            Ending::Finished => "Every step comes to its end.".to_owned(),
            Ending::Fault { step, reason } => {
                format!("It would stop in step {step} after {}: {reason}.", duration_words(us(self.run.computed_s)))
            }
            Ending::CutShort { cycles } => {
                format!(
                    "The first {cycles} of {} cycles were computed; the rest is carried on from them.",
                    self.run.cycles
                )
            }
            Ending::Endless { step } => format!(
                "Step {step} goes on after {}. Give it a time as a second limit.",
                duration_words(us(self.run.computed_s))
            ),
        }
    }
}

fn amount(value: f64) -> String {
    if value >= 100.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}
