//! Cells have numbers of their own and sit in places.

use super::{Lab, assert_says};

async fn register(lab: &mut Lab, fields: &[(&str, &str)]) -> String {
    let once = lab.operator.get("/cells/new").await.field("once").to_owned();
    let fields: Vec<_> = [("once", once.as_str())].iter().chain(fields).copied().collect();
    let made = lab.operator.post("/cells/new", &fields).await;
    assert_eq!(made.status, 303, "{}", made.body);
    let again = lab.operator.post("/cells/new", &fields).await;
    assert_eq!(again.location, made.location, "the same form makes nothing new");
    made.location.split('?').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_generic_cell_is_told_better_and_never_made_into_another() {
    let mut lab = Lab::start().await;
    let path = register(&mut lab, &[("name", "found in a drawer"), ("chemistry", "generic/unknown")]).await;
    let edit = format!("{path}/edit");
    let version = lab.operator.get(&edit).await.field("version").to_owned();
    let known = [("name", "LFP-3"), ("chemistry", "lithium/LFP"), ("serial", "SN-1"), ("version", version.as_str())];
    assert_eq!(lab.operator.post(&edit, &known).await.location, format!("{path}?done=edited"));
    let version = lab.operator.get(&edit).await.field("version").to_owned();
    let back = [("name", "x"), ("chemistry", "generic/unknown"), ("serial", "SN-2"), ("version", version.as_str())];
    let refused = lab.operator.post(&edit, &back).await;
    assert_eq!(refused.problem("chemistry"), "It is known to be Lithium LFP. A cell that is known stays known.");
    assert!(refused.problem("serial").starts_with("This cell is SN-1 for good."));
    let page = lab.operator.get(&path).await;
    assert_says(&page, "LFP-3 <small>Cell 1</small>");
    assert_eq!(lab.entries("edit cell").await.len(), 1);
}

#[tokio::test]
async fn a_pack_shows_its_cells_and_a_swap_keeps_the_history_of_both() {
    let mut lab = Lab::start().await;
    let path = lab.add_pack("PACK").await;
    let filled = lab.operator.post(&format!("{path}/places/fill"), &[]).await;
    assert_eq!(filled.location, format!("{path}?done=filled#cells"));
    lab.operator.post(&format!("{path}/places/fill"), &[]).await;
    assert_eq!(lab.entries("register cells").await.len(), 1, "a second press finds nothing to do");
    let page = lab.operator.get(&path).await;
    assert_says(&page, "4 of 4 known");
    assert_says(&page, "<b>PACK c4</b><small>Cell 4</small>");

    let spare = register(&mut lab, &[("name", "spare"), ("chemistry", "lithium/LFP")]).await;
    let place = format!("{path}/places/2");
    let form = lab.operator.get(&place).await;
    assert_eq!(form.field("seen"), "2");
    let swap = [("seen", "2"), ("cell", "5, spare"), ("at", ""), ("reason", "weak under load")];
    assert_eq!(lab.operator.post(&place, &swap).await.location, format!("{path}?done=swapped#cells"));
    assert_says(&lab.operator.get(&path).await, "<b>spare</b><small>Cell 5</small>");
    let entries = lab.entries("swap cell").await;
    assert_eq!((entries[0].object.as_str(), entries[0].reason.as_str()), ("battery 1, PACK", "weak under load"));
    let history = lab.operator.get(&place).await;
    assert!(history.body.contains(">PACK c2</a>") && history.body.contains("still there"), "{}", history.body);
    assert_says(&lab.operator.get("/cells/2").await, "PACK, place 2");
    assert_says(&lab.operator.get(&spare).await, "still there");
    assert_says(&lab.operator.get("/cells?at=free").await, ">PACK c2</a>");

    // Whoever saw the old cell does not throw out the new one.
    let late = lab.operator.post(&place, &[("seen", "2"), ("cell", "")]).await;
    assert_eq!(late.status, 409);
    assert_says(&late, "Somebody else changed place 2 of PACK in the meantime");
    assert_eq!(late.field("seen"), "5");

    // A cell comes from another place: there it is taken out.
    let moved = lab.operator.post(&format!("{path}/places/1"), &[("seen", "1"), ("cell", "5")]).await;
    assert_eq!(moved.status, 303, "{}", moved.body);
    let sitting = lab.store.places(cellar::domain::ids::BatteryId(1)).await.unwrap();
    let sitting: Vec<_> = sitting.iter().map(|place| (place.position, place.cell_id.0)).collect();
    assert_eq!(sitting, [(1, 5), (3, 3), (4, 4)]);
    let retired = lab.operator.post("/cells/5/retire", &[("version", "0"), ("reason", "swollen")]).await;
    assert_eq!(retired.status, 409);
    assert_says(&retired, "sits in place 1 of PACK. Take it out first.");
}

#[tokio::test]
async fn a_swap_does_not_contradict_the_past_or_the_future() {
    let mut lab = Lab::start().await;
    let path = lab.add_pack("PACK").await;
    lab.operator.post(&format!("{path}/places/fill"), &[]).await;
    let place = format!("{path}/places/1");
    let before = lab.operator.post(&place, &[("seen", "1"), ("cell", ""), ("at", "2020-01-01T10:00")]).await;
    assert_eq!(before.status, 409);
    assert_says(&before, "has been there only since a later moment");
    let later = lab.operator.post(&place, &[("seen", "1"), ("cell", ""), ("at", "2999-01-01T10:00")]).await;
    assert!(later.problem("at").contains("has not come yet"));
    let unknown = lab.operator.post(&place, &[("seen", "1"), ("cell", "99"), ("at", "x")]).await;
    assert!(unknown.problem("cell").contains("There is no cell 99"));
    assert!(unknown.problem("at").contains("Enter day and time"));
    assert_eq!(lab.entries("swap cell").await, []);
    let fewer = [("name", "PACK"), ("chemistry", "lithium/LFP"), ("kind", "pack"), ("cells_series", "2")];
    let fields: Vec<_> = fewer.into_iter().chain([("capacity_ah", "20"), ("version", "0")]).collect();
    let refused = lab.operator.post(&format!("{path}/edit"), &fields).await;
    assert_eq!(refused.status, 409);
    assert_says(&refused, "A cell sits in place 4");
}
