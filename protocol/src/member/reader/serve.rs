//! What a session serves its member: leaves, bodies, keys of epochs, warrants, cards and documents. Of what
//! is not there nothing is said, but of a body: who asked for it can ask others.

use kentong_keys::{Card, MemberName, SealingChance, Warrant};

use crate::bounded::BoundedBytes;
use crate::feed::{FeedId, rewrap_with};
use crate::guard::{self, Guard};
use crate::member::{Chance, Ground, World};
use crate::store::StoreError;
use crate::sync::leaves_message;
use crate::wire::Message;

use super::{Output, Reader};

impl Reader {
    /// The newest warrant and card of a member; this node's own are those that it uses.
    #[must_use]
    pub fn serve_credentials<W: World>(
        ground: &Ground<'_, W>,
        member: &MemberName,
    ) -> Option<Message> {
        if member == ground.keys.me {
            return credentials(ground.keys.warrant, ground.keys.card);
        }
        let (warrant, card) = ground.members.credentials(member)?;
        credentials(warrant, card?)
    }

    /// Leaves of a feed from an index on, and bodies that follow them.
    pub fn serve_leaves<W: World>(
        ground: &Ground<'_, W>,
        feed: FeedId,
        from: u64,
        following: &[u64],
    ) -> Vec<Output> {
        let from = if guard::on(Guard::ServedFromAsked) {
            from
        } else {
            from.saturating_add(1)
        };
        let read = |index| ground.store.leaf(feed, index).ok();
        let view = ground.store.view(&feed);
        let made = view.and_then(|view| leaves_message(feed, &view, from, following, read));
        let Some(made) = made else {
            return Vec::new();
        };
        let until = from.saturating_add(made.leaves.len() as u64);
        let following = made.following.clone();
        let mut outputs = vec![Output::Serve(Message::Leaves(Box::new(made)))];
        let bodies = following.iter();
        let bodies = bodies.map(|index| Output::Serve(Self::serve_body(ground, feed, *index)));
        outputs.extend(bodies);
        outputs.push(Output::SentLeaves { feed, until });
        outputs
    }

    /// A body, or that it is not there.
    #[must_use]
    pub fn serve_body<W: World>(ground: &Ground<'_, W>, feed: FeedId, index: u64) -> Message {
        let body = ground.store.body(feed, index).ok();
        match body.and_then(|body| BoundedBytes::new(body).ok()) {
            Some(body) => Message::Body { feed, index, body },
            None => Message::NoBody { feed, index },
        }
    }

    /// The key of an epoch, encrypted to the present key of a member that may read the feed.
    pub fn serve_epoch<W: World>(
        ground: &Ground<'_, W>,
        member: &MemberName,
        (feed, epoch): (FeedId, u32),
        chance: &mut dyn Chance,
    ) -> Result<Option<Message>, StoreError> {
        let key = ground.store.epoch_key(feed, epoch)?;
        let (Some(key), Some(charter)) = (key, ground.members.charter()) else {
            return Ok(None);
        };
        let Some(to) = ground.keys.sealing_key(ground.members, member) else {
            return Ok(None);
        };
        let (federation, key_id) = (*charter.id().digest(), to.id());
        let chance = SealingChance::filled_by(|bytes| chance.fill(bytes));
        let sealed = rewrap_with(&key, &federation, (feed, epoch), (member, to), chance);
        Ok(sealed.map(|sealed| Message::Rewrap {
            feed,
            epoch,
            key_id,
            sealed,
        }))
    }
}

fn credentials(warrant: &Warrant, card: &Card) -> Option<Message> {
    let warrant = BoundedBytes::new(warrant.note().bytes().to_vec()).ok()?;
    let card = BoundedBytes::new(card.note().bytes().to_vec()).ok()?;
    Some(Message::Credentials { warrant, card })
}
