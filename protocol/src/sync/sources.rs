//! Which member shows which feed how far, and from whom what is missing is fetched.
//!
//! Every reader of a feed can serve it: what it gives is checked against the publisher's signature
//! and, leaf by leaf, against the tree. Several are asked at once, each for its share of the bodies;
//! what one does not give another is asked for.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::MemberName;

use crate::feed::FeedId;
use crate::time::Moment;

/// After how long what nobody gave is asked for again.
pub const ASK_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// So many bodies in a row are asked of one member.
const SHARE: u64 = 64;
/// The most bodies of which it is remembered who did not give them. Beyond, they are as good as
/// given up until all are asked again.
const MAX_REFUSED: usize = 65_536;

/// Who shows what; one table for all sessions of a node.
#[derive(Debug, Default)]
pub struct Sources {
    shown: BTreeMap<FeedId, BTreeMap<MemberName, u64>>,
    refused: BTreeMap<(FeedId, u64), BTreeSet<MemberName>>,
    /// Who gave leaves that do not go together with those that are held: it lies, or the publisher
    /// has two histories.
    other_leaves: BTreeSet<(FeedId, MemberName)>,
    /// When all are asked again.
    ask_again_at: Moment,
}

impl Sources {
    /// A member with whom a session is open shows a feed up to this size.
    pub fn show(&mut self, member: &MemberName, feed: FeedId, size: u64) {
        let shown = self.shown.entry(feed).or_default();
        let known = shown.entry(member.clone()).or_default();
        *known = (*known).max(size);
    }

    /// The session with a member ended.
    pub fn gone(&mut self, member: &MemberName) {
        self.shown.retain(|_, shown| {
            shown.remove(member);
            !shown.is_empty()
        });
        self.refused.retain(|_, refused| {
            refused.remove(member);
            !refused.is_empty()
        });
        self.other_leaves.retain(|(_, by)| by != member);
    }

    /// A member gave leaves of a feed that do not go together with those that are held: others are
    /// asked.
    pub fn other_leaves(&mut self, member: &MemberName, feed: FeedId) {
        self.other_leaves.insert((feed, member.clone()));
    }

    /// A member does not give a body that it shows.
    pub fn refuse(&mut self, member: &MemberName, feed: FeedId, index: u64) {
        if self.refused.len() < MAX_REFUSED || self.refused.contains_key(&(feed, index)) {
            let refused = self.refused.entry((feed, index)).or_default();
            refused.insert(member.clone());
        }
    }

    /// Once in [`ASK_AGAIN_AFTER`] all may be asked for everything again; true if somebody refused
    /// something. The time is that of a clock that only goes forward.
    pub fn ask_again(&mut self, now: Moment) -> bool {
        if now < self.ask_again_at {
            return false;
        }
        self.ask_again_at = now.after(ASK_AGAIN_AFTER);
        let refused = std::mem::take(&mut self.refused);
        let other = std::mem::take(&mut self.other_leaves);
        !refused.is_empty() || !other.is_empty()
    }

    /// When all may be asked again; none if nobody refused anything.
    #[must_use]
    pub fn ask_again_at(&self) -> Option<Moment> {
        let nothing = self.refused.is_empty() && self.other_leaves.is_empty();
        (!nothing).then_some(self.ask_again_at)
    }

    /// What was refused, and by whom.
    pub fn refused(&self) -> impl Iterator<Item = (FeedId, u64, &BTreeSet<MemberName>)> {
        let refused = self.refused.iter();
        refused.map(|((feed, index), by)| (*feed, *index, by))
    }

    /// Who shows leaves of a feed from `held` on.
    pub fn ahead(&self, feed: &FeedId, held: u64) -> impl Iterator<Item = &MemberName> {
        let shown = self.shown.get(feed).into_iter().flatten();
        let feed = *feed;
        shown
            .filter(move |(member, size)| {
                **size > held && !self.other_leaves.contains(&(feed, (*member).clone()))
            })
            .map(|(member, _)| member)
    }

    /// From whom leaves from `held` on are fetched: from the publisher if it shows them, else from
    /// one other.
    #[must_use]
    pub fn of_leaves(
        &self,
        feed: &FeedId,
        publisher: &MemberName,
        held: u64,
    ) -> Option<&MemberName> {
        let publisher = self.ahead(feed, held).find(|member| *member == publisher);
        publisher.or_else(|| self.ahead(feed, held).next())
    }

    /// From whom a body is fetched.
    #[must_use]
    pub fn of_body(&self, feed: &FeedId, index: u64) -> Option<&MemberName> {
        let refused = self.refused.get(&(*feed, index));
        let shown = self.shown.get(feed)?.iter();
        let able: Vec<_> = shown
            .filter(|(member, size)| {
                **size > index && !refused.is_some_and(|refused| refused.contains(*member))
            })
            .map(|(member, _)| member)
            .collect();
        let turn = (index / SHARE).checked_rem(able.len() as u64)?;
        able.get(usize::try_from(turn).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use kentong_keys::Digest;

    use super::*;

    fn at(millis: u64) -> Moment {
        Moment::from_millis(millis)
    }

    fn feed() -> FeedId {
        FeedId::from_digest(Digest::from_bytes([1; 32]))
    }

    fn name(text: &str) -> MemberName {
        text.parse().unwrap()
    }

    fn shown(rows: &[(&str, u64)]) -> Sources {
        let mut sources = Sources::default();
        for (member, size) in rows {
            sources.show(&name(member), feed(), *size);
        }
        sources
    }

    #[test]
    fn leaves_come_from_the_publisher_if_it_has_them() {
        let check = |rows: &[(&str, u64)], held, expected: Option<&str>| {
            let sources = shown(rows);
            let found = sources.of_leaves(&feed(), &name("TH"), held);
            assert_eq!(found.map(MemberName::as_str), expected);
        };
        check(&[], 0, None);
        check(&[("MY", 9), ("TH", 5), ("VN", 7)], 4, Some("TH"));
        check(&[("MY", 9), ("TH", 5), ("VN", 7)], 5, Some("MY"));
        check(&[("MY", 5), ("VN", 7)], 5, Some("VN"));
        check(&[("MY", 5), ("VN", 7)], 7, None);
    }

    #[test]
    fn who_gave_leaves_of_another_history_is_not_asked_for_more() {
        let mut sources = shown(&[("MY", 9), ("VN", 7)]);
        let of = |sources: &Sources| {
            let member = sources.of_leaves(&feed(), &name("TH"), 4);
            member.map(ToString::to_string)
        };
        sources.other_leaves(&name("MY"), feed());
        assert_eq!(of(&sources).as_deref(), Some("VN"));
        sources.other_leaves(&name("VN"), feed());
        assert_eq!(of(&sources), None);
        assert!(sources.ask_again(at(0)) && !sources.ask_again(at(60_000)));
        assert_eq!(of(&sources).as_deref(), Some("MY"));
        sources.other_leaves(&name("MY"), feed());
        sources.gone(&name("MY"));
        sources.show(&name("MY"), feed(), 9);
        assert_eq!(of(&sources).as_deref(), Some("MY"), "another session");
    }

    #[test]
    fn bodies_are_shared_out_among_all_that_have_them() {
        let mut sources = shown(&[("MY", 300), ("TH", 300), ("VN", 100)]);
        let of = |sources: &Sources, index| {
            let member = sources.of_body(&feed(), index);
            member.map(ToString::to_string)
        };
        let first: Vec<_> = [0, 63, 64, 127, 128, 299, 300]
            .map(|index| of(&sources, index).unwrap_or_default())
            .into();
        assert_eq!(first, ["MY", "MY", "TH", "TH", "MY", "MY", ""]);
        // What one does not give the others are asked for, and in the end nobody.
        sources.refuse(&name("MY"), feed(), 0);
        assert_eq!(of(&sources, 0).as_deref(), Some("TH"));
        sources.refuse(&name("TH"), feed(), 0);
        sources.refuse(&name("VN"), feed(), 0);
        assert_eq!(
            (of(&sources, 0), of(&sources, 1).as_deref()),
            (None, Some("MY"))
        );
        assert_eq!(sources.refused().count(), 1);
        sources.gone(&name("TH"));
        assert_eq!(of(&sources, 64).as_deref(), Some("VN"));
        assert_eq!(sources.ask_again_at(), Some(at(0)));
        assert!(sources.ask_again(at(5_000)) && !sources.ask_again(at(65_000)));
        assert_eq!(sources.ask_again_at(), None);
        assert_eq!(of(&sources, 0).as_deref(), Some("MY"));
        sources.gone(&name("MY"));
        sources.gone(&name("VN"));
        assert_eq!((of(&sources, 0), sources.shown.len()), (None, 0));
    }

    #[test]
    fn all_are_asked_again_once_a_minute() {
        let mut sources = shown(&[("MY", 9)]);
        assert!(!sources.ask_again(at(5_000)));
        sources.refuse(&name("MY"), feed(), 0);
        assert_eq!(sources.ask_again_at(), Some(at(65_000)));
        let asked = [5_000, 64_999, 65_000, 65_000].map(|now| sources.ask_again(at(now)));
        assert_eq!(asked, [false, false, true, false]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut sources = Sources::default();
        for index in 0..MAX_REFUSED as u64 + 9 {
            sources.refuse(&name("MY"), feed(), index);
        }
        assert_eq!(sources.refused.len(), MAX_REFUSED);
    }
}
