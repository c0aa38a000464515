//! Golden bytes of messages and claims, and what holds for all of them.

mod bounds;
mod properties;
mod vectors;
