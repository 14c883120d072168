//! Pages of stations: built, modified, retired by what a browser sends. Each fault of the pages they take the place of is a
//! test here.

use cellar::clock::Clock;
use cellar::domain::ids::{DeviceId, StationId};
use cellar::domain::station::StationState;
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::audit::AuditFilter;
use cellar::store::stations_read::StationFilter;

use crate::support::database::Database;
use crate::support::lab::{experiment, found, present, report, say, tester, unit};
use crate::support::people::{Answer, Browser};
use crate::support::server::Server;

/// A server with a unit and its instruments, and an operator.
struct Site {
    server: Server,
    store: Store,
    unit: DeviceId,
    operator: Browser,
}

impl Site {
    async fn start() -> Self {
        Self::of(Server::start()).await
    }

    async fn on(database: &Database) -> Self {
        Self::of(Server::start_with(&["--database-url", database.url()])).await
    }

    async fn of(server: Server) -> Self {
        let store = Store::open(&server.database_url()).await.unwrap();
        let unit = unit(&store, "cu-01").await;
        let now_us = Clock::System.now_us();
        report(&store, &unit, &[found("can0:1", "A1"), found("can0:2", "B1"), found("can0:3", "C1")], now_us).await;
        let operator = Browser::signed_in(&server, Role::Operator).await;
        Self { server, store, unit, operator }
    }

    /// The instrument of that serial number.
    async fn instrument(&self, serial: &str) -> String {
        let all = present(&self.store, &self.unit).await;
        all.iter().find(|one| one.serial == serial).unwrap().instrument_id.to_string()
    }

    /// What fills the form well: a name, an instrument, its voltage.
    async fn fields(&mut self, name: &str, serial: &str) -> Vec<(String, String)> {
        let form = self.operator.get("/stations/new?unit=cu-01").await;
        let id = self.instrument(serial).await;
        let pairs = [
            ("once", form.field("once")),
            ("version", form.field("version")),
            ("name", name),
            ("location", "Room 2"),
            ("instrument", &id),
            ("measure", &format!("{id}:voltage_v")),
            ("voltage_min_v", "0"),
            ("voltage_max_v", "5,0"),
            ("current_min_a", "−10"),
            ("current_max_a", "10"),
        ];
        pairs.map(|(field, value)| (field.to_owned(), value.to_owned())).to_vec()
    }

    async fn send(&mut self, path: &str, fields: &[(String, String)]) -> Answer {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
        self.operator.post(path, &fields).await
    }

    /// Builds a station; where it is.
    async fn build(&mut self, name: &str, serial: &str) -> StationId {
        let fields = self.fields(name, serial).await;
        let built = self.send("/stations/new?unit=cu-01", &fields).await;
        assert_eq!(built.status, 303, "{}", built.body);
        station_of(&built.location)
    }
}

fn station_of(path: &str) -> StationId {
    let id = path.strip_prefix("/stations/").and_then(|rest| rest.split('?').next()).unwrap();
    StationId(id.parse().unwrap())
}

/// The same fields with another value for one, added if it is new.
fn with(fields: &[(String, String)], field: &str, value: &str) -> Vec<(String, String)> {
    let mut fields = fields.to_vec();
    match fields.iter_mut().find(|(name, _)| name == field) {
        Some((_, old)) => value.clone_into(old),
        None => fields.push((field.to_owned(), value.to_owned())),
    }
    fields
}

fn without(fields: &[(String, String)], field: &str) -> Vec<(String, String)> {
    fields.iter().filter(|(name, _)| name != field).cloned().collect()
}

/// Problem beside a field, which must also stand in the summary.
fn problem<'a>(page: &'a Answer, field: &str) -> &'a str {
    assert_eq!(page.status, 422, "{}", page.body);
    assert!(page.body.contains(&format!("<li><a href=\"#{field}\">")), "no {field} in the summary: {}", page.body);
    let (_, rest) = page.body.split_once(&format!("id=\"{field}-problem\">")).expect("the problem stands by its field");
    rest.split_once("</p>").unwrap().0.rsplit('>').next().unwrap()
}

both_engines! {
    async fn a_station_is_built_modified_and_retired(database: Database) {
        let mut site = Site::on(&database).await;
        let list = site.operator.get("/stations").await.body;
        assert!(list.contains(">Virtual</a>"), "a laboratory begins with a virtual station: {list}");
        let choice = site.operator.get("/stations/new").await.body;
        assert!(choice.contains("href=\"/stations/new?unit=cu-01\"") && choice.contains("3 instruments found"), "{choice}");
        let own = site.instrument("A1").await;
        let mut fields = site.fields("A1", "A1").await;
        fields.push(("measure".to_owned(), format!("{own}:temperature_c")));
        fields.push((format!("name:{own}:voltage_v"), "Cell <b>voltage</b>".to_owned()));
        fields.push((format!("unit:{own}:voltage_v"), "mV".to_owned()));
        let built = site.send("/stations/new?unit=cu-01", &fields).await;
        let page = site.operator.get(&built.location).await.body;
        assert!(page.contains("A1 was built.") && page.contains("0.000 V to 5.000 V"), "{page}");
        assert!(page.contains("Cell &#60;b&#62;voltage&#60;/b&#62;") && page.contains(">mV<"), "{page}");
        assert!(page.contains("Temperature") && page.contains("cu-01 has not been told its stations yet"), "{page}");
        let first = station_of(&built.location);
        let waiting = experiment(&site.store, "Formation", first).await;
        assert!(site.operator.get(&format!("/stations/{first}")).await.body.contains(&format!("/experiments/{waiting}\">Formation")));

        let form = site.operator.get(&format!("/stations/{first}/edit")).await;
        assert!(form.body.contains("value=\"Cell &#60;b&#62;voltage") && form.body.contains("<option selected>mV"), "{}", form.body);
        assert!(form.body.contains("the 1 waiting move along"), "{}", form.body);
        let mut changed = with(&fields, "once", form.field("once"));
        changed = with(&changed, "version", form.field("version"));
        changed = with(&changed, "voltage_max_v", "4.5");
        let modified = site.send(&format!("/stations/{first}/edit"), &changed).await;
        assert_eq!(modified.status, 303, "{}", modified.body);
        let second = station_of(&modified.location);
        assert_ne!(first, second);
        let page = site.operator.get(&modified.location).await.body;
        assert!(page.contains("0.000 V to 4.500 V") && page.contains(">Formation</a>"), "{page}");
        assert!(page.contains(&format!("Follows <a href=\"/stations/{first}\">A1</a>")), "{page}");
        let old = site.operator.get(&format!("/stations/{first}")).await.body;
        assert!(old.contains("Retired") && old.contains(&format!("<a href=\"/stations/{second}\">A1</a> took its place.")));
        assert!(old.contains("0.000 V to 5.000 V") && !old.contains(">Formation</a>"), "{old}");
        assert_eq!(site.operator.get(&format!("/stations/{first}/edit")).await.status, 409);

        let heir = site.build("A2", "B1").await;
        let path = format!("/stations/{second}/retire");
        let form = site.operator.get(&path).await;
        assert!(form.body.contains("1 experiment waits for it") && form.body.contains(">Retire A1</button>"), "{}", form.body);
        let version = form.field("version").to_owned();
        let nowhere = site.operator.post(&path, &[("version", &version)]).await;
        assert!(problem(&nowhere, "heir").contains("Choose where to move"));
        let heir_id = heir.to_string();
        let done = site.operator.post(&path, &[("version", &version), ("heir", &heir_id), ("reason", "worn out")]).await;
        assert_eq!(done.location, format!("/stations/{second}?done=retired"), "{}", done.body);
        assert_eq!(site.operator.post(&path, &[("version", "9")]).await.status, 303, "a second time changes nothing");
        assert!(site.operator.get(&format!("/stations/{heir}")).await.body.contains(">Formation</a>"));
        let live = site.operator.get("/stations").await.body;
        assert!(!live.contains(">A1</a>") && live.contains(">A2</a>"), "{live}");
        assert!(site.operator.get("/stations?show=retired").await.body.matches(">A1</a>").count() == 2);
        let log = site.store.audit_page(&AuditFilter { object: "station a1".to_owned(), ..AuditFilter::default() }, i64::MAX, 9).await.unwrap();
        let told: Vec<_> = log.iter().map(|entry| (entry.actor.as_str(), entry.action.as_str(), entry.reason.as_str())).collect();
        assert_eq!(told, [("operator", "retire station", "worn out"), ("operator", "modify station", ""), ("operator", "build station", "")]);
    }
}

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
