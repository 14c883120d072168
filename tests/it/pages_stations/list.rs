//! The list of stations, and who may see and do what.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stations_without_a_unit_or_with_a_silent_one_are_marked_and_the_list_is_found_through() {
    let mut site = Site::start().await;
    for name in ["A10", "A2", "Bench"] {
        site.store.add_station(name, &site.unit).await.unwrap();
    }
    let orphan = site.store.station_named("Bench").await.unwrap().unwrap();
    let lines = ["UPDATE station SET device_id = NULL WHERE live_name = 'Bench'"];
    let url = site.server.sqlite_url();
    Database::at(&url).run(&lines).await;
    let waiting = experiment(&site.store, "Formation", orphan).await;
    let list = site.operator.get("/stations").await.body;
    assert!(list.contains("</svg>No unit</span>") && list.contains("No message yet"), "{list}");
    let order = |page: &str| -> Vec<String> {
        let rows = page.split("<th scope=\"row\"><a href=\"/stations/").skip(1);
        rows.map(|row| row.split_once('>').unwrap().1.split('<').next().unwrap().to_owned()).collect()
    };
    assert_eq!(order(&list), ["A2", "A10", "Bench", "Virtual"]);
    assert!(list.contains("aria-sort=\"ascending\""), "{list}");
    assert_eq!(order(&site.operator.get("/stations?sort=queued&order=desc").await.body)[0], "Bench");
    assert_eq!(order(&site.operator.get("/stations?order=desc").await.body)[0], "Virtual");
    assert_eq!(order(&site.operator.get("/stations?text=CU-01").await.body), ["A2", "A10"]);
    assert!(site.operator.get("/stations?text=zz").await.body.contains("No station fits."));
    let page = site.operator.get(&format!("/stations/{orphan}")).await.body;
    assert!(page.contains("nobody drives it") && page.contains(&format!("/experiments/{waiting}")), "{page}");
    assert_eq!(site.operator.get(&format!("/stations/{orphan}/edit")).await.status, 409);
    for path in ["/stations/999", "/stations/x", "/units/none", "/units/NO", "/stations/new?unit=none"] {
        assert_eq!(site.operator.get(path).await.status, 404, "{path}");
    }
    let virtual_station = site.store.station_named("Virtual").await.unwrap().unwrap();
    for path in ["retire", "edit"] {
        assert_eq!(site.operator.get(&format!("/stations/{virtual_station}/{path}")).await.status, 409, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_list_comes_in_pages() {
    let mut site = Site::start().await;
    for number in 1..=60 {
        site.store.add_station(&format!("S{number}"), &site.unit).await.unwrap();
    }
    let first = site.operator.get("/stations").await.body;
    assert!(first.contains("Page 1 of 2") && first.contains(">S50</a>") && !first.contains(">S51</a>"), "{first}");
    assert!(first.len() < 100_000, "{} bytes", first.len());
    let second = site.operator.get("/stations?page=2").await.body;
    assert!(second.contains(">S60</a>") && second.contains(">Virtual</a>") && !second.contains(">S50</a>"));
    assert!(site.operator.get("/stations?page=999").await.body.contains("Page 2 of 2"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_only_look_sees_everything_and_changes_nothing() {
    let mut site = Site::start().await;
    let id = site.build("A1", "A1").await;
    let mut viewer = Browser::signed_in(&site.server, Role::Viewer).await;
    for path in ["/stations".to_owned(), format!("/stations/{id}"), "/units".to_owned(), "/units/cu-01".to_owned()] {
        let page = viewer.get(&path).await;
        assert_eq!(page.status, 200, "{path}");
        for deed in ["/edit", "/retire", "/relaunch", "/detect", "/stations/new", "href=\"/devices"] {
            assert!(!page.body.contains(deed), "{deed} on {path}");
        }
    }
    for path in ["/stations/new", "/stations/new?unit=cu-01"] {
        assert_eq!(viewer.get(path).await.status, 403, "{path}");
    }
    for path in [format!("/stations/{id}/edit"), format!("/stations/{id}/relaunch"), "/units/cu-01/detect".to_owned()] {
        assert_eq!(viewer.post(&path, &[("name", "mine")]).await.status, 403, "{path}");
    }
    assert_eq!(site.store.station(id).await.unwrap().unwrap().version, 0);
    site.store.retire_station(&tester(), &site.store.station(id).await.unwrap().unwrap(), None, "", 9).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_read_the_same_as_people() {
    let mut site = Site::start().await;
    let id = site.build("A1", "A1").await;
    let running = experiment(&site.store, "Formation", id).await;
    say(&site.store, &site.unit, id, running, StationState::Running).await;
    let read = |answer: Answer| -> serde_json::Value { serde_json::from_str(&answer.body).unwrap() };
    let stations = read(site.operator.get("/api/v1/stations").await);
    let own = stations["stations"].as_array().unwrap().iter().find(|one| one["name"] == "A1").unwrap().clone();
    assert_eq!((&own["station_id"], &own["state"], &own["unit"]), (&id.0.into(), &"running".into(), &"cu-01".into()));
    assert_eq!((&own["experiment_id"], &own["voltage_max_v"]), (&running.0.into(), &5.0.into()));
    let units = read(site.operator.get("/api/v1/units").await);
    let own = &units["units"][0];
    assert_eq!((&own["device"], &own["instruments"], &own["stations"]), (&"cu-01".into(), &3.into(), &1.into()));
    assert_eq!((&own["is_connected"], &own["seen_at_us"]), (&false.into(), &serde_json::Value::Null));
}
