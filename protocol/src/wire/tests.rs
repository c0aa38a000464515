//! Golden bytes of messages and claims, and what holds for all of them.

mod properties;
mod vectors;
