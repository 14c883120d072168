//! Connecting, and what a device may do.

use super::rig::{Rig, V3, V5, commit, connect, hello, packet, publish, samples, subscribe, unsubscribe};
use crate::ingest::intake::Message;

#[tokio::test]
async fn a_version_5_device_is_told_what_the_server_offers() {
    let rig = Rig::start().await;
    let mut client = rig.dial().await;
    client.send(&connect(V5, "cu-1", "secret", 0)).await;
    let (kind, body) = client.receive().await;
    assert_eq!((kind, &body[..2]), (0x20, &[0, 0][..]));
    let properties = &body[3..];
    let offered = |bytes: &[u8]| properties.windows(bytes.len()).any(|window| window == bytes);
    assert!(offered(&[36, 1]), "maximum QoS 1");
    assert!(offered(&[37, 0]), "no retained messages");
    assert!(offered(&[40, 1]) && offered(&[41, 0]) && offered(&[42, 0]), "wildcards, no ids, no sharing");
    assert!(offered(&[33, 0x03, 0xe8]), "receive maximum 1000");
    assert!(offered(&[39, 0x00, 0x01, 0x04, 0x00]), "packets up to 65 KiB");
    assert!(offered(b"\x12\x00\x04cu-1"), "the assigned client id");
}

#[tokio::test]
async fn there_are_no_sessions_even_when_one_is_asked_for() {
    let rig = Rig::start().await;
    for _ in 0..2 {
        let mut client = rig.dial().await;
        client.send(&packet(0x10, b"\x00\x04MQTT\x04\xc0\x00\x00\x00\x01x\x00\x04cu-1\x00\x06secret")).await;
        assert_eq!(client.receive().await, (0x20, vec![0, 0]));
        client.send(&[0xe0, 0]).await;
        assert_eq!(client.try_receive().await, None);
    }
}

#[tokio::test]
async fn a_wrong_log_in_is_refused_without_saying_what_was_wrong() {
    let rig = Rig::start().await;
    for (user, password) in [("cu-1", "wrong"), ("cu-3", "secret"), ("cu-9", "secret"), ("", "secret")] {
        for (version, code) in [(V3, 4), (V5, 0x86)] {
            let mut client = rig.dial().await;
            client.send(&connect(version, user, password, 0)).await;
            let (kind, body) = client.receive().await;
            assert_eq!((kind, &body[..2]), (0x20, &[0, code][..]), "{user} {version}");
            assert_eq!(client.try_receive().await, None);
        }
    }
}

#[tokio::test]
async fn nothing_but_connect_may_come_first() {
    let mut rig = Rig::start().await;
    for first in [samples(V3, 1), subscribe(V3, 1, &[("cellar/v1/cu-1/down/#", 1)]), vec![0xc0, 0], vec![0; 40]] {
        let mut client = rig.dial().await;
        client.send(&first).await;
        assert_eq!(client.try_receive().await, None, "{first:?}");
    }
    let mut client = rig.client(V5).await;
    client.send(&connect(V5, "cu-1", "secret", 0)).await;
    assert_eq!(client.receive().await, (0xe0, vec![0x82]));
    assert!(rig.jobs.try_recv().is_err());
}

#[tokio::test]
async fn a_peer_that_does_not_connect_in_time_is_closed() {
    let rig = Rig::start().await;
    let mut client = rig.dial().await;
    client.send(&connect(V5, "cu-1", "secret", 0)[..10]).await;
    assert_eq!(client.try_receive().await, None);
}

#[tokio::test]
async fn a_forbidden_topic_closes_version_3_and_is_answered_in_version_5() {
    let mut rig = Rig::start().await;
    for topic in ["cellar/v1/cu-2/up/samples", "cellar/v1/cu-1/down/command", "$SYS/x", "cellar/v1/cu-1/upsamples"] {
        let mut client = rig.client(V3).await;
        client.send(&publish(V3, topic, 5, b"{}")).await;
        assert_eq!(client.try_receive().await, None, "{topic}");
        let mut client = rig.client(V5).await;
        client.send(&publish(V5, topic, 5, b"{}")).await;
        assert_eq!(client.receive().await, (0x40, vec![0, 5, 0x87]), "{topic}");
        assert!(rig.jobs.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_refusal_waits_for_its_turn() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    client.send(&[samples(V5, 1), publish(V5, "cellar/v1/cu-2/up/samples", 2, b"")].concat()).await;
    let first = rig.job().await;
    assert!(client.is_quiet().await);
    commit(vec![first]);
    assert_eq!(client.receive().await, (0x40, vec![0, 1]));
    assert_eq!(client.receive().await, (0x40, vec![0, 2, 0x87]));
}

#[tokio::test]
async fn only_the_devices_own_down_topics_can_be_subscribed() {
    let rig = Rig::start().await;
    let filters = [
        ("cellar/v1/cu-1/down/command", 0),
        ("cellar/v1/cu-1/down/#", 2),
        ("#", 0),
        ("$share/g/cellar/v1/cu-1/down/a", 1),
    ];
    for (version, refused) in [(V3, 0x80), (V5, 0x87)] {
        let mut client = rig.client(version).await;
        client.send(&subscribe(version, 9, &filters)).await;
        let (kind, body) = client.receive().await;
        assert_eq!((kind, &body[..2], &body[body.len() - 4..]), (0x90, &[0, 9][..], &[0, 1, refused, refused][..]));
        client.send(&unsubscribe(version, 10, "cellar/v1/cu-1/down/#")).await;
        let (kind, body) = client.receive().await;
        assert_eq!((kind, &body[..2]), (0xb0, &[0, 10][..]));
    }
}

#[tokio::test]
async fn a_second_connection_of_a_device_closes_the_first() {
    let mut rig = Rig::start().await;
    let (mut old_v5, mut old_v3) = (rig.client(V5).await, rig.client(V3).await);
    assert_eq!(old_v5.receive().await, (0xe0, vec![0x8e]));
    let mut new = rig.client(V5).await;
    assert_eq!(old_v3.try_receive().await, None);
    assert_eq!(old_v5.try_receive().await, None);
    new.send(&hello(V5, 1)).await;
    let job = rig.job().await;
    assert!(matches!(job.message, Message::Hello(_)));
    commit(vec![job]);
    assert_eq!(new.pubacks(1).await, [1]);
}

#[tokio::test]
async fn quality_2_and_retained_messages_are_refused() {
    let rig = Rig::start().await;
    let topic = "cellar/v1/cu-1/up/samples";
    let with_kind = |version, kind| {
        let mut packet = publish(version, topic, 5, b"{}");
        packet[0] = kind;
        packet
    };
    for (kind, code) in [(0x34, 0x9b), (0x33, 0x9a)] {
        let mut client = rig.client(V5).await;
        client.send(&with_kind(V5, kind)).await;
        assert_eq!(client.receive().await, (0xe0, vec![code]));
        assert_eq!(client.try_receive().await, None);
    }
    let mut client = rig.client(V3).await;
    client.send(&with_kind(V3, 0x34)).await;
    assert_eq!(client.try_receive().await, None);
}
