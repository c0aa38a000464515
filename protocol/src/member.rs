//! What a member's node decides, without a world: no file, no socket, no clock and no random bytes.
//!
//! The node that ships and the simulation are to run the same parts. None of the parts names another.

mod ground;
pub mod heads;
pub mod history;
mod members;
pub mod publisher;
pub mod reader;
pub mod sessions;

pub use ground::{Chance, Ground, Keys, StoreOf, World};
pub use members::{Held, Members, Stands, Unfit};
