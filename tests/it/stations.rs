//! Stations in the database: built, changed by successors, retired; and the instruments they are made of.

use cellar::domain::command::{CommandState, Verb};
use cellar::domain::ids::StationId;
use cellar::domain::limits::Limits;
use cellar::domain::station::StationState;
use cellar::store::audit::AuditFilter;
use cellar::store::instruments::Detection;
use cellar::store::stations_build::NewStation;
use cellar::store::stations_read::StationFilter;
use cellar::store::{Store, StoreError};
use serde_json::json;

use crate::support::lab::{CHANNEL, experiment, found, present, report, say, station, tester, unit};

fn conflict(done: Result<impl std::fmt::Debug, StoreError>) -> String {
    match done {
        Err(StoreError::Conflict(why)) => why,
        other => panic!("{other:?} is no conflict"),
    }
}

both_engines! {
    async fn a_replaced_instrument_is_another_one_and_the_old_one_is_kept(store: Store) {
        let unit = unit(&store, "cu-1").await;
        let first = report(&store, &unit, &[found("can0:1", "A1"), found("can0:2", "B1")], 10).await;
        assert_eq!(first, Detection { found: 2, new: 2, back: 0, gone: 0 });
        // Same unit, model and link, another serial number: that killed the server this one takes the place of.
        let second = report(&store, &unit, &[found("can0:1", "A2"), found("can0:2", "B1")], 20).await;
        assert_eq!(second, Detection { found: 2, new: 1, back: 0, gone: 1 });
        let all = store.instruments_of(&unit).await.unwrap();
        let told: Vec<_> = all.iter().map(|one| (one.serial.as_str(), one.first_at_us, one.absent_at_us)).collect();
        assert_eq!(told, [("A2", 20, None), ("A1", 10, Some(20)), ("B1", 10, None)]);
        // And back again, as often as anybody likes.
        let third = report(&store, &unit, &[found("can0:1", "A1"), found("can0:2", "B1")], 30).await;
        assert_eq!(third, Detection { found: 2, new: 0, back: 1, gone: 1 });
        let history = store.instrument_history(&unit).await.unwrap();
        let told: Vec<_> = history.iter().map(|one| (one.serial.as_str(), one.from_us, one.to_us)).collect();
        assert_eq!(told, [("A1", 30, None), ("A2", 20, Some(30)), ("A1", 10, Some(20)), ("B1", 10, None)]);
    }

    async fn an_empty_list_disconnects_nothing(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("can0:1", "A1")], 10).await;
        assert_eq!(report(&store, &unit, &[], 20).await, Detection::default());
        assert_eq!(present(&store, &unit).await.len(), 1);
    }

    async fn two_reports_at_the_same_moment_are_both_stored(store: Store) {
        let unit = unit(&store, "cu-1").await;
        let mut group = store.begin_group().await.unwrap();
        for list in [vec![found("a", "1")], vec![found("a", "2")], vec![found("a", "1")], vec![found("a", "2")]] {
            group.note_instruments(&unit, &list, 10).await.unwrap();
        }
        group.commit().await.unwrap();
        assert_eq!(present(&store, &unit).await[0].serial, "2");
    }

    async fn a_unit_with_very_many_instruments_is_taken(store: Store) {
        let unit = unit(&store, "cu-1").await;
        let list: Vec<_> = (0..200).map(|number| found(&format!("can0:{number}"), "S")).collect();
        assert_eq!(report(&store, &unit, &list, 10).await.new, 200);
        assert_eq!(report(&store, &unit, &list, 20).await, Detection { found: 200, ..Detection::default() });
    }

    async fn what_a_unit_does_not_say_again_is_kept(store: Store) {
        let unit = unit(&store, "cu-1").await;
        let mut told = found("a", "1");
        told.measures = Some(vec!["voltage_v".to_owned()]);
        told.limits.voltage_max_v = Some(6.0);
        report(&store, &unit, &[told], 10).await;
        report(&store, &unit, &[found("a", "1")], 20).await;
        let known = present(&store, &unit).await.remove(0);
        assert_eq!((known.quantities, known.limits.voltage_max_v), (vec!["voltage_v".to_owned()], Some(6.0)));
    }

    async fn a_station_holds_what_it_was_built_of_and_its_unit_is_told(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("can0:1", "A1"), found("can0:2", "B1")], 10).await;
        let instruments: Vec<_> = present(&store, &unit).await.iter().map(|one| one.instrument_id).collect();
        let id = store.build_station(&tester(), &station("A1", &unit, &instruments), None, None, 50).await.unwrap();
        let built = store.station(id).await.unwrap().unwrap();
        assert_eq!((built.name.as_str(), built.unit.as_ref(), built.limits()), ("A1", Some(&unit), CHANNEL));
        assert_eq!((built.created_at_us, built.is_live(), built.parent), (Some(50), true, None));
        assert_eq!(store.station_named("A1").await.unwrap(), Some(id));
        let measures = store.station_measures(id).await.unwrap();
        let names: Vec<_> = measures.iter().map(|one| (one.name.as_str(), one.unit.as_str())).collect();
        assert_eq!(names, [("Cell voltage", "V"), ("Current", "mA")]);
        assert_eq!(store.station_instruments(id).await.unwrap().len(), 2);
        assert_eq!(store.station_choices(10).await.unwrap()[0].limits, CHANNEL);
        let told = store.last_command(&unit, Verb::Stations).await.unwrap().unwrap();
        let expected = json!({"stations": [{"station": id.0, "name": "A1",
            "limits": {"voltage_min_v": 0.0, "voltage_max_v": 5.0, "current_min_a": -10.0, "current_max_a": 10.0},
            "instruments": [
                {"model": "EPC-80", "serial": "A1", "link": "can0:1",
                    "columns": {"voltage_v": "voltage_v", "current_a": "current_a"}},
                {"model": "EPC-80", "serial": "B1", "link": "can0:2", "columns": {}}]}]});
        assert_eq!((told.state, told.payload), (CommandState::Queued, expected));
        let entry = store.audit_page(&AuditFilter::default(), i64::MAX, 1).await.unwrap().remove(0);
        assert_eq!((entry.action.as_str(), entry.object.as_str()), ("build station", "station A1"));
    }

    async fn an_instrument_works_in_one_live_station_only(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("a", "1")], 10).await;
        let own = [present(&store, &unit).await[0].instrument_id];
        let first = store.build_station(&tester(), &station("A1", &unit, &own), None, None, 50).await.unwrap();
        let why = conflict(store.build_station(&tester(), &station("A2", &unit, &own), None, None, 51).await);
        assert!(why.contains("one station only"), "{why}");
        assert_eq!(store.station_named("A2").await.unwrap(), None, "nothing of the second is left");
        let first = store.station(first).await.unwrap().unwrap();
        store.retire_station(&tester(), &first, None, "", 60).await.unwrap();
        store.build_station(&tester(), &station("A2", &unit, &own), None, None, 70).await.unwrap();
    }

    async fn of_two_who_want_an_instrument_at_the_same_moment_one_gets_it(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("a", "1"), found("b", "2")], 10).await;
        let mut ids: Vec<_> = present(&store, &unit).await.iter().map(|one| one.instrument_id).collect();
        for round in 0..5 {
            let one = station(&format!("one {round}"), &unit, &ids);
            ids.reverse();
            let two = station(&format!("two {round}"), &unit, &ids);
            let by = tester();
            let (one, two) = tokio::join!(
                store.build_station(&by, &one, None, None, 50),
                store.build_station(&by, &two, None, None, 50),
            );
            let (won, lost) = if one.is_ok() { (one, two) } else { (two, one) };
            let why = conflict(lost);
            assert!(why.contains("one station only"), "{why}");
            let won = store.station(won.unwrap()).await.unwrap().unwrap();
            store.retire_station(&by, &won, None, "", 60).await.unwrap();
        }
    }

    async fn two_transactions_that_lock_nothing_else_are_kept_apart_by_the_database(database: Database) {
        let store = Store::open(database.url()).await.unwrap();
        store.migrate().await.unwrap();
        let begin = if database.url().starts_with("sqlite") { "BEGIN IMMEDIATE" } else { "START TRANSACTION" };
        let database = std::sync::Arc::new(database);
        for instrument in 1..=5 {
            let claim = |station: i64| {
                let database = std::sync::Arc::clone(&database);
                tokio::spawn(async move {
                    let claim = format!(
                        "INSERT INTO station_instrument (station_id, instrument_id, from_us, live_instrument_id)
                        VALUES ({station}, {instrument}, 1, {instrument})"
                    );
                    database.run(&[begin, &claim, "COMMIT"]).await
                })
            };
            // The task of the one that is refused fails at its statement.
            let (one, two) = tokio::join!(claim(1), claim(2));
            assert!(one.is_ok() != two.is_ok(), "exactly one has instrument {instrument}: {one:?} {two:?}");
        }
    }

    async fn an_instrument_of_another_unit_is_refused(store: Store) {
        let (mine, other) = (unit(&store, "cu-1").await, unit(&store, "cu-2").await);
        report(&store, &other, &[found("a", "1")], 10).await;
        let foreign = [present(&store, &other).await[0].instrument_id];
        let why = conflict(store.build_station(&tester(), &station("A1", &mine, &foreign), None, None, 50).await);
        assert!(why.contains("does not belong to cu-1"), "{why}");
    }

    async fn a_successor_takes_name_instruments_and_queue(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("a", "1")], 10).await;
        let own = [present(&store, &unit).await[0].instrument_id];
        let old = store.build_station(&tester(), &station("A1", &unit, &own), None, None, 50).await.unwrap();
        let waiting = experiment(&store, "Formation", old).await;
        let parent = store.station(old).await.unwrap().unwrap();
        let narrow = NewStation { limits: Limits { voltage_max_v: 4.5, ..CHANNEL }, ..station("A1", &unit, &own) };
        let new = store.build_station(&tester(), &narrow, Some(&parent), None, 60).await.unwrap();
        assert_eq!(store.station_named("A1").await.unwrap(), Some(new));
        let queue = store.station_queue(new).await.unwrap();
        assert_eq!((queue.len(), queue[0].experiment), (1, waiting));
        assert!(store.station_queue(old).await.unwrap().is_empty());
        let old = store.station(old).await.unwrap().unwrap();
        assert_eq!((old.retired_at_us, old.limits()), (Some(60), CHANNEL), "the old one stays as it was");
        assert_eq!(store.station_measures(old.station_id).await.unwrap().len(), 2);
        let new = store.station(new).await.unwrap().unwrap();
        let (before, after) = store.station_line(&new).await.unwrap();
        assert_eq!((before[0].station_id, after), (old.station_id, None));
        assert_eq!(store.station_line(&old).await.unwrap().1.unwrap().station_id, new.station_id);
        // The unit is told the new one, and the word of the old one is not needed any more.
        let told = store.last_command(&unit, Verb::Stations).await.unwrap().unwrap();
        assert_eq!(told.payload["stations"][0]["station"], new.station_id.0);
        assert_eq!(told.payload["stations"].as_array().unwrap().len(), 1);
        // Whoever still looks at the old one is told.
        let why = conflict(store.build_station(&tester(), &narrow, Some(&parent), None, 70).await);
        assert!(why.contains("in the meantime"), "{why}");
    }

    async fn of_two_who_change_a_station_one_is_told(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("a", "1")], 10).await;
        let own = [present(&store, &unit).await[0].instrument_id];
        let old = store.build_station(&tester(), &station("A1", &unit, &own), None, None, 50).await.unwrap();
        let parent = store.station(old).await.unwrap().unwrap();
        let (by, new) = (tester(), station("A1", &unit, &own));
        let (one, two) = tokio::join!(
            store.build_station(&by, &new, Some(&parent), None, 60),
            store.build_station(&by, &new, Some(&parent), None, 60),
        );
        assert!(one.is_ok() != two.is_ok(), "{one:?} {two:?}");
        let lost = if one.is_ok() { two } else { one };
        assert!(conflict(lost).contains("in the meantime"));
    }

    async fn a_station_that_works_is_neither_changed_nor_retired(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("a", "1")], 10).await;
        let own = [present(&store, &unit).await[0].instrument_id];
        let id = store.build_station(&tester(), &station("A1", &unit, &own), None, None, 50).await.unwrap();
        let running = experiment(&store, "Formation", id).await;
        say(&store, &unit, id, running, StationState::Running).await;
        let parent = store.station(id).await.unwrap().unwrap();
        let why = conflict(store.build_station(&tester(), &station("A1", &unit, &own), Some(&parent), None, 60).await);
        assert!(why.contains("“Formation”"), "{why}");
        let why = conflict(store.retire_station(&tester(), &parent, None, "", 60).await);
        assert!(why.contains("“Formation”"), "{why}");
        assert!(store.station(id).await.unwrap().unwrap().is_live());
        say(&store, &unit, id, running, StationState::Finished).await;
        store.retire_station(&tester(), &parent, None, "", 60).await.unwrap();
    }

    async fn nothing_that_waits_for_a_retired_station_is_lost(store: Store) {
        let unit = unit(&store, "cu-1").await;
        let (old, heir) = (store.add_station("A1", &unit).await.unwrap(), store.add_station("A2", &unit).await.unwrap());
        let waiting = experiment(&store, "Formation", old).await;
        let read = store.station(old).await.unwrap().unwrap();
        let why = conflict(store.retire_station(&tester(), &read, None, "", 60).await);
        assert!(why.contains("1 experiment waits"), "{why}");
        conflict(store.retire_station(&tester(), &read, Some(old), "", 60).await);
        conflict(store.retire_station(&tester(), &read, Some(StationId(4711)), "", 60).await);
        store.retire_station(&tester(), &read, Some(heir), "worn out", 60).await.unwrap();
        assert_eq!(store.station_queue(heir).await.unwrap()[0].experiment, waiting);
        let names: Vec<_> = store.station_lines().await.unwrap().into_iter().map(|line| line.name).collect();
        assert_eq!(names, ["A2"], "the monitor shows no retired station");
        conflict(store.relaunch_station(&tester(), &store.station(old).await.unwrap().unwrap(), 70).await);
    }

    async fn a_form_sent_twice_builds_one_station(store: Store) {
        let unit = unit(&store, "cu-1").await;
        report(&store, &unit, &[found("a", "1")], 10).await;
        let own = [present(&store, &unit).await[0].instrument_id];
        let once = Some("0123456789abcdef0123456789abcdef");
        let (by, new) = (tester(), station("A1", &unit, &own));
        let (one, two) = tokio::join!(
            store.build_station(&by, &new, None, once, 50),
            store.build_station(&by, &new, None, once, 50),
        );
        assert_eq!(one.unwrap(), two.unwrap());
        assert_eq!(store.stations(&StationFilter::default()).await.unwrap().len(), 1);
        let taken = store.build_station(&by, &new, None, None, 60).await;
        assert!(matches!(taken, Err(StoreError::Duplicate { .. })), "{taken:?}");
    }

    async fn a_laboratory_begins_with_a_virtual_station(store: Store) {
        assert!(store.seed(5).await.unwrap() && !store.seed(6).await.unwrap());
        assert_eq!(store.profiles().await.unwrap().len(), cellar::domain::profile::examples().len());
        let all = store.stations(&StationFilter::default()).await.unwrap();
        assert_eq!((all.len(), all[0].name.as_str(), all[0].is_virtual, &all[0].unit), (1, "Virtual", true, &None));
        assert!(store.station_choices(10).await.unwrap().is_empty() && store.station_lines().await.unwrap().is_empty());
        conflict(store.retire_station(&tester(), &all[0], None, "", 60).await);
    }

    async fn stations_of_an_earlier_version_stay(database: Database) {
        let is_sqlite = database.url().starts_with("sqlite");
        let lab = if is_sqlite {
            include_str!("../../migrations/sqlite/0002_lab.sql")
        } else {
            include_str!("../../migrations/mysql/0002_lab.sql")
        };
        let mut statements: Vec<&str> = lab.split(';').filter(|text| !text.trim().is_empty()).collect();
        statements.push("INSERT INTO station (name, device_id, state, step) VALUES ('A1', 'cu-1', 'running', 3)");
        // Makes the file.
        let store = Store::open(database.url()).await.unwrap();
        database.run(&statements).await;
        store.migrate().await.unwrap();
        let id = store.station_named("A1").await.unwrap().unwrap();
        let kept = store.station(id).await.unwrap().unwrap();
        assert_eq!((kept.state, kept.step, kept.limits()), (StationState::Running, Some(3), Limits::WIDE));
        assert!(store.add_station("A1", &"cu-2".parse().unwrap()).await.unwrap_err().is_duplicate());
        if !is_sqlite {
            // MariaDB commits a change of tables by itself: a crash right after it leaves the step marked as begun.
            database.run(&["UPDATE _sqlx_migrations SET success = FALSE WHERE version = 12"]).await;
            store.migrate().await.unwrap();
            assert_eq!(store.station_named("A1").await.unwrap(), Some(id));
        }
    }
}
