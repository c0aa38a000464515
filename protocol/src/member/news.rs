//! What sessions found out.

use kentong_keys::MemberName;

use crate::store::StoreError;
use crate::sync::News;

use super::heads::Signed;
use super::sessions::Input;
use super::{Lent, Member, Told, World};

impl<W: World, Id: Copy + Ord, T> Member<W, Id, T> {
    /// Has the parts take note of what a session found out about its member.
    pub(super) fn learn(
        &mut self,
        link: Id,
        member: &MemberName,
        news: News,
        lent: &mut Lent<'_>,
    ) -> Result<(), StoreError> {
        let now = lent.now;
        match &news {
            News::Opened => {
                // It shows all that it holds next. What it showed over a link before may be gone: a crash may have
                // taken it, and the end of that link may not be known yet.
                self.reader.gone(member);
                // To one who has just come: what is known of two histories.
                let known: Vec<_> = self.reader.forked().cloned().collect();
                for evidence in known {
                    self.tell(Input::PassOn(link, evidence), now);
                }
            }
            News::Compared => {
                let asking = self.history.asking();
                if asking.is_some_and(|asking| !asking.heard().contains(member)) {
                    self.told(Told::Answers(member.clone()));
                }
                let ours = super::Ours::of(&self.store);
                let outputs = self.history.compared(member, now.moment, &ours);
                self.follow_history(outputs, lent);
            }
            News::Shows { feed, size } => self.reader.show(member, *feed, *size),
            News::Cosigned {
                feed, size, root, ..
            } => self.reader.cosigned_by(member.clone(), *feed, *size, *root),
            News::Receipt { holds, signed } => {
                let at = (holds.feed, member.clone());
                self.receipts.note(at, signed.to_bytes());
                self.store_receipts(now.moment)?;
            }
            News::Withheld { feed, index } => self.reader.refuse(member, *feed, *index),
            News::OtherLeaves(feed) => self.reader.other_leaves(member, *feed),
            News::Behind { feed, size, root } => {
                let head = Signed {
                    size: *size,
                    root: *root,
                };
                self.shown(member, *feed, head, lent);
            }
            News::Forked { feed, size } => self.stop(format!(
                "{member} shows that we signed another history of our feed {feed}, at {size} leaves: \
                 another node has run with these keys, or an older copy of this home"
            )),
            News::Evidence(evidence) => {
                let evidence = evidence.as_ref().clone();
                self.reading(lent, |reader, ground| reader.evidence(ground, evidence));
            }
            News::Fault(fault) => {
                let (member, fault) = (member.clone(), *fault);
                let minutes = self.cut_offs.broke(&member, fault, now.moment);
                self.told(Told::Broke {
                    member,
                    fault,
                    minutes,
                });
            }
            News::GoesBy { .. } | News::Heard(_) | News::ClockAhead(_) => {}
        }
        self.told(Told::Learnt(member.clone(), news));
        Ok(())
    }
}
