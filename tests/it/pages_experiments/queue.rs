//! The queue of a station: its order, and leaving it.

use super::Lab;
use cellar::domain::experiment::ExperimentState;
use cellar::store::audit::AuditFilter;

#[tokio::test]
async fn the_queue_is_seen_and_moved() {
    let mut lab = Lab::start().await;
    assert!(lab.operator.get(&format!("/stations/{}/queue", lab.station)).await.body.contains("Nothing waits for A1."));
    let (first, second) = (lab.queued("First").await, lab.queued("Second").await);
    let path = format!("/stations/{}/queue", lab.station);
    let page = lab.operator.get(&path).await.body;
    assert!(page.contains("2 waiting") && page.find("First").unwrap() < page.find("Second").unwrap(), "{page}");
    let version = lab.store.experiment(second).await.unwrap().unwrap().version.to_string();
    let (number, up) = (second.to_string(), ("direction", "up"));
    let fields = [("experiment", number.as_str()), ("version", version.as_str()), up];
    let moved = lab.operator.post(&format!("{path}/move"), &fields).await;
    assert_eq!((moved.status, moved.location), (303, format!("{path}?moved={second}&direction=up")));
    let page = lab.operator.get(&format!("{path}?moved={second}&direction=up")).await.body;
    assert!(page.contains(&format!("Experiment {second} is number 1 of 2")), "{page}");
    let order: Vec<_> = lab.store.queue(lab.station).await.unwrap().into_iter().map(|one| one.experiment).collect();
    assert_eq!(order, [second, first]);
    // The same button of the page as it was.
    let stale = lab.operator.post(&format!("{path}/move"), &fields).await;
    assert_eq!(stale.status, 409);
    assert!(stale.body.contains("Look at the queue as it is now"), "{}", stale.body);
    let nowhere = [("experiment", number.as_str()), ("version", "1"), ("direction", "left")];
    assert_eq!(lab.operator.post(&format!("{path}/move"), &nowhere).await.status, 422);
}

#[tokio::test]
async fn an_experiment_is_cancelled_after_a_page_that_asks() {
    let mut lab = Lab::start().await;
    let id = lab.queued("Not needed").await;
    let path = format!("/experiments/{id}/cancel");
    let page = lab.operator.get(&path).await;
    assert!(page.body.contains("leaves the queue of A1"), "{}", page.body);
    let version = page.field("version").to_owned();
    let done = lab.operator.post(&path, &[("version", &version), ("reason", "wrong battery")]).await;
    assert_eq!((done.status, done.location), (303, format!("/experiments/{id}?done=cancelled")));
    let shown = lab.operator.get(&format!("/experiments/{id}")).await.body;
    assert!(shown.contains("Cancelled") && shown.contains("wrong battery"), "{shown}");
    let again = lab.operator.post(&path, &[("version", &version)]).await;
    assert_eq!(again.status, 409);
    assert!(again.body.contains("cannot be cancelled any more"), "{}", again.body);
    assert_eq!(lab.operator.get(&path).await.status, 303, "nothing to ask any more");
    let filter = AuditFilter { action: "cancel experiment".into(), ..AuditFilter::default() };
    let told = lab.store.audit_page(&filter, i64::MAX, 10).await.unwrap();
    assert_eq!((told.len(), told[0].actor.as_str(), told[0].reason.as_str()), (1, "operator", "wrong battery"));

    // It began while somebody looked at the page.
    let id = lab.queued("Begun").await;
    let seen = lab.store.experiment(id).await.unwrap().unwrap();
    let mut group = lab.store.begin_group().await.unwrap();
    assert!(group.report_experiment(lab.station, id, ExperimentState::Running, "cu-01", "", 5).await.unwrap());
    group.commit().await.unwrap();
    let late = lab.operator.post(&format!("/experiments/{id}/cancel"), &[("version", &seen.version.to_string())]).await;
    assert_eq!(late.status, 409);
    assert_eq!(lab.store.experiment(id).await.unwrap().unwrap().state, ExperimentState::Running);
    assert!(lab.operator.get(&format!("/stations/{}/queue", lab.station)).await.body.contains("has the station now"));
}
