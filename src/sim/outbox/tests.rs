//! What waits in a device, tested.

use super::*;

fn rows(boot: u32, first: i64, last: i64) -> Message {
    let content = Content::Rows { boot, first, last };
    Message { topic: "samples", payload: Bytes::from_static(b"0123456789"), content }
}

fn ids(outbox: &Outbox) -> Vec<u64> {
    std::iter::from_fn(|| outbox.next()).map(|(id, _)| id).collect()
}

#[test]
fn a_message_is_sent_once_until_the_connection_breaks_and_then_again() {
    let outbox = Outbox::default();
    (0..3).for_each(|n| outbox.push(rows(1, n, n)));
    assert_eq!((ids(&outbox), outbox.in_flight()), (vec![0, 1, 2], 3));
    assert!(outbox.next().is_none());
    assert!(outbox.acknowledge(1).is_some() && outbox.acknowledge(1).is_none());
    outbox.rewind();
    outbox.push(rows(1, 3, 3));
    assert_eq!(ids(&outbox), [0, 2, 3]);
}

#[test]
fn ranges_acknowledge_only_what_lies_wholly_within_and_of_that_boot() {
    let outbox = Outbox::default();
    [rows(1, 0, 4), rows(1, 5, 9), rows(2, 0, 4), rows(1, 20, 24)].into_iter().for_each(|m| outbox.push(m));
    let word = Message { topic: "state", payload: Bytes::new(), content: Content::Word };
    outbox.push(word);
    let done = outbox.acknowledge_ranges(1, &[(0, 7), (20, 30)]);
    assert_eq!(done, [rows(1, 0, 4).content, rows(1, 20, 24).content]);
    assert_eq!(ids(&outbox), [1, 2, 4]);
    assert_eq!(outbox.unacked_rows(), 10);
}

#[test]
fn after_an_outage_the_fresh_go_first_and_the_newest_of_the_rest_before_the_oldest() {
    let outbox = Outbox::default();
    (0..8).for_each(|n| outbox.push(rows(1, n, n)));
    let word = || Message { topic: "state", payload: Bytes::new(), content: Content::Word };
    outbox.push(word());
    let age = Duration::from_secs(10);
    for held in outbox.lock().messages.values_mut() {
        held.made = held.made.checked_sub(age).unwrap();
    }
    outbox.push(rows(1, 9, 9));
    outbox.push(word());
    // The old word, then one in four from the old end of the back-fill; fresh ones in their order, before most of it.
    let order = ids(&outbox);
    assert_eq!(order[0], 8);
    let place = |id: u64| order.iter().position(|sent| *sent == id).unwrap();
    assert!(place(9) < 3 && place(10) < 4 && place(9) < place(10), "{order:?}");
    assert!(place(7) < place(3) && place(0) < place(3), "{order:?}");
    assert_eq!(order.len(), 11);
}

#[test]
fn pranks_send_every_message_and_some_twice_and_late_and_out_of_order() {
    let mischief = Mischief { twice: 0.2, replay: 0.2, shuffle: 20, ..Mischief::default() };
    let outbox = Outbox::new(mischief, 5);
    (0..200).for_each(|n| outbox.push(rows(1, n, n)));
    outbox.close();
    let sent: Vec<(u64, Message)> = std::iter::from_fn(|| outbox.next()).collect();
    let readings: Vec<u64> =
        sent.iter().filter(|(_, message)| message.content != Content::Word).map(|(id, _)| *id).collect();
    assert!(readings.windows(2).any(|pair| pair[1] < pair[0]), "{readings:?}");
    let mut sorted = readings.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..200).collect::<Vec<u64>>());
    assert!((230..350).contains(&sent.len()), "{}", sent.len());
}

#[tokio::test]
async fn a_full_outbox_makes_the_maker_wait_for_an_acknowledgement() {
    let outbox = Outbox::default();
    let payload = Bytes::from(vec![0; UNACKED_BYTES_MAX]);
    outbox.push(Message { payload, ..rows(1, 0, 0) });
    let waits = tokio::time::timeout(std::time::Duration::from_millis(20), outbox.room()).await;
    assert!(waits.is_err());
    outbox.acknowledge(0);
    outbox.room().await;
}
