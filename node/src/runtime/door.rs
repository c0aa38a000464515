//! What operators may have the running node do. The room [`crate::operators`] looks whether they may, and asks
//! here; nothing here asks who they are.

use kentong_protocol::indicator::Value;
use kentong_protocol::member::publisher::Saying;
use kentong_protocol::policy::Operator;
use tokio::sync::mpsc;

use crate::control::refused::Refused;
use crate::control::reply::{self, Done, Reply};
use crate::control::request::{Entry, Which};

use super::core::Core;
use super::erase::{Erasing, Named};
use super::node::Node;

/// The running node, to be asked and told.
pub(crate) struct Door<'c>(&'c mut Core);

impl<'c> Door<'c> {
    pub(super) const fn new(core: &'c mut Core) -> Self {
        Self(core)
    }

    /// The node, to be read.
    pub(crate) const fn node(&mut self) -> Node<'_> {
        Node::new(self.0)
    }

    /// Takes up assertions; they are answered when they are durable. Policy is asked for each.
    pub(crate) fn assert(
        &mut self,
        entries: Vec<Entry>,
        how: Saying,
        operator: &Operator,
        replies: mpsc::Sender<Reply>,
    ) -> Result<(), Refused> {
        self.0.assert(entries, how, operator, replies)
    }

    /// Takes up a withdrawal; it is answered when it is durable. Policy is asked.
    pub(crate) fn withdraw(
        &mut self,
        value: Value,
        reason: String,
        operator: &Operator,
        replies: mpsc::Sender<Reply>,
    ) -> Result<(), Refused> {
        self.0.withdraw(value, reason, operator, replies)
    }

    /// The own indicator that is to be erased.
    pub(crate) fn named_for_erasing(&mut self, which: &Which) -> Result<Named, Refused> {
        self.0.named_for_erasing(which)
    }

    /// Erases an own indicator, or says what that would do.
    pub(crate) fn erase(&mut self, named: &Named, how: Erasing) -> Result<reply::Erasure, Refused> {
        self.0.erase(named, how)
    }

    /// Has publishing go on by the root key's word.
    pub(crate) fn go_ahead(&mut self, note: &str) -> Result<Done, Refused> {
        self.0.go_ahead(note)
    }

    /// Makes the log durable for a copy of it; answers up to where it is.
    pub(crate) fn sync_log(&mut self) -> Result<u64, Refused> {
        self.0.member.sync()?;
        Ok(self.0.member.store().durable().to_u64())
    }

    /// Puts the policies of the home in force; answers how many.
    pub(crate) fn reload_policy(&mut self) -> Result<u64, Refused> {
        self.0.reload_policy()
    }

    /// Uses the charter and the cards of the home; answers how many members are in force.
    pub(crate) fn reload_members(&mut self) -> Result<u64, Refused> {
        self.0.reload_members()
    }
}
