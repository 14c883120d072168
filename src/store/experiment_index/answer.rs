//! Answers from the columns: one pass finds what fits and counts what is left for every value of every facet.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::ask::{Answer, Ask, FACET_VALUES_MAX, Facet, FacetAnswer, FacetValue, Row, Sort};
use super::columns::{Columns, Dictionary, index};
use crate::domain::battery::Technology;
use crate::domain::experiment::ExperimentState;
use crate::domain::ids::{BatteryId, ExperimentId, ProfileId, StationId};

/// Which facets an experiment fails by what it points at; all zero when nothing is picked.
struct Fails {
    battery: Vec<u8>,
    station: Vec<u8>,
    profile: Vec<u8>,
    state: Vec<u8>,
    tags: Vec<u8>,
}

/// Experiments by what they point at, each less the facet's own filter.
struct Counts {
    /// For the technology, by battery.
    technology: Vec<u32>,
    battery: Vec<u32>,
    station: Vec<u32>,
    profile: Vec<u32>,
    state: Vec<u32>,
    tags: Vec<u32>,
}

/// A word of the search.
struct Word {
    text: String,
    /// Batteries whose name has it.
    batteries: Vec<bool>,
    number: Option<i64>,
}

impl Columns {
    /// Answers; `now_us` is the end of what runs.
    pub(super) fn answer(&self, ask: &Ask, now_us: i64) -> Answer {
        let fails = self.fails(ask);
        let words = self.words(&ask.text);
        let mut counts = Counts {
            technology: vec![0; self.batteries.entries.len()],
            battery: vec![0; self.batteries.entries.len()],
            station: vec![0; self.stations.entries.len()],
            profile: vec![0; self.profiles.entries.len()],
            state: vec![0; ExperimentState::ALL.len()],
            tags: vec![0; self.tag_sets.len()],
        };
        let mut fitting: Vec<u32> = Vec::new();
        let mut by_state = [0; ExperimentState::ALL.len()];
        for place in 0..self.len() {
            let (battery, station) = (self.battery_of[place] as usize, self.station_of[place] as usize);
            let (profile, tags) = (self.profile_of[place] as usize, self.tags_of[place] as usize);
            let state = usize::from(self.states[place]);
            by_state[state] += 1;
            let failed = fails.battery[battery]
                | fails.station[station]
                | fails.profile[profile]
                | fails.state[state]
                | fails.tags[tags];
            // Who fails two facets counts nowhere.
            if failed & failed.wrapping_sub(1) != 0 || !self.began_within(ask, place) || !self.has_all(&words, place) {
                continue;
            }
            let counts_for = |facet: Facet| u32::from(failed & !facet.bit() == 0);
            counts.technology[battery] += counts_for(Facet::Technology);
            counts.battery[battery] += counts_for(Facet::Battery);
            counts.station[station] += counts_for(Facet::Station);
            counts.profile[profile] += counts_for(Facet::Profile);
            counts.state[state] += counts_for(Facet::Status);
            counts.tags[tags] += counts_for(Facet::Tag);
            if failed == 0 {
                fitting.push(index(place));
            }
        }
        let total = fitting.len();
        let per_page = ask.per_page.max(1);
        let pages = total.div_ceil(per_page).max(1);
        let page = ask.page.clamp(1, pages);
        let rows = self.page(ask, fitting, (page - 1) * per_page, per_page, now_us);
        Answer {
            rows: rows.into_iter().map(|place| self.row(place as usize)).collect(),
            total,
            all: self.len(),
            page,
            pages,
            facets: Facet::ALL.map(|facet| self.facet(facet, ask, &counts)),
            by_state,
        }
    }

    fn fails(&self, ask: &Ask) -> Fails {
        let picked = |facet: Facet| &ask.picked[facet as usize];
        let none = |facet: Facet| if picked(facet).is_empty() { 0 } else { facet.bit() };
        let by_key = |facet: Facet, dictionary: &Dictionary| {
            let mut fails = vec![none(facet); dictionary.entries.len()];
            for place in picked(facet).iter().filter_map(|key| dictionary.find(key.parse().ok()?)) {
                fails[place] = 0;
            }
            fails
        };
        let mut battery = by_key(Facet::Battery, &self.batteries);
        for (fails, entry) in battery.iter_mut().zip(&self.batteries.entries) {
            if !picked(Facet::Technology).contains(&entry.technology) {
                *fails |= none(Facet::Technology);
            }
        }
        let is_picked = |facet: Facet, has: bool| if has { 0 } else { none(facet) };
        let state =
            |(_, word): &(_, &str)| is_picked(Facet::Status, picked(Facet::Status).iter().any(|key| key == word));
        let tags = |tags: &Vec<String>| is_picked(Facet::Tag, picked(Facet::Tag).iter().any(|key| tags.contains(key)));
        Fails {
            battery,
            station: by_key(Facet::Station, &self.stations),
            profile: by_key(Facet::Profile, &self.profiles),
            state: ExperimentState::ALL.iter().map(state).collect(),
            tags: self.tag_sets.iter().map(tags).collect(),
        }
    }

    fn words(&self, text: &str) -> Vec<Word> {
        let word = |text: &str| {
            let text = text.to_lowercase();
            Word {
                batteries: self.batteries.entries.iter().map(|entry| entry.folded.contains(&text)).collect(),
                number: text.parse().ok(),
                text,
            }
        };
        text.split_whitespace().map(word).collect()
    }

    fn has_all(&self, words: &[Word], place: usize) -> bool {
        words.iter().all(|word| {
            word.number == Some(self.ids[place])
                || word.batteries[self.battery_of[place] as usize]
                || self.texts[place].folded.contains(&word.text)
        })
    }

    fn began_within(&self, ask: &Ask, place: usize) -> bool {
        let began = self.started_us[place];
        ask.since_us.is_none_or(|since| began.is_some_and(|at| at >= since))
            && ask.until_us.is_none_or(|until| began.is_some_and(|at| at < until))
    }

    /// The places of a page, in order.
    fn page(&self, ask: &Ask, mut fitting: Vec<u32>, skip: usize, take: usize, now_us: i64) -> Vec<u32> {
        if ask.sort == Sort::Name {
            let mut fits = vec![false; self.len()];
            for place in &fitting {
                fits[*place as usize] = true;
            }
            let fits = |place: &&u32| fits[**place as usize];
            let order = self.by_name.iter();
            return if ask.descending {
                order.rev().filter(fits).skip(skip).take(take).copied().collect()
            } else {
                order.filter(fits).skip(skip).take(take).copied().collect()
            };
        }
        let key = |place: &u32| self.sort_key(ask, *place as usize, now_us);
        // Only the page is put in order: whatever comes before it is pushed to its left, whatever after to its right.
        let mut page = fitting.as_mut_slice();
        if skip > 0 && skip < page.len() {
            page.select_nth_unstable_by_key(skip, key);
            page = &mut page[skip..];
        }
        if take < page.len() {
            page.select_nth_unstable_by_key(take, key);
            page = &mut page[..take];
        }
        page.sort_unstable_by_key(key);
        page.to_vec()
    }

    /// What comes first has the smaller key; the number decides among equals, in the same direction.
    fn sort_key(&self, ask: &Ask, place: usize, now_us: i64) -> (bool, i64, i64) {
        let rank = |dictionary: &Dictionary, of: &[u32]| Some(i64::from(dictionary.ranks[of[place] as usize]));
        let value = match ask.sort {
            Sort::Number | Sort::Name => Some(0),
            Sort::Battery => rank(&self.batteries, &self.battery_of),
            Sort::Station => rank(&self.stations, &self.station_of),
            Sort::Profile => rank(&self.profiles, &self.profile_of),
            Sort::Started => self.started_us[place],
            Sort::Duration => {
                self.started_us[place].map(|began| self.finished_us[place].unwrap_or(now_us).saturating_sub(began))
            }
            Sort::Status => Some(i64::from(self.states[place])),
        };
        let turn = |value: i64| if ask.descending { value.saturating_neg() } else { value };
        (value.is_none(), turn(value.unwrap_or(0)), turn(self.ids[place]))
    }

    fn row(&self, place: usize) -> Row {
        let texts = &self.texts[place];
        let battery = &self.batteries.entries[self.battery_of[place] as usize];
        let station = &self.stations.entries[self.station_of[place] as usize];
        let profile = &self.profiles.entries[self.profile_of[place] as usize];
        Row {
            experiment: ExperimentId(self.ids[place]),
            name: texts.name.to_string(),
            description: texts.description.to_string(),
            tags: self.tag_sets[self.tags_of[place] as usize].clone(),
            state: ExperimentState::ALL[usize::from(self.states[place])].0,
            reason: texts.reason.to_string(),
            battery: BatteryId(battery.id),
            battery_name: battery.name.clone(),
            station: StationId(station.id),
            station_name: station.name.clone(),
            profile: ProfileId(profile.id),
            profile_name: profile.name.clone(),
            created_at_us: self.created_us[place],
            started_at_us: self.started_us[place],
            finished_at_us: self.finished_us[place],
        }
    }

    fn facet(&self, facet: Facet, ask: &Ask, counts: &Counts) -> FacetAnswer {
        let by_key = |dictionary: &Dictionary, counts: &[u32]| {
            let entries = dictionary.entries.iter().zip(counts);
            offered(facet, ask, entries.map(|(entry, count)| (entry.id, entry.name.as_str(), *count)))
        };
        match facet {
            Facet::Battery => by_key(&self.batteries, &counts.battery),
            Facet::Station => by_key(&self.stations, &counts.station),
            Facet::Profile => by_key(&self.profiles, &counts.profile),
            Facet::Technology => {
                let mut totals: BTreeMap<&str, u32> = BTreeMap::new();
                for (entry, count) in self.batteries.entries.iter().zip(&counts.technology) {
                    *totals.entry(&entry.technology).or_default() += count;
                }
                let name = |word: &str| word.parse().map_or("Unknown", Technology::title);
                offered(facet, ask, totals.into_iter().map(|(word, count)| (word, name(word), count)))
            }
            Facet::Status => {
                let states = ExperimentState::ALL.iter().zip(&counts.state);
                let present = states.filter(|((_, word), count)| {
                    **count > 0 || ask.picked[facet as usize].iter().any(|key| key == word)
                });
                offered(facet, ask, present.map(|((state, word), count)| (*word, state.title(), *count)))
            }
            Facet::Tag => {
                let mut totals: BTreeMap<&str, u32> = BTreeMap::new();
                for (tags, count) in self.tag_sets.iter().zip(&counts.tags) {
                    for tag in tags {
                        *totals.entry(tag).or_default() += count;
                    }
                }
                offered(facet, ask, totals.into_iter().map(|(tag, count)| (tag, tag, count)))
            }
        }
    }
}

/// The values to show of all there are: (key, name, count).
fn offered<'a, K: ToString>(facet: Facet, ask: &Ask, values: impl Iterator<Item = (K, &'a str, u32)>) -> FacetAnswer {
    let picked = &ask.picked[facet as usize];
    let find = ask.find[facet as usize].to_lowercase();
    // Of ten thousand batteries most are never shown: their key is written out only for comparing with the picked ones.
    let mut chosen = Vec::new();
    let mut others = Vec::new();
    for (key, name, count) in values {
        let is_picked = !picked.is_empty() && picked.contains(&key.to_string());
        if is_picked {
            chosen.push((key, name, count));
        } else if find.is_empty() || name.to_lowercase().contains(&find) {
            others.push((key, name, count));
        }
    }
    let order = |value: &(K, &'a str, u32)| (Reverse(value.2), value.1);
    let more = others.len().saturating_sub(FACET_VALUES_MAX);
    if more > 0 {
        others.select_nth_unstable_by_key(FACET_VALUES_MAX, order);
        others.truncate(FACET_VALUES_MAX);
    }
    chosen.sort_by_key(order);
    others.sort_by_key(order);
    let told = |picked: bool| {
        move |(key, name, count): (K, &str, u32)| FacetValue {
            key: key.to_string(),
            name: name.to_owned(),
            count: count as usize,
            picked,
        }
    };
    let values = chosen.into_iter().map(told(true)).chain(others.into_iter().map(told(false))).collect();
    FacetAnswer { values, more }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
