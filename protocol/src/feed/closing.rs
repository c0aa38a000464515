//! Closing feeds that somebody reads who is no longer a member.
//!
//! A feed is for exactly its audience, so it cannot lose a reader: it ends, and another for those who stay
//! follows it. A suspension, a leave and a severing close nothing: they may end, or a version of the
//! charter will follow.

use kentong_keys::MemberName;

use crate::bounded::BoundedVec;

use super::{Audience, CloseLeaf, FeedId, Leaf};

impl Audience {
    /// Whether a feed for this audience is to be closed: the charter does not list all of them. It is not
    /// asked where the charter does not list the publisher, about whom others decide.
    pub fn is_to_close(&self, is_listed: impl Fn(&MemberName) -> bool) -> bool {
        !self.members().iter().all(is_listed)
    }

    /// The publisher and those of the readers whom the charter lists, if there is one.
    pub fn staying(
        &self,
        publisher: &MemberName,
        is_listed: impl Fn(&MemberName) -> bool,
    ) -> Option<Self> {
        let readers = self.members().iter().filter(|name| *name != publisher);
        let staying: Vec<_> = readers.filter(|name| is_listed(name)).collect();
        if staying.is_empty() {
            return None;
        }
        Self::of(publisher, staying).ok()
    }
}

impl CloseLeaf {
    /// The leaf that ends a feed since a member was removed, and names the feed for those who stay.
    #[must_use]
    pub fn member_removed(follower: Option<FeedId>) -> Leaf {
        let followed_by = follower.into_iter().collect();
        Leaf::Close(Self {
            reason: Self::MEMBER_REMOVED,
            followed_by: BoundedVec::new(followed_by).unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_ends_when_a_reader_is_gone_and_goes_on_for_those_who_stay() {
        let name = |text: &str| text.parse::<MemberName>().unwrap();
        let of = |readers: &str| {
            let readers: Vec<_> = readers.split_whitespace().map(name).collect();
            Audience::of(&name("MY"), &readers).unwrap()
        };
        for (audience, listed, is_to_close, staying) in [
            ("SG TH", "MY SG TH", false, Some("SG TH")),
            ("SG TH", "MY SG", true, Some("SG")),
            ("SG TH", "MY", true, None),
            ("", "MY SG", false, None),
        ] {
            let listed: Vec<_> = listed.split_whitespace().map(name).collect();
            let is_listed = |name: &MemberName| listed.contains(name);
            let audience = of(audience);
            assert_eq!(audience.is_to_close(is_listed), is_to_close, "{audience}");
            let found = audience.staying(&name("MY"), is_listed);
            assert_eq!(found, staying.map(of), "{audience}");
        }
    }
}
