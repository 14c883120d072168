//! What `cu-1` tries, beside a device `cu-2`, and what must become of it.

/// What must become of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    GetsThrough,
    GoesNowhere,
}
use Fate::{GetsThrough, GoesNowhere};

/// Filters that `cu-1` subscribes to.
pub(super) const FILTERS: &[(&str, Fate)] = &[
    ("cellar/v1/cu-1/down/#", GetsThrough),
    ("cellar/v1/cu-1/down/+", GetsThrough),
    ("cellar/v1/cu-1/down/command", GetsThrough),
    ("cellar/v1/cu-2/down/#", GoesNowhere),
    ("cellar/v1/cu-2/down/command", GoesNowhere),
    ("cellar/v1/+/down/command", GoesNowhere),
    ("cellar/v1/+/down/#", GoesNowhere),
    ("cellar/v1/cu-1/up/#", GoesNowhere),
    ("cellar/v1/cu-1/up/heartbeat", GoesNowhere),
    ("cellar/v1/cu-2/up/#", GoesNowhere),
    ("cellar/v1/cu-2/up/heartbeat", GoesNowhere),
    ("cellar/v1/+/up/#", GoesNowhere),
    ("cellar/v1/cu-2/#", GoesNowhere),
    ("cellar/v1/cu-1/../cu-2/down/#", GoesNowhere),
    ("cellar/v1/#", GoesNowhere),
    ("cellar/#", GoesNowhere),
    ("#", GoesNowhere),
    ("+", GoesNowhere),
    ("+/#", GoesNowhere),
    ("+/+/+/+/+", GoesNowhere),
    ("$SYS/#", GoesNowhere),
    ("$SYS/broker/clients/connected", GoesNowhere),
    ("$share/g/cellar/v1/cu-2/down/#", GoesNowhere),
    ("$share/g/cellar/v1/+/up/#", GoesNowhere),
    ("$share/g/#", GoesNowhere),
];

/// Topics that `cu-1` publishes to, by itself and in its will.
pub(super) const TOPICS: &[(&str, Fate)] = &[
    ("cellar/v1/cu-1/up/samples", GetsThrough),
    ("cellar/v1/cu-2/up/samples", GoesNowhere),
    ("cellar/v1/cu-2/up/hello", GoesNowhere),
    ("cellar/v1/cu-2/up/state", GoesNowhere),
    ("cellar/v1/cu-2/up/samples/", GoesNowhere),
    ("/cellar/v1/cu-2/up/samples", GoesNowhere),
    ("cellar/v1/cu-1/../cu-2/up/samples", GoesNowhere),
    ("cellar/v1//up/samples", GoesNowhere),
    ("cellar/v1/+/up/samples", GoesNowhere),
    ("cellar/v1/#", GoesNowhere),
    ("cellar/v1/cu-1/down/command", GoesNowhere),
    ("cellar/v1/cu-2/down/command", GoesNowhere),
    ("cellar/v1/cu-2/down/welcome", GoesNowhere),
    ("cellar/v1/cu-2/down/ack", GoesNowhere),
    ("$SYS/broker/uptime", GoesNowhere),
    ("$share/g/cellar/v1/cu-2/up/samples", GoesNowhere),
];
