//! The control socket: the only door for operators.
//!
//! A Unix socket in the home. A client writes one request per line, as JSON; the node answers each
//! with lines of [`reply::Reply`], the last of which is `done` or `error`. Who asks is read from the
//! socket (`SO_PEERCRED`), never from the message.
//!
//! Neither waits for the other without end. A client that asks nothing for ten seconds, or for less when
//! others need its place, is told that the connection is [idle](reply::Code::Idle) and let go; it may connect and ask
//! again. A node that works on an answer says so every two seconds ([`reply::Reply::Working`]), for as long
//! as the work takes; one that says nothing for ten seconds is given up. The numbers are in
//! [`server::Limits`] and [`client::Patience`].

pub mod client;
pub mod refused;
pub mod reply;
pub mod request;
pub mod server;

/// The version of the requests and replies; both sides refuse another.
pub const VERSION: u32 = 1;

/// The longest line of a request or reply, in bytes.
pub const MAX_LINE: usize = 8 * 1024 * 1024;
