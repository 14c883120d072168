//! Time series without a database: block codec, committed ranges, reduction of a window to pixels.

pub mod chunk;
pub mod codec;
mod gap;
pub mod pyramid;
pub mod ranges;
pub mod window;
