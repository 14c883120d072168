//! Many devices: all of them connect at once, measure, lose the server and find it again.

use std::time::Duration;

use super::rig::{Engine, Rig, Transport, assert_within, memory_mib, now_us, seconds};
use super::short::pause;
use super::visitor::Visitor;

/// How soon every device is connected and welcome, s; how long 99 % of the messages wait for their acknowledgement; how
/// soon every device is heard again after a restart of the server.
const STORM_MAX_S: f64 = 10.0;
const ACK_P99_MAX_S: f64 = 1.0;
const BACK_MAX_S: f64 = 30.0;
/// Memory of the server, MiB.
const MIB_MAX: u64 = 300;
/// How long 99 % of the looks at the monitor page wait meanwhile, s.
const PAGE_P99_MAX_S: f64 = 0.5;
/// Registration of a crowd takes its time, and is not measured.
const REGISTERED_MAX: Duration = Duration::from_secs(600);

/// `rate` is that of each device, rows per second, one row a message.
pub(super) fn crowd(mut rig: Rig, devices: usize, rate: &str) {
    // A visitor over TLS would measure its own handshakes.
    let visitor = (!rig.is_over_tls()).then(|| Visitor::start(&rig));
    let lab = rig.lab(&["--devices", &devices.to_string(), "--rate", rate]);
    lab.wait_for_all(devices, REGISTERED_MAX);
    let from_us = now_us();
    pause(Duration::from_secs(15));
    let to_us = now_us();
    let page_s = visitor.map(Visitor::finish);
    let mib = memory_mib(rig.server.pid(), "VmRSS:");
    rig.server.kill_9();
    rig.server.restart();
    let back_us = now_us();
    pause(Duration::from_secs_f64(BACK_MAX_S));
    let all_back_s = lab.timing().all_acked_after(back_us).map_or(f64::INFINITY, |at_us| seconds(at_us - back_us));
    rig.finish(lab, &format!("{devices} devices, {rate} messages a second each"), |report| {
        let storm_s = report.summary["welcomed_after_ms"].as_u64().map_or(f64::INFINITY, |ms| ms as f64 / 1000.0);
        let p99_s = report.p99_s(from_us, to_us);
        assert_within("the connect storm", storm_s, STORM_MAX_S);
        assert_within("99 % of the acknowledgements", p99_s, ACK_P99_MAX_S);
        assert_within("all back after a restart", all_back_s, BACK_MAX_S);
        assert!(mib <= MIB_MAX, "{mib} MiB");
        let mut page = String::new();
        if let Some(page_s) = page_s {
            assert_within("99 % of the looks at the monitor", page_s, PAGE_P99_MAX_S);
            page = format!("monitor page p99 {page_s:.3} s, ");
        }
        format!(
            "storm {storm_s:.2} s, ack p99 {p99_s:.3} s, {page}{mib} MiB, all back {all_back_s:.1} s after a restart"
        )
    });
}

#[test]
#[ignore = "a case of `make chaos`"]
fn thousand_devices_sqlite() {
    let Some(rig) = Rig::start(Engine::Sqlite, Transport::Endpoint) else { return };
    crowd(rig, 1_000, "1");
}
