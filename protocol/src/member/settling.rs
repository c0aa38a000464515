//! A node that does not know what it signed last: when enough readers have said what they hold, or the root
//! key has given its go-ahead, it goes on. History decides; the heads are settled by what it says.

use std::collections::BTreeSet;

use kentong_keys::{GoAheadTerms, MemberName};

use crate::feed::FeedId;
use crate::time::Timestamp;

use super::heads::{Heads as _, Signed};
use super::history::{Contradiction, NoGoAhead, Settlement, can_be_asked};
use super::{Lent, Member, Ours, Stands, Told, World};

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// A reader shows a head of ours beyond what is held.
    pub(super) fn shown(
        &mut self,
        reader: &MemberName,
        feed: FeedId,
        head: Signed,
        lent: &mut Lent<'_>,
    ) {
        let (now, ours) = (lent.now.moment, Ours::of(&self.store));
        let outputs = self
            .history
            .shown(reader, (feed, head), now, &ours, &self.heads);
        self.follow_history(outputs, lent);
    }

    /// Looks whether what came back by itself, as a key does, makes a lost feed whole.
    pub(super) fn look_for_lost(&mut self, lent: &mut Lent<'_>) {
        let (now, ours) = (lent.now.moment, Ours::of(&self.store));
        let outputs = self.history.look_for_lost(now, &ours, &self.heads);
        self.follow_history(outputs, lent);
    }

    /// The members who can be asked what they hold of our feeds: all others that the charter lists, but for
    /// those who left and those whom this node severed.
    #[must_use]
    pub fn can_be_asked(&self, now: Timestamp) -> BTreeSet<MemberName> {
        let listed = self.members.listed(now).into_iter();
        let others = listed.filter(|(party, stands)| {
            let speaks = match stands {
                Stands::By(membership) => can_be_asked(*membership),
                Stands::Severed => false,
            };
            speaks && party.name != *self.store.me()
        });
        others.map(|(party, _)| party.name).collect()
    }

    /// Looks whether enough readers have answered and all that they showed is back; then publishing continues.
    pub(super) fn look_for_settlement(&mut self, lent: &mut Lent<'_>) {
        if self.history.asking().is_none() {
            return;
        }
        let asked = self.can_be_asked(lent.now.wall);
        let (now, ours) = (lent.now.moment, Ours::of(&self.store));
        if let Some(settlement) = self.history.look_for_settlement(now, &asked, &ours) {
            self.settle(settlement, lent);
        }
    }

    /// The root key says that publishing is to continue by what was found so far. What was found may be that
    /// nothing may be published ([`History::stopped`](super::history::History::stopped)).
    pub fn go_ahead(&mut self, terms: &GoAheadTerms, lent: &mut Lent<'_>) -> Result<(), NoGoAhead> {
        let charter = self.members.charter().ok_or(NoGoAhead::NotAsked)?;
        let federation = *charter.id().digest();
        let ours = Ours::of(&self.store);
        let settlement = self.history.go_ahead(terms, &federation, &ours)?;
        self.settle(settlement, lent);
        Ok(())
    }

    /// Settles the heads by what was found, and goes on from there.
    fn settle(&mut self, settlement: Settlement, lent: &mut Lent<'_>) {
        let Settlement { by, gone, heads } = settlement;
        let entries = match heads {
            Ok(entries) => entries,
            Err(Contradiction { member, feed }) => {
                return self.stop(format!(
                    "{member} shows that we signed another history of our feed {feed} than others hold: \
                     another node has run with these keys"
                ));
            }
        };
        if let Err(error) = self.heads.settle(entries) {
            return self.stop(error.to_string());
        }
        let heard = self.history.asking();
        let heard = heard.map_or(0, |asking| asking.heard().len());
        self.told(Told::GoesOn { by, heard, gone });
        let ours = Ours::of(&self.store);
        let outputs = self.history.settled(by, &ours, &self.heads);
        self.follow_history(outputs, lent);
    }
}
