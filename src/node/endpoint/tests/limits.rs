//! What bounds a connection.

use std::time::Duration;

use super::rig::{PINGREQ, PINGRESP, Rig, V3, V5, commit, connect, publish, samples, subscribe};
use crate::ingest::intake::{Message, PAYLOAD_BYTES_MAX};

#[tokio::test]
async fn a_payload_above_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let mut rig = Rig::start().await;
    let topic = "cellar/v1/cu-1/up/samples";
    let of = |version, bytes| publish(version, topic, 1, &vec![b' '; bytes]);
    for size in [PAYLOAD_BYTES_MAX + 1, 100_000] {
        let mut client = rig.client(V5).await;
        client.send_for(&of(V5, size), Duration::from_secs(1)).await;
        assert_eq!(client.receive().await, (0xe0, vec![0x95]), "{size}");
        let mut client = rig.client(V3).await;
        client.send_for(&of(V3, size), Duration::from_secs(1)).await;
        assert_eq!(client.try_receive().await, None, "{size}");
    }
    let mut client = rig.client(V5).await;
    client.send(&of(V5, PAYLOAD_BYTES_MAX)).await;
    assert!(matches!(rig.job().await.message, Message::Dead(letter) if letter.payload.len() == PAYLOAD_BYTES_MAX));
}

#[tokio::test]
async fn a_version_5_device_beyond_its_receive_maximum_is_closed() {
    let rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    let messages: Vec<u8> = (1..=1_001).flat_map(|packet_id| samples(V5, packet_id)).collect();
    client.send(&messages).await;
    assert_eq!(client.receive().await, (0xe0, vec![0x93]));
}

#[tokio::test]
async fn a_socket_is_read_up_to_its_own_limit_and_its_device_is_not_given_up_meanwhile() {
    let mut rig = Rig::start().await;
    let mut client = rig.dial().await;
    client.send(&connect(V3, "cu-1", "secret", 1)).await;
    assert_eq!(client.receive().await, (0x20, vec![0, 0]));
    let messages: Vec<u8> = (1..=60_000_u16).flat_map(|packet_id| samples(V3, packet_id)).collect();
    // Longer than the keep-alive timeout: the pings of this device would be behind its messages.
    let sent = client.send_for(&messages, Duration::from_secs(2)).await;
    assert!(sent < messages.len(), "the device was never told to wait");
    let one_read = 64 * 1024 / samples(V3, 1).len();
    let mut taken = Vec::new();
    while let Ok(job) = rig.jobs.try_recv() {
        taken.push(job);
    }
    assert!((2_000..2_000 + one_read + 1).contains(&taken.len()), "{} messages were taken", taken.len());
    let count = taken.len();
    commit(taken);
    assert_eq!(client.pubacks(count).await.len(), count);
    assert!(matches!(rig.job().await.message, Message::Samples(_)));
}

#[tokio::test]
async fn a_silent_device_is_given_up_after_one_and_a_half_keep_alives() {
    let rig = Rig::start().await;
    let mut client = rig.dial().await;
    client.send(&connect(V5, "cu-1", "secret", 1)).await;
    assert_eq!(client.receive().await.0, 0x20);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        client.send(PINGREQ).await;
        assert_eq!(client.receive().await, PINGRESP);
    }
    let silent_since = std::time::Instant::now();
    assert_eq!(client.receive().await, (0xe0, vec![0x8d]));
    assert!(silent_since.elapsed() >= Duration::from_secs(1), "{:?}", silent_since.elapsed());
}

#[tokio::test]
async fn a_peer_that_sends_and_never_receives_is_not_read_for_ever() {
    let rig = Rig::start().await;
    let mut client = rig.client(V3).await;
    let pings = PINGREQ.repeat(4 * 1024 * 1024);
    let sent = client.send_for(&pings, Duration::from_secs(1)).await;
    // What both sockets and the endpoint's own buffer hold, and no more.
    assert!(sent < pings.len(), "all pings were taken though no answer was received");
}

#[tokio::test]
async fn damaged_packets_cost_their_sender_the_connection_and_nobody_else_anything() {
    let mut rig = Rig::start().await;
    fastrand::seed(7);
    for round in 0..400 {
        let version = if round % 2 == 0 { V3 } else { V5 };
        let talk = [
            connect(version, "cu-2", "secret", 0),
            subscribe(version, 1, &[("cellar/v1/cu-2/down/#", 1)]),
            publish(version, "cellar/v1/cu-2/up/heartbeat", 2, br#"{"boot":7}"#),
            PINGREQ.to_vec(),
        ];
        let mut bytes = talk.concat();
        for _ in 0..fastrand::usize(1..4) {
            let place = fastrand::usize(..bytes.len());
            bytes[place] = fastrand::u8(..);
        }
        let mut client = rig.dial().await;
        client.send_for(&bytes, Duration::from_secs(1)).await;
        drop(client);
        while let Ok(job) = rig.jobs.try_recv() {
            commit(vec![job]);
        }
    }
    let mut client = rig.client(V5).await;
    client.send(&samples(V5, 1)).await;
    let mut job = rig.job().await;
    while job.device.as_str() != "cu-1" {
        commit(vec![job]);
        job = rig.job().await;
    }
    commit(vec![job]);
    assert_eq!(client.pubacks(1).await, [1]);
    rig.stop();
    rig.stopped().await;
}
