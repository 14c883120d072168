//! Pages of stations and units.
