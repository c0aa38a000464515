//! The feeds that the node holds.

use kentong_protocol::MemberName;

use crate::control::reply::{Confirmed, Done, Feed, Head, Reply};
use crate::runtime::Node;
use crate::store::{FeedState, Vouched};

use super::counted;

impl Node<'_> {
    pub(super) fn feeds_held(&self, rows: &mut Vec<Reply>) -> Done {
        let store = self.store();
        for held in store.feeds().iter().filter(|feed| feed.size() > 0) {
            let genesis = held.genesis();
            let unopened = store.view(&held.id()).map_or(0, |view| view.unopened);
            let audience = genesis.audience.members().iter();
            rows.push(Reply::Feed(Box::new(Feed {
                id: held.id().to_string(),
                publisher: genesis.publisher.to_string(),
                audience: audience.map(ToString::to_string).collect(),
                closed: held.is_closed(),
                void: held.is_void(),
                leaves: held.size(),
                signed: held.checkpoint().map_or(0, |(size, _)| size),
                statements: held.statements(),
                missing: held.missing_count(),
                erased: held.erased_count(),
                unopened,
                applied: held.applied_to(),
                receipts: self.confirmed(held),
            })));
        }
        counted(rows)
    }

    /// The heads of a member's feeds that its present key signed.
    pub(super) fn heads(&self, member: &MemberName, rows: &mut Vec<Reply>) -> Done {
        let present = |held: &&FeedState| held.vouched() == Vouched::Present;
        for held in self.store().feeds().of(member).filter(present) {
            let note = held.checkpoint().map(|(_, note)| note.to_vec());
            if let Some(Ok(note)) = note.map(String::from_utf8) {
                let feed = held.id().to_string();
                rows.push(Reply::Head(Head { feed, note }));
            }
        }
        counted(rows)
    }

    /// What each reader of a feed of ours said last that it holds.
    fn confirmed(&self, held: &FeedState) -> Vec<Confirmed> {
        let genesis = held.genesis();
        if genesis.publisher != *self.me() {
            return Vec::new();
        }
        let readers = genesis.audience.members().iter();
        let readers = readers.filter(|reader| *reader != self.me());
        let said = readers.filter_map(|reader| {
            let holds = self.holds(held.id(), reader)?;
            Some(Confirmed {
                reader: reader.to_string(),
                leaves: holds.size,
                missing: holds.missing,
                unopened: holds.unopened,
                applied: holds.applied,
            })
        });
        said.collect()
    }
}
