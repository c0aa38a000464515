//! Answering operators.

use kentong_protocol::policy::{Engine, LocalAction, Operator};

use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{Done, Durable, Reply};
use crate::control::request::Request;
use crate::control::server::Asked;

use super::assert::Asserting;
use super::core::Core;
use super::erase::Erasing;
use super::members::{self, Found, policies};

impl Core {
    /// Answers a request; true if it asks the node to stop.
    pub(super) fn answer(&mut self, asked: Asked) -> bool {
        let Asked {
            request,
            uid,
            replies,
        } = asked;
        let mut rows = Vec::new();
        let mut stop = false;
        let end = match request {
            Request::Assert {
                entries,
                dry_run,
                again,
            } => {
                let how = Asserting { dry_run, again };
                match self.assert(entries, how, uid, replies.clone()) {
                    Ok(()) => return false,
                    Err(refused) => Err(refused),
                }
            }
            Request::Withdraw { value, reason } => {
                match self.withdraw(value, reason, uid, replies.clone()) {
                    Ok(()) => return false,
                    Err(refused) => Err(refused),
                }
            }
            Request::Erase {
                which,
                reason,
                dry_run,
            } => {
                let how = Erasing { reason, dry_run };
                self.erase(&which, how, uid, &mut rows)
            }
            Request::Query(query) => match self.query(&query, uid, &replies) {
                Ok(None) => return false,
                Ok(Some((found, done))) => {
                    rows = found;
                    Ok(done)
                }
                Err(refused) => Err(refused),
            },
            Request::Show { what } => match self.show(&what, uid, &replies) {
                Ok(None) => return false,
                Ok(Some((found, done))) => {
                    rows = found;
                    Ok(done)
                }
                Err(refused) => Err(refused),
            },
            Request::Peers => self.may_look(uid).map(|()| self.peers(&mut rows)),
            Request::Feeds => self.may_look(uid).map(|()| self.feeds_held(&mut rows)),
            Request::Heads { member } => {
                self.may_look(uid).map(|()| self.heads(&member, &mut rows))
            }
            Request::Status => self.may_look(uid).map(|()| self.status(&mut rows)),
            Request::Explain {
                value,
                draft,
                member,
            } => self.explain(&value, draft.as_deref(), member.as_ref(), uid, &mut rows),
            Request::Receipts { value } => self.receipts_for(&value, uid, &mut rows),
            Request::ReloadPolicy => self.reload_policy(uid),
            Request::ReloadMembers => self.reload_members(uid),
            Request::GoAhead { note } => {
                self.may_administer(uid).and_then(|()| self.go_ahead(&note))
            }
            Request::SyncLog => self.sync_log(uid, &mut rows),
            Request::Stop => self.may_administer(uid).map(|()| {
                stop = true;
                Done::default()
            }),
        };
        self.hand_out(rows, end, replies);
        stop
    }

    /// Gives an answer to whoever asked, as fast as they read it.
    pub(super) fn hand_out(
        &self,
        mut rows: Vec<Reply>,
        end: Result<Done, Refused>,
        replies: mpsc::Sender<Reply>,
    ) {
        rows.push(match end {
            Ok(done) => Reply::Done(done),
            Err(refused) => {
                if let Refused::Store(error) = &refused {
                    tracing::error!(%error, "the store failed");
                }
                Reply::Error(refused.into())
            }
        });
        self.tokio.spawn(async move {
            for row in rows {
                if replies.send(row).await.is_err() {
                    return; // The operator has seen enough.
                }
            }
        });
    }

    /// The local user, as policies see it.
    pub(super) fn operator(&self, uid: u32) -> Operator {
        Operator {
            uid,
            name: None,
            groups: std::collections::BTreeSet::new(),
            runs_node: uid == rustix::process::geteuid().as_raw(),
        }
    }

    fn may_look(&mut self, uid: u32) -> Result<(), Refused> {
        use kentong_protocol::policy::Purpose;
        self.may(LocalAction::Query(Purpose::Look), uid)
    }

    pub(super) fn may_administer(&mut self, uid: u32) -> Result<(), Refused> {
        self.may(LocalAction::Administer, uid)
    }

    fn may(&mut self, action: LocalAction, uid: u32) -> Result<(), Refused> {
        let operator = self.operator(uid);
        let verdict = self.policy.local(action, &operator, None);
        if verdict.is_permit() {
            Ok(())
        } else {
            Err(Refused::Denied((*verdict).clone()))
        }
    }

    /// Makes the log durable for who copies it.
    fn sync_log(&mut self, uid: u32, rows: &mut Vec<Reply>) -> Result<Done, Refused> {
        self.may_administer(uid)?;
        self.store.sync()?;
        let position = self.store.durable().to_u64();
        rows.push(Reply::Durable(Durable { position }));
        Ok(Done {
            count: 1,
            ..Done::default()
        })
    }

    fn reload_policy(&mut self, uid: u32) -> Result<Done, Refused> {
        self.may_administer(uid)?;
        let set = policies(&self.home).map_err(|error| Refused::Policies(error.to_string()))?;
        let count = set.len() as u64;
        self.policy = Engine::new(set, self.red_readers.clone());
        self.sweep_all();
        tracing::info!(count, "policies reloaded");
        let notes = vec![format!("{count} policies are in force")];
        Ok(Done {
            count,
            notes,
            ..Done::default()
        })
    }

    fn reload_members(&mut self, uid: u32) -> Result<Done, Refused> {
        self.may_administer(uid)?;
        let now = self.wall();
        if let Err(error) = self.identity.read_card_again(&self.home) {
            return Err(Refused::OwnCard(error.to_string()));
        }
        let found = members::read(&self.home, &self.identity, now)
            .map_err(|error| Refused::MemberFiles(error.to_string()))?;
        let Found { members, .. } = &found;
        if self.members.charter().is_some() && members.charter().is_none() {
            return Err(Refused::CharterGone(self.home.charter()));
        }
        if let (Some(now), Some(new)) = (self.members.charter(), members.charter())
            && (now.id() != new.id() || now.version() > new.version())
        {
            return Err(Refused::OtherCharter);
        }
        self.go_by(found);
        let count = self.members.parties().len() as u64;
        Ok(Done {
            count,
            ..Done::default()
        })
    }
}
