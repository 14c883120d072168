//! Experiments in the store: queued once, moved by compare-and-set, every change of state told.

use cellar::domain::audit::Actor;
use cellar::domain::experiment::ExperimentState;
use cellar::domain::ids::{BatteryId, ExperimentId, UserId};
use cellar::domain::message::StationReport;
use cellar::domain::station::StationState;
use cellar::store::audit::AuditFilter;
use cellar::store::experiment_queue::Direction;
use cellar::store::experiments::{Experiment, NewExperiment};
use cellar::store::{Store, StoreError};

use crate::support::bench::{Bench, UNIT, discharge};

fn by(name: &str) -> Actor {
    Actor { name: name.to_owned(), ..Actor::server("test") }
}

async fn queue(store: &Store, experiment: &NewExperiment) -> ExperimentId {
    store.queue_experiment(&by("m.okafor"), experiment, None, 10).await.unwrap()
}

async fn read(store: &Store, id: ExperimentId) -> Experiment {
    store.experiment(id).await.unwrap().unwrap()
}

async fn report(store: &Store, bench: &Bench, id: ExperimentId, state: StationState, reason: &str, now_us: i64) {
    let report = StationReport {
        station: bench.station,
        experiment: Some(id),
        state,
        step: None,
        cycle: None,
        reason: Some(reason.to_owned()),
    };
    let mut group = store.begin_group().await.unwrap();
    group.station_report(&UNIT.parse().unwrap(), &report, now_us).await.unwrap();
    group.commit().await.unwrap();
}

async fn told(store: &Store, action: &str) -> Vec<(String, String)> {
    let filter = AuditFilter { action: action.to_owned(), ..AuditFilter::default() };
    let entries = store.audit_page(&filter, i64::MAX, 100).await.unwrap();
    entries.into_iter().map(|entry| (entry.actor, entry.object)).collect()
}

both_engines! {
    async fn a_queued_experiment_keeps_what_was_typed_and_the_steps_of_that_day(store: Store) {
        let bench = Bench::in_store(&store).await;
        let mut new = bench.experiment("Ageing 1C, 25 °C");
        new.description = "Second batch\nwarm chamber".into();
        new.tags = vec!["ageing".into(), "warm".into()];
        new.steps = Some(discharge(-2.5));
        let id = queue(&store, &new).await;
        let stored = read(&store, id).await;
        assert_eq!((&stored.name, &stored.description, &stored.tags), (&new.name, &new.description, &new.tags));
        assert_eq!(stored.steps, Some(discharge(-2.5)), "not those of the profile");
        assert_eq!((stored.battery_name.as_str(), stored.station_name.as_str()), ("NMC-017", "A1"));
        assert_eq!((stored.state, stored.added_by.as_str()), (ExperimentState::Queued, "m.okafor"));
        assert_eq!(told(&store, "queue experiment").await, [("m.okafor".into(), format!("experiment {id}"))]);
        let happened = store.transitions(id).await.unwrap();
        assert_eq!((happened.len(), happened[0].from, happened[0].to), (1, None, ExperimentState::Queued));
    }

    async fn a_form_sent_twice_queues_one_experiment(store: Store) {
        let bench = Bench::in_store(&store).await;
        let new = bench.experiment("Once");
        let once = Some("0123456789abcdef0123456789abcdef");
        let first = store.queue_experiment(&by("op"), &new, once, 10).await.unwrap();
        // At the very same moment, too.
        let actor = by("op");
        let again = || store.queue_experiment(&actor, &new, once, 11);
        let (second, third) = tokio::join!(again(), again());
        assert_eq!((second.unwrap(), third.unwrap()), (first, first));
        assert_eq!(store.queue(bench.station).await.unwrap().len(), 1);
    }

    async fn what_is_not_there_cannot_be_cycled_and_nothing_stays_behind(store: Store) {
        let bench = Bench::in_store(&store).await;
        let new = NewExperiment { battery: BatteryId(99), ..bench.experiment("Nothing") };
        let error = store.queue_experiment(&by("op"), &new, None, 10).await.unwrap_err();
        assert!(matches!(error, StoreError::Missing { what: "such battery", .. }), "{error}");
        assert_eq!(store.queue(bench.station).await.unwrap(), []);
        assert_eq!(told(&store, "queue experiment").await, []);
    }

    async fn a_waiting_experiment_is_cancelled_once_and_a_running_one_never(store: Store) {
        let bench = Bench::in_store(&store).await;
        let id = queue(&store, &bench.experiment("Not needed")).await;
        let seen = read(&store, id).await;
        store.cancel_experiment(&by("op"), &seen, "wrong battery", 20).await.unwrap();
        let again = store.cancel_experiment(&by("op"), &seen, "again", 21).await.unwrap_err();
        assert!(matches!(again, StoreError::Conflict(_)), "{again}");
        let now = read(&store, id).await;
        assert_eq!((now.state, now.reason.as_str(), now.finished_at_us), (ExperimentState::Aborted, "wrong battery", Some(20)));
        assert_eq!(told(&store, "cancel experiment").await.len(), 1);

        let running = queue(&store, &bench.experiment("Running")).await;
        let seen = read(&store, running).await;
        report(&store, &bench, running, StationState::Running, "", 30).await;
        assert!(matches!(store.cancel_experiment(&by("op"), &seen, "", 31).await, Err(StoreError::Conflict(_))));
        let seen = read(&store, running).await;
        assert!(matches!(store.cancel_experiment(&by("op"), &seen, "", 31).await, Err(StoreError::Conflict(_))));
        assert_eq!(read(&store, running).await.state, ExperimentState::Running);
    }

    async fn what_a_station_reports_is_told_once_and_wakes_nothing(store: Store) {
        let bench = Bench::in_store(&store).await;
        let id = queue(&store, &bench.experiment("Reported")).await;
        report(&store, &bench, id, StationState::Running, "", 20).await;
        report(&store, &bench, id, StationState::Running, "", 21).await;
        report(&store, &bench, id, StationState::Paused, "door open", 22).await;
        report(&store, &bench, id, StationState::Running, "", 23).await;
        report(&store, &bench, id, StationState::Fault, "over 60 °C", 24).await;
        report(&store, &bench, id, StationState::Running, "late", 25).await;
        let happened: Vec<_> = store.transitions(id).await.unwrap().into_iter().rev().collect();
        let states: Vec<_> = happened.iter().map(|step| step.to.as_str()).collect();
        assert_eq!(states, ["queued", "running", "paused", "running", "fault"]);
        assert_eq!((happened[2].actor.as_str(), happened[2].reason.as_str()), (UNIT, "door open"));
        let now = read(&store, id).await;
        assert_eq!((now.started_at_us, now.finished_at_us, now.reason.as_str()), (Some(20), Some(24), "over 60 °C"));
    }

    async fn the_queue_is_moved_by_one_place_and_only_as_it_was_seen(store: Store) {
        let bench = Bench::in_store(&store).await;
        for name in ["first", "second", "third"] {
            queue(&store, &bench.experiment(name)).await;
        }
        let names = async || -> Vec<String> {
            store.queue(bench.station).await.unwrap().into_iter().map(|waiting| waiting.name).collect()
        };
        let seen = store.queue(bench.station).await.unwrap();
        let moving = |at: usize, direction| {
            let waiting = &seen[at];
            let (experiment, version) = (waiting.experiment, waiting.version);
            let (store, station) = (&store, bench.station);
            async move { store.move_in_queue(&by("op"), station, experiment, version, direction, 20).await }
        };
        assert!(!moving(0, Direction::Up).await.unwrap(), "the first stays the first");
        assert!(moving(2, Direction::Up).await.unwrap());
        assert_eq!(names().await, ["first", "third", "second"]);
        // A second press on the same page would move it twice.
        assert!(matches!(moving(2, Direction::Up).await, Err(StoreError::Conflict(_))));
        assert!(moving(0, Direction::Down).await.unwrap());
        assert_eq!(names().await, ["third", "first", "second"]);
        assert_eq!(told(&store, "move experiment").await.len(), 2);
    }

    async fn views_are_their_owners_own(store: Store) {
        let (mine, other) = (UserId(1), UserId(2));
        let view = store.save_view(mine, "Ageing", "tag=ageing", 1).await.unwrap();
        assert!(store.save_view(mine, "Ageing", "", 2).await.unwrap_err().is_duplicate());
        store.save_view(other, "Ageing", "", 2).await.unwrap();
        assert!(!store.rename_view(other, view, "Taken over").await.unwrap());
        assert!(!store.delete_view(other, view).await.unwrap());
        assert!(store.rename_view(mine, view, "Ageing 2026").await.unwrap());
        let views = store.saved_views(mine).await.unwrap();
        assert_eq!((views.len(), views[0].name.as_str(), views[0].query.as_str()), (1, "Ageing 2026", "tag=ageing"));
        assert!(store.delete_view(mine, view).await.unwrap());
        assert_eq!(store.saved_views(mine).await.unwrap(), []);
    }
}

mod list {
    //! The list in memory follows what any process commits.

    use super::*;
    use cellar::store::experiment_index::{Ask, ExperimentIndex, Facet};

    async fn shown(index: &ExperimentIndex, store: &Store) -> Vec<(String, String, String)> {
        let answer = index.answer(store, Ask { per_page: 50, ..Ask::default() }, 100).await.unwrap();
        let row =
            |row: cellar::store::experiment_index::Row| (row.name, row.state.as_str().to_owned(), row.battery_name);
        answer.rows.into_iter().map(row).collect()
    }

    fn row(name: &str, state: &str, battery: &str) -> (String, String, String) {
        (name.into(), state.into(), battery.into())
    }

    both_engines! {
        async fn the_list_shows_what_was_committed_before_it_was_asked(store: Store) {
            let bench = Bench::in_store(&store).await;
            let index = ExperimentIndex::default();
            assert_eq!(shown(&index, &store).await, []);
            let first = queue(&store, &bench.experiment("first")).await;
            assert_eq!(shown(&index, &store).await, [row("first", "queued", "NMC-017")]);
            queue(&store, &bench.experiment("second")).await;
            report(&store, &bench, first, StationState::Running, "", 20).await;
            assert_eq!(shown(&index, &store).await, [row("first", "running", "NMC-017"), row("second", "queued", "NMC-017")]);
            // A battery that is new since names were read.
            let battery = store.add_battery(&by("m.okafor"), &crate::support::battery::cell("NMC-018"), None, 1).await.unwrap();
            queue(&store, &NewExperiment { battery, ..bench.experiment("third") }).await;
            assert_eq!(shown(&index, &store).await[2], row("third", "queued", "NMC-018"));
            // Another server on the same database.
            assert_eq!(shown(&ExperimentIndex::default(), &store).await.len(), 3);
            let running = Ask { per_page: 50, picked: std::array::from_fn(|at| {
                if at == Facet::Status as usize { vec!["running".to_owned()] } else { vec![] }
            }), ..Ask::default() };
            assert_eq!(index.answer(&store, running, 100).await.unwrap().total, 1);
        }

        async fn no_change_is_missed_while_many_write(store: Store) {
            let bench = Bench::in_store(&store).await;
            let index = ExperimentIndex::default();
            let writers = (0..4).map(|writer| {
                let store = store.clone();
                tokio::spawn(async move {
                    for number in 0..15 {
                        queue(&store, &bench.experiment(&format!("{writer} {number}"))).await;
                    }
                })
            });
            let writers: Vec<_> = writers.collect();
            while writers.iter().any(|writer| !writer.is_finished()) {
                shown(&index, &store).await;
                tokio::time::sleep(std::time::Duration::from_millis(2)).await;
            }
            for writer in writers {
                writer.await.unwrap();
            }
            let answer = index.answer(&store, Ask { per_page: 100, ..Ask::default() }, 100).await.unwrap();
            assert_eq!(answer.total, 60);
        }
    }
}
