//! The index against a filter so plain that it can be read.

use proptest::prelude::*;

use super::*;
use crate::store::experiment_index::columns::Told;

const TECHNOLOGIES: [&str; 3] = ["lithium", "lead_acid", "generic"];
const TAGS: [&str; 3] = ["ageing", "warm", "Ü"];
const NAMES: [&str; 5] = ["Ageing 1C", "ageing 2C", "Pulse", "Überlast", "x"];

fn technology(battery: i64) -> &'static str {
    TECHNOLOGIES[usize::try_from(battery).unwrap() % TECHNOLOGIES.len()]
}

fn battery_name(id: i64) -> String {
    format!("NMC-{:03}", 900 - id)
}

prop_compose! {
    fn told()(
        id in 1_i64..40,
        name in prop::sample::select(&NAMES[..]),
        description in prop::sample::select(&["", "Warm chamber", "first try"][..]),
        tags in prop::sample::subsequence(&TAGS[..], 0..=TAGS.len()),
        state in 0_usize..12,
        battery in 0_i64..6,
        station in 0_i64..3,
        profile in 0_i64..4,
        began in prop::option::of(0_i64..50),
        ended in prop::option::of(50_i64..100),
    ) -> Told {
        Told {
            id,
            name: name.to_owned(),
            description: description.to_owned(),
            tags: tags.into_iter().map(str::to_owned).collect(),
            state: ExperimentState::ALL[state].0,
            reason: String::new(),
            battery,
            station,
            profile,
            created_at_us: id,
            started_at_us: began,
            finished_at_us: ended,
        }
    }
}

fn keys(values: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop::sample::subsequence(values, 0..=2).prop_map(|keys| keys.into_iter().map(str::to_owned).collect())
}

prop_compose! {
    fn ask()(
        picked in (
            keys(&["lithium", "lead_acid", "none"]),
            keys(&["0", "1", "2", "77", "x"]),
            keys(&["0", "1"]),
            keys(&["0", "3"]),
            keys(&["queued", "running", "finished", "fault", "PAUSE"]),
            keys(&TAGS),
        ),
        text in prop::sample::select(&["", "age", "ÜBER", "warm", "7", "nmc-89 age", "zzz", "%", "  "][..]),
        since in prop::option::of(0_i64..50),
        until in prop::option::of(0_i64..60),
        sort in 0_usize..Sort::ALL.len(),
        descending: bool,
        page in 0_usize..5,
        per_page in 1_usize..12,
    ) -> Ask {
        let (technology, battery, station, profile, status, tag) = picked;
        Ask {
            picked: [technology, battery, station, profile, status, tag],
            find: Default::default(),
            text: text.to_owned(),
            since_us: since,
            until_us: until,
            sort: Sort::ALL[sort],
            descending,
            page,
            per_page,
        }
    }
}

fn values_of(told: &Told, facet: Facet) -> Vec<String> {
    match facet {
        Facet::Technology => vec![technology(told.battery).to_owned()],
        Facet::Battery => vec![told.battery.to_string()],
        Facet::Station => vec![told.station.to_string()],
        Facet::Profile => vec![told.profile.to_string()],
        Facet::Status => vec![told.state.as_str().to_owned()],
        Facet::Tag => told.tags.clone(),
    }
}

/// Whether an experiment fits everything but one facet.
fn fits(told: &Told, ask: &Ask, but: Option<Facet>) -> bool {
    let picks = |facet: Facet| {
        let picked = &ask.picked[facet as usize];
        but == Some(facet) || picked.is_empty() || values_of(told, facet).iter().any(|value| picked.contains(value))
    };
    let haystack = [&told.name, &told.description, &told.tags.join("\n"), &battery_name(told.battery)]
        .map(|text| text.to_lowercase());
    let has = |word: &str| {
        let word = word.to_lowercase();
        word == told.id.to_string() || haystack.iter().any(|text| text.contains(&word))
    };
    Facet::ALL.into_iter().all(picks)
        && ask.text.split_whitespace().all(has)
        && ask.since_us.is_none_or(|since| told.started_at_us.is_some_and(|at| at >= since))
        && ask.until_us.is_none_or(|until| told.started_at_us.is_some_and(|at| at < until))
}

const NOW_US: i64 = 200;

/// What the list is sorted by, as text so that all kinds compare alike; `None` comes last.
fn sort_text(told: &Told, sort: Sort) -> Option<String> {
    let number = |value: i64| format!("{value:09}");
    let state = ExperimentState::ALL.iter().position(|(state, _)| *state == told.state).unwrap();
    Some(match sort {
        Sort::Number => String::new(),
        Sort::Name => told.name.to_lowercase(),
        Sort::Battery => battery_name(told.battery).to_lowercase(),
        Sort::Station => number(told.station),
        Sort::Profile => number(told.profile),
        Sort::Started => number(told.started_at_us?),
        Sort::Duration => number(told.finished_at_us.unwrap_or(NOW_US) - told.started_at_us?),
        Sort::Status => number(i64::try_from(state).unwrap()),
    })
}

/// The numbers of all that fit, in order.
fn naive(all: &[Told], ask: &Ask) -> Vec<i64> {
    let mut fitting: Vec<_> = all.iter().filter(|told| fits(told, ask, None)).collect();
    fitting.sort_by(|a, b| {
        let (a, b) = ((sort_text(a, ask.sort), a.id), (sort_text(b, ask.sort), b.id));
        let by_value = (&a.0, a.1).cmp(&(&b.0, b.1));
        let by_value = if ask.descending { by_value.reverse() } else { by_value };
        a.0.is_none().cmp(&b.0.is_none()).then(by_value)
    });
    fitting.into_iter().map(|told| told.id).collect()
}

fn columns(batches: &[Vec<Told>]) -> (Columns, Vec<Told>) {
    let mut columns = Columns::default();
    let mut all: BTreeMap<i64, Told> = BTreeMap::new();
    for batch in batches {
        columns.take(batch.clone());
        all.extend(batch.iter().map(|told| (told.id, told.clone())));
    }
    columns.batteries.rename((0..6).map(|id| (id, battery_name(id), technology(id).to_owned())).collect());
    columns.stations.rename((0..3).map(|id| (id, format!("A{id}"), String::new())).collect());
    columns.profiles.rename((0..4).map(|id| (id, format!("P{id}"), String::new())).collect());
    (columns, all.into_values().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_index_answers_as_a_plain_filter_would(
        batches in prop::collection::vec(prop::collection::vec(told(), 0..25), 1..4),
        ask in ask(),
    ) {
        let (columns, all) = columns(&batches);
        let expected = naive(&all, &ask);
        let answer = columns.answer(&ask, NOW_US);
        prop_assert_eq!((answer.total, answer.all), (expected.len(), all.len()));
        let pages = expected.len().div_ceil(ask.per_page).max(1);
        let page = ask.page.clamp(1, pages);
        prop_assert_eq!((answer.page, answer.pages), (page, pages));
        let shown: Vec<i64> = answer.rows.iter().map(|row| row.experiment.0).collect();
        let on_page: Vec<i64> = expected.iter().skip((page - 1) * ask.per_page).take(ask.per_page).copied().collect();
        prop_assert_eq!(shown, on_page);
        for facet in Facet::ALL {
            for value in &answer.facets[facet as usize].values {
                let left = all.iter()
                    .filter(|told| fits(told, &ask, Some(facet)) && values_of(told, facet).contains(&value.key));
                prop_assert_eq!(value.count, left.count(), "{:?} {}", facet, &value.key);
                prop_assert_eq!(value.picked, ask.picked[facet as usize].contains(&value.key));
            }
        }
        for row in &answer.rows {
            let told = all.iter().find(|told| told.id == row.experiment.0).unwrap();
            prop_assert_eq!((&row.name, row.state, &row.tags), (&told.name, told.state, &told.tags));
            prop_assert_eq!((row.battery.0, row.battery_name.clone()), (told.battery, battery_name(told.battery)));
        }
    }

    #[test]
    fn names_stay_in_order_however_they_came(batches in prop::collection::vec(prop::collection::vec(told(), 0..25), 1..5)) {
        let (columns, all) = columns(&batches);
        prop_assert_eq!(columns.by_name.len(), all.len());
        let ask = Ask { sort: Sort::Name, per_page: 100, ..Ask::default() };
        let shown: Vec<i64> = columns.answer(&ask, NOW_US).rows.iter().map(|row| row.experiment.0).collect();
        prop_assert_eq!(shown, naive(&all, &ask));
    }
}

#[test]
fn a_long_facet_shows_those_with_most_left_and_those_picked() {
    let experiment = |id: i64| Told {
        id,
        name: "x".into(),
        description: String::new(),
        tags: vec![],
        state: ExperimentState::Queued,
        reason: String::new(),
        // Battery 1 has one experiment, battery 30 has thirty.
        battery: (1..=30).find(|battery| id <= battery * (battery + 1) / 2).unwrap(),
        station: 1,
        profile: 1,
        created_at_us: 1,
        started_at_us: None,
        finished_at_us: None,
    };
    let mut columns = Columns::default();
    columns.take((1..=465).map(experiment).collect());
    columns.batteries.rename((1..=30).map(|id| (id, format!("B{id}"), "lithium".into())).collect());
    let battery = Facet::Battery as usize;
    let mut ask = Ask { per_page: 1, ..Ask::default() };
    ask.picked[battery] = vec!["3".into()];
    let offered = &columns.answer(&ask, 0).facets[battery];
    let shown: Vec<_> = offered.values.iter().map(|value| (value.key.as_str(), value.count)).collect();
    assert_eq!((shown[0], shown[1], shown[20]), (("3", 3), ("30", 30), ("11", 11)));
    assert_eq!((shown.len(), offered.more), (1 + FACET_VALUES_MAX, 9));
    ask.find[battery] = "b2".into();
    let found = &columns.answer(&ask, 0).facets[battery];
    // B2 and B20 to B29, and the picked one whatever is sought.
    assert_eq!((found.values.len(), found.values[0].key.as_str(), found.more), (12, "3", 0));
}

#[test]
fn many_at_once_and_one_by_one_give_the_same_order() {
    let experiment = |id: i64| Told {
        id,
        name: format!("Test {}", (id * 7919) % 1_000),
        description: String::new(),
        tags: vec![],
        state: ExperimentState::Queued,
        reason: String::new(),
        battery: 1,
        station: 1,
        profile: 1,
        created_at_us: 1,
        started_at_us: None,
        finished_at_us: None,
    };
    let (mut whole, mut single) = (Columns::default(), Columns::default());
    whole.take((1..=700).map(experiment).collect());
    (1..=700).for_each(|id| single.take(vec![experiment(id)]));
    assert_eq!(whole.by_name, single.by_name);
    assert!(whole.bytes() > 700 * 100);
}
