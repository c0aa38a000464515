//! What operators ask of a node, as far as it hangs on more than one part.

use crate::feed::EraseReason;
use crate::statement::IndicatorId;

use super::publisher::{Extent, NotErased};
use super::{Lent, Member, World};

/// Why nothing is erased now.
#[derive(Debug, thiserror::Error)]
pub enum NotErasedNow {
    /// It is not known yet whether a reader knows anything newer.
    #[error("no reader has said yet whether it knows anything newer")]
    NoReaderYet,
    /// What is not held cannot be searched.
    #[error("a part of our feeds is lost here, and may hold the indicator too")]
    PartsAreLost,
    /// The publisher says why.
    #[error(transparent)]
    Publisher(#[from] NotErased),
}

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// Erases an indicator of ours, or says what that would do. Whether anything may be said at all
    /// [`History::may_say`](super::history::History::may_say) tells.
    pub fn erase(
        &mut self,
        id: &IndicatorId,
        reason: EraseReason,
        dry_run: bool,
        lent: &mut Lent<'_>,
    ) -> Result<Extent, NotErasedNow> {
        if !self.may_release(lent) {
            return Err(NotErasedNow::NoReaderYet);
        }
        if !self.history.is_complete() {
            return Err(NotErasedNow::PartsAreLost);
        }
        let extent = self.publishing(lent, |publisher, with| {
            publisher.erase(with, id, reason, dry_run)
        });
        Ok(extent?)
    }
}
