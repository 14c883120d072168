//! The endpoint against raw sockets, with a writer whose commits the test decides on.

mod down;
mod flow;
mod limits;
mod login;
mod rig;
