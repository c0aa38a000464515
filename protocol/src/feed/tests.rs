//! Golden bytes of a feed's records, and what holds for all of them.

mod bounds;
mod properties;
mod vectors;
