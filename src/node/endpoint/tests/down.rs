//! Messages to devices.

use super::rig::{NOW_US, Rig, V3, V5, commit, hello, packet, samples, subscribe};
use crate::node::endpoint::{Letter, NotSent};

const DOWN: &str = "cellar/v1/cu-1/down/";

fn letter(word: &str, text: &str) -> Letter {
    Letter { topic: format!("{DOWN}{word}"), payload: text.into() }
}

fn contains(body: &[u8], text: &str) -> bool {
    body.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test]
async fn a_hello_is_answered_after_its_commit() {
    let mut rig = Rig::start().await;
    for version in [V3, V5] {
        let mut client = rig.client(version).await;
        client.send(&subscribe(version, 1, &[(&format!("{DOWN}#"), 0)])).await;
        assert_eq!(client.receive().await.0, 0x90);
        client.send(&hello(version, 2)).await;
        let job = rig.job().await;
        assert!(client.is_quiet().await);
        commit(vec![job]);
        assert_eq!(client.pubacks(1).await, [2]);
        let (kind, body) = client.receive().await;
        assert_eq!(kind, 0x30);
        assert!(contains(&body, "cellar/v1/cu-1/down/welcome"));
        let expected = format!(r#"{{"device":"cu-1","epoch":3,"time_us":{NOW_US},"upto":{{"boot":7,"seq":41}}}}"#);
        assert!(contains(&body, &expected), "{}", String::from_utf8_lossy(&body));
    }
}

#[tokio::test]
async fn a_welcome_waits_for_the_subscription() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    client.send(&hello(V5, 2)).await;
    commit(vec![rig.job().await]);
    assert_eq!(client.pubacks(1).await, [2]);
    client.send(&subscribe(V5, 3, &[(&format!("{DOWN}command"), 1)])).await;
    assert_eq!(client.receive().await.0, 0x90);
    assert!(client.is_quiet().await);
    client.send(&subscribe(V5, 4, &[(&format!("{DOWN}welcome"), 1)])).await;
    assert_eq!(client.receive().await.0, 0x90);
    let (kind, body) = client.receive().await;
    assert_eq!(kind, 0x32);
    assert!(contains(&body, "\"epoch\":3"));
    client.send(&samples(V5, 5)).await;
    commit(vec![rig.job().await]);
    assert_eq!(client.pubacks(1).await, [5]);
    assert!(client.is_quiet().await, "one welcome answers one hello");
}

#[tokio::test]
async fn a_letter_reaches_a_device_that_subscribed_to_it_and_nobody_else() {
    let rig = Rig::start().await;
    let device = "cu-1".parse().unwrap();
    assert_eq!(rig.registry.send(&device, letter("command", "early")), Err(NotSent::Away));
    let mut client = rig.client(V3).await;
    client.send(&subscribe(V3, 1, &[(&format!("{DOWN}command"), 1)])).await;
    assert_eq!(client.receive().await.0, 0x90);
    rig.registry.send(&device, letter("result", "unwanted")).unwrap();
    rig.registry.send(&device, letter("command", "stop")).unwrap();
    let (kind, body) = client.receive().await;
    assert_eq!(kind, 0x32);
    assert!(contains(&body, "down/command") && body.ends_with(b"stop"));
}

#[tokio::test]
async fn a_device_gets_no_more_letters_than_it_acknowledges() {
    let rig = Rig::start().await;
    let mut client = rig.client(V3).await;
    client.send(&subscribe(V3, 1, &[(&format!("{DOWN}command"), 1)])).await;
    assert_eq!(client.receive().await.0, 0x90);
    for number in 0..20 {
        rig.registry.send(&"cu-1".parse().unwrap(), letter("command", &number.to_string())).unwrap();
    }
    let mut ids = Vec::new();
    for _ in 0..16 {
        let (kind, body) = client.receive().await;
        assert_eq!(kind, 0x32);
        let topic = usize::from(u16::from_be_bytes([body[0], body[1]]));
        ids.push([body[2 + topic], body[3 + topic]]);
    }
    assert!(client.is_quiet().await);
    client.send(&packet(0x40, &ids[0])).await;
    let (kind, body) = client.receive().await;
    assert_eq!((kind, body.ends_with(b"16")), (0x32, true));
    assert!(client.is_quiet().await);
}
