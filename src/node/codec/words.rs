//! The small messages: rare, so serde reads them.

use serde::de::{DeserializeOwned, IgnoredAny};

use crate::domain::instrument::cleaned;
use crate::domain::message::{
    ClockMark, DEVICE_TEXT_MAX, DeviceAlarm, FoundInstruments, Heartbeat, Hello, Reply, StationReport,
};
use crate::domain::safety::alarm::{CODE_MAX, MESSAGE_MAX};
use crate::domain::text::line;

pub(super) fn hello(payload: &[u8]) -> Result<Hello, String> {
    let hello: Hello = read(payload)?;
    Ok(Hello { model: plain(&hello.model), firmware: plain(&hello.firmware), serial: plain(&hello.serial), ..hello })
}

pub(super) fn heartbeat(payload: &[u8]) -> Result<Heartbeat, String> {
    read(payload)
}

pub(super) fn clock(payload: &[u8]) -> Result<ClockMark, String> {
    read(payload)
}

pub(super) fn station(payload: &[u8]) -> Result<StationReport, String> {
    let report: StationReport = read(payload)?;
    Ok(StationReport { reason: report.reason.as_deref().map(plain), ..report })
}

pub(super) fn devices(payload: &[u8]) -> Result<FoundInstruments, String> {
    let found: FoundInstruments = read(payload)?;
    Ok(FoundInstruments { devices: cleaned(found.devices).map_err(|error| error.to_string())?, ..found })
}

pub(super) fn reply(payload: &[u8]) -> Result<Reply, String> {
    let reply: Reply = read(payload)?;
    Ok(Reply { reason: reply.reason.as_deref().map(line), ..reply })
}

pub(super) fn alarm(payload: &[u8]) -> Result<DeviceAlarm, String> {
    let alarm: DeviceAlarm = read(payload)?;
    let code: String = line(&alarm.code).chars().take(CODE_MAX).collect();
    if code.is_empty() {
        return Err("an alarm needs a code".to_owned());
    }
    let message: String = line(&alarm.message).chars().take(MESSAGE_MAX).collect();
    // Words are what people read: a code is better than nothing.
    let message = if message.is_empty() { code.replace('_', " ") } else { message };
    Ok(DeviceAlarm { code, message, ..alarm })
}

pub(super) fn is_json(payload: &[u8]) -> Result<(), String> {
    read::<IgnoredAny>(payload).map(|_| ())
}

fn read<T: DeserializeOwned>(payload: &[u8]) -> Result<T, String> {
    serde_json::from_slice(payload).map_err(|error| match key_before(payload, &error) {
        Some(key) => format!("not the JSON expected here: {error}, at “{key}”"),
        None => format!("not the JSON expected here: {error}"),
    })
}

/// The key whose value is wrong: serde says only where. Found for what devices send, JSON on one line.
fn key_before<'a>(payload: &'a [u8], error: &serde_json::Error) -> Option<&'a str> {
    let text = std::str::from_utf8(payload).ok().filter(|_| error.line() == 1)?;
    let (before, _) = text.get(..error.column())?.rsplit_once(':')?;
    before.trim_end().strip_suffix('"')?.rsplit_once('"').map(|(_, key)| key)
}

/// A device's text as people may read it: a [`line`] of at most [`DEVICE_TEXT_MAX`] characters.
fn plain(text: &str) -> String {
    line(text).chars().take(DEVICE_TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::device::DeviceKind;
    use crate::domain::station::StationState;

    #[test]
    fn a_hello_needs_only_its_boot_and_kind() {
        let hello = hello(br#"{"boot":7,"kind":"unit","uptime":{"ignored":[1]}}"#).unwrap();
        assert_eq!((hello.boot, hello.kind, hello.model.as_str()), (7, DeviceKind::Unit, ""));
        assert!(super::hello(br#"{"boot":7,"kind":"toaster"}"#).unwrap_err().contains("“kind”"));
        assert!(super::hello(br#"{"boot":-1,"kind":"unit"}"#).is_err());
    }

    #[test]
    fn texts_of_devices_are_cut_and_cleaned() {
        let long = format!(r#"{{"boot":1,"kind":"probe","model":"a\u0007b\n{}"}}"#, "ü".repeat(100));
        let model = hello(long.as_bytes()).unwrap().model;
        assert!(model.starts_with("abü") && model.chars().count() == DEVICE_TEXT_MAX, "{model:?}");
        let report = station(br#"{"station":3,"state":"fault","reason":" over\u0000heat \u202e"}"#).unwrap();
        assert_eq!((report.state, report.reason.as_deref()), (StationState::Fault, Some("overheat")));
    }

    #[test]
    fn what_a_unit_found_and_answered_is_read() {
        let found = devices(br#"{"command_id":7,"devices":[{"model":"EPC","serial":"A1","link":"can0"}]}"#).unwrap();
        assert_eq!((found.command_id.unwrap().0, found.devices.len()), (7, 1));
        assert!(devices(br#"{"devices":[]}"#).unwrap().devices.is_empty());
        assert!(devices(br#"{"devices":[{}]}"#).unwrap_err().contains("instrument 1"));
        assert!(devices(br#"{"command_id":7}"#).is_err());
        let told = reply(br#"{"command_id":8,"result":"rejected","reason":"busy\u0007","limits":{}}"#).unwrap();
        assert_eq!((told.command_id.0, told.reason.as_deref()), (8, Some("busy")));
        assert!(reply(br#"{"command_id":null,"result":"executed"}"#).is_err());
        assert!(reply(br#"{"command_id":8,"result":"perhaps"}"#).unwrap_err().contains("result"));
    }

    #[test]
    fn an_alarm_needs_its_code_and_severity() {
        let told = alarm(br#"{"code":"over_temp","severity":"critical","value":71.5,"limit":60,"at_us":5}"#).unwrap();
        assert_eq!((told.message.as_str(), told.value, told.cleared), ("over temp", Some(71.5), false));
        assert!(alarm(br#"{"code":"x","severity":"loud"}"#).unwrap_err().contains("severity"));
        assert!(alarm(br#"{"code":"\u0007","severity":"info"}"#).unwrap_err().contains("code"));
        assert!(alarm(br#"{"severity":"info"}"#).is_err());
    }

    #[test]
    fn a_clock_mark_and_a_heartbeat_are_read() {
        assert_eq!(clock(br#"{"boot":1,"tick_us":2,"at_us":3}"#), Ok(ClockMark { boot: 1, tick_us: 2, at_us: 3 }));
        assert_eq!(heartbeat(br#"{"boot":1}"#), Ok(Heartbeat { boot: 1, uptime_s: 0.0 }));
        assert!(heartbeat(br#"{"boot":1,"uptime_s":1e999}"#).is_err());
    }
}
