//! The list: filters, order, pages, views, preview.

use cellar::domain::battery::Technology;
use cellar::domain::experiment::ExperimentState;
use cellar::domain::user::Role;
use cellar::store::batteries::NewBattery;
use cellar::store::experiments::NewExperiment;
use cellar::store::transitions::Move;

use super::{Lab, by};
use crate::support::battery::cell;
use crate::support::people::Browser;

/// A page of 50 rows stays below this, bytes.
const PAGE_BYTES_MAX: usize = 100_000;

impl Lab {
    async fn bring_to(&self, id: cellar::domain::ids::ExperimentId, state: ExperimentState) {
        let now = self.store.experiment(id).await.unwrap().unwrap();
        let mut group = self.store.begin_group().await.unwrap();
        let change =
            Move { experiment: id, version: now.version, from: now.state, to: state, actor: "cu-01", reason: "" };
        assert!(group.move_experiment(change, 2_000_000).await.unwrap());
        group.commit().await.unwrap();
    }

    async fn names(&mut self, query: &str) -> Vec<String> {
        let page = self.operator.get(&format!("/experiments{query}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        let rows = page.body.split("<th scope=\"row\"><a href=\"").skip(1);
        rows.map(|row| row.split_once("\">").unwrap().1.split_once("</a>").unwrap().0.to_owned()).collect()
    }
}

#[tokio::test]
async fn the_list_is_narrowed_by_several_values_and_says_what_is_left() {
    let mut lab = Lab::start().await;
    let lead = NewBattery { technology: Technology::LeadAcid, ..cell("PB-3") };
    let lead = lab.store.add_battery(&by(), &lead, None, 1).await.unwrap();
    let paused = lab.queued("Paused one").await;
    let running = lab.queued("Running one").await;
    lab.queued("Waiting <b>one</b>").await;
    let new =
        NewExperiment { tags: vec!["warm".into()], ..NewExperiment::new("On lead", lead, lab.station, lab.too_high) };
    lab.store.queue_experiment(&by(), &new, None, 5).await.unwrap();
    lab.bring_to(paused, ExperimentState::Paused).await;
    lab.bring_to(running, ExperimentState::Running).await;

    assert_eq!(lab.names("").await, ["On lead", "Waiting &#60;b&#62;one&#60;/b&#62;", "Running one", "Paused one"]);
    // “PAUSE” was asked for once, and no paused experiment was ever shown.
    assert_eq!(lab.names("?status=paused").await, ["Paused one"]);
    assert_eq!(lab.names("?status=PAUSE").await, Vec::<String>::new());
    assert_eq!(lab.names("?status=paused&status=running").await, ["Running one", "Paused one"]);
    assert_eq!(lab.names("?technology=lead_acid").await, ["On lead"]);
    assert_eq!(lab.names(&format!("?battery={lead}&tag=warm")).await, ["On lead"]);
    assert_eq!(lab.names(&format!("?profile={}", lab.too_high)).await, ["On lead"]);
    assert_eq!(
        lab.names(&format!("?station={}&q=one+wait", lab.station)).await,
        ["Waiting &#60;b&#62;one&#60;/b&#62;"]
    );
    assert_eq!(lab.names(&format!("?q={paused}+paused")).await, ["Paused one"], "by its number");
    assert_eq!(lab.names("?q=4711").await, Vec::<String>::new());
    assert_eq!(lab.names("?q=pb-3").await, ["On lead"], "by its battery");
    assert_eq!(
        lab.names("?since=1970-01-01&until=1970-01-01").await,
        ["Running one", "Paused one"],
        "those that began"
    );
    assert_eq!(lab.names("?sort=name").await[0], "On lead");
    assert_eq!(lab.names("?sort=battery&order=desc").await[0], "On lead");

    let page = lab.operator.get("/experiments?technology=lithium").await.body;
    for left in
        ["Lead-acid</span><span class=\"pick-count\"><span class=\"visually-hidden\">, </span>1", "Technology: Lithium"]
    {
        assert!(page.contains(left), "{left}: {page}");
    }
    // No battery of lead is left with that technology.
    assert!(
        page.contains("PB-3</span><span class=\"pick-count\"><span class=\"visually-hidden\">, </span>0"),
        "{page}"
    );
    assert!(page.contains("aria-sort=\"descending\""));
    let wrong = lab.operator.get("/experiments?since=soon").await;
    assert_eq!((wrong.status, wrong.body.contains("“soon” is not a day")), (422, true));
    let none = lab.operator.get("/experiments?q=nothing").await.body;
    assert!(none.contains("No experiment fits.") && none.contains("show all 4"), "{none}");
}

#[tokio::test]
async fn a_list_has_pages_and_a_page_stays_small() {
    let mut lab = Lab::start().await;
    for number in 0..120 {
        let new = NewExperiment {
            description: "Reference cycling of the second batch, warm chamber, 25 °C to 45 °C".into(),
            tags: vec!["ageing".into(), "warm".into()],
            ..NewExperiment::new(
                format!("Experiment with a rather long name {number}"),
                lab.battery,
                lab.station,
                lab.fits,
            )
        };
        lab.store.queue_experiment(&by(), &new, None, 1).await.unwrap();
    }
    let page = lab.operator.get("/experiments").await;
    assert!(page.body.len() < PAGE_BYTES_MAX, "{} bytes", page.body.len());
    assert!(page.body.contains("1–50 of 120"));
    assert_eq!(lab.names("?page=3").await.len(), 20);
    assert_eq!(lab.names("?page=99").await.len(), 20, "the last one");
    assert_eq!(lab.names("?per_page=100&page=2").await.len(), 20);
    assert_eq!(lab.names("?per_page=25&order=asc").await[0], "Experiment with a rather long name 0");
    // What another page of the list shows is no row twice and none missing.
    let mut all = Vec::new();
    for number in 1..=3 {
        all.extend(lab.names(&format!("?sort=status&page={number}")).await);
    }
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 120);
}

#[tokio::test]
async fn a_view_is_kept_renamed_and_deleted_by_its_owner() {
    let mut lab = Lab::start().await;
    lab.queued("One").await;
    let query = "status=queued&sort=name";
    let saved = lab.operator.post("/experiments/views", &[("name", "My queue"), ("query", query)]).await;
    assert_eq!((saved.status, saved.location.as_str()), (303, "/experiments?status=queued&sort=name&done=saved"));
    let list = lab.operator.get(&saved.location).await.body;
    assert!(list.contains("aria-current=\"page\">My queue") && list.contains("The view was saved"), "{list}");
    let twice = lab.operator.post("/experiments/views", &[("name", "My queue"), ("query", "q=x")]).await;
    assert_eq!(twice.status, 422);
    assert!(twice.body.contains("You have a view named “My queue”"), "{}", twice.body);
    assert_eq!(lab.operator.post("/experiments/views", &[("name", " "), ("query", "")]).await.status, 422);

    let mut viewer = Browser::signed_in(&lab.server, Role::Viewer).await;
    assert!(!viewer.get("/experiments").await.body.contains("My queue"));
    let id = lab.operator.get("/experiments/views").await;
    let id = id.body.split_once("/experiments/views/").unwrap().1.split_once('/').unwrap().0.to_owned();
    assert_eq!(viewer.post(&format!("/experiments/views/{id}/delete"), &[]).await.status, 404);
    assert_eq!(viewer.post(&format!("/experiments/views/{id}/rename"), &[("name", "Taken")]).await.status, 404);
    let renamed = lab.operator.post(&format!("/experiments/views/{id}/rename"), &[("name", "Waiting")]).await;
    assert_eq!(renamed.status, 303);
    assert!(lab.operator.get("/experiments").await.body.contains("Waiting"));
    assert_eq!(lab.operator.post(&format!("/experiments/views/{id}/delete"), &[]).await.status, 303);
    assert!(lab.operator.get("/experiments/views").await.body.contains("No views yet."));
}

#[tokio::test]
async fn a_preview_says_when_nothing_was_measured() {
    let mut lab = Lab::start().await;
    let id = lab.queued("Empty").await;
    let preview = lab.operator.get(&format!("/experiments/{id}/preview.svg")).await;
    assert_eq!((preview.status, preview.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
    assert!(preview.body.contains("No data yet"), "{}", preview.body);
    let page = lab.operator.get(&format!("/experiments/{id}")).await.body;
    assert!(page.contains("No samples yet.") && page.contains("Charging at 1.00 A until 4.100 V"), "{page}");
}
