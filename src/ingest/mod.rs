//! From a device's message to a committed row: decode, check, cut what is already there, commit, acknowledge.

pub mod intake;
