//! Reading files of the home again while the node runs. What cannot be used changes nothing.

use kentong_protocol::policy::Engine;

use crate::control::refused::Refused;

use super::core::Core;
use super::members::{self, policies};

impl Core {
    /// Puts the policies of the home in force; answers how many.
    pub(super) fn reload_policy(&mut self) -> Result<u64, Refused> {
        let set = policies(&self.home).map_err(|error| Refused::Policies(error.to_string()))?;
        let count = set.len() as u64;
        let policy = Engine::new(set, self.red_readers.clone());
        self.deciding(|member, lent| member.use_policy(policy, lent));
        tracing::info!(count, "policies reloaded");
        Ok(count)
    }

    /// Uses the charter and the cards of the home; answers how many members are in force.
    pub(super) fn reload_members(&mut self) -> Result<u64, Refused> {
        let now = self.wall();
        if let Err(error) = self.identity.read_card_again(&self.home) {
            return Err(Refused::OwnCard(error.to_string()));
        }
        let found = members::read(&self.home, &self.identity, now)
            .map_err(|error| Refused::MemberFiles(error.to_string()))?;
        let members = &found.members;
        let charter = self.member.members().charter();
        if charter.is_some() && members.charter().is_none() {
            return Err(Refused::CharterGone(self.home.charter()));
        }
        if let (Some(now), Some(new)) = (charter, members.charter())
            && (now.id() != new.id() || now.version() > new.version())
        {
            return Err(Refused::OtherCharter);
        }
        self.go_by(found);
        Ok(self.member.members().parties().len() as u64)
    }
}
