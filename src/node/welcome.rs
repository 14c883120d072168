//! The answer to a hello.

use crate::domain::ids::DeviceId;
use crate::ingest::intake::Committed;

#[derive(serde::Serialize)]
struct Welcome<'a> {
    device: &'a DeviceId,
    epoch: i64,
    time_us: i64,
    upto: Upto,
}

#[derive(serde::Serialize)]
struct Upto {
    boot: u32,
    seq: i64,
}

/// The payload of `down/welcome`: the server's time and epoch, and the last row up to which the boot is committed
/// (-1 when its row 0 is missing).
pub(super) fn payload(device: &DeviceId, epoch: i64, time_us: i64, committed: &Committed) -> Vec<u8> {
    let upto = Upto { boot: committed.boot, seq: committed.upto };
    // Numbers and a plain id: writing them cannot fail.
    serde_json::to_vec(&Welcome { device, epoch, time_us, upto }).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_welcome_says_what_is_committed() {
        let committed = Committed { boot: 7, upto: 41, also: vec![(50, 60)] };
        let payload = payload(&"cu-1".parse().unwrap(), 3, 1_700_000_000_000_000, &committed);
        let expected = r#"{"device":"cu-1","epoch":3,"time_us":1700000000000000,"upto":{"boot":7,"seq":41}}"#;
        assert_eq!(std::str::from_utf8(&payload), Ok(expected));
    }
}
