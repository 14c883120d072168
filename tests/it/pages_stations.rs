//! Pages of stations: built, modified, retired by what a browser sends. Each fault of the pages they take the place of is a
//! test here.

mod form;
mod list;

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
