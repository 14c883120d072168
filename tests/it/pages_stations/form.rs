//! The form of a station: what fits, what does not, and who was faster.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_fit_is_told_at_its_field_and_stays_as_typed() {
    let mut site = Site::start().await;
    let path = "/stations/new?unit=cu-01";
    let empty = site.operator.post(path, &[("location", "Room <2>")]).await;
    assert_eq!(problem(&empty, "name"), "Give the station a name, like A1.");
    assert_eq!(problem(&empty, "instruments"), "Pick at least one instrument.");
    assert!(empty.body.contains("value=\"Room &#60;2&#62;\""), "{}", empty.body);
    let good = site.fields("A1", "A1").await;
    let id = site.instrument("A1").await;
    for (field, typed, at, words) in [
        ("name", "x".repeat(81).as_str(), "name", "80 characters or fewer"),
        ("description", &"x".repeat(2_001), "description", "2000 characters or fewer"),
        ("voltage_max_v", "", "voltage_max_v", "Enter the highest voltage"),
        ("voltage_max_v", "4.200,5", "voltage_max_v", "can be read as"),
        ("voltage_max_v", "nan", "voltage_max_v", "is not a number"),
        ("voltage_max_v", "0", "voltage_max_v", "must be above the lowest"),
        ("current_min_a", "10", "current_min_a", "Discharge currents are negative"),
        ("current_max_a", "-1", "current_max_a", "Charge currents are positive"),
        ("measure", "", "instruments", ""),
        ("instrument", "987654321", "instruments", "not free any more"),
        (&format!("unit:{id}:voltage_v"), "A", "measures", "cannot be shown in “A”"),
        (&format!("name:{id}:voltage_v"), &"x".repeat(81), "measures", "is too long"),
    ] {
        let fields = if field == "measure" { without(&good, "measure") } else { with(&good, field, typed) };
        let page = site.send(path, &fields).await;
        let at = if field == "measure" { "measures" } else { at };
        let told = problem(&page, at);
        assert!(told.contains(words), "{field}: {told}");
        assert!(page.body.contains("value=\"A1\"") || field == "name", "what was typed stays: {}", page.body);
    }
    let twice = [
        &good[..],
        &[
            ("measure".to_owned(), format!("{id}:current_a")),
            (format!("name:{id}:current_a"), "Same".to_owned()),
            (format!("name:{id}:voltage_v"), "Same".to_owned()),
        ],
    ]
    .concat();
    let page = site.send(path, &twice).await;
    assert!(problem(&page, "measures").contains("Two measures are called “Same”"));
    assert_eq!(site.store.stations(&StationFilter::default()).await.unwrap().len(), 1, "only the virtual one");
    site.build("A1", "A1").await;
    let again = site.fields("A1", "B1").await;
    let page = site.send(path, &again).await;
    assert!(problem(&page, "name").contains("there already"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_stay_within_what_the_instruments_can_do() {
    let mut site = Site::start().await;
    let mut told = found("can0:9", "L1");
    (told.limits.voltage_min_v, told.limits.voltage_max_v) = (Some(0.0), Some(6.0));
    (told.limits.current_min_a, told.limits.current_max_a) = (Some(-15.0), Some(15.0));
    report(&site.store, &site.unit, &[told], Clock::System.now_us()).await;
    let fields = site.fields("A1", "L1").await;
    let page = site.send("/stations/new?unit=cu-01", &with(&fields, "voltage_max_v", "6.5")).await;
    assert!(problem(&page, "voltage_max_v").contains("6.000 V at the highest"), "{}", page.body);
    // Left empty, what the instruments say counts.
    let mut empty = fields.clone();
    for field in ["voltage_min_v", "voltage_max_v", "current_min_a", "current_max_a"] {
        empty = with(&empty, field, "");
    }
    let built = site.send("/stations/new?unit=cu-01", &empty).await;
    let limits = site.store.station(station_of(&built.location)).await.unwrap().unwrap().limits();
    assert_eq!((limits.voltage_max_v, limits.current_min_a), (6.0, -15.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instrument_of_another_station_cannot_be_taken() {
    let mut site = Site::start().await;
    let late = site.fields("A2", "A1").await;
    let first = site.build("A1", "A1").await;
    // Whoever had the form open is told, and keeps what was typed.
    let page = site.send("/stations/new?unit=cu-01", &late).await;
    assert!(problem(&page, "instruments").contains("not free any more"), "{}", page.body);
    assert!(
        page.body.contains("value=\"A2\"")
            && page.body.contains(&format!("works in <a href=\"/stations/{first}\">A1</a>"))
    );
    assert_eq!(site.store.station_named("A2").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_sent_twice_builds_and_modifies_once() {
    let mut site = Site::start().await;
    let fields = site.fields("A1", "A1").await;
    let one = site.send("/stations/new?unit=cu-01", &fields).await;
    let two = site.send("/stations/new?unit=cu-01", &fields).await;
    assert_eq!((two.status, two.location), (303, one.location.clone()), "{}", two.body);
    let path = format!("/stations/{}/edit", station_of(&one.location));
    let form = site.operator.get(&path).await;
    let fields = with(&with(&fields, "once", form.field("once")), "location", "Room 3");
    let one = site.send(&path, &fields).await;
    let two = site.send(&path, &fields).await;
    assert_eq!((one.status, two.status, two.location), (303, 303, one.location), "{}", two.body);
    assert_eq!(site.store.stations(&StationFilter::default()).await.unwrap().len(), 3, "virtual, old and new");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_modify_a_station_the_second_sees_what_counts_and_keeps_what_was_typed() {
    let mut site = Site::start().await;
    let id = site.build("A1", "A1").await;
    let path = format!("/stations/{id}/edit");
    let (mine, theirs) = (site.operator.get(&path).await, site.operator.get(&path).await);
    let good = without(&site.fields("A1", "A1").await, "once");
    let first = site.send(&path, &with(&with(&good, "once", mine.field("once")), "location", "Room 3")).await;
    let heir = station_of(&first.location);
    let second = with(&with(&good, "once", theirs.field("once")), "location", "Room 4");
    let refused = site.send(&path, &second).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(
        refused.body.contains("Somebody else changed A1") && refused.body.contains("value=\"Room 4\""),
        "{}",
        refused.body
    );
    assert!(refused.body.contains("<dt>Location</dt><dd>Room 3</dd>"), "what counts is shown: {}", refused.body);
    // Saved again, it takes the place of theirs.
    let onward = format!("/stations/{heir}/edit");
    assert!(refused.body.contains(&format!("action=\"{onward}\"")), "{}", refused.body);
    let saved = site.send(&onward, &with(&second, "version", refused.field("version"))).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
    let now = site.store.station(station_of(&saved.location)).await.unwrap().unwrap();
    assert_eq!((now.location.as_str(), now.parent), ("Room 4", Some(heir)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_station_that_works_stays_as_it_is() {
    let mut site = Site::start().await;
    let id = site.build("A1", "A1").await;
    let running = experiment(&site.store, "Formation", id).await;
    say(&site.store, &site.unit, id, running, StationState::Running).await;
    let fields = without(&site.fields("A1", "A1").await, "once");
    let refused = site.send(&format!("/stations/{id}/edit"), &with(&fields, "location", "Room 9")).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.body.contains("works on the experiment “Formation”") && refused.body.contains("value=\"Room 9\""));
    let refused = site.operator.post(&format!("/stations/{id}/retire"), &[("version", "0")]).await;
    assert!(refused.status == 409 && refused.body.contains("Stop that, or wait for its end."), "{}", refused.body);
    assert!(site.store.station(id).await.unwrap().unwrap().is_live());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_absent_instrument_stays_in_its_station_and_is_marked() {
    let mut site = Site::start().await;
    let id = site.build("A1", "A1").await;
    report(&site.store, &site.unit, &[found("can0:2", "B1")], Clock::System.now_us()).await;
    let page = site.operator.get(&format!("/stations/{id}")).await.body;
    assert!(page.contains("1 absent") && page.contains("absent since"), "{page}");
    let form = site.operator.get(&format!("/stations/{id}/edit")).await;
    assert!(form.body.contains("EPC-80 A1") && form.body.contains("absent"), "{}", form.body);
    // The one that is gone and free is not offered.
    assert!(!form.body.contains("EPC-80 C1"), "{}", form.body);
    let all = site.store.instruments_of(&site.unit).await.unwrap();
    let own = all.iter().find(|one| one.serial == "A1").unwrap().instrument_id.to_string();
    let fields = [
        ("name", "A1"),
        ("version", form.field("version")),
        ("once", form.field("once")),
        ("instrument", own.as_str()),
        ("measure", &format!("{own}:voltage_v")),
        ("voltage_min_v", "0"),
        ("voltage_max_v", "4"),
        ("current_min_a", "-1"),
        ("current_max_a", "1"),
    ];
    let saved = site.operator.post(&format!("/stations/{id}/edit"), &fields).await;
    assert_eq!(saved.status, 303, "{}", saved.body);
}
