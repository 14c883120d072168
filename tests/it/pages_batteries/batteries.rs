//! Batteries are added, found, changed and retired.

use cellar::domain::user::Role;

use super::{Lab, assert_says};

const CELL: [(&str, &str); 3] = [("name", "NMC-022"), ("chemistry", "lithium/NMC"), ("capacity_ah", "4,8")];

#[tokio::test]
async fn a_new_battery_leads_on_to_an_experiment_and_is_made_once() {
    let mut lab = Lab::start().await;
    let form = lab.operator.get("/batteries/new").await;
    let once = form.field("once").to_owned();
    let fields: Vec<_> = [("once", once.as_str())].into_iter().chain(CELL).collect();
    let made = lab.operator.post("/batteries/new", &fields).await;
    assert_eq!((made.status, made.location.as_str()), (303, "/experiments/new?battery=1&done=battery"));
    let again = lab.operator.post("/batteries/new", &fields).await;
    assert_eq!((again.status, again.location), (303, made.location), "the same form makes nothing new");
    assert_eq!(lab.batteries().await.total, 1);
    let entries = lab.entries("add battery").await;
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].object.as_str(), entries[0].actor.as_str()), ("battery 1, NMC-022", "operator"));
    assert_eq!((entries[0].route.as_str(), entries[0].role.as_str()), ("POST /batteries/new", "operator"));
    let page = lab.operator.get("/batteries/1?done=added").await;
    for words in ["NMC-022 was added.", "2.500 to 4.200 V", "−9.600 to +4.800 A", "4.8 Ah"] {
        assert_says(&page, words);
    }
}

#[tokio::test]
async fn a_second_battery_of_the_same_name_is_refused_with_the_form_kept() {
    let mut lab = Lab::start().await;
    lab.add(&CELL).await;
    let fields: Vec<_> = CELL.into_iter().chain([("owner", "Jonas <b>"), ("once", "")]).collect();
    let refused = lab.operator.post("/batteries/new", &fields).await;
    assert_eq!(
        refused.problem("name"),
        "Another battery is called NMC-022, perhaps a retired one. Choose another name."
    );
    assert_says(&refused, "value=\"Jonas &#60;b&#62;\"");
    assert_eq!((lab.batteries().await.total, lab.entries("add battery").await.len()), (1, 1));
}

#[tokio::test]
async fn each_problem_of_a_battery_stands_beside_its_field_and_nothing_is_stored() {
    let mut lab = Lab::start().await;
    let wrong = [
        ("name", " "),
        ("chemistry", "lithium/AGM"),
        ("kind", "pack"),
        ("cells_series", "1.5"),
        ("capacity_ah", "1.234,5"),
        ("cell_voltage_min_v", "4.2"),
        ("cell_voltage_max_v", "2.5"),
        ("current_max_a", "1e9"),
        ("made_on", "2026-02-30"),
        ("mass_g", "0"),
    ];
    let answer = lab.operator.post("/batteries/new", &wrong).await;
    assert!(answer.problem("name").starts_with("Enter a name"));
    assert!(answer.problem("chemistry").contains("no chemistry of Lithium"));
    assert!(answer.problem("cells_series").contains("whole number"));
    assert!(answer.problem("capacity_ah").contains("1234.5"), "what could be two numbers is read back");
    assert_eq!(answer.problem("cell_voltage_min_v"), "4.2 V is not below the highest voltage of a cell, 2.5 V.");
    assert_eq!(answer.problem("current_max_a"), "1000000000 A is too large. Enter −50000 to 50000 A.");
    assert!(answer.problem("made_on").starts_with("“2026-02-30” is no day."));
    assert!(answer.problem("mass_g").contains("Enter more than 0, or leave it empty"));
    assert_says(&answer, "8 things do not fit.");
    assert_says(&answer, "value=\"1.234,5\"");
    // Nothing is left behind, neither a battery nor a part of one.
    assert_eq!(lab.batteries().await.total, 0);
    assert_eq!(lab.entries("battery").await, []);
    assert_eq!(lab.operator.post("/batteries/new", &[]).await.status, 422);
}

#[tokio::test]
async fn a_value_is_stored_as_typed_or_refused_and_zero_is_a_value() {
    let mut lab = Lab::start().await;
    let path = lab
        .add(&[
            ("name", "big"),
            ("chemistry", "lithium/other"),
            ("capacity_ah", "12000"),
            ("cell_voltage_min_v", "0"),
            ("cell_voltage_max_v", "8.5"),
            ("current_min_a", "8388.607"),
            ("current_max_a", "9000"),
        ])
        .await;
    let stored = &lab.batteries().await.batteries[0];
    assert_eq!((stored.cell_voltage_min_v, stored.voltage_min_v, stored.voltage_max_v), (0.0, 0.0, 8.5));
    assert_eq!((stored.current_min_a, stored.current_max_a, stored.capacity_ah), (-8_388.607, 9_000.0, 12_000.0));
    let form = lab.operator.get(&format!("{path}/edit")).await;
    assert_says(&form, "name=\"cell_voltage_min_v\" value=\"0\"");
    assert_says(&form, "name=\"current_min_a\" value=\"8388.607\"");
}

#[tokio::test]
async fn usual_limits_are_filled_in_before_anything_is_stored() {
    let mut lab = Lab::start().await;
    let typed = [("name", "B1"), ("chemistry", "lead_acid/AGM"), ("kind", "pack"), ("cells_series", "6")];
    let fields: Vec<_> = typed.into_iter().chain([("capacity_ah", "60"), ("fill", "usual")]).collect();
    let filled = lab.operator.post("/batteries/new", &fields).await;
    assert_eq!(filled.status, 200);
    assert_says(&filled, "name=\"voltage_max_v\" value=\"14.7\"");
    assert_says(&filled, "name=\"current_min_a\" value=\"60\"");
    assert_says(&filled, "name=\"name\" value=\"B1\"");
    assert_eq!(lab.batteries().await.total, 0);
}

#[tokio::test]
async fn makers_and_models_of_before_are_offered_once() {
    let mut lab = Lab::start().await;
    for name in ["A", "B"] {
        let typed = [("name", name), ("chemistry", "lithium/NMC"), ("capacity_ah", "5")];
        let fields: Vec<_> = typed.into_iter().chain([("manufacturer", "Northcell"), ("model", "EB-14")]).collect();
        lab.add(&fields).await;
    }
    let form = lab.operator.get("/batteries/new").await;
    assert_says(&form, "<datalist id=\"makers\"><option value=\"Northcell\"></option></datalist>");
    assert_says(&form, "<datalist id=\"models\"><option value=\"EB-14\"></option></datalist>");
}

#[tokio::test]
async fn two_people_who_edit_the_same_battery_are_told() {
    let mut lab = Lab::start().await;
    let path = lab.add(&CELL).await;
    let edit = format!("{path}/edit");
    let version = lab.operator.get(&edit).await.field("version").to_owned();
    let mine = [("version", version.as_str()), ("location", "Shelf 1")];
    let fields: Vec<_> = CELL.into_iter().chain(mine).collect();
    let done = lab.operator.post(&edit, &fields).await;
    assert_eq!((done.status, done.location), (303, format!("{path}?done=edited")));

    let mut other = lab.browser(Role::Admin).await;
    other.get(&edit).await;
    let theirs = [("version", version.as_str()), ("location", "Shelf 2")];
    let fields: Vec<_> = CELL.into_iter().chain(theirs).collect();
    let conflict = other.post(&edit, &fields).await;
    assert_eq!(conflict.status, 409, "{}", conflict.body);
    assert_says(&conflict, "Somebody else changed NMC-022 in the meantime");
    assert_says(&conflict, "name=\"location\" value=\"Shelf 2\"");
    assert_says(&conflict, "<td data-label=\"Stored now\">Shelf 1</td>");
    assert_eq!(lab.batteries().await.batteries[0].location, "Shelf 1", "nothing was overwritten");
    let version = conflict.field("version").to_owned();
    let again = [("version", version.as_str()), ("location", "Shelf 2")];
    let fields: Vec<_> = CELL.into_iter().chain(again).collect();
    assert_eq!(other.post(&edit, &fields).await.status, 303);
    assert_eq!(lab.batteries().await.batteries[0].location, "Shelf 2");
    assert_eq!(lab.entries("edit battery").await.len(), 2);
    let same = other.post(&edit, &fields).await;
    assert_eq!(same.location, format!("{path}?done=same"));
    assert_eq!(lab.entries("edit battery").await.len(), 2);
}

#[tokio::test]
async fn a_battery_is_retired_with_a_reason_and_brought_back() {
    let mut lab = Lab::start().await;
    let path = lab.add(&CELL).await;
    let retire = format!("{path}/retire");
    let form = lab.operator.get(&retire).await;
    let version = form.field("version").to_owned();
    let none = lab.operator.post(&retire, &[("version", &version), ("reason", " ")]).await;
    assert!(none.problem("reason").starts_with("Say why"));
    let fields = [("version", version.as_str()), ("reason", "below 80 % capacity")];
    let done = lab.operator.post(&retire, &fields).await;
    assert_eq!(done.location, format!("{path}?done=retired"));
    assert_eq!(lab.operator.post(&retire, &fields).await.status, 303, "the same form once more changes nothing");
    let entries = lab.entries("retire battery").await;
    assert_eq!((entries.len(), entries[0].reason.as_str()), (1, "below 80 % capacity"));
    assert_says(&lab.operator.get("/batteries").await, "No batteries yet.");
    assert_says(&lab.operator.get("/batteries?show=retired").await, ">NMC-022</a>");
    let page = lab.operator.get(&path).await;
    assert!(!page.body.contains("/experiments/new?battery="), "nothing more is planned on it");
    lab.operator.post(&format!("{path}/bring-back"), &[]).await;
    assert_says(&lab.operator.get("/batteries").await, ">NMC-022</a>");
}

#[tokio::test]
async fn the_list_is_searched_sorted_and_paged_by_its_address() {
    let mut lab = Lab::start().await;
    for number in 0..51 {
        let battery = cellar::store::batteries::NewBattery {
            manufacturer: "<script>Northcell".to_owned(),
            ..crate::support::battery::cell(&format!("cell {number:02}"))
        };
        lab.store.add_battery(&cellar::domain::audit::Actor::server("test"), &battery, None, 1).await.unwrap();
    }
    let first = lab.operator.get("/batteries").await;
    assert!(first.body.len() < 100_000, "{} bytes", first.body.len());
    assert_says(&first, "Batteries 1 to 50 of 51");
    assert_says(&first, "aria-sort=\"ascending\"");
    assert!(!first.body.contains("<script>N") && !first.body.contains(">cell 50<"));
    let second = lab.operator.get("/batteries?page=2").await;
    assert_says(&second, ">cell 50</a>");
    let descending = lab.operator.get("/batteries?sort=name&order=desc").await;
    assert_says(&descending, "aria-sort=\"descending\"");
    assert_says(&descending, ">cell 50</a>");
    let found = lab.operator.get("/batteries?text=CELL+07").await;
    assert_says(&found, "1 battery");
    assert_says(&lab.operator.get("/batteries?text=nothing").await, "No battery fits.");
    for nonsense in
        ["?page=-1", "?page=99999999999999999999", "?sort=x&order=y&technology=z&kind=1&show=2", "?text=%00"]
    {
        assert_eq!(lab.operator.get(&format!("/batteries{nonsense}")).await.status, 200, "{nonsense}");
    }
}

#[tokio::test]
async fn a_viewer_looks_and_changes_nothing() {
    let mut lab = Lab::start().await;
    let path = lab.add(&CELL).await;
    let mut viewer = lab.browser(Role::Viewer).await;
    let page = viewer.get(&path).await;
    assert_eq!(page.status, 200);
    assert!(!page.body.contains("/edit\"") && !page.body.contains("/retire\""), "{}", page.body);
    for closed in ["/batteries/new", &format!("{path}/edit"), &format!("{path}/retire"), "/cells/new"] {
        assert_eq!(viewer.get(closed).await.status, 403, "{closed}");
    }
    for missing in ["/batteries/99", "/batteries/x", "/batteries/1/places/2", "/batteries/1/photo", "/cells/99"] {
        assert_eq!(viewer.get(missing).await.status, 404, "{missing}");
    }
}
