//! Who belongs, and by which keys, has changed: what follows from that at each part.

use core::time::Duration;
use std::collections::BTreeSet;

use kentong_keys::MemberName;

use crate::directory::Directory;
use crate::guard::{self, Guard};
use crate::policy::Engine;
use crate::sync::Now;
use crate::time::Moment;
use crate::wire::Bye;

use super::publisher::Publisher;
use super::reader::Warrants;
use super::sessions::{Input, Whom};
use super::{Lent, Member, Members, Output, Told, World};

/// On what a node failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailedOn {
    /// On a frame of this member.
    Frame {
        /// The member.
        member: MemberName,
        /// The frame.
        frame: Vec<u8>,
        /// For how many minutes it is not spoken to.
        minutes: u64,
    },
    /// On something else, while it worked for the link with this member. Nothing is held against it, but the link
    /// waits: it could fail without pause.
    Beside(MemberName),
}

/// How long a member that leaves has to tell the others.
const FAREWELL: Duration = Duration::from_secs(5);

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// Whether this node speaks to a member now: both are in force, or we say farewell, and it is not cut off.
    #[must_use]
    pub fn speaks_to(&self, member: &MemberName, now: Now) -> bool {
        self.admits(member) && !self.is_cut_off(member, now)
    }

    /// Whether a member broke a rule and is not spoken to for now.
    #[must_use]
    pub fn is_cut_off(&self, member: &MemberName, now: Now) -> bool {
        self.cut_offs.holds(member, now.moment)
    }

    /// Whether a member is let in as far as the charter goes.
    #[must_use]
    pub fn admits(&self, member: &MemberName) -> bool {
        let here = self.members.is_in_force(self.store.me()) || self.farewell.is_some();
        here && self.members.is_in_force(member) || !guard::on(Guard::StrangersCutOff)
    }

    /// The peer ids that may come in, each with the addresses to dial. A member that is cut off is let in as long as
    /// there is a link with it: its goodbye may be on its way.
    pub fn admitted(&self, now: Now) -> impl Iterator<Item = (&str, impl Iterator<Item = &str>)> {
        let peers = self.members.peers();
        let peers = peers.filter(move |(member, ..)| {
            let linked = || self.sessions.is_linked(member);
            self.admits(member) && (!self.is_cut_off(member, now) || linked())
        });
        peers.map(|(_, peer, addresses)| (peer, addresses))
    }

    /// Another policy is in force.
    pub fn use_policy(&mut self, policy: Engine, lent: &mut Lent<'_>) {
        self.policy = policy;
        self.publishing(lent, Publisher::sweep_all);
    }

    /// Other members, cards or documents are in force. One that is no longer a member is cut off before
    /// anything else is done.
    pub fn use_members(&mut self, mut members: Members, lent: &mut Lent<'_>) {
        members.inherit_unkept(&mut self.members);
        let me = self.store.me().clone();
        let before = self.members.charter().map(|charter| *charter.hash());
        let after = members.charter().map(|charter| *charter.hash());
        if before != after || self.members.parties() != members.parties() {
            self.publisher.end_epochs();
        }
        let was_in_force = self.members.is_in_force(&me);
        let warrants = Warrants::of(&self.members);
        self.members = members;
        self.look_for_new_keys(&warrants, lent);
        let parties = self.members.parties().iter();
        let in_force: BTreeSet<_> = parties.map(|party| party.name.clone()).collect();
        self.tell(Input::Papers(Whom::Members(in_force)), lent.now);
        let leaves = was_in_force || self.farewell.is_some();
        if leaves && !self.members.is_in_force(&me) {
            // A member that leaves says so before it goes, also if another document follows at once.
            let until = lent.now.after(FAREWELL);
            self.farewell.get_or_insert(until);
        } else {
            self.farewell = None;
            self.cut_off_strangers(lent.now);
        }
        if guard::on(Guard::CheckedForNewcomers) {
            self.publishing(lent, Publisher::sweep_all);
        }
        if before != after {
            let outputs = self.reader.quota_changed(); // The quota may be another.
            self.follow_reader(None, outputs, lent.now);
        }
    }

    /// Ends what a member that has left still had to say.
    pub(super) fn say_farewell(&mut self, lent: &Lent<'_>) {
        let now = lent.now;
        if self.farewell.take_if(|at| *at <= now.moment).is_some() {
            self.cut_off_strangers(now);
        }
    }

    /// Looks again who is in force, if a notice began or ended to count.
    pub(super) fn keep_up(&mut self, lent: &mut Lent<'_>) {
        if self.members.keep_up(lent.now.wall) {
            self.told(Told::NoticeCounts);
            self.cut_off_strangers(lent.now);
            self.publishing(lent, Publisher::sweep_all);
        }
    }

    /// Lets those in again who were cut off long enough.
    pub(super) fn lift_cut_offs(&mut self, now: Moment) {
        if self.cut_offs.lift(now) {
            self.outputs.push(Output::Admit);
        }
    }

    /// Does not speak to a member for a while, since this node failed on what it sent, or beside the link with it.
    pub(super) fn cut_off(
        &mut self,
        member: MemberName,
        frame: Option<Vec<u8>>,
        now: Now,
    ) -> FailedOn {
        let Some(frame) = frame else {
            self.cut_offs.pause(&member, now.moment);
            return FailedOn::Beside(member);
        };
        let minutes = self.cut_offs.strike(&member, now.moment);
        FailedOn::Frame {
            member,
            frame,
            minutes,
        }
    }

    /// Ends the sessions with those who are not, or not now, members in force.
    fn cut_off_strangers(&mut self, now: Now) {
        self.outputs.push(Output::Admit);
        let links = self.sessions.links();
        let gone = links.filter(|(_, member)| !self.admits(member));
        let gone: Vec<_> = gone.map(|(link, _)| link).collect();
        for link in gone {
            self.outputs.push(Output::Close(link));
            if let Some(member) = self.ended(link, now) {
                self.told(Told::NotInForce(member));
            }
        }
    }

    /// Accepts a newer warrant and card of any member, and passes them on.
    pub(super) fn offered(
        &mut self,
        from: &MemberName,
        warrant: &[u8],
        card: &[u8],
        lent: &mut Lent<'_>,
    ) {
        let before = Warrants::of(&self.members);
        let offered = Directory::whose(warrant).and_then(|member| {
            let news = self.members.offer(&member, warrant, card)?;
            Ok(news.then_some(member))
        });
        match offered {
            Ok(None) => {}
            Ok(Some(member)) => {
                // If a crash comes before that is done, the next start uses the former warrant over what is cut
                // for the new one: what counts under the former is fetched once more, and cut once more.
                self.outputs.push(Output::KeepCards);
                self.look_for_new_keys(&before, lent);
                if let Some(peer) = self.peer(&member) {
                    self.tell(Input::PeerKeys(peer), lent.now);
                }
                self.outputs.push(Output::Admit);
                self.tell(Input::Papers(Whom::All), lent.now);
                let from = from.clone();
                self.told(Told::NewCard { from, member });
                // Its feeds may have been sealed without it, for want of a card.
                self.publishing(lent, Publisher::sweep_all);
            }
            Err(error) => self.told(Told::BadCredentials(from.clone(), error.to_string())),
        }
    }

    /// Looks whose keys were replaced since these were the newest warrants.
    fn look_for_new_keys(&mut self, before: &Warrants, lent: &Lent<'_>) {
        for member in before.replaced(&self.members) {
            if member != *self.store.me() {
                self.keys_replaced(&member, lent);
            }
        }
    }

    /// A member has a new warrant: what its former keys vouched for is looked at again.
    fn keys_replaced(&mut self, member: &MemberName, lent: &Lent<'_>) {
        let now = lent.now;
        let (former, readers) = self.on_ground(lent, |reader, ground| {
            let former = reader.keys_replaced(ground, member);
            let readers = former.readers(ground);
            (former, readers)
        });
        // Its old sealing keys may be in the wrong hands, and decrypt the epochs that are open.
        self.publisher.end_epochs_of(member, &self.store);
        self.cut_offs.forget(member);
        let links = self.sessions.links();
        let its = links.filter(|(_, of)| *of == member).map(|(link, _)| link);
        for link in its.collect::<Vec<_>>() {
            // Begun under the keys of before: nothing more of it is looked at.
            self.outputs.push(Output::Close(link));
            self.ended(link, now);
        }
        self.told(Told::Former(member.clone(), former));
        // A session that began before may still ask for what has gone, or be asked for it.
        self.tell(Input::Close(Whom::Members(readers), Bye::Stopping), now);
    }
}
