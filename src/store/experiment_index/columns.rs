//! The experiments as columns: one array per field, one place per experiment.

use std::collections::HashMap;

use crate::domain::experiment::ExperimentState;

/// From so many changes on, sorting all names anew is cheaper than moving each.
const BULK_MIN: usize = 500;

/// Something an experiment points at: a battery, a station or a profile.
#[derive(Debug, Clone, Default)]
pub(super) struct Named {
    pub(super) id: i64,
    pub(super) name: String,
    /// In small letters, for finding and sorting.
    pub(super) folded: String,
    /// Word of the technology, of batteries.
    pub(super) technology: String,
}

/// Names by key; an experiment keeps the place of a name, which never changes.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    places: HashMap<i64, u32>,
    pub(super) entries: Vec<Named>,
    /// Place in the order of names, by place.
    pub(super) ranks: Vec<u32>,
}

impl Dictionary {
    /// The place of a key; a name nobody told yet is empty.
    fn place(&mut self, id: i64) -> u32 {
        let next = index(self.entries.len());
        *self.places.entry(id).or_insert_with(|| {
            self.entries.push(Named { id, ..Named::default() });
            self.ranks.push(next);
            next
        })
    }

    /// The place of a key that somebody picked.
    pub(super) fn find(&self, id: i64) -> Option<usize> {
        self.places.get(&id).map(|place| *place as usize)
    }

    /// Whether every key has its name.
    pub(super) fn is_complete(&self) -> bool {
        self.entries.iter().all(|entry| !entry.name.is_empty())
    }

    /// Takes in names as they are now: (key, name, technology).
    pub(super) fn rename(&mut self, names: Vec<(i64, String, String)>) {
        for (id, name, technology) in names {
            let place = self.place(id) as usize;
            self.entries[place] = Named { id, folded: name.to_lowercase(), name, technology };
        }
        let mut order: Vec<u32> = (0..index(self.entries.len())).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&self.entries[*a as usize], &self.entries[*b as usize]);
            (&a.folded, a.id).cmp(&(&b.folded, b.id))
        });
        for (rank, place) in (0..).zip(order) {
            self.ranks[place as usize] = rank;
        }
    }
}

/// An experiment as the database tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) id: i64,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) tags: Vec<String>,
    pub(super) state: ExperimentState,
    pub(super) reason: String,
    pub(super) battery: i64,
    pub(super) station: i64,
    pub(super) profile: i64,
    pub(super) created_at_us: i64,
    pub(super) started_at_us: Option<i64>,
    pub(super) finished_at_us: Option<i64>,
}

/// The texts of an experiment.
#[derive(Debug)]
pub(super) struct Texts {
    pub(super) name: Box<str>,
    pub(super) description: Box<str>,
    pub(super) reason: Box<str>,
    /// Name, description and tags in small letters, a line each.
    pub(super) folded: Box<str>,
    name_end: u32,
}

impl Texts {
    fn new(told: &Told) -> Self {
        let name = told.name.to_lowercase();
        let name_end = index(name.len());
        let folded = format!("{name}\n{}\n{}", told.description.to_lowercase(), told.tags.join("\n").to_lowercase());
        Self {
            name: told.name.as_str().into(),
            description: told.description.as_str().into(),
            reason: told.reason.as_str().into(),
            folded: folded.into(),
            name_end,
        }
    }

    fn folded_name(&self) -> &str {
        &self.folded[..self.name_end as usize]
    }
}

/// All experiments. A place (`u32`) is the same in every column and never changes.
#[derive(Debug, Default)]
pub(super) struct Columns {
    places: HashMap<i64, u32>,
    pub(super) ids: Vec<i64>,
    /// Position in [`ExperimentState::ALL`].
    pub(super) states: Vec<u8>,
    pub(super) battery_of: Vec<u32>,
    pub(super) station_of: Vec<u32>,
    pub(super) profile_of: Vec<u32>,
    /// Place in `tag_sets`.
    pub(super) tags_of: Vec<u32>,
    pub(super) created_us: Vec<i64>,
    pub(super) started_us: Vec<Option<i64>>,
    pub(super) finished_us: Vec<Option<i64>>,
    pub(super) texts: Vec<Texts>,
    /// Places in the order of (name, number).
    pub(super) by_name: Vec<u32>,
    pub(super) batteries: Dictionary,
    pub(super) stations: Dictionary,
    pub(super) profiles: Dictionary,
    /// Lists of tags as experiments have them: far fewer than experiments.
    pub(super) tag_sets: Vec<Vec<String>>,
    tag_set_places: HashMap<Vec<String>, u32>,
}

impl Columns {
    /// Experiments held.
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether every battery, station and profile has its name.
    pub(super) fn has_all_names(&self) -> bool {
        [&self.batteries, &self.stations, &self.profiles].into_iter().all(Dictionary::is_complete)
    }

    /// Takes in experiments, new ones and changed ones.
    pub(super) fn take(&mut self, told: Vec<Told>) {
        let in_bulk = told.len() >= BULK_MIN;
        for experiment in told {
            self.take_one(experiment, in_bulk);
        }
        if in_bulk {
            let mut order: Vec<u32> = (0..index(self.ids.len())).collect();
            order.sort_unstable_by(|a, b| self.name_key(*a).cmp(&self.name_key(*b)));
            self.by_name = order;
        }
    }

    fn take_one(&mut self, told: Told, in_bulk: bool) {
        let texts = Texts::new(&told);
        let state = ExperimentState::ALL.iter().position(|(state, _)| *state == told.state).unwrap_or(0);
        let state = u8::try_from(state).unwrap_or(0);
        let battery = self.batteries.place(told.battery);
        let station = self.stations.place(told.station);
        let profile = self.profiles.place(told.profile);
        let tags = self.tag_set(told.tags);
        let Some(place) = self.places.get(&told.id).copied() else {
            let place = index(self.ids.len());
            self.places.insert(told.id, place);
            self.ids.push(told.id);
            self.states.push(state);
            self.battery_of.push(battery);
            self.station_of.push(station);
            self.profile_of.push(profile);
            self.tags_of.push(tags);
            self.created_us.push(told.created_at_us);
            self.started_us.push(told.started_at_us);
            self.finished_us.push(told.finished_at_us);
            self.texts.push(texts);
            if !in_bulk {
                self.insert_by_name(place);
            }
            return;
        };
        let at = place as usize;
        let is_renamed = self.texts[at].folded_name() != texts.folded_name();
        if is_renamed && !in_bulk {
            let key = self.name_key(place);
            if let Ok(found) = self.by_name.binary_search_by(|other| self.name_key(*other).cmp(&key)) {
                self.by_name.remove(found);
            }
        }
        self.states[at] = state;
        self.battery_of[at] = battery;
        self.station_of[at] = station;
        self.profile_of[at] = profile;
        self.tags_of[at] = tags;
        self.created_us[at] = told.created_at_us;
        self.started_us[at] = told.started_at_us;
        self.finished_us[at] = told.finished_at_us;
        self.texts[at] = texts;
        if is_renamed && !in_bulk {
            self.insert_by_name(place);
        }
    }

    fn name_key(&self, place: u32) -> (&str, i64) {
        (self.texts[place as usize].folded_name(), self.ids[place as usize])
    }

    fn insert_by_name(&mut self, place: u32) {
        let key = self.name_key(place);
        let at = self.by_name.partition_point(|other| self.name_key(*other) < key);
        self.by_name.insert(at, place);
    }

    fn tag_set(&mut self, tags: Vec<String>) -> u32 {
        if let Some(place) = self.tag_set_places.get(&tags) {
            return *place;
        }
        let place = index(self.tag_sets.len());
        self.tag_sets.push(tags.clone());
        self.tag_set_places.insert(tags, place);
        place
    }

    /// Roughly how much memory is held, bytes.
    pub(super) fn bytes(&self) -> usize {
        let texts =
            |texts: &Texts| texts.name.len() + texts.description.len() + texts.reason.len() + texts.folded.len();
        // Fixed columns, the texts' own sizes, and the map from number to place.
        let per_row = size_of::<Texts>() + 8 + 1 + 4 * 4 + 8 + 16 + 16 + 4 + 2 * 16;
        let names: usize = [&self.batteries, &self.stations, &self.profiles]
            .into_iter()
            .flat_map(|dictionary| &dictionary.entries)
            .map(|entry| size_of::<Named>() + 2 * entry.name.len() + 24)
            .sum();
        self.texts.iter().map(texts).sum::<usize>() + self.len() * per_row + names
    }
}

/// A length as a place; the store keeps fewer than 2^32 of anything here.
pub(super) fn index(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
