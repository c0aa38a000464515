//! Answering operators.

use std::collections::BTreeSet;

use kentong_protocol::member::publisher::Saying;
use kentong_protocol::policy::{Class, LocalAction, Operator, Purpose};
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Durable, Reply};
use crate::control::request::{Request, Which};
use crate::control::server::Asked;
use crate::runtime::{Door, Erasing, Named, Node};

use super::query::Looked;
use super::{Operators, counted};

impl Operators {
    /// Answers a request, or begins to; true if it asks the node to stop.
    pub(crate) fn answer(&mut self, door: &mut Door<'_>, asked: Asked) -> bool {
        let Asked {
            request,
            uid,
            replies,
        } = asked;
        let stop = matches!(request, Request::Stop);
        let who = operator(uid);
        let mut rows = Vec::new();
        let end = match self.begin(door, request, &who, &replies, &mut rows) {
            Ok(Some(done)) => Ok(done),
            Ok(None) => return false,
            Err(refused) => Err(refused),
        };
        let stop = stop && end.is_ok();
        self.hand_out(rows, end, replies);
        stop
    }

    /// Does what is asked; the end of its answer, or nothing if that comes later.
    fn begin(
        &mut self,
        door: &mut Door<'_>,
        request: Request,
        who: &Operator,
        replies: &mpsc::Sender<Reply>,
        rows: &mut Vec<Reply>,
    ) -> Result<Option<Done>, Refused> {
        let done = match request {
            // These two are answered once they are durable.
            Request::Assert {
                entries,
                dry_run,
                again,
            } => {
                let how = Saying { dry_run, again };
                door.assert(entries, how, who, replies.clone())?;
                return Ok(None);
            }
            Request::Withdraw { value, reason } => {
                door.withdraw(value, reason, who, replies.clone())?;
                return Ok(None);
            }
            Request::Query(query) => {
                let looked = door.node().query(&query, who)?;
                return self.looked(door, looked, replies, rows);
            }
            Request::Show { what } => {
                let looked = door.node().show(&what, who)?;
                return self.looked(door, looked, replies, rows);
            }
            Request::Erase {
                which,
                reason,
                dry_run,
            } => erase(door, &which, Erasing { reason, dry_run }, who, rows)?,
            Request::Peers => door.node().looked_at_by(who)?.peers(rows),
            Request::Feeds => door.node().looked_at_by(who)?.feeds_held(rows),
            Request::Heads { member } => door.node().looked_at_by(who)?.heads(&member, rows),
            Request::Status => door.node().looked_at_by(who)?.status(rows),
            Request::Explain {
                value,
                draft,
                member,
            } => {
                let (draft, member) = (draft.as_deref(), member.as_ref());
                door.node().explain(&value, draft, member, who, rows)?
            }
            Request::Receipts { value } => door.node().receipts_for(&value, who, rows)?,
            Request::ReloadPolicy => reload_policy(door, who)?,
            Request::ReloadMembers => reload_members(door, who)?,
            Request::GoAhead { note } => {
                door.node().may_administer(who)?;
                door.go_ahead(&note)?
            }
            Request::SyncLog => {
                door.node().may_administer(who)?;
                let position = door.sync_log()?;
                rows.push(Reply::Durable(Durable { position }));
                counted(rows)
            }
            Request::Stop => {
                door.node().may_administer(who)?;
                Done::default()
            }
        };
        Ok(Some(done))
    }

    /// The end of an answer that is there already; nothing if a search was begun for it.
    fn looked(
        &mut self,
        door: &mut Door<'_>,
        looked: Looked,
        replies: &mpsc::Sender<Reply>,
        rows: &mut Vec<Reply>,
    ) -> Result<Option<Done>, Refused> {
        match looked {
            Looked::Found(found, done) => {
                *rows = found;
                Ok(Some(done))
            }
            Looked::ToSearch(search) => {
                self.searches.begin(&door.node(), search, replies.clone())?;
                Ok(None)
            }
        }
    }
}

/// The local user, as policies see it.
fn operator(uid: u32) -> Operator {
    Operator {
        uid,
        name: None,
        groups: BTreeSet::new(),
        runs_node: uid == rustix::process::geteuid().as_raw(),
    }
}

impl Node<'_> {
    /// The node, for one who may look at it.
    fn looked_at_by(mut self, who: &Operator) -> Result<Self, Refused> {
        self.may(LocalAction::Query(Purpose::Look), who)?;
        Ok(self)
    }

    pub(super) fn may_administer(&mut self, who: &Operator) -> Result<(), Refused> {
        self.may(LocalAction::Administer, who)
    }

    /// Whether policy lets an operator do something that is not about one indicator.
    pub(super) fn may(&mut self, action: LocalAction, who: &Operator) -> Result<(), Refused> {
        let verdict = self.local(action, who, None);
        if verdict.is_permit() {
            Ok(())
        } else {
            Err(Refused::Denied((*verdict).clone()))
        }
    }

    /// Whether policy lets an operator do something with an indicator of this member's own.
    pub(super) fn may_with_ours(
        &mut self,
        action: LocalAction,
        who: &Operator,
        class: &Class,
    ) -> Result<(), Refused> {
        let me = self.as_party(self.me());
        let verdict = self.local(action, who, Some((&me, class)));
        if verdict.is_permit() {
            Ok(())
        } else {
            Err(Refused::Denied((*verdict).clone()))
        }
    }

    /// Anyone who erases an indicator may withdraw it, beside administering the node: it cannot be undone.
    fn may_erase(&mut self, named: &Named, who: &Operator) -> Result<(), Refused> {
        let Some(value) = &named.value else {
            return Ok(());
        };
        let own = self.own_found(value)?;
        let class = own.as_ref().and_then(|own| own.asserted());
        match class.map(|assertion| Class::of(value, assertion)) {
            Some(class) => self.may_with_ours(LocalAction::Withdraw, who, &class),
            None => self.may(LocalAction::Withdraw, who),
        }
    }
}

fn erase(
    door: &mut Door<'_>,
    which: &Which,
    how: Erasing,
    who: &Operator,
    rows: &mut Vec<Reply>,
) -> Result<Done, Refused> {
    door.node().may_administer(who)?; // One who may not learns nothing of what is there.
    let named = door.named_for_erasing(which)?;
    door.node().may_erase(&named, who)?;
    let erasure = door.erase(&named, how)?;
    rows.push(Reply::Erasure(Box::new(erasure)));
    Ok(counted(rows))
}

fn reload_policy(door: &mut Door<'_>, who: &Operator) -> Result<Done, Refused> {
    door.node().may_administer(who)?;
    let count = door.reload_policy()?;
    Ok(Done {
        count,
        notes: vec![format!("{count} policies are in force")],
        ..Done::default()
    })
}

fn reload_members(door: &mut Door<'_>, who: &Operator) -> Result<Done, Refused> {
    door.node().may_administer(who)?;
    let count = door.reload_members()?;
    Ok(Done {
        count,
        ..Done::default()
    })
}
