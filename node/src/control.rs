//! The control socket: the only door for operators.
//!
//! A Unix socket in the home. A client writes one request per line, as JSON; the node answers each
//! with lines of [`reply::Reply`], the last of which is `done` or `error`. Who asks is read from the
//! socket (`SO_PEERCRED`), never from the message.

pub mod client;
pub mod reply;
pub mod request;
pub mod server;

/// The version of the requests and replies; both sides refuse another.
pub const VERSION: u32 = 1;

/// The longest line of a request or reply, in bytes.
pub const MAX_LINE: usize = 8 * 1024 * 1024;
