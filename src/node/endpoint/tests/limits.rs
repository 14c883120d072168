//! What bounds a connection.

use std::time::Duration;

use super::rig::{PINGREQ, PINGRESP, Rig, V3, V5, commit, connect, publish, samples};
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
    // Twice the keep-alive timeout: the pings of this device would be behind its messages.
    let sent = client.send_for(&messages, Duration::from_secs(3)).await;
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
    client.send(&connect(V5, "cu-1", "secret", 2)).await;
    assert_eq!(client.receive().await.0, 0x20);
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.send(PINGREQ).await;
        assert_eq!(client.receive().await, PINGRESP);
    }
    let silent_since = std::time::Instant::now();
    assert_eq!(client.receive().await, (0xe0, vec![0x8d]));
    assert!(silent_since.elapsed() >= Duration::from_secs(2), "{:?}", silent_since.elapsed());
}

#[tokio::test]
async fn a_peer_that_sends_and_never_receives_is_not_read_for_ever() {
    let rig = Rig::start().await;
    let mut client = rig.client(V3).await;
    let pings = PINGREQ.repeat(4 * 1024 * 1024);
    let sent = client.send_for(&pings, Duration::from_secs(3)).await;
    // What both sockets and the endpoint's own buffer hold, and no more.
    assert!(sent < pings.len(), "all pings were taken though no answer was received");
}
