//! The master node: the only part that speaks with devices.
//!
//! Devices connect to the built-in [`endpoint`], or to a broker that [`bridge`] is a client of. Either way a message is
//! decoded by [`codec`], handed to the writer, and acknowledged to the device only after the commit.

mod admission;
pub mod bridge;
pub mod codec;
pub mod endpoint;
pub mod gate;
pub mod guard;
pub mod leader;
pub mod notify;
pub mod redrive;
pub mod scheduler;
pub mod sender;
pub mod server_id;
pub mod topics;
mod welcome;
mod window;
