//! The part of the domain that profiles need, compiled without the rest of the server.

#![allow(dead_code, unused_imports, reason = "only the readers and what they lead to are called here")]

#[path = "../../src/domain/limits.rs"]
pub mod limits;
#[path = "../../src/domain/number.rs"]
pub mod number;
#[path = "../../src/domain/profile/mod.rs"]
pub mod profile;
