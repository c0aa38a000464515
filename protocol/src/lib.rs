//! What Kentong's members say to each other, and what follows from it.
//!
//! Pure, deterministic and synchronous: no clock, no socket, no file, no random generator. Time
//! and randomness are arguments, effects are outputs.

#[cfg(test)]
mod arbitrary;
pub mod bounded;
pub mod charter;
pub mod directory;
pub mod encoding;
pub mod feed;
#[cfg(test)]
mod golden;
pub mod guard;
pub mod indicator;
pub mod member;
pub mod policy;
pub mod quota;
pub mod release;
#[cfg(feature = "sim")]
pub mod sim;
pub mod statement;
pub mod store;
pub mod sync;
pub mod time;
pub mod wire;

pub use kentong_keys::{Digest, Label, MemberName};
