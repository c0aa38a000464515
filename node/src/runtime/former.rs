//! What a publisher's former keys signed, after its root key named others: what follows from that here.

use std::collections::BTreeSet;

use kentong_protocol::MemberName;
use kentong_protocol::feed::FeedId;
use kentong_protocol::member::reader::{Former, Reader, Warrants};
use kentong_protocol::member::sessions::{Input, Whom};
use kentong_protocol::wire::Bye;

use crate::store::StoreError;

use super::core::Core;
use super::warnings::{Subject, Warning};

impl Core {
    /// Looks at the start how far each member's word goes.
    pub(super) fn weigh_all(&mut self) {
        for (member, former) in self.read(|_, ground| Reader::weigh_all(ground)) {
            self.tell_former(&member, &former);
        }
    }

    /// Looks whose keys were replaced since these were the newest warrants.
    pub(super) fn look_for_new_keys(&mut self, before: &Warrants) {
        for member in before.replaced(&self.members) {
            if member != self.me {
                self.keys_replaced(&member);
            }
        }
    }

    /// A member has a new warrant: what its former keys vouched for is looked at again.
    fn keys_replaced(&mut self, member: &MemberName) {
        let (former, readers) = self.read(|reader, ground| {
            let former = reader.keys_replaced(ground, member);
            let readers: BTreeSet<MemberName> = former.readers(ground);
            (former, readers)
        });
        let store = &self.store;
        // Its old sealing keys may be in the wrong hands, and open the epochs that are open.
        self.publisher.end_epochs_of(member, store);
        self.standing.remove(member); // Rules that were broken under keys that have gone.
        self.cut_offs.forget(member);
        let links = self.sessions.links();
        let its = links.filter(|(_, of)| *of == member).map(|(link, _)| link);
        for link in its.collect::<Vec<_>>() {
            // Begun under the keys of before: nothing more of it is looked at.
            self.close(link);
            self.end(link);
        }
        self.tell_former(member, &former);
        // A session that began before may still ask for what has gone, or be asked for it.
        self.tell(Input::Close(Whom::Members(readers), Bye::Stopping));
    }

    fn tell_former(&mut self, member: &MemberName, former: &Former) {
        let (leaves, void, hindered) = (former.leaves(), former.void, &former.hindered);
        for (feed, (held, counts)) in &former.cut {
            tracing::warn!(peer = %member, ?feed, held, counts, "a former key signed more than counts");
        }
        self.warnings.settle(&Subject::Former(member.clone()));
        if leaves == 0 && void == 0 {
            return;
        }
        tracing::warn!(peer = %member, leaves, void, "what former keys of a member signed does not count");
        if let Some(error) = hindered {
            tracing::error!(peer = %member, %error, "what former keys signed could not be removed");
            self.warn(Warning::FormerKept {
                member: member.clone(),
                error: error.to_string(),
            });
        } else if leaves > 0 {
            self.warn(Warning::FormerTakenBack {
                member: member.clone(),
                leaves,
            });
        }
        if void > 0 {
            self.warn(Warning::FormerVoid {
                member: member.clone(),
                feeds: void,
            });
        }
    }

    /// What a former key signed of a feed is replaced by what the present key signs.
    pub(super) fn void(&mut self, feed: FeedId, from: u64) -> Result<(), StoreError> {
        tracing::warn!(?feed, from, "what a former key signed is removed");
        self.read(|_, ground| Reader::void(ground, feed, from))
    }
}
