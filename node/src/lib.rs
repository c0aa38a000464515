//! The node that a Kentong member runs: store, network, control socket and command line.
//!
//! The world of files, sockets and clocks; every decision is made in `kentong-protocol`.

pub mod backup;
pub mod charter_files;
pub mod cli;
pub mod config;
pub mod control;
pub mod demo;
pub mod evidence_file;
mod frozen;
pub mod home;
pub mod identity;
pub mod import;
mod kept_files;
pub mod log;
pub mod member_file;
pub mod net;
pub mod newcomers;
mod operators;
pub mod policy_files;
pub mod recovery_file;
pub mod runtime;
pub mod signer;
pub mod store;
pub mod telemetry;
pub mod terminal;
pub mod turn;
pub mod whole_file;
