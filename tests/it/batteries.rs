//! Batteries in the store, on both engines.

use cellar::domain::audit::Actor;
use cellar::domain::battery::{Kind, Technology};
use cellar::domain::cell::CellFacts;
use cellar::store::audit::AuditFilter;
use cellar::store::batteries::{BatteryQuery, BatterySort, NewBattery};
use cellar::store::cell_places::Swap;
use cellar::store::cells::CellsWhere;
use cellar::store::{Store, StoreError};

use crate::support::battery::cell;

fn by() -> Actor {
    Actor::server("test")
}

/// Every field says something, so that a mix-up of two columns shows.
fn full() -> NewBattery {
    NewBattery {
        manufacturer: "Northcell".to_owned(),
        model: "EB-14S4P-20".to_owned(),
        serial: "2601-0447".to_owned(),
        kind: Kind::Pack,
        format: "pack".parse().unwrap(),
        cells_series: 14,
        cells_parallel: 4,
        mass_kg: Some(4.1),
        active_mass_kg: Some(2.2),
        area_m2: Some(0.5),
        electrode_size_m2: Some(0.01),
        electrode_composition: "carbon felt".to_owned(),
        bipolar: "graphite".to_owned(),
        membrane: "N117".to_owned(),
        electrolyte: "1.6 M".to_owned(),
        owner: "Jonas".to_owned(),
        location: "Hall 2, shelf C4".to_owned(),
        made_on: "2026-01-03".to_owned(),
        bought_on: "2026-01-12".to_owned(),
        description: "first line\nsecond line ü 電".to_owned(),
        ..NewBattery::usual("EBIKE-05", Technology::Lithium, "NMC", 14, 20.0)
    }
}

async fn actions(store: &Store) -> Vec<String> {
    let entries = store.audit_page(&AuditFilter::default(), i64::MAX, 100).await.unwrap();
    entries.into_iter().rev().map(|entry| format!("{} {}", entry.action, entry.object)).collect()
}

both_engines! {
    async fn what_is_stored_of_a_battery_is_read_back(store: Store) {
        let id = store.add_battery(&by(), &full(), None, 7).await.unwrap();
        let read = store.battery(id).await.unwrap().unwrap();
        assert_eq!(read.facts, full());
        assert_eq!((read.created_at_us, read.version, read.retired_at_us), (7, 0, None));
        assert_eq!(read.limits().voltage_max_v, 58.8);
        assert_eq!(store.battery(cellar::domain::ids::BatteryId(id.0 + 1)).await.unwrap(), None);
        let changed = NewBattery { name: "EBIKE-06".to_owned(), mass_kg: None, ..full() };
        store.edit_battery(&by(), &read, &changed, 8).await.unwrap();
        let read = store.battery(id).await.unwrap().unwrap();
        assert_eq!((read.facts, read.version, read.updated_at_us), (changed, 1, 8));
        let number = id.0;
        let told = [format!("add battery battery {number}, EBIKE-05"), format!("edit battery battery {number}, EBIKE-05")];
        assert_eq!(actions(&store).await, told);
    }

    async fn a_form_sent_twice_makes_one_battery(store: Store) {
        let mark = "0123456789abcdef0123456789abcdef";
        let first = store.add_battery(&by(), &cell("NMC-017"), Some(mark), 1).await.unwrap();
        assert_eq!(store.add_battery(&by(), &cell("NMC-017"), Some(mark), 2).await.unwrap(), first);
        assert_eq!(actions(&store).await.len(), 1);
        let other = store.add_battery(&by(), &cell("NMC-017"), Some("fedcba9876543210fedcba9876543210"), 3).await;
        assert!(matches!(other, Err(StoreError::Duplicate { .. })), "{other:?}");
        // A refused one leaves nothing behind, neither a row nor an entry.
        assert_eq!(store.batteries(&BatteryQuery { limit: 50, ..BatteryQuery::default() }).await.unwrap().total, 1);
        assert_eq!(actions(&store).await.len(), 1);
    }

    async fn forms_sent_at_the_same_moment_make_one_battery(store: Store) {
        let mark = Some("0123456789abcdef0123456789abcdef");
        let (by, battery) = (by(), cell("NMC-017"));
        let sent = (0..4).map(|_| store.add_battery(&by, &battery, mark, 1));
        let ids = futures_util::future::join_all(sent).await;
        let first = ids[0].as_ref().unwrap();
        assert!(ids.iter().all(|id| id.as_ref().unwrap() == first), "{ids:?}");
    }

    async fn who_read_an_old_battery_changes_nothing(store: Store) {
        let id = store.add_battery(&by(), &cell("NMC-017"), None, 1).await.unwrap();
        let read = store.battery(id).await.unwrap().unwrap();
        let edit = NewBattery { location: "Shelf 1".to_owned(), ..cell("NMC-017") };
        store.edit_battery(&by(), &read, &edit, 2).await.unwrap();
        let late = NewBattery { location: "Shelf 2".to_owned(), ..cell("NMC-017") };
        let error = store.edit_battery(&by(), &read, &late, 3).await.unwrap_err();
        assert!(matches!(&error, StoreError::Conflict(why) if why.contains("Somebody else changed NMC-017")), "{error:?}");
        assert!(matches!(store.retire_battery(&by(), &read, true, "", 4).await, Err(StoreError::Conflict(_))));
        let read = store.battery(id).await.unwrap().unwrap();
        assert_eq!((read.location.as_str(), read.version, read.retired_at_us), ("Shelf 1", 1, None));
        assert_eq!(actions(&store).await.len(), 2);
    }

    async fn a_retired_battery_leaves_the_choice_and_comes_back(store: Store) {
        let id = store.add_battery(&by(), &cell("NMC-017"), None, 1).await.unwrap();
        store.add_battery(&by(), &cell("NMC-018"), None, 1).await.unwrap();
        let read = store.battery(id).await.unwrap().unwrap();
        store.retire_battery(&by(), &read, true, "worn out", 5).await.unwrap();
        let names = |choices: Vec<cellar::store::batteries::BatteryChoice>| -> Vec<String> {
            choices.into_iter().map(|choice| choice.name).collect()
        };
        assert_eq!(names(store.battery_choices("nmc", 10).await.unwrap()), ["NMC-018"]);
        let read = store.battery(id).await.unwrap().unwrap();
        assert_eq!(read.retired_at_us, Some(5));
        store.retire_battery(&by(), &read, false, "", 6).await.unwrap();
        assert_eq!(names(store.battery_choices("", 10).await.unwrap()), ["NMC-017", "NMC-018"]);
        assert_eq!(names(store.battery_choices(&format!("#{id}"), 10).await.unwrap()), ["NMC-017"]);
        let number = id.0;
        assert_eq!(actions(&store).await[2..], [format!("retire battery battery {number}, NMC-017"), format!("bring back battery battery {number}, NMC-017")]);
    }

    async fn batteries_are_searched_filtered_sorted_and_paged(store: Store) {
        for (number, capacity_ah) in [(3, 5.0), (1, 2.0), (2, 60.0)] {
            let block = number == 2;
            let battery = if block {
                NewBattery::usual("Block_2%", Technology::LeadAcid, "AGM", 6, capacity_ah)
            } else {
                NewBattery {
                    serial: format!("SN-{number}"),
                    ..NewBattery::usual(&format!("cell {number}"), Technology::Lithium, "LFP", 1, capacity_ah)
                }
            };
            store.add_battery(&by(), &battery, None, number).await.unwrap();
        }
        let names = async |asked: BatteryQuery| -> (Vec<String>, i64) {
            let page = store.batteries(&BatteryQuery { limit: 2, ..asked }).await.unwrap();
            (page.batteries.into_iter().map(|battery| battery.facts.name).collect(), page.total)
        };
        let all = BatteryQuery::default();
        let found = |names: &[&str], total: i64| (names.iter().map(ToString::to_string).collect::<Vec<_>>(), total);
        assert_eq!(names(all.clone()).await, found(&["Block_2%", "cell 1"], 3));
        assert_eq!(names(BatteryQuery { offset: 2, ..all.clone() }).await, found(&["cell 3"], 3));
        let by_capacity = BatteryQuery { sort: BatterySort::Capacity, descending: true, ..all.clone() };
        assert_eq!(names(by_capacity).await, found(&["Block_2%", "cell 3"], 3));
        let lithium = BatteryQuery { technology: Some(Technology::Lithium), kind: Some(Kind::Cell), ..all.clone() };
        assert_eq!(names(lithium).await, found(&["cell 1", "cell 3"], 2));
        // What stands for any letter elsewhere is a letter here.
        for (text, wanted, total) in [("SN-3", "cell 3", 1), ("_2%", "Block_2%", 1), ("agm", "Block_2%", 1)] {
            let asked = BatteryQuery { text: text.to_owned(), ..all.clone() };
            assert_eq!(names(asked).await, found(&[wanted], total), "{text}");
        }
        for sort in BatterySort::ALL {
            for descending in [false, true] {
                assert_eq!(names(BatteryQuery { sort, descending, ..all.clone() }).await.1, 3, "{sort:?}");
            }
        }
    }
}

both_engines! {
    async fn cells_move_between_places_and_leave_a_history_of_both(store: Store) {
        let pack = NewBattery { kind: Kind::Pack, cells_series: 3, ..cell("PACK") };
        let id = store.add_battery(&by(), &pack, None, 1).await.unwrap();
        let pack = store.battery(id).await.unwrap().unwrap();
        assert_eq!(store.fill_places(&by(), &pack, 10).await.unwrap(), 3);
        assert_eq!(store.fill_places(&by(), &pack, 11).await.unwrap(), 0);
        let places = store.places(id).await.unwrap();
        let numbers: Vec<_> = places.iter().map(|place| (place.position, place.cell_id)).collect();
        let (first, third) = (numbers[0].1, numbers[2].1);
        let swap = |position, seen, cell, at_us| Swap { position, seen, cell, at_us, reason: "test".to_owned() };
        store.swap_cell(&by(), &pack, &swap(1, Some(first), Some(third), 20), 30).await.unwrap();
        let sitting: Vec<_> = store.places(id).await.unwrap().iter().map(|place| (place.position, place.cell_id)).collect();
        assert_eq!(sitting, [(1, third), (2, numbers[1].1)]);
        let history: Vec<_> = store.cell_history(third, 10).await.unwrap();
        let times: Vec<_> = history.iter().map(|place| (place.position, place.from_us, place.to_us)).collect();
        assert_eq!(times, [(1, 20, None), (3, 10, Some(20))]);
        let at_first: Vec<_> = store.place_history(id, Some(1), 10).await.unwrap();
        assert_eq!(at_first.iter().map(|place| place.cell_id).collect::<Vec<_>>(), [third, first]);
        // Before it left place 1, the first cell cannot have sat elsewhere; nor can place 3 have been empty.
        for (position, at_us) in [(3, 19), (3, 31)] {
            let early = store.swap_cell(&by(), &pack, &swap(position, None, Some(first), at_us), 30).await;
            assert!(matches!(early, Err(StoreError::Conflict(_))), "{early:?}");
        }
        store.swap_cell(&by(), &pack, &swap(3, None, Some(first), 25), 30).await.unwrap();
        store.swap_cell(&by(), &pack, &swap(3, Some(first), None, 26), 30).await.unwrap();
        let free = store.cells("", CellsWhere::Free, 0, 10).await.unwrap();
        assert_eq!((free.0[0].cell_id, free.1), (first, 1));
        assert_eq!(store.cells("pack", CellsWhere::Placed, 0, 1).await.unwrap().1, 2);
        assert_eq!(store.cells(&format!("#{third}"), CellsWhere::All, 0, 5).await.unwrap().0[0].place.as_ref().unwrap().position, 1);
    }

    async fn no_cell_gets_into_two_places_whoever_is_faster(store: Store) {
        let pack = NewBattery { kind: Kind::Pack, cells_series: 8, ..cell("PACK") };
        let id = store.add_battery(&by(), &pack, None, 1).await.unwrap();
        let pack = store.battery(id).await.unwrap().unwrap();
        let facts = CellFacts::new("C", Technology::Lithium, "NMC");
        let spare = store.add_cell(&by(), &facts, None, 1).await.unwrap();
        assert!(matches!(store.add_cell(&by(), &facts, None, 1).await, Err(StoreError::Duplicate { .. })));
        let by = by();
        let swaps: Vec<_> = (1..=8)
            .map(|position| Swap { position, seen: None, cell: Some(spare), at_us: 5, reason: String::new() })
            .collect();
        let done = futures_util::future::join_all(swaps.iter().map(|swap| store.swap_cell(&by, &pack, swap, 9))).await;
        // Some may have been taken out again by the next; each refusal is told as such, or as one that may pass.
        for error in done.iter().filter_map(|done| done.as_ref().err()) {
            assert!(matches!(error, StoreError::Conflict(_)) || error.may_pass(), "{error:?}");
        }
        assert!(done.iter().any(Result::is_ok), "{done:?}");
        let sitting = store.places(id).await.unwrap();
        assert_eq!(sitting.len(), 1, "{sitting:?}");
        let open = store.cell_history(spare, 100).await.unwrap().into_iter().filter(|place| place.to_us.is_none()).count();
        assert_eq!(open, 1);
    }
}
