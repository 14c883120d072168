//! The pages of experiments. What the application of before got wrong stands here as tests: states that never showed,
//! checks that only the browser made, profiles left behind, names that broke the page, addresses that did.

mod cycles;
mod list;
mod queue;

use cellar::clock::Clock;
use cellar::domain::audit::Actor;
use cellar::domain::battery::Technology;
use cellar::domain::ids::{BatteryId, ExperimentId, ProfileId, StationId};
use cellar::domain::profile::{Step, StepEnd, StepMode, Steps};
use cellar::domain::user::Role;
use cellar::store::Store;
use cellar::store::batteries::NewBattery;
use cellar::store::experiments::NewExperiment;
use cellar::store::stations_read::StationFilter;

use crate::support::battery::cell;
use crate::support::lab::unit;
use crate::support::people::{Answer, Browser};
use crate::support::server::Server;

/// A server with a cell of 2.5 to 4.2 V, a station and two profiles, of which one fits; somebody is signed in.
pub(super) struct Lab {
    pub(super) server: Server,
    pub(super) store: Store,
    pub(super) operator: Browser,
    pub(super) battery: BatteryId,
    pub(super) station: StationId,
    pub(super) fits: ProfileId,
    pub(super) too_high: ProfileId,
}

pub(super) fn by() -> Actor {
    Actor::server("test")
}

fn hold_at(voltage_v: f64) -> Steps {
    let charge = Step { mode: StepMode::Cc { current_a: 1.0 }, until: vec![StepEnd::VoltageV(voltage_v)] };
    Steps { steps: vec![charge], cycles: 1 }
}

impl Lab {
    pub(super) async fn start() -> Self {
        let server = Server::start();
        let store = Store::open(&server.sqlite_url()).await.unwrap();
        let unit = unit(&store, "cu-01").await;
        let battery = store.add_battery(&by(), &cell("NMC-017"), None, 1).await.unwrap();
        let station = store.add_station("A1", &unit).await.unwrap();
        let fits = store.add_profile("Charge to 4.1 V", &hold_at(4.1), 1).await.unwrap();
        let too_high = store.add_profile("Charge to 4.4 V", &hold_at(4.4), 1).await.unwrap();
        let operator = Browser::signed_in(&server, Role::Operator).await;
        Self { server, store, operator, battery, station, fits, too_high }
    }

    pub(super) async fn queued(&self, name: &str) -> ExperimentId {
        let new = NewExperiment::new(name, self.battery, self.station, self.fits);
        self.store.queue_experiment(&by(), &new, None, Clock::System.now_us()).await.unwrap()
    }

    /// Sends the form of a new experiment, with these fields in place of the usual ones.
    pub(super) async fn send(&mut self, step: &str, fields: &[(&str, &str)]) -> Answer {
        let (battery, station, profile) = (self.battery.to_string(), self.station.to_string(), self.fits.to_string());
        let usual = [("battery", battery.as_str()), ("station", &station), ("profile", &profile), ("step", step)];
        let is_given = |name: &str| fields.iter().any(|(given, _)| *given == name);
        let mut form: Vec<_> = usual.into_iter().filter(|(name, _)| !is_given(name)).collect();
        form.extend_from_slice(fields);
        self.operator.post("/experiments/new", &form).await
    }

    pub(super) async fn count(&self) -> usize {
        self.store.queue(self.station).await.unwrap().len()
    }
}

/// The problem beside a field, which must also stand in the summary.
pub(super) fn problem<'a>(answer: &'a Answer, field: &str) -> &'a str {
    assert_eq!(answer.status, 422, "{}", answer.body);
    assert!(answer.body.contains(&format!("<li><a href=\"#{field}\">")), "no {field} in the summary: {}", answer.body);
    let (_, rest) = answer.body.split_once(&format!("id=\"{field}-problem\">")).expect(field);
    let beside = rest.split_once("</p>").unwrap().0;
    beside.rsplit('>').next().unwrap()
}

#[tokio::test]
async fn an_experiment_is_chosen_reviewed_and_queued_once() {
    let mut lab = Lab::start().await;
    let page = lab.operator.get(&format!("/experiments/new?battery={}", lab.battery)).await;
    assert!(page.body.contains("Continue to the profile") && page.body.contains("checked"), "{}", page.body);
    let path = format!("/experiments/new?battery={}&station={}&go=1", lab.battery, lab.station);
    let page = lab.operator.get(&path).await;
    // What does not fit is shown with its reason and cannot be chosen.
    assert!(page.body.contains("Step 1: Goes to 4.400 V. NMC-017 takes at most 4.200 V."), "{}", page.body);
    assert!(!page.body.contains(&format!("name=\"profile\" value=\"{}\"", lab.too_high)));

    let review = lab.send("review", &[("tags", "warm, ageing"), ("description", "First\r\nof many")]).await;
    assert_eq!(review.status, 200, "{}", review.body);
    assert!(review.body.contains("Charging at 1.00 A until 4.100 V") && review.body.contains("Queue to A1"));
    assert_eq!(lab.count().await, 0, "a review queues nothing");
    let once = review.field("once").to_owned();
    let fields = [("tags", "warm, ageing"), ("description", "First\r\nof many"), ("once", once.as_str())];
    let first = lab.send("queue", &fields).await;
    let second = lab.send("queue", &fields).await;
    assert_eq!((first.status, second.status), (303, 303), "{}", first.body);
    assert_eq!(first.location, second.location);
    assert_eq!(lab.count().await, 1);

    let id = lab.store.queue(lab.station).await.unwrap()[0].experiment;
    assert_eq!(first.location, format!("/?station={}&queued={id}", lab.station));
    let monitor = lab.operator.get(&first.location).await;
    assert!(monitor.body.contains(&format!("Experiment {id} is queued.")), "{}", monitor.body);
    let stored = lab.store.experiment(id).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.description.as_str()), ("Charge to 4.1 V on NMC-017", "First\nof many"));
    assert_eq!(
        (stored.tags, stored.steps, stored.added_by.as_str()),
        (vec!["ageing".into(), "warm".into()], Some(hold_at(4.1)), "operator")
    );
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_the_server_whatever_the_browser_sends() {
    let mut lab = Lab::start().await;
    let too_high = lab.too_high.to_string();
    for step in ["review", "queue"] {
        let answer = lab.send(step, &[("profile", &too_high)]).await;
        assert_eq!(problem(&answer, "profile"), "Step 1: Goes to 4.400 V. NMC-017 takes at most 4.200 V.");
        // The examples that went through: too much current, power, a word nobody knows.
        for text in ["CC, 100, TIME, 10", "CP, 900, TIME, 10", "CC, 1, COLOUR, 10", "", "WAIT, nan"] {
            let answer = lab.send(step, &[("way", "write"), ("text", text), ("profile_name", "Mine")]).await;
            assert!(!problem(&answer, "text").is_empty(), "{text}");
            assert!(answer.body.contains("Mine"), "what was typed stays");
        }
        assert!(problem(&lab.send(step, &[("profile", "")]).await, "profile").contains("Choose a profile"));
        assert!(problem(&lab.send(step, &[("profile", "999")]).await, "profile").contains("not there any more"));
        assert!(problem(&lab.send(step, &[("battery", "999")]).await, "battery").contains("Choose the battery"));
        assert!(problem(&lab.send(step, &[("station", "x")]).await, "station").contains("Choose the station"));
        let long = "x".repeat(81);
        assert!(problem(&lab.send(step, &[("name", &long)]).await, "name").contains("81 characters"));
        let long = "x".repeat(2_001);
        assert!(problem(&lab.send(step, &[("description", &long)]).await, "description").contains("2000"));
        assert!(problem(&lab.send(step, &[("tags", "1,2,3,4,5,6,7,8,9,10,11")]).await, "tags").contains("11 tags"));
    }
    assert_eq!(lab.count().await, 0);
    assert_eq!(lab.store.profile_named("Mine").await.unwrap(), None);
}

#[tokio::test]
async fn a_written_profile_is_stored_with_its_experiment_or_not_at_all() {
    let mut lab = Lab::start().await;
    let written = [("way", "write"), ("text", "CC, 2, VOLTAGE, 4.0\nWAIT, 60"), ("profile_name", "Short charge")];
    assert_eq!(lab.send("review", &written).await.status, 200);
    assert_eq!(lab.store.profile_named("Short charge").await.unwrap(), None, "a review stores nothing");
    assert_eq!(lab.send("queue", &written).await.status, 303);
    let stored = lab.store.profile_named("Short charge").await.unwrap().unwrap();
    let id = lab.store.queue(lab.station).await.unwrap()[0].experiment;
    assert_eq!(lab.store.experiment(id).await.unwrap().unwrap().profile, stored);

    // The same steps again, under another name and other blanks: the profile is there already.
    let again = [("way", "write"), ("text", "cc,2,voltage,4\n\nWAIT,  60\n"), ("profile_name", "Another")];
    let review = lab.send("review", &again).await;
    assert!(review.body.contains("those of “Short charge”"), "{}", review.body);
    assert_eq!(lab.send("queue", &again).await.status, 303);
    assert_eq!(lab.store.profile_named("Another").await.unwrap(), None);

    // Another profile of that name; and one whose experiment cannot be stored.
    let taken = [("way", "write"), ("text", "CC, 1.5, VOLTAGE, 4.0"), ("profile_name", "Short charge")];
    assert!(problem(&lab.send("queue", &taken).await, "profile_name").contains("Choose another name"));
    let profile = cellar::store::profiles::NewProfile {
        name: "Left behind".into(),
        description: String::new(),
        program: cellar::domain::profile::text::read("WAIT, 5").unwrap(),
        text: String::new(),
    };
    let nowhere = NewExperiment::new("Nowhere", lab.battery, StationId(999), ProfileId(0));
    let failed = lab.store.queue_with_profile(&by(), &nowhere, Some(&profile), None, 1).await;
    assert!(failed.is_err());
    assert_eq!(lab.store.profile_named("Left behind").await.unwrap(), None);
}

#[tokio::test]
async fn retired_things_and_the_virtual_station_take_no_experiment() {
    let mut lab = Lab::start().await;
    let all = lab.store.stations(&StationFilter::default()).await.unwrap();
    let shown = lab.operator.get("/experiments/new").await.body;
    if let Some(virtual_station) = all.iter().find(|station| station.is_virtual) {
        let id = virtual_station.station_id.to_string();
        assert!(!shown.contains(&format!("name=\"station\" value=\"{id}\"")));
        assert!(problem(&lab.send("queue", &[("station", &id)]).await, "station").contains("measured elsewhere"));
    }
    // Its unit was never heard: that is said, and it can be queued to.
    assert!(shown.contains("Unit cu-01 was never heard."), "{shown}");
    assert!(lab.send("review", &[]).await.body.contains("A1 is away."));
    let profile = lab.store.profile(lab.fits).await.unwrap().unwrap();
    lab.store.retire_profile(&by(), &profile, true, 2).await.unwrap();
    assert!(problem(&lab.send("queue", &[]).await, "profile").contains("is retired"));
    lab.store.retire_profile(&by(), &lab.store.profile(lab.fits).await.unwrap().unwrap(), false, 3).await.unwrap();
    let battery = lab.store.battery(lab.battery).await.unwrap().unwrap();
    lab.store.retire_battery(&by(), &battery, true, "", 4).await.unwrap();
    assert!(problem(&lab.send("queue", &[]).await, "battery").contains("NMC-017 is retired"));
    let new = NewExperiment::new("Late", lab.battery, lab.station, lab.fits);
    assert!(lab.store.queue_experiment(&by(), &new, None, 5).await.unwrap_err().to_string().contains("retired"));
    assert_eq!(lab.count().await, 0);
}

#[tokio::test]
async fn the_electrolytes_of_a_stack_are_asked_and_kept() {
    let mut lab = Lab::start().await;
    let stack = NewBattery { technology: Technology::RedoxStack, ..cell("VRB-2") };
    let stack = lab.store.add_battery(&by(), &stack, None, 1).await.unwrap().to_string();
    let path = format!("/experiments/new?battery={stack}&station={}", lab.station);
    assert!(lab.operator.get(&path).await.body.contains("name=\"positive_volume_ml\""));
    let path = format!("/experiments/new?battery={}&station={}", lab.battery, lab.station);
    assert!(!lab.operator.get(&path).await.body.contains("positive_volume_ml"), "a lithium cell has none");
    let wrong = [("battery", stack.as_str()), ("positive_volume_ml", "1.234,5"), ("negative_soc_pct", "150")];
    let answer = lab.send("review", &wrong).await;
    assert!(problem(&answer, "positive_volume_ml").contains("1234.5"));
    assert!(problem(&answer, "negative_soc_pct").contains("Enter 0 to 100 %"));
    let right =
        [("battery", stack.as_str()), ("positive_volume_ml", "250,5"), ("positive_composition", "All-vanadium")];
    assert_eq!(lab.send("queue", &right).await.status, 303);
    let id = lab.store.queue(lab.station).await.unwrap()[0].experiment;
    let electrolytes = lab.store.experiment(id).await.unwrap().unwrap().electrolytes.unwrap();
    assert_eq!((electrolytes.positive.volume_l, electrolytes.negative.volume_l), (Some(0.2505), None));
    assert!(lab.operator.get(&format!("/experiments/{id}")).await.body.contains("All-vanadium, 250.5 mL"));
}

#[tokio::test]
async fn unknown_numbers_are_not_found_and_change_nothing() {
    let mut lab = Lab::start().await;
    for path in [
        "/experiments/999",
        "/experiments/x",
        "/experiments/999/cancel",
        "/experiments/999/preview.svg",
        "/stations/999/queue",
        "/stations/x/queue",
        "/experiments/new?clone=999",
        "/experiments/new?clone=x",
    ] {
        let answer = lab.operator.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
    // What is named in the address and not there is said beside its field.
    let answer = lab.operator.get("/experiments/new?battery=999&station=1").await;
    assert!(answer.body.contains("Choose the battery."), "{}", answer.body);
    assert_eq!(lab.operator.post("/experiments/views/999/delete", &[]).await.status, 404);
    let viewer = &mut Browser::signed_in(&lab.server, Role::Viewer).await;
    let id = lab.queued("Seen").await;
    for path in ["/experiments", "/experiments/views", &format!("/experiments/{id}"), "/stations/1/queue"] {
        assert_eq!(viewer.get(path).await.status, 200, "{path}");
    }
    for path in ["/experiments/new", &format!("/experiments/{id}/cancel")] {
        assert_eq!(viewer.get(path).await.status, 403, "{path}");
        assert_eq!(viewer.post(path, &[]).await.status, 403, "{path}");
    }
}

#[tokio::test]
async fn an_experiment_is_repeated_with_what_it_was() {
    let mut lab = Lab::start().await;
    let first = lab.send("queue", &[("name", "Ageing"), ("tags", "warm"), ("description", "Batch 3")]).await;
    assert_eq!(first.status, 303);
    let id = lab.store.queue(lab.station).await.unwrap()[0].experiment;
    let shown = lab.operator.get(&format!("/experiments/{id}")).await.body;
    assert!(shown.contains(&format!("/experiments/new?clone={id}")) && shown.contains("by operator"), "{shown}");
    let form = lab.operator.get(&format!("/experiments/new?clone={id}")).await;
    for typed in
        ["value=\"Ageing\"", "value=\"warm\"", "Batch 3", &format!("name=\"profile\" value=\"{}\" checked", lab.fits)]
    {
        assert!(form.body.contains(typed), "{typed}: {}", form.body);
    }
    assert_eq!(lab.send("queue", &[("name", "Ageing"), ("clone", &id.to_string())]).await.status, 303);
    let again = lab.store.queue(lab.station).await.unwrap()[1].experiment;
    assert_eq!(lab.store.experiment(again).await.unwrap().unwrap().parent, Some(id));
    assert!(lab.operator.get(&format!("/experiments/{again}")).await.body.contains(&format!("experiment {id}</a>")));
}

#[tokio::test]
async fn a_program_lists_queues_and_cancels_experiments() {
    let lab = Lab::start().await;
    let owner = lab.store.user_named("operator").await.unwrap().unwrap();
    let token = cellar::auth::token::ApiToken::random().unwrap();
    let sha256 = token.sha256();
    let now_us = Clock::System.now_us();
    let new = cellar::store::tokens::NewApiToken {
        token_sha256: &sha256,
        name: "script",
        scope: cellar::domain::user::Scope::Write,
        expires_at_us: now_us + 3_600_000_000,
    };
    lab.store.add_api_token(&by(), &owner, new, now_us).await.unwrap();
    let http = reqwest::Client::new();
    let post = async |path: &str, body: serde_json::Value| {
        let request = http.post(lab.server.url(path)).bearer_auth(token.reveal());
        let answer = request.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<serde_json::Value>(&answer.text().await.unwrap()).unwrap())
    };
    let get = async |path: &str| {
        let answer = http.get(lab.server.url(path)).bearer_auth(token.reveal()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str::<serde_json::Value>(&answer.text().await.unwrap()).unwrap())
    };
    let once = "0123456789abcdef0123456789abcdef";
    let wanted = serde_json::json!({ "name": "By program", "battery_id": lab.battery, "station_id": lab.station,
        "profile_id": lab.fits, "tags": ["script"], "once": once });
    let (status, made) = post("/api/v1/experiments", wanted.clone()).await;
    assert_eq!((status, made["status"].as_str(), made["name"].as_str()), (201, Some("queued"), Some("By program")));
    assert_eq!(post("/api/v1/experiments", wanted.clone()).await.1["experiment_id"], made["experiment_id"]);
    let mut too_high = wanted.clone();
    too_high["profile_id"] = lab.too_high.0.into();
    too_high["station_id"] = 999.into();
    let (status, refused) = post("/api/v1/experiments", too_high).await;
    assert_eq!((status, refused["error"]["details"][0]["target"].as_str()), (422, Some("station_id")), "{refused}");
    assert_eq!(post("/api/v1/experiments", serde_json::json!("no object")).await.0, 422);

    let (_, list) = get("/api/v1/experiments?status=queued&tag=script").await;
    assert_eq!((list["total"].as_i64(), list["experiments"][0]["battery"].as_str()), (Some(1), Some("NMC-017")));
    let path = format!("/api/v1/experiments/{}", made["experiment_id"]);
    assert_eq!(get(&path).await.1["steps"]["steps"][0]["current_a"], 1.0);
    let (status, cancelled) = post(&format!("{path}/cancel"), serde_json::json!({ "reason": "not needed" })).await;
    assert_eq!((status, cancelled["status"].as_str()), (200, Some("aborted")));
    assert_eq!(post(&format!("{path}/cancel"), serde_json::json!({})).await.0, 409);
    assert_eq!(get("/api/v1/experiments/999").await.0, 404);
}
