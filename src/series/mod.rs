//! Time series without a database: block codec, committed ranges, reduction of a window to pixels.

pub mod codec;
pub mod ranges;
pub mod window;
