//! The single integration binary: one link step for all of it. Each line below is a file beside
//! this one; `tidy` fails when a file is missing here.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::wildcard_enum_match_arm,
    reason = "clippy takes for tests only the functions marked so, not what they call"
)]

mod admission;
mod backup;
mod bad_line;
mod charter;
mod cli;
mod closing;
mod crash;
mod data;
mod demo;
mod door;
mod endurance;
mod erasure;
mod examples;
mod exchange;
mod figures;
mod full_disk;
mod hostile;
mod limits;
mod network;
mod offline;
mod operators;
mod own_notes;
mod papers;
mod power;
mod quota;
mod read_only;
mod readme;
mod recorder;
mod relay;
mod rollback;
mod rotation;
mod secrecy;
mod secrets;
mod stopped;
mod strangers;
mod support;
mod tidy;
mod turns;
mod unplugged;
mod warrant;
mod withdrawal;
