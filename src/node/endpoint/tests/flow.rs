//! Messages and their acknowledgements.

use std::time::Duration;

use super::rig::{PINGREQ, PINGRESP, Rig, V3, V5, commit, publish, samples, subscribe};
use crate::ingest::intake::{Message, QUEUE_BYTES_MAX};

#[tokio::test]
async fn a_message_is_acknowledged_only_after_its_commit() {
    let mut rig = Rig::start().await;
    for version in [V3, V5] {
        let mut client = rig.client(version).await;
        client.send(&samples(version, 5)).await;
        let job = rig.job().await;
        assert!(matches!(&job.message, Message::Samples(packed) if packed.batch().seq == 5), "{:?}", job.message);
        assert!(client.is_quiet().await);
        commit(vec![job]);
        assert_eq!(client.pubacks(1).await, [5]);
    }
}

#[tokio::test]
async fn a_message_that_was_not_stored_is_never_acknowledged() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    client.send(&[samples(V5, 1), samples(V5, 2)].concat()).await;
    let mut jobs = rig.jobs(2).await;
    drop(jobs.remove(0));
    commit(jobs);
    assert!(client.is_quiet().await);
}

#[tokio::test]
async fn acknowledgements_come_in_the_order_of_the_messages() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    client.send(&[samples(V5, 9), samples(V5, 2), samples(V5, 5)].concat()).await;
    let mut jobs = rig.jobs(3).await;
    let last = jobs.pop();
    let second = jobs.pop();
    commit(second.into_iter().chain(last).collect());
    assert!(client.is_quiet().await);
    commit(jobs);
    assert_eq!(client.pubacks(3).await, [9, 2, 5]);
}

#[tokio::test]
async fn one_commit_acknowledges_all_messages_of_its_group() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V3).await;
    let messages: Vec<u8> = (1..=500).flat_map(|packet_id| samples(V3, packet_id)).collect();
    client.send(&messages).await;
    commit(rig.jobs(500).await);
    assert_eq!(client.pubacks(500).await, (1..=500).collect::<Vec<_>>());
}

#[tokio::test]
async fn packets_may_arrive_in_any_pieces() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    let bytes = [samples(V5, 1), PINGREQ.to_vec(), samples(V5, 2)].concat();
    for piece in bytes.chunks(7) {
        client.send(piece).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(client.receive().await, PINGRESP);
    commit(rig.jobs(2).await);
    assert_eq!(client.pubacks(2).await, [1, 2]);
}

#[tokio::test]
async fn pings_and_subscriptions_are_answered_while_nothing_is_committed() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V3).await;
    let rest = subscribe(V3, 7, &[("cellar/v1/cu-1/down/#", 1)]);
    client.send(&[samples(V3, 1), PINGREQ.to_vec(), samples(V3, 2), rest].concat()).await;
    assert_eq!(client.receive().await, PINGRESP);
    assert_eq!(client.receive().await, (0x90, vec![0, 7, 1]));
    commit(rig.jobs(2).await);
    assert_eq!(client.pubacks(2).await, [1, 2]);
}

#[tokio::test]
async fn pings_are_answered_while_the_queue_has_no_room() {
    let mut rig = Rig::start().await;
    let room = rig.intake.room(QUEUE_BYTES_MAX).await.unwrap();
    let mut client = rig.client(V3).await;
    client.send(&[samples(V3, 1), samples(V3, 2), samples(V3, 3), PINGREQ.to_vec()].concat()).await;
    assert_eq!(client.receive().await, PINGRESP);
    assert!(rig.jobs.try_recv().is_err());
    drop(room);
    commit(rig.jobs(3).await);
    assert_eq!(client.pubacks(3).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_packet_id_sent_twice_is_acknowledged_twice() {
    let mut rig = Rig::start().await;
    for version in [V3, V5] {
        let mut client = rig.client(version).await;
        let mut again = samples(version, 4);
        again[0] |= 0x08;
        client.send(&[samples(version, 4), again].concat()).await;
        commit(rig.jobs(2).await);
        assert_eq!(client.pubacks(2).await, [4, 4]);
    }
}

#[tokio::test]
async fn quality_0_is_stored_and_not_acknowledged() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    client.send(&[publish(V5, "cellar/v1/cu-1/up/heartbeat", 0, br#"{"boot":7}"#), samples(V5, 1)].concat()).await;
    let jobs = rig.jobs(2).await;
    assert!(matches!(jobs[0].message, Message::Heartbeat(_)));
    commit(jobs);
    assert_eq!(client.pubacks(1).await, [1]);
    assert!(client.is_quiet().await);
}

#[tokio::test]
async fn a_bad_payload_becomes_a_dead_letter_and_is_acknowledged_after_the_commit() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V3).await;
    client.send(&publish(V3, "cellar/v1/cu-1/up/samples", 8, b"{\"boot\":")).await;
    let job = rig.job().await;
    match &job.message {
        Message::Dead(letter) => {
            assert_eq!(
                (letter.topic.as_str(), letter.payload.as_slice()),
                ("cellar/v1/cu-1/up/samples", &b"{\"boot\":"[..])
            );
            assert!(letter.reason.contains("byte 8"), "{}", letter.reason);
        }
        other => panic!("{other:?}"),
    }
    assert!(client.is_quiet().await);
    commit(vec![job]);
    assert_eq!(client.pubacks(1).await, [8]);
}

#[tokio::test]
async fn a_stop_acknowledges_what_the_writer_has_and_reads_nothing_new() {
    let mut rig = Rig::start().await;
    let (mut v5, mut v3) = (rig.client(V5).await, rig.dial().await);
    v3.send(&super::rig::connect(V3, "cu-2", "secret", 0)).await;
    assert_eq!(v3.receive().await, (0x20, vec![0, 0]));
    v5.send(&[samples(V5, 1), samples(V5, 2)].concat()).await;
    let jobs = rig.jobs(2).await;
    rig.stop();
    assert_eq!(v3.try_receive().await, None);
    v5.send(&samples(V5, 3)).await;
    assert!(v5.is_quiet().await);
    assert!(rig.jobs.try_recv().is_err());
    commit(jobs);
    assert_eq!(v5.pubacks(2).await, [1, 2]);
    assert_eq!(v5.receive().await, (0xe0, vec![0x8b]));
    rig.stopped().await;
}

#[tokio::test]
async fn a_stop_gives_up_what_waits_for_room() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    client.send(&samples(V5, 1)).await;
    let stored = rig.job().await;
    let _room = rig.intake.room(QUEUE_BYTES_MAX - stored.room.bytes()).await.unwrap();
    client.send(&[samples(V5, 2), samples(V5, 3), PINGREQ.to_vec()].concat()).await;
    assert_eq!(client.receive().await, PINGRESP);
    rig.stop();
    commit(vec![stored]);
    assert_eq!(client.pubacks(1).await, [1]);
    assert_eq!(client.receive().await, (0xe0, vec![0x8b]));
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever_for_a_commit() {
    let mut rig = Rig::start().await;
    let mut client = rig.client(V5).await;
    client.send(&samples(V5, 1)).await;
    let _never = rig.job().await;
    rig.stop();
    assert_eq!(client.receive().await, (0xe0, vec![0x8b]));
    rig.stopped().await;
}
