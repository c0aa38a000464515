//! Indicators against the conformance vectors and against real lists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "clippy takes only functions marked as tests for tests; here everything is one"
)]

mod known_answers;
mod vectors;
