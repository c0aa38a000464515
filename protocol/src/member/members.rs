//! The members as this node knows them: the charter and everyone's newest warrant and card.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Card, MemberName, SealingKey, Warrant};

use crate::charter::{Charter, Membership, Papers};
use crate::directory::{Bundle, CredentialError, Credentials, Directory, Offered};
use crate::policy::Party;
use crate::time::{Moment, Timestamp};

/// After how long it is tried again to keep what could not be kept.
const KEEP_AGAIN: Duration = Duration::from_secs(10);

/// Charter and directory.
#[derive(Debug)]
pub struct Members {
    me: MemberName,
    known: Option<Known>,
    /// Those in force, this node's own among them as long as it is.
    parties: Vec<Party>,
    /// When the next notice begins or ends to count.
    until: Option<Timestamp>,
    /// Newer warrants and cards that could not be kept in the home yet. Their members do not send them
    /// again in the same session.
    unkept: BTreeMap<MemberName, Bundle>,
    /// When that is tried again.
    keep_at: Moment,
}

/// What there is once a charter is installed.
#[derive(Debug)]
struct Known {
    papers: Papers,
    severed: BTreeSet<MemberName>,
    directory: Directory,
}

/// What a home holds of charter and members.
#[derive(Debug)]
pub struct Held {
    /// The charter's versions, votes and notices.
    pub papers: Papers,
    /// Whom this member severed.
    pub severed: BTreeSet<MemberName>,
    /// The notes of this node's own warrant and card.
    pub own: (Vec<u8>, Vec<u8>),
    /// The files of other members.
    pub bundles: Vec<Bundle>,
}

/// Whose warrant and card do not fit the charter, and why they are not used.
pub type Unfit = (MemberName, CredentialError);

/// How a listed member stands with this node, as far as the charter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    /// As the charter and its notices say.
    By(Membership),
    /// This node severed it.
    Severed,
}

impl Members {
    /// Before a charter is installed there are no members.
    #[must_use]
    pub const fn none(me: MemberName) -> Self {
        Self {
            me,
            known: None,
            parties: Vec::new(),
            until: None,
            unkept: BTreeMap::new(),
            keep_at: Moment::START,
        }
    }

    /// The members of what a home holds, and who of them shows nothing that fits.
    #[must_use]
    pub fn of(me: MemberName, held: Held, now: Timestamp) -> (Self, Vec<Unfit>) {
        let mut directory = Directory::new(held.papers.chain().in_force().clone());
        let mut unfit = Vec::new();
        if let Err(error) = offer(&mut directory, &held.own.0, &held.own.1) {
            unfit.push((me.clone(), error));
        }
        for bundle in held.bundles {
            if *bundle.member() == me {
                continue;
            }
            if let Err(error) = directory.offer_bundle(&bundle) {
                unfit.push((bundle.member().clone(), error));
            }
        }
        let known = Known {
            papers: held.papers,
            severed: held.severed,
            directory,
        };
        let mut members = Self {
            known: Some(known),
            ..Self::none(me)
        };
        members.look(now);
        (members, unfit)
    }

    /// Looks again who is in force, if a notice began or ended to count; true if so.
    pub fn keep_up(&mut self, now: Timestamp) -> bool {
        if self.until.is_none_or(|until| now < until) {
            return false;
        }
        self.look(now);
        true
    }

    fn look(&mut self, now: Timestamp) {
        let Some(known) = &self.known else { return };
        let chain = known.papers.chain();
        let listed = chain.in_force().members().iter();
        self.parties = listed
            .filter(|(name, _)| {
                let by = known.papers.notices().membership(name, chain, now);
                by.is_in_force() && !known.severed.contains(*name)
            })
            .map(|(name, member)| Party {
                name: name.clone(),
                groups: member.groups().clone(),
            })
            .collect();
        self.until = known.papers.notices().next_change(chain, now);
    }

    /// The charter in force.
    #[must_use]
    pub fn charter(&self) -> Option<&Charter> {
        Some(self.papers()?.chain().in_force())
    }

    /// The federation's papers.
    #[must_use]
    pub fn papers(&self) -> Option<&Papers> {
        self.known.as_ref().map(|known| &known.papers)
    }

    /// Every member that the charter lists, with the serials of its warrant and card; 0 for none.
    #[must_use]
    pub fn serials(&self) -> Vec<(MemberName, u64, u64)> {
        let Some(directory) = self.directory() else {
            return Vec::new();
        };
        let names = directory.charter().members().keys();
        names
            .map(|name| {
                let standing = directory.member(name);
                let (warrant, card) = standing.map(Credentials::serials).unwrap_or_default();
                (name.clone(), warrant, card)
            })
            .collect()
    }

    /// The members in force, this node's among them, in the order of their names: not those that
    /// left, are suspended, or were severed here.
    #[must_use]
    pub fn parties(&self) -> &[Party] {
        &self.parties
    }

    /// Every member that the charter lists, and how it stands.
    #[must_use]
    pub fn listed(&self, now: Timestamp) -> Vec<(Party, Stands)> {
        let Some(known) = &self.known else {
            return Vec::new();
        };
        let chain = known.papers.chain();
        let listed = chain.in_force().members().keys();
        listed
            .filter_map(|name| {
                let stands = if known.severed.contains(name) {
                    Stands::Severed
                } else {
                    Stands::By(known.papers.notices().membership(name, chain, now))
                };
                Some((known.directory.party(name)?, stands))
            })
            .collect()
    }

    /// Whether a member is in force: listed, and neither gone, suspended nor severed here.
    #[must_use]
    pub fn is_in_force(&self, member: &MemberName) -> bool {
        self.parties.iter().any(|party| party.name == *member)
    }

    fn directory(&self) -> Option<&Directory> {
        self.known.as_ref().map(|known| &known.directory)
    }

    /// A listed member as policies see it. What one said that is suspended or left since stays
    /// what it said.
    #[must_use]
    pub fn party(&self, member: &MemberName) -> Option<Party> {
        self.directory()?.party(member)
    }

    /// A member as policies see it; one that the charter does not name is in no group.
    #[must_use]
    pub fn as_party(&self, member: &MemberName) -> Party {
        self.party(member).unwrap_or_else(|| Party {
            name: member.clone(),
            groups: BTreeSet::new(),
        })
    }

    /// What the charter calls a member; empty for one that it does not list.
    #[must_use]
    pub fn display_name(&self, member: &MemberName) -> String {
        let member = self.charter().and_then(|charter| charter.member(member));
        member
            .map(|member| member.display_name().to_owned())
            .unwrap_or_default()
    }

    /// The newest warrant of a member, and the card under it.
    #[must_use]
    pub fn credentials(&self, member: &MemberName) -> Option<(&Warrant, Option<&Card>)> {
        let directory = self.directory()?;
        let standing = directory.member(member)?;
        Some((standing.warrant()?, standing.card()))
    }

    /// The key to seal to for another member.
    #[must_use]
    pub fn sealing_key(&self, member: &MemberName) -> Option<&SealingKey> {
        self.directory()?.sealing_key(member)
    }

    /// The member in force whose card names this peer id.
    #[must_use]
    pub fn by_peer(&self, peer: &str) -> Option<MemberName> {
        let member = self.directory()?.by_peer(peer)?;
        self.is_in_force(member).then(|| member.clone())
    }

    /// The peer ids of other members in force, each with the addresses to dial.
    pub fn peers(&self) -> impl Iterator<Item = (&MemberName, &str, impl Iterator<Item = &str>)> {
        let others = self.parties.iter().filter(|party| party.name != self.me);
        let cards =
            others.filter_map(|party| Some((&party.name, self.credentials(&party.name)?.1?)));
        cards.flat_map(|(name, card)| {
            let addresses = || card.addresses().iter().map(|text| text.as_str());
            card.peer_ids()
                .map(move |peer| (name, peer.as_str(), addresses()))
        })
    }

    /// Offers a warrant and a card of a member; true if they are newer than what is known. They are to
    /// be [kept](Self::next_to_keep).
    pub fn offer(
        &mut self,
        member: &MemberName,
        warrant: &[u8],
        card: &[u8],
    ) -> Result<bool, CredentialError> {
        let Some(Known { directory, .. }) = &mut self.known else {
            return Ok(false);
        };
        if *member == self.me || !offer(directory, warrant, card)? {
            return Ok(false);
        }
        let charter = directory.charter();
        let standing = directory.member(member);
        let credentials = standing.and_then(|s| Some((s.warrant()?, s.card()?)));
        if let (Some(known), Some((warrant, card))) = (charter.member(member), credentials)
            && let Ok(bundle) = Bundle::new(known.display_name(), *known.root(), warrant, card)
        {
            self.unkept.insert(member.clone(), bundle);
            self.keep_at = Moment::START;
        }
        Ok(true)
    }

    /// What is to be kept in the home next, if it is time to.
    #[must_use]
    pub fn next_to_keep(&self, now: Moment) -> Option<&Bundle> {
        let due = self.keep_at <= now;
        self.unkept.values().next().filter(|_| due)
    }

    /// The home holds what is known of this member.
    pub fn kept(&mut self, member: &MemberName) {
        self.unkept.remove(member);
    }

    /// The home takes nothing now: that is tried again in a while.
    pub fn keep_later(&mut self, now: Moment) {
        self.keep_at = now.after(KEEP_AGAIN);
    }

    /// Goes on with what another's home does not hold yet, as far as it is newer than what was read here.
    pub fn inherit_unkept(&mut self, other: &mut Self) {
        for (member, bundle) in std::mem::take(&mut other.unkept) {
            let Some(Known { directory, .. }) = &mut self.known else {
                return;
            };
            if directory.offer_bundle(&bundle).is_ok_and(is_news) {
                self.unkept.insert(member, bundle);
            }
        }
        self.keep_at = other.keep_at;
    }
}

/// Offers both; true if one of them is news.
fn offer(directory: &mut Directory, warrant: &[u8], card: &[u8]) -> Result<bool, CredentialError> {
    Ok(is_news(directory.offer_both(warrant, card)?))
}

fn is_news((warrant, card): (Offered, Offered)) -> bool {
    warrant == Offered::New || card == Offered::New
}

#[cfg(test)]
mod tests;
