//! A whole federation in one thread: the node that ships, a world that goes wrong, and a reference that says
//! how it must end.
//!
//! [`run`] takes a seed and a [`Plan`]. It lets members assert, revise, withdraw and change their
//! policies while links break, groups of members are cut off, nodes crash at every durable step and
//! clocks jump; some members lie. Members are removed, admitted and suspended by votes that travel
//! like all else, and now and then a home is replaced by an older copy of it, or a
//! member's keys are replaced, after a theft or with a home that was lost. After each step the invariants
//! hold, or the run ends with [`Broken`]: which one, by which seed, at which step. The same seed gives the same
//! run.
//!
//! What is real: all that a node decides ([`crate::member`]), with its store. What is played: links, clocks and
//! operators, and what a node stands on, as the maker of [`Grounds`] has it. The reference shares no code with
//! what it judges.

mod cast;
mod dice;
mod disk;
mod federation;
mod founding;
mod ground;
mod invariant;
mod liar;
mod model;
mod node;
mod plan;
mod report;
mod rules;
mod said;
mod trace;

pub use cast::Cast;
pub use disk::{Disk, Light};
pub use federation::{Detection, Figure, measure, run};
pub use ground::{Ground, Grounds, RowsAfter};
pub use invariant::{Broken, Invariant};
pub use liar::Liar;
pub use node::Point;
pub use plan::{Plan, Weather};
pub use report::Report;
