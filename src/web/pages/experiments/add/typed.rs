//! What is typed about a new experiment, and what it comes to.

use serde::Deserialize;

use crate::domain::battery::Technology;
use crate::domain::experiment::{DESCRIPTION_MAX, ELECTROLYTE_MAX, Electrolyte, Electrolytes, NAME_MAX, tags};
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId, StationId};
use crate::domain::number;
use crate::domain::profile::{Program, Steps, any, check};
use crate::store::StoreError;
use crate::store::batteries::Battery;
use crate::store::experiments::{Experiment, NewExperiment};
use crate::store::profiles::NewProfile;
use crate::store::stations_read::Station;
use crate::web::forms::{Problems, line};
use crate::web::multipart::parts;
use crate::web::{State, WebError};

/// Most problems of one profile that a page tells: the rest comes when these are mended.
const MISFITS_MAX: usize = 5;
/// Most volume and flow of an electrolyte that makes sense, mL and mL/min: a tank of a thousand litres.
const MILLILITRES_MAX: f64 = 1e6;

/// The form, as typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Typed {
    /// Number of the battery.
    pub battery: String,
    /// Number of the station.
    pub station: String,
    /// `choose` or `write`.
    pub way: String,
    /// Number of the profile.
    pub profile: String,
    /// Steps written in place.
    pub text: String,
    /// Name of the profile written in place.
    pub profile_name: String,
    /// Name of the experiment; empty for one made of profile and battery.
    pub name: String,
    /// What a colleague should know.
    pub description: String,
    /// With commas between them.
    pub tags: String,
    /// Number of the experiment it repeats; empty for none.
    pub clone: String,
    /// Mark of this showing of the form.
    pub once: String,
    /// `edit`, `review` or `queue`.
    pub step: String,
    /// Electrolyte on the negative side, in the units of the bench.
    pub negative_composition: String,
    /// Volume, mL.
    pub negative_volume_ml: String,
    /// Lowest flow, mL/min.
    pub negative_flow_min: String,
    /// Highest flow, mL/min.
    pub negative_flow_max: String,
    /// State of charge, %.
    pub negative_soc_pct: String,
    /// Electrolyte on the positive side.
    pub positive_composition: String,
    /// Volume, mL.
    pub positive_volume_ml: String,
    /// Lowest flow, mL/min.
    pub positive_flow_min: String,
    /// Highest flow, mL/min.
    pub positive_flow_max: String,
    /// State of charge, %.
    pub positive_soc_pct: String,
}

/// How to do it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Way {
    /// A stored profile: key and name.
    Stored(ProfileId, String),
    /// One that is stored together with the experiment.
    New(NewProfile),
}

impl Way {
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Stored(_, name) => name,
            Self::New(profile) => &profile.name,
        }
    }
}

/// A checked form.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    pub(super) experiment: NewExperiment,
    pub(super) way: Way,
    pub(super) program: Program,
    pub(super) steps: Steps,
    /// What is worth knowing about the choice of the profile.
    pub(super) note: Option<String>,
}

impl Typed {
    /// Reads a form that was sent, with a file in it or without. A file takes the place of the text.
    ///
    /// # Errors
    /// When it is no form.
    pub(super) fn read(content_type: &str, body: &[u8]) -> Result<Self, WebError> {
        let unreadable = || WebError::Invalid {
            target: "form",
            message: "This form cannot be read. Load the page again and fill it in once more.".to_owned(),
        };
        let Some(parts) = parts(content_type, body) else {
            return serde_urlencoded::from_bytes(body).map_err(|_| unreadable());
        };
        let text = |content| String::from_utf8_lossy(content).into_owned();
        let fields: Vec<(String, String)> =
            parts.iter().filter(|part| !part.is_file).map(|part| (part.name.clone(), text(part.content))).collect();
        let pairs = serde_urlencoded::to_string(fields).map_err(|_| unreadable())?;
        let mut typed: Self = serde_urlencoded::from_str(&pairs).map_err(|_| unreadable())?;
        if let Some(file) = parts.iter().find(|part| part.is_file && !part.content.is_empty()) {
            typed.text = text(file.content);
            "write".clone_into(&mut typed.way);
        }
        Ok(typed)
    }

    /// A form filled in as an experiment was.
    pub(super) fn of(experiment: &Experiment) -> Self {
        let number =
            |value: Option<f64>, factor: f64| value.map_or_else(String::new, |value| (value * factor).to_string());
        let sides = experiment.electrolytes.clone().unwrap_or_default();
        let (negative, positive) = (&sides.negative, &sides.positive);
        Self {
            battery: experiment.battery.to_string(),
            station: experiment.station.to_string(),
            way: "choose".to_owned(),
            profile: experiment.profile.to_string(),
            name: experiment.name.clone(),
            description: experiment.description.clone(),
            tags: experiment.tags.join(", "),
            clone: experiment.experiment.to_string(),
            negative_composition: negative.composition.clone(),
            negative_volume_ml: number(negative.volume_l, 1e3),
            negative_flow_min: number(negative.flow_min_l_per_min, 1e3),
            negative_flow_max: number(negative.flow_max_l_per_min, 1e3),
            negative_soc_pct: number(negative.soc_pct, 1.0),
            positive_composition: positive.composition.clone(),
            positive_volume_ml: number(positive.volume_l, 1e3),
            positive_flow_min: number(positive.flow_min_l_per_min, 1e3),
            positive_flow_max: number(positive.flow_max_l_per_min, 1e3),
            positive_soc_pct: number(positive.soc_pct, 1.0),
            ..Self::default()
        }
    }

    pub(super) fn is_written(&self) -> bool {
        self.way == "write"
    }

    pub(super) fn battery_id(&self) -> Option<BatteryId> {
        self.battery.parse().map(BatteryId).ok()
    }

    pub(super) fn station_id(&self) -> Option<StationId> {
        self.station.parse().map(StationId).ok()
    }

    /// Checks everything; what does not fit is noted beside its field.
    ///
    /// # Errors
    /// When the database fails.
    pub(super) async fn check(
        &self,
        state: &State,
        battery: &Battery,
        station: &Station,
        problems: &mut Problems,
    ) -> Result<Option<Draft>, StoreError> {
        let chosen = self.chosen_profile(state, problems).await?;
        let steps = chosen.as_ref().and_then(|(_, program, _)| self.fitting_steps(program, battery, station, problems));
        let name = self.name_for(chosen.as_ref().map(|(way, ..)| way.name()), &battery.name, problems);
        let description = text_of(&self.description);
        if description.chars().count() > DESCRIPTION_MAX {
            problems
                .add("description", format!("The description is too long. Use {DESCRIPTION_MAX} characters or fewer."));
        }
        let tags = problems.take("tags", tags(&self.tags));
        let electrolytes = self.electrolytes(battery, problems);
        let (Some((way, program, note)), Some(steps), Some(name), Some(tags)) = (chosen, steps, name, tags) else {
            return Ok(None);
        };
        if !problems.is_empty() {
            return Ok(None);
        }
        let profile = if let Way::Stored(profile, _) = &way { *profile } else { ProfileId(0) };
        let experiment = NewExperiment {
            name,
            description,
            tags,
            battery: battery.battery_id,
            station: station.station_id,
            profile,
            steps: Some(steps.clone()),
            electrolytes,
            parent: self.clone.parse().map(ExperimentId).ok(),
        };
        Ok(Some(Draft { experiment, way, program, steps, note }))
    }

    async fn chosen_profile(
        &self,
        state: &State,
        problems: &mut Problems,
    ) -> Result<Option<(Way, Program, Option<String>)>, StoreError> {
        if !self.is_written() {
            let Ok(id) = self.profile.parse::<i64>() else {
                problems.add("profile", "Choose a profile, or write one.");
                return Ok(None);
            };
            return Ok(match state.store.profile(ProfileId(id)).await? {
                Some(profile) if profile.retired_at_us.is_none() => {
                    Some((Way::Stored(profile.profile_id, profile.name), profile.program, None))
                }
                Some(profile) => {
                    problems.add("profile", format!("{} is retired. Choose another profile.", profile.name));
                    None
                }
                None => {
                    problems.add("profile", "This profile is not there any more. Choose another one.");
                    None
                }
            });
        }
        // A file may hold any form that profiles are read from.
        let (form, program) = match any::read(&self.text) {
            Ok((form, read)) => (form, read.result),
            Err(faults) => {
                for fault in faults.into_iter().take(MISFITS_MAX) {
                    problems.add("text", fault);
                }
                return Ok(None);
            }
        };
        if let Some(known) = state.store.profile_with_content(&program).await? {
            let note =
                format!("The written steps are those of “{}”, which is used. Nothing is stored twice.", known.name);
            return Ok(Some((Way::Stored(known.profile_id, known.name), program, Some(note))));
        }
        let name = line(&self.profile_name);
        let problem = match name.chars().count() {
            0 => Some("Give the new profile a name, so that it can be found again.".to_owned()),
            length if length > NAME_MAX => Some(format!("The name has {length} characters. Use {NAME_MAX} or fewer.")),
            _ => state
                .store
                .profile_named(&name)
                .await?
                .map(|_| format!("There is a profile “{name}” with other steps. Choose another name.")),
        };
        if let Some(problem) = problem {
            problems.add("profile_name", problem);
            return Ok(None);
        }
        // Only our own text keeps its comments.
        let text = if form == any::Form::Text { self.text.clone() } else { String::new() };
        let profile = NewProfile { name, description: String::new(), program: program.clone(), text };
        Ok(Some((Way::New(profile), program, None)))
    }

    fn fitting_steps(
        &self,
        program: &Program,
        battery: &Battery,
        station: &Station,
        problems: &mut Problems,
    ) -> Option<Steps> {
        let field = if self.is_written() { "text" } else { "profile" };
        let steps = problems.take(field, program.resolve(battery.capacity_ah))?;
        let (of_battery, of_station) = (battery.limits(), station.limits());
        let misfits = check(&steps, Some((&battery.name, &of_battery)), Some((&station.name, &of_station)));
        for misfit in misfits.iter().take(MISFITS_MAX) {
            problems.add(field, format!("Step {}: {}", misfit.step, misfit.message));
        }
        misfits.is_empty().then_some(steps)
    }

    /// The name as typed, or one made of what is chosen.
    fn name_for(&self, profile: Option<&str>, battery: &str, problems: &mut Problems) -> Option<String> {
        let name = line(&self.name);
        let name =
            if name.is_empty() { format!("{} on {battery}", profile?).chars().take(NAME_MAX).collect() } else { name };
        let length = name.chars().count();
        if length > NAME_MAX {
            problems.add("name", format!("The name has {length} characters. Use {NAME_MAX} or fewer."));
            return None;
        }
        Some(name)
    }

    fn electrolytes(&self, battery: &Battery, problems: &mut Problems) -> Option<Electrolytes> {
        if battery.technology != Technology::RedoxStack {
            return None;
        }
        let mut side = |[composition, volume, low, high, soc]: [(&'static str, &str); 5]| {
            let mut amount = |(field, typed): (&'static str, &str), max: f64, unit: &str| {
                if typed.trim().is_empty() {
                    return None;
                }
                let value = problems.take(field, number::typed(typed))?;
                if !(0.0..=max).contains(&value) {
                    problems.add(field, format!("{typed} {unit} makes no sense here. Enter 0 to {max} {unit}."));
                    return None;
                }
                Some(value)
            };
            let volume_ml = amount(volume, MILLILITRES_MAX, "mL");
            let low_ml = amount(low, MILLILITRES_MAX, "mL/min");
            let high_ml = amount(high, MILLILITRES_MAX, "mL/min");
            let soc_pct = amount(soc, 100.0, "%");
            if let (Some(least), Some(most)) = (low_ml, high_ml)
                && least > most
            {
                problems.add(high.0, "The highest flow is below the lowest. Exchange them.");
            }
            let words = line(composition.1);
            if words.chars().count() > ELECTROLYTE_MAX {
                problems.add(composition.0, format!("This is too long. Use {ELECTROLYTE_MAX} characters or fewer."));
            }
            Electrolyte {
                composition: words,
                volume_l: volume_ml.map(|volume| volume / 1e3),
                flow_min_l_per_min: low_ml.map(|flow| flow / 1e3),
                flow_max_l_per_min: high_ml.map(|flow| flow / 1e3),
                soc_pct,
            }
        };
        let negative = side([
            ("negative_composition", &self.negative_composition),
            ("negative_volume_ml", &self.negative_volume_ml),
            ("negative_flow_min", &self.negative_flow_min),
            ("negative_flow_max", &self.negative_flow_max),
            ("negative_soc_pct", &self.negative_soc_pct),
        ]);
        let positive = side([
            ("positive_composition", &self.positive_composition),
            ("positive_volume_ml", &self.positive_volume_ml),
            ("positive_flow_min", &self.positive_flow_min),
            ("positive_flow_max", &self.positive_flow_max),
            ("positive_soc_pct", &self.positive_soc_pct),
        ]);
        Some(Electrolytes { negative, positive })
    }

    /// Every field but the mark and the button, for a page that only carries them.
    pub(super) fn carried(&self) -> Vec<(&'static str, &str)> {
        vec![
            ("battery", &self.battery),
            ("station", &self.station),
            ("way", &self.way),
            ("profile", &self.profile),
            ("text", &self.text),
            ("profile_name", &self.profile_name),
            ("name", &self.name),
            ("description", &self.description),
            ("tags", &self.tags),
            ("clone", &self.clone),
            ("negative_composition", &self.negative_composition),
            ("negative_volume_ml", &self.negative_volume_ml),
            ("negative_flow_min", &self.negative_flow_min),
            ("negative_flow_max", &self.negative_flow_max),
            ("negative_soc_pct", &self.negative_soc_pct),
            ("positive_composition", &self.positive_composition),
            ("positive_volume_ml", &self.positive_volume_ml),
            ("positive_flow_min", &self.positive_flow_min),
            ("positive_flow_max", &self.positive_flow_max),
            ("positive_soc_pct", &self.positive_soc_pct),
        ]
    }
}

/// A text of several lines, each made fit to stand in a page.
fn text_of(typed: &str) -> String {
    typed.lines().map(line).collect::<Vec<_>>().join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests;
