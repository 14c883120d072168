//! Pictures and labels of batteries.

use cellar::domain::user::Role;

use super::{Lab, assert_says};

const KIND: &str = "multipart/form-data; boundary=x7x7";
const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR-and-the-rest";

fn form(csrf: &str, file: &[u8]) -> Vec<u8> {
    let mut body = format!("--x7x7\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{csrf}\r\n").into_bytes();
    body.extend_from_slice(b"--x7x7\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"b.svg\"\r\n");
    body.extend_from_slice(b"Content-Type: image/svg+xml\r\n\r\n");
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--x7x7--\r\n");
    body
}

async fn add(lab: &mut Lab) -> String {
    lab.add(&[("name", "NMC <i>022"), ("chemistry", "lithium/NMC"), ("capacity_ah", "5")]).await
}

#[tokio::test]
async fn a_picture_is_stored_by_what_it_is_and_not_by_its_name() {
    let mut lab = Lab::start().await;
    let path = add(&mut lab).await;
    let edit = format!("{path}/photo/edit");
    lab.operator.get(&edit).await;
    let csrf = lab.operator.csrf.clone();
    let stored = lab.operator.post_body(&edit, KIND, form(&csrf, PNG)).await;
    assert_eq!(stored.location, format!("{path}?done=photo"), "{}", stored.body);
    let photo = lab.store.battery_photo(cellar::domain::ids::BatteryId(1)).await.unwrap().unwrap();
    assert_eq!(photo, ("image/png".to_owned(), PNG.to_vec()));
    let shown = lab.operator.get(&format!("{path}/photo")).await;
    let head = |name: &str| shown.headers[name].to_str().unwrap();
    assert_eq!((shown.status, head("content-type"), head("x-content-type-options")), (200, "image/png", "nosniff"));
    assert_eq!(lab.entries("add photo").await[0].object, "battery 1, NMC <i>022");

    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>";
    let refused = lab.operator.post_body(&edit, KIND, form(&csrf, svg)).await;
    assert_eq!(refused.problem("photo"), "This file is no picture as PNG, JPEG or WebP. Choose another one.");
    let none = lab.operator.post_body(&edit, KIND, form(&csrf, b"")).await;
    assert!(none.problem("photo").starts_with("Choose a file"));
    let mut large = PNG.to_vec();
    large.resize(5 * 1024 * 1024 + 1, 0);
    let large = lab.operator.post_body(&edit, KIND, form(&csrf, &large)).await;
    assert_eq!(large.problem("photo"), "The picture is too large. Choose one of 5 MB or less.");
    assert_eq!(lab.operator.get(&format!("{path}/photo")).await.status, 200, "the first one is still there");
    lab.operator.post(&format!("{path}/photo/remove"), &[]).await;
    assert_eq!(lab.operator.get(&format!("{path}/photo")).await.status, 404);
    assert_eq!(lab.entries("remove photo").await.len(), 1);
}

#[tokio::test]
async fn a_picture_needs_the_proof_that_a_page_of_ours_sent_it() {
    let mut lab = Lab::start().await;
    let path = add(&mut lab).await;
    let edit = format!("{path}/photo/edit");
    lab.operator.get(&edit).await;
    for csrf in ["", "0000"] {
        assert_eq!(lab.operator.post_body(&edit, KIND, form(csrf, PNG)).await.status, 403, "{csrf:?}");
    }
    let mut viewer = lab.browser(Role::Viewer).await;
    viewer.get("/").await;
    let csrf = viewer.csrf.clone();
    assert_eq!(viewer.post_body(&edit, KIND, form(&csrf, PNG)).await.status, 403);
    // Large forms are read from those only who may store a picture.
    let large = form(&csrf, &vec![0; 1024 * 1024]);
    assert_eq!(viewer.post_body("/theme", KIND, large).await.status, 413);
    assert_eq!(lab.entries("add photo").await, []);
}

#[tokio::test]
async fn the_label_opens_the_page_under_the_address_that_was_used() {
    let mut lab = Lab::start().await;
    let path = add(&mut lab).await;
    let page = lab.operator.get(&format!("{path}/label")).await;
    assert_says(&page, &lab.server.url(&path));
    assert_says(&page, "NMC &#60;i&#62;022");
    let code = lab.operator.get(&format!("{path}/label.svg")).await;
    assert_eq!((code.status, code.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
    let expected = cellar::auth::qr::svg(&lab.server.url(&path), "Code that opens NMC <i>022").unwrap();
    assert_eq!(code.body, expected);
}
