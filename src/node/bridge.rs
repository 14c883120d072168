//! The bridge (being built).
