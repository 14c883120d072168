//! Devices are registered, let in, renewed, shut out, and shown as what they are.

use cellar::domain::device::DeviceKind;
use cellar::domain::ids::DeviceId;
use cellar::domain::message::Hello;
use cellar::domain::secret::DeviceSecret;
use cellar::domain::user::Role;

use super::{Site, by, now_us, told};

fn id(text: &str) -> DeviceId {
    text.parse().unwrap()
}

async fn opens(site: &Site, device: &str, secret: &str) -> bool {
    let login = site.store.device_login(&id(device)).await.unwrap();
    login.is_some_and(|login| !login.disabled && DeviceSecret::sent(secret).matches(&login.secret_sha256))
}

#[tokio::test]
async fn a_device_is_registered_and_its_secret_shown_once() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    assert!(site.get(&admin, "/devices").await.body.contains("No devices yet."));
    let made = site.post(&admin, "/devices/new", &[("id", "cu-01"), ("kind", "unit")]).await;
    let secret = made.secret().to_owned();
    assert!(opens(&site, "cu-01", &secret).await);
    assert_eq!(site.told("register device").await, told("chief", "POST /devices/new", "device cu-01"));
    let again = site.post(&admin, "/devices/new", &[("id", "cu-01"), ("kind", "probe")]).await;
    assert!(again.problem("id").starts_with("cu-01 is registered already."));
    assert!(opens(&site, "cu-01", &secret).await, "its secret is as it was");
    let wrong = site.post(&admin, "/devices/new", &[("id", "CU/#"), ("kind", "toaster")]).await;
    assert!(wrong.problem("id").contains("use 1 to 32") && wrong.problem("kind") == "Choose what it is.");
    assert!(wrong.body.contains("value=\"CU/#\""));
    let list = site.get(&admin, "/devices").await;
    assert!(list.body.contains("/devices/cu-01\">cu-01</a>") && list.body.contains("No message yet"), "{}", list.body);
    assert!(!list.body.contains(&secret));
    assert!(site.get(&admin, "/devices?text=zz").await.body.contains("No device fits “zz”."));
}

both_engines! {
    async fn an_operator_lets_in_exactly_the_device_that_waits(database: Database) {
        let site = Site::on(&database).await;
        let operator = site.person("op", Role::Operator).await;
        let (good, other) = (DeviceSecret::draw().unwrap(), DeviceSecret::draw().unwrap());
        for (device, secret) in [("pr-07", &good), ("pr-07", &other), ("pr-08", &other)] {
            site.store.note_pending(&id(device), secret, "10.0.0.8", now_us()).await.unwrap();
        }
        let list = site.get(&operator, "/devices").await;
        let code = cellar::domain::secret::secret_code(&good.sha256());
        assert!(list.body.contains(&code) && list.body.contains("10.0.0.8") && list.body.contains("1 try"));
        let hash: String = good.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(list.body.contains(&hash));
        let fields = [("device", "pr-07"), ("secret", hash.as_str()), ("kind", "probe")];
        let done = site.post(&operator, "/devices/pending/approve", &fields).await;
        let after = site.get(&operator, done.leads_to()).await;
        assert!(after.body.contains("pr-07 was approved as probe. It is in at its next try."), "{}", after.body);
        assert!(opens(&site, "pr-07", good.reveal()).await && !opens(&site, "pr-07", other.reveal()).await);
        let entry = &site.entries("approve device").await[0];
        assert_eq!((entry.actor.as_str(), entry.route.as_str()), ("op", "POST /devices/pending/approve"));
        let again = site.post(&operator, "/devices/pending/approve", &fields).await;
        assert_eq!(again.status, 409);
        assert!(again.body.contains("pr-07 is registered already"), "{}", again.body);

        let hash: String = other.sha256().iter().map(|byte| format!("{byte:02x}")).collect();
        let fields = [("device", "pr-08"), ("secret", hash.as_str())];
        let done = site.post(&operator, "/devices/pending/dismiss", &fields).await;
        assert!(site.get(&operator, done.leads_to()).await.body.contains("taken from the list"));
        let again = site.post(&operator, "/devices/pending/dismiss", &fields).await;
        assert!(again.status == 409 && again.body.contains("no longer waits with that code"), "{}", again.body);
        assert_eq!(site.entries("dismiss").await.len(), 1);
        for wrong in [[("device", "P"), ("secret", "")], [("device", "pr-08"), ("secret", "00")]] {
            assert_eq!(site.post(&operator, "/devices/pending/approve", &wrong).await.status, 422);
        }
    }
}

#[tokio::test]
async fn a_new_secret_replaces_the_old_one_once() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let old = DeviceSecret::draw().unwrap();
    site.store.register_device(&by(), &id("cu-01"), DeviceKind::Unit, &old, now_us()).await.unwrap();
    let form = site.get(&admin, "/devices/cu-01/rotate").await;
    assert!(form.body.contains(">Give cu-01 a new secret</button>"), "{}", form.body);
    let fields = [("version", form.hidden("version"))];
    let made = site.post(&admin, "/devices/cu-01/rotate", &fields).await;
    assert!(opens(&site, "cu-01", made.secret()).await && !opens(&site, "cu-01", old.reveal()).await);
    assert_eq!(site.told("rotate device secret").await, told("chief", "POST /devices/{id}/rotate", "device cu-01"));
    let again = site.post(&admin, "/devices/cu-01/rotate", &fields).await;
    assert!(again.status == 409 && again.body.contains("Somebody else changed device cu-01"), "{}", again.body);
    assert!(opens(&site, "cu-01", made.secret()).await, "sent twice, the secret shown first still counts");
}

#[tokio::test]
async fn a_device_is_shut_out_with_a_reason_and_let_in_again() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let operator = site.person("op", Role::Operator).await;
    let secret = DeviceSecret::draw().unwrap();
    site.store.register_device(&by(), &id("cu-01"), DeviceKind::Unit, &secret, now_us()).await.unwrap();
    let page = site.get(&admin, "/devices/cu-01/disable").await;
    assert!(page.body.contains(">Disable cu-01</button>") && page.body.contains("It drives stations"), "{}", page.body);
    let none = site.post(&admin, "/devices/cu-01/disable", &[("reason", "")]).await;
    assert!(none.problem("reason").starts_with("Say why"));
    for _ in 0..2 {
        let done = site.post(&admin, "/devices/cu-01/disable", &[("reason", "sent to repair")]).await;
        assert!(site.get(&admin, done.leads_to()).await.body.contains("cu-01 was disabled; its connection is closed."));
    }
    assert!(!opens(&site, "cu-01", secret.reveal()).await);
    assert_eq!(site.told("disable device").await, told("chief", "POST /devices/{id}/disable", "device cu-01"));
    assert_eq!(site.entries("disable device").await[0].reason, "sent to repair");
    assert_eq!(site.post(&operator, "/devices/cu-01/enable", &[]).await.status, 403);
    assert!(!site.get(&operator, "/devices/cu-01").await.body.contains("/devices/cu-01/rotate"));
    for _ in 0..2 {
        let done = site.post(&admin, "/devices/cu-01/enable", &[]).await;
        assert!(site.get(&admin, done.leads_to()).await.body.contains("cu-01 may connect again"));
    }
    assert!(opens(&site, "cu-01", secret.reveal()).await);
    assert_eq!(site.told("enable device").await, told("chief", "POST /devices/{id}/enable", "device cu-01"));
}

#[tokio::test]
async fn what_a_device_says_of_itself_is_shown_as_text() {
    let site = Site::start().await;
    let admin = site.person("chief", Role::Admin).await;
    let secret = DeviceSecret::draw().unwrap();
    site.store.register_device(&by(), &id("pr-01"), DeviceKind::Probe, &secret, now_us()).await.unwrap();
    let mut group = site.store.begin_group().await.unwrap();
    let hello = Hello {
        boot: 3,
        model: "<script>alert(1)</script>\u{202e}x".to_owned(),
        firmware: "1.2\u{7}\" onload=\"x".to_owned(),
        serial: "&amp;".to_owned(),
        kind: DeviceKind::Probe,
    };
    group.device_hello(&id("pr-01"), &hello, now_us()).await.unwrap();
    group.commit().await.unwrap();
    for path in ["/devices", "/devices/pr-01"] {
        let page = site.get(&admin, path).await;
        assert!(
            !page.body.contains("<script>alert") && !page.body.contains('\u{202e}') && !page.body.contains('\u{7}')
        );
        assert!(page.body.contains("&#60;script&#62;alert(1)&#60;/script&#62;x"), "{}", page.body);
        assert!(page.body.contains("1.2&#34; onload=&#34;x") && page.body.contains("Connected"), "{}", page.body);
    }
    assert!(site.get(&admin, "/devices/pr-01").await.body.contains("&#38;amp;"));
}
