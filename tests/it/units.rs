//! Units, as devices see it.
