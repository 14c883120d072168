//! Topics: what a device may publish and subscribe to, and what a topic means.
//!
//! A device lives below `cellar/v1/{its id}/`: it publishes below `up/` and subscribes below `down/`, nowhere else.

use crate::domain::ids::DeviceId;

/// What all topics begin with.
pub const ROOT: &str = "cellar/v1/";
/// Longest topic or filter a device may send, in bytes: twice the longest one of the protocol.
pub const TOPIC_BYTES_MAX: usize = 128;

/// What a device reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Up {
    /// `up/hello`.
    Hello,
    /// `up/heartbeat`.
    Heartbeat,
    /// `up/devices`: the instruments a unit detected.
    Devices,
    /// `up/samples`.
    Samples,
    /// `up/state`.
    State,
    /// `up/alarm`.
    Alarm,
    /// `up/reply`.
    Reply,
    /// `up/clock`.
    Clock,
    /// `up/dataset/…`: what a field gateway collected.
    Dataset(Dataset),
}

/// The kinds of field datasets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dataset {
    /// Of a power management system.
    Pms,
    /// Of a solar charger.
    Mppt,
    /// Of an inverter.
    Inverter,
}

/// What the server tells a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Down {
    /// `down/welcome`: the answer to a hello.
    Welcome,
    /// `down/command`.
    Command,
    /// `down/ack`: what is committed.
    Ack,
    /// `down/result`: what became of a dataset.
    Result,
}

impl Down {
    /// The topic of a device.
    #[must_use]
    pub fn topic(self, device: &DeviceId) -> String {
        let word = match self {
            Self::Welcome => "welcome",
            Self::Command => "command",
            Self::Ack => "ack",
            Self::Result => "result",
        };
        format!("{ROOT}{device}/down/{word}")
    }
}

/// Where a message is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Below the device's own `up/`, with a meaning.
    Up(Up),
    /// Below the device's own `up/`, but nothing this version knows.
    Unknown,
    /// Where the device may not publish.
    Forbidden,
}

/// What a topic means when this device publishes to it.
#[must_use]
pub fn published(device: &DeviceId, topic: &str) -> Published {
    match below(device, topic, "/up/") {
        Some(rest) if !rest.is_empty() && is_topic_name(topic) => {
            meaning(rest).map_or(Published::Unknown, Published::Up)
        }
        _ => Published::Forbidden,
    }
}

/// Splits `cellar/v1/{id}/up/…` as a broker delivers it; `None` when it is not such a topic.
#[must_use]
pub fn parse_up(topic: &str) -> Option<(DeviceId, Published)> {
    let (device, _) = topic.strip_prefix(ROOT)?.split_once('/')?;
    let device: DeviceId = device.parse().ok()?;
    match published(&device, topic) {
        Published::Forbidden => None,
        published => Some((device, published)),
    }
}

/// Whether this device may subscribe to a filter: only below its own `down/`.
#[must_use]
pub fn may_subscribe(device: &DeviceId, filter: &str) -> bool {
    filter.len() <= TOPIC_BYTES_MAX
        && below(device, filter, "/down/").is_some_and(|rest| {
            let levels = rest.split('/').count();
            rest.split('/').enumerate().all(|(index, level)| match level {
                "" => false,
                "+" => true,
                "#" => index + 1 == levels,
                word => !word.contains(['+', '#', '\0']),
            })
        })
}

/// Whether a filter covers a topic, by the rules of MQTT.
#[must_use]
pub fn covers(filter: &str, topic: &str) -> bool {
    let mut levels = topic.split('/');
    for wanted in filter.split('/') {
        match (wanted, levels.next()) {
            ("#", _) => return true,
            ("+", Some(_)) => {}
            (wanted, Some(level)) if wanted == level => {}
            _ => return false,
        }
    }
    levels.next().is_none()
}

fn below<'a>(device: &DeviceId, topic: &'a str, way: &str) -> Option<&'a str> {
    topic.strip_prefix(ROOT)?.strip_prefix(device.as_str())?.strip_prefix(way)
}

fn is_topic_name(topic: &str) -> bool {
    topic.len() <= TOPIC_BYTES_MAX && !topic.contains(['+', '#', '\0'])
}

fn meaning(rest: &str) -> Option<Up> {
    Some(match rest {
        "samples" => Up::Samples,
        "hello" => Up::Hello,
        "heartbeat" => Up::Heartbeat,
        "devices" => Up::Devices,
        "state" => Up::State,
        "alarm" => Up::Alarm,
        "reply" => Up::Reply,
        "clock" => Up::Clock,
        "dataset/pms" => Up::Dataset(Dataset::Pms),
        "dataset/mppt" => Up::Dataset(Dataset::Mppt),
        "dataset/inverter" => Up::Dataset(Dataset::Inverter),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn device(id: &str) -> DeviceId {
        id.parse().unwrap()
    }

    #[test]
    fn a_device_publishes_only_below_its_own_up() {
        let own = device("cu-1");
        assert_eq!(published(&own, "cellar/v1/cu-1/up/samples"), Published::Up(Up::Samples));
        assert_eq!(published(&own, "cellar/v1/cu-1/up/dataset/pms"), Published::Up(Up::Dataset(Dataset::Pms)));
        assert_eq!(published(&own, "cellar/v1/cu-1/up/new/thing"), Published::Unknown);
        for topic in [
            "cellar/v1/cu-2/up/samples",
            "cellar/v1/cu-1/down/command",
            "cellar/v1/cu-11/up/samples",
            "cellar/v1/cu-1/up/",
            "cellar/v1/cu-1/up/+",
            "cellar/v1/cu-1/up/#",
            "$SYS/broker/uptime",
            "",
            "/cellar/v1/cu-1/up/samples",
        ] {
            assert_eq!(published(&own, topic), Published::Forbidden, "{topic}");
        }
    }

    #[test]
    fn a_device_subscribes_only_below_its_own_down() {
        let own = device("cu-1");
        for filter in ["command", "#", "+", "a/+/b", "a/#"] {
            assert!(may_subscribe(&own, &format!("cellar/v1/cu-1/down/{filter}")), "{filter}");
        }
        for filter in [
            "#",
            "+",
            "+/#",
            "cellar/#",
            "cellar/v1/+/down/command",
            "cellar/v1/cu-2/down/command",
            "cellar/v1/cu-1/#",
            "cellar/v1/cu-1/up/samples",
            "cellar/v1/cu-1/down/",
            "cellar/v1/cu-1/down/#/a",
            "cellar/v1/cu-1/down/a+",
            "cellar/v1/cu-1/down/a#",
            "$SYS/#",
            "$share/group/cellar/v1/cu-1/down/#",
        ] {
            assert!(!may_subscribe(&own, filter), "{filter}");
        }
    }

    #[test]
    fn filters_cover_topics_as_mqtt_says() {
        assert!(covers("a/+/c", "a/b/c") && covers("a/#", "a/b/c") && covers("a/#", "a") && covers("a", "a"));
        assert!(!covers("a/+", "a/b/c") && !covers("a/b/c", "a/b") && !covers("a/b", "a/b/c") && !covers("+", "a/b"));
    }

    #[test]
    fn a_broker_topic_names_its_device() {
        assert_eq!(parse_up("cellar/v1/p-7/up/hello"), Some((device("p-7"), Published::Up(Up::Hello))));
        for topic in ["cellar/v1/P7/up/hello", "cellar/v1/p-7/down/ack", "cellar/v2/p-7/up/hello", "cellar/v1/p-7"] {
            assert_eq!(parse_up(topic), None, "{topic}");
        }
    }

    proptest! {
        #[test]
        fn what_a_device_may_subscribe_never_covers_anothers_topic(filter in "[cu/v1+#down-]{0,40}", tail in "[a-z/]{1,10}") {
            let own = device("cu-1");
            for filter in [filter.clone(), format!("cellar/v1/cu-1/down/{filter}")] {
                if may_subscribe(&own, &filter) {
                    let stranger = format!("cellar/v1/cu-2/down/{tail}");
                    prop_assert!(!covers(&filter, &stranger));
                }
            }
        }
    }
}
