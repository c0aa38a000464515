//! Sessions between two members' nodes, as state machines without I/O.
//!
//! A [`Session`] is handed what happened (`Input`) with the time and a view of the feeds
//! ([`Ledger`]), and answers what to do and what it found out (`Output`), in order. It stores nothing itself: the node that
//! runs it carries out the outputs before the next input, so that the ledger it sees is the truth.

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        reason = "what is reckoned with here are numbers of peers"
    )
)]

mod claims;
mod evidence;
mod exchange;
mod fault;
mod fetch;
mod former;
mod heads;
mod ledger;
mod limits;
mod papers;
mod promise;
mod serve;
mod session;
mod showing;
mod sources;
mod verify;

pub use evidence::{Evidence, RootProof};
pub use exchange::{Ended, Input, Local, News, Output, Peer, Task};
pub use fault::Fault;
pub use ledger::{FeedView, Ledger, WantedBody};
pub use limits::{Limits, Now};
pub use serve::leaves_message;
pub use session::Session;
pub use showing::{SHOW_AFTER, Showing};
pub use sources::{ASK_AGAIN_AFTER, Sources};

#[cfg(test)]
mod tests;
