//! What a simulated node stands on: its log, its rows and its heads, which may lose what was not durable.
//! A run is given a maker of them, so that the same run can stand on memory or on simulated files.

use std::fmt;

use crate::member::heads::Heads;
use crate::store::{Log, OwnedRecord, Rows};

/// Makes what the nodes of a run stand on.
pub trait Grounds {
    /// What one node stands on.
    type Ground: Ground;

    /// Empty ground for the node of the member with this number; an equivocator gets two.
    fn make(&self, member: usize) -> Self::Ground;
}

/// What one node stands on: a store opens log and rows, and the node its heads.
pub trait Ground: fmt::Debug + Sized {
    /// The log of its store.
    type Log: Log + fmt::Debug;
    /// What is derived from the log.
    type Rows: Rows + fmt::Debug;
    /// What it signed last.
    type Heads: Heads + fmt::Debug;

    /// Opens the log, which nobody else has open.
    fn open_log(&self) -> Self::Log;

    /// Where its rows lie.
    fn rows(&self) -> &<Self::Rows as Rows>::Place;

    /// Opens what it signed last, which nobody else has open.
    fn open_heads(&mut self) -> Self::Heads;

    /// The node is gone, which had them open.
    fn close_heads(&mut self, heads: Self::Heads);

    /// The next change of the heads fails. `below` draws a number below another by chance: whether the
    /// change is kept all the same.
    fn fail_next(heads: &mut Self::Heads, below: &mut dyn FnMut(usize) -> usize);

    /// The power fails while nobody has log, rows and heads open. `below` draws a number below another by chance:
    /// how many of the groups that were not synced are kept, and what becomes of the rows.
    fn crash(&mut self, below: impl FnMut(usize) -> usize) -> RowsAfter;

    /// A backup: what is durable, without what was signed last.
    fn backup(&self) -> Self;

    /// A copy of all that is durable, what was signed last too, as a snapshot of a disk is. A node that runs has
    /// its heads open.
    fn snapshot(&self, heads: Option<&Self::Heads>) -> Self;

    /// All records as they lie on disk, without asking the store.
    fn on_disk(&self) -> impl Iterator<Item = OwnedRecord>;
}

/// What a crash did to the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowsAfter {
    /// They are as they were after one of the writes, or gone.
    Whole,
    /// Somebody changed them: a store must notice.
    Spoilt,
}
