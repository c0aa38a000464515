//! What the publisher works with, lent for one call.

use kentong_keys::MemberName;

use crate::feed::{Audience, FeedId};
use crate::policy::Engine;

use super::super::heads::{Heads as _, Signed};
use super::super::{Chance, Ground, World};
use super::PublishError;

/// What may be done now, by what is known of what this node signed and said before. The router asks that
/// of history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Permit {
    /// Nothing is published until the next start, and why.
    Stopped(String),
    /// Nothing yet: it is not known what was signed last.
    Nothing,
    /// What is said is published in the feed for this member alone, and what was released is erased. Nothing
    /// is released yet.
    Publish,
    /// All may be done.
    Release,
}

impl Permit {
    /// Whether anything may be signed.
    pub(super) fn to_publish(&self) -> Result<(), PublishError> {
        match self {
            Self::Stopped(why) => Err(PublishError::Stopped(why.clone())),
            Self::Nothing => Err(PublishError::Recovering),
            Self::Publish | Self::Release => Ok(()),
        }
    }
}

/// What the publisher works with.
pub struct Tools<'a, W: World> {
    /// What it stands on.
    pub ground: Ground<'a, W>,
    /// What was signed last.
    pub heads: &'a mut W::Heads,
    /// Who may have what.
    pub policy: &'a mut Engine,
    /// Where keys and salts come from.
    pub chance: &'a mut dyn Chance,
    /// What may be done.
    pub permit: Permit,
}

impl<W: World> Tools<'_, W> {
    /// Whose node this is.
    pub(super) const fn me(&self) -> &MemberName {
        self.ground.keys.me
    }

    /// Those of an audience whom the charter lists, if there is a reader among them.
    pub(super) fn staying(&self, audience: &Audience) -> Option<Audience> {
        let charter = self.ground.members.charter()?;
        audience.staying(self.me(), |name| charter.member(name).is_some())
    }

    /// Whether nothing is signed any longer in a feed of ours.
    pub(super) fn is_ended(&self, feed: FeedId) -> bool {
        let signed = self.heads.get(feed.digest());
        signed.is_some_and(Signed::is_ended)
    }
}

impl<W: World> std::fmt::Debug for Tools<'_, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tools")
            .field("ground", &self.ground)
            .field("permit", &self.permit)
            .finish_non_exhaustive()
    }
}
