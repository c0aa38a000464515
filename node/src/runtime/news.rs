//! What sessions found out is taken note of here.

use kentong_protocol::MemberName;
use kentong_protocol::sync::{Fault, News, Now};

use crate::net::LinkId;
use crate::signer::Signed;
use crate::store::StoreError;

use super::core::Core;
use super::regard::{NoLink, Rule};
use super::warnings::{Subject, Warning};

impl Core {
    /// Takes note of what a session found out about its member.
    pub(super) fn learn(
        &mut self,
        link: LinkId,
        member: MemberName,
        news: News,
    ) -> Result<(), StoreError> {
        match news {
            News::Opened => {
                let wall = self.wall();
                self.standing.entry(member).or_default().heard = Some(wall);
                self.pass_evidence(link);
            }
            News::GoesBy { version, hash } => {
                self.standing.entry(member).or_default().goes_by = Some((version, hash));
            }
            News::Compared => self.compared(&member),
            News::Shows { feed, size } => {
                self.reader.show(&member, feed, size);
            }
            News::Cosigned {
                feed,
                size,
                root,
                time,
            } => {
                tracing::debug!(peer = %member, ?feed, size, %time, "cosigned");
                self.reader.cosigned_by(member, feed, size, root);
            }
            News::Heard(_) => {
                let wall = self.wall();
                self.standing.entry(member).or_default().heard = Some(wall);
            }
            News::Receipt { holds, signed } => self.receipt(member, holds.feed, &signed)?,
            News::Withheld { feed, index } => {
                let withheld = &mut self.standing.entry(member.clone()).or_default().withheld;
                *withheld += 1;
                if withheld.is_power_of_two() {
                    let so_far = *withheld;
                    tracing::warn!(peer = %member, ?feed, index, so_far, "a body is withheld");
                }
                self.reader.refuse(&member, feed, index);
            }
            News::OtherLeaves(feed) => {
                tracing::warn!(peer = %member, ?feed, "leaves that do not go with ours: others are asked");
                self.reader.other_leaves(&member, feed);
            }
            News::Behind { feed, size, root } => {
                tracing::warn!(peer = %member, ?feed, size, "a reader shows more of an own feed");
                self.more_shown(&member, feed, Signed { size, root });
            }
            News::Forked { feed, size } => self.halt(format!(
                "{member} shows that we signed another history of our feed {feed}, at {size} leaves: \
                 another node has run with these keys, or an older copy of this home"
            )),
            News::Evidence(evidence) => self.take_evidence(*evidence),
            News::ClockAhead(seconds) => {
                tracing::warn!(peer = %member, seconds, "a member's clock is ahead of ours");
            }
            News::Fault(fault) => self.fault(&member, fault),
        }
        Ok(())
    }

    /// A member's data could not be stored or read: its link ends, and it is said why.
    pub(super) fn hindered(&mut self, link: LinkId, error: &StoreError) {
        tracing::error!(%error, "a peer's data could not be stored or read");
        if let Some(member) = self.end(link) {
            let error = error.to_string();
            self.warn(Warning::Exchange { member, error });
        }
        self.close(link);
    }

    /// Removes the warning that what a member sends cannot be stored, when all of it is.
    pub(super) fn no_longer_hindered(&mut self, member: &MemberName) {
        let mut feeds = self.store.feeds().of(member);
        let subject = Subject::Exchange(member.clone());
        if self.warnings.is_about(&subject) && feeds.all(|feed| feed.missing_count() == 0) {
            self.warnings.settle(&subject);
        }
    }

    /// Notes a broken rule, and does not speak to the member for a while. The network learns of it
    /// when the link has ended, or it would cut the connection before the goodbye is written.
    fn fault(&mut self, member: &MemberName, fault: Fault) {
        tracing::warn!(peer = %member, %fault, "a member broke a rule of the protocol");
        let Now { wall, millis } = self.now();
        let standing = self.standing.entry(member.clone()).or_default();
        standing.blame(Rule::Session(fault), wall);
        let cut_off = self.cut_offs.broke(member, fault, millis);
        standing.why = Some(NoLink::BrokeRule { fault, cut_off });
    }
}
