//! Safety: how far a run may go, and the watch over it.
//!
//! The server is the last of four lines and not a safety device: the hardware's own limits, the unit with its limits and
//! its lease, and whatever the room has come first. What is here decides from values alone and does no I/O.
//!
//! | Part | |
//! |---|---|
//! | [`limits`] | the limits of a run, where nobody gave others |

pub mod limits;

pub use limits::limits_for;
