//! A device that sends what no device may send. The server must keep all of it apart and go on.

use std::time::Duration;

use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, NetworkOptions, QoS};
use tokio::sync::watch;

use super::device::wait_for_shutdown;
use super::link::Broker;
use super::plan::VandalPlan;
use crate::domain::ids::DeviceId;

/// Pause between two attacks.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an answer may take: a server may also just close the connection.
const ANSWER_WAIT: Duration = Duration::from_secs(5);
/// Size of the largest message: far above what the protocol allows.
const HUGE_BYTES: usize = 1024 * 1024;
/// Largest packet its client would send.
const PACKET_BYTES_MAX: usize = 2 * HUGE_BYTES;

/// Everything a vandal knows to send, one after the other in an order of chance.
const KINDS: usize = 18;

/// One attack: full topic and payload.
#[must_use]
fn attack(random: &mut fastrand::Rng, device: &DeviceId, victim: &DeviceId) -> (String, Vec<u8>) {
    let own = |what: &str| format!("cellar/v1/{device}/up/{what}");
    let samples = own("samples");
    let head = r#"{"boot":1,"seq":0,"for":{"battery":1},"#;
    let text = |body: &str| body.as_bytes().to_vec();
    match random.usize(..KINDS) {
        0 => (samples, vec![0xff, 0xfe, 0x00, 0xc3, 0x28]),
        1 => (samples, (0..random.usize(..400)).map(|_| random.u8(..)).collect()),
        2 => (samples, Vec::new()),
        3 => (samples, text("[1,2,3]")),
        4 => (samples, text(&format!(r#"{head}"at_us":[1,2],"columns":{{"voltage_v":[1.0]}}}}"#))),
        5 => (samples, text(&format!(r#"{head}"at_us":[1],"columns":{{"voltage_v":[NaN]}}}}"#))),
        6 => (samples, text(&format!(r#"{head}"at_us":[1],"columns":{{"voltage_v":["3.7"]}}}}"#))),
        7 => (samples, text(&format!(r#"{head}"at_us":[1.5],"columns":{{"voltage_v":[1]}}}}"#))),
        8 => (samples, text(&format!(r#"{head}"at_us":[],"columns":{{}}}}"#))),
        9 => (samples, text(r#"{"boot":1,"seq":-7,"for":{"battery":1},"at_us":[1],"columns":{"voltage_v":[1]}}"#)),
        10 => {
            let seq = u64::MAX;
            let body = format!(r#"{{"boot":1,"seq":{seq},"for":{{"battery":1}},"at_us":[1],"columns":{{"a_v":[1]}}}}"#);
            (samples, text(&body))
        }
        11 => (samples, text(r#"{"boot":1,"seq":0,"for":{"planet":3},"at_us":[1],"columns":{"voltage_v":[1]}}"#)),
        12 => (samples, vec![b'['; 60_000]),
        13 => {
            let columns: Vec<String> = (0..2_000).map(|n| format!(r#""c{n}_v":[1]"#)).collect();
            (samples, text(&format!(r#"{head}"at_us":[1],"columns":{{{}}}}}"#, columns.join(","))))
        }
        14 => (samples, vec![b' '; HUGE_BYTES]),
        15 => {
            let body = r#"{"boot":1,"seq":0,"for":{"battery":1},"at_us":[1],"columns":{"voltage_v":[666]}}"#;
            (format!("cellar/v1/{victim}/up/samples"), text(body))
        }
        16 => (own("no/such/thing"), text("{}")),
        _ => (own("hello"), text(r#"{"boot":"one","kind":"submarine"}"#)),
    }
}

/// Attacks until told to stop; returns how often.
pub(super) async fn run(plan: VandalPlan, broker: Broker, mut shutdown: watch::Receiver<bool>) -> u64 {
    let mut random = fastrand::Rng::with_seed(plan.seed);
    let mut attacks = 0;
    while !*shutdown.borrow() {
        tokio::select! {
            () = connect_and_attack(&plan, &broker, &mut random, &mut attacks) => {}
            () = wait_for_shutdown(&mut shutdown) => break,
        }
        tokio::time::sleep(PAUSE).await;
    }
    tracing::info!(device = %plan.device, attacks, "vandal done");
    attacks
}

async fn connect_and_attack(plan: &VandalPlan, broker: &Broker, random: &mut fastrand::Rng, attacks: &mut u64) {
    // MQTT 3.1.1: its servers have no way to announce a largest packet, so the client sends anything.
    let mut options = MqttOptions::new(plan.device.as_str(), broker.host.as_str(), broker.port);
    options.set_credentials(plan.device.as_str(), plan.secret.as_str());
    options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    let (client, mut events) = AsyncClient::new(options, 4);
    events.set_network_options(network);
    loop {
        let (topic, payload) = attack(random, &plan.device, &plan.victim);
        if client.try_publish(topic, QoS::AtLeastOnce, false, payload).is_err() {
            return;
        }
        *attacks += 1;
        loop {
            match tokio::time::timeout(ANSWER_WAIT, events.poll()).await {
                Ok(Ok(Event::Incoming(Incoming::PubAck(_)))) => break,
                Ok(Ok(_)) => {}
                Ok(Err(_)) | Err(_) => return,
            }
        }
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_attack_comes_up_and_none_is_a_valid_reading_of_its_own() {
        let (device, victim) = ("vandal".parse().unwrap(), "victim".parse().unwrap());
        let mut random = fastrand::Rng::with_seed(1);
        let attacks: Vec<(String, Vec<u8>)> = (0..500).map(|_| attack(&mut random, &device, &victim)).collect();
        assert!(attacks.iter().any(|(topic, _)| topic.contains("victim")));
        assert!(attacks.iter().any(|(_, payload)| payload.len() == HUGE_BYTES));
        assert!(attacks.iter().any(|(_, payload)| std::str::from_utf8(payload).is_err()));
        assert!(attacks.iter().any(|(_, payload)| payload.is_empty()));
    }
}
