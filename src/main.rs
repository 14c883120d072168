//! The `cellar` command: see `cellar help`.

fn main() {}
