//! What links bring.

use std::collections::BTreeSet;

use kentong_keys::MemberName;

use crate::sync::{Limits, Local, Now, Peer};
use crate::wire::Bye;

use super::sessions::{Input, Whom};
use super::{Lent, Member, Output, World};

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// A link with a member came about; false if this node does not speak to it, or nothing fits it.
    pub fn connected(&mut self, link: Id, member: &MemberName, lent: &Lent<'_>) -> bool {
        let speaks = self.speaks_to(member, lent.now);
        let speaks = speaks.then(|| Some((self.this_side(lent)?, self.peer(member)?)));
        let Some((local, peer)) = speaks.flatten() else {
            return false;
        };
        let local = Box::new(local);
        self.tell(Input::Connected { link, local, peer }, lent.now);
        true
    }

    /// A frame came on a link.
    pub fn frame(&mut self, link: Id, bytes: Vec<u8>, now: Now) {
        self.tell(Input::Frame { link, bytes }, now);
    }

    /// There is room on a link again.
    pub fn drained(&mut self, link: Id, now: Now) {
        self.tell(Input::Drained(link), now);
    }

    /// A link ended, or is given up: answers whose it was.
    pub fn ended(&mut self, link: Id, now: Now) -> Option<MemberName> {
        let member = self.sessions.member(link).cloned()?;
        self.tell(Input::Ended(link), now);
        if self.is_cut_off(&member, now) {
            self.outputs.push(Output::Admit); // Only now: its goodbye has been sent.
        }
        Some(member)
    }

    /// The sessions with these members end: new ones list everything again.
    pub fn begin_again(&mut self, members: BTreeSet<MemberName>, now: Now) {
        let whom = Whom::Members(members);
        self.tell(Input::Close(whom, Bye::Stopping), now);
    }

    /// All sessions end, with a word.
    pub fn say_goodbye(&mut self, now: Now) {
        self.tell(Input::Close(Whom::All, Bye::Stopping), now);
    }

    fn this_side(&self, lent: &Lent<'_>) -> Option<Local> {
        let charter = self.members.charter()?;
        Some(Local {
            me: lent.keys.me.clone(),
            signing: lent.keys.signing.public_key(),
            federation: *charter.id().digest(),
            federation_name: charter.federation().as_str().to_owned(),
            charter_version: charter.version(),
            charter: *charter.hash(),
            serials: (lent.keys.warrant.serial(), lent.keys.card.serial()),
            limits: Limits::default(),
        })
    }

    pub(super) fn peer(&self, member: &MemberName) -> Option<Peer> {
        let (warrant, card) = self.members.credentials(member)?;
        Some(Peer {
            member: member.clone(),
            signing: *warrant.signing(),
            serials: (warrant.serial(), card.map_or(0, kentong_keys::Card::serial)),
        })
    }
}
