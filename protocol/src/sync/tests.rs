//! Two members in memory, and each way of breaking the rules.
#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::cast_possible_truncation,
    reason = "tests look for one variant, in small numbers"
)]

mod erasure;
mod exchange;
mod extremes;
mod faults;
mod fetching;
mod forks;
mod former;
mod framing;
mod guards;
mod idle;
mod listing;
mod measure;
mod member;
mod pair;
mod papers;
mod quota;
mod relay;
mod web;
