//! A member's node without a world: what it decides, given what it holds, what comes and the time.

mod members;

pub use members::{Held, Members, Stands, Unfit};
