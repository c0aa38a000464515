//! Making a charter: the first of a federation, or one that follows another.

use std::collections::BTreeMap;

use kentong_keys::{Digest, KeyType, MemberName, PublicKey, Role, VerifierKey, key_name};

use super::changes::follows_formula;
use super::text::{self, RawMember, RawTerms};
use super::{
    Action, Charter, CharterError, FederationName, GroupName, Quota, Thresholds, UnverifiedCharter,
};
use crate::time::Timestamp;

/// A charter while it is being written.
///
/// What is put in is checked by [`Draft::build`] only, by the same rules as a charter that comes
/// from somebody else; whether it may follow another one is for
/// [`Chain::tally`](super::Chain::tally) to say.
#[derive(Debug, Clone)]
pub struct Draft {
    federation: FederationName,
    nonce: [u8; 16],
    version: u32,
    round: u32,
    previous: Option<Digest>,
    drafted: Timestamp,
    expires: Option<Timestamp>,
    groups: Vec<GroupName>,
    members: Vec<(MemberName, String, PublicKey, Vec<GroupName>)>,
    thresholds: Option<Thresholds>,
    written: BTreeMap<Action, u16>,
    quota: Quota,
}

impl Draft {
    /// Begins a charter without members; `nonce` must be random.
    #[must_use]
    pub fn new(federation: FederationName, nonce: [u8; 16], now: Timestamp) -> Self {
        Self {
            federation,
            nonce,
            version: 1,
            round: 1,
            previous: None,
            drafted: now,
            expires: None,
            groups: Vec::new(),
            members: Vec::new(),
            thresholds: None,
            written: BTreeMap::new(),
            quota: Quota::default(),
        }
    }

    /// Begins the version after `current`, so far with nothing changed. Thresholds that follow the
    /// formula go on following it; others stay as they are.
    #[must_use]
    pub fn after(current: &Charter, now: Timestamp) -> Self {
        let terms = current.terms();
        let members = terms.members().iter().map(|(name, member)| {
            let groups = member.groups().iter().cloned().collect();
            let display_name = member.display_name().to_owned();
            (name.clone(), display_name, *member.root(), groups)
        });
        Self {
            federation: terms.federation().clone(),
            nonce: *terms.nonce(),
            version: terms.version().saturating_add(1),
            round: 1,
            previous: Some(*current.hash()),
            drafted: now,
            expires: terms.expires(),
            groups: terms.groups().iter().cloned().collect(),
            members: members.collect(),
            thresholds: (!follows_formula(terms)).then_some(*terms.thresholds()),
            written: BTreeMap::new(),
            quota: *terms.quota(),
        }
    }

    /// Sets the round of voting, after one in which no document had votes enough.
    #[must_use]
    pub const fn round(mut self, round: u32) -> Self {
        self.round = round;
        self
    }

    /// Takes a member off the list.
    #[must_use]
    pub fn without(mut self, name: &MemberName) -> Self {
        self.members.retain(|(listed, ..)| listed != name);
        self
    }

    /// Puts a listed member in these groups and no others, and lists the groups.
    #[must_use]
    pub fn regroup(mut self, name: &MemberName, groups: &[GroupName]) -> Self {
        self.groups.extend_from_slice(groups);
        for (_, _, _, its) in self
            .members
            .iter_mut()
            .filter(|(listed, ..)| listed == name)
        {
            *its = groups.to_vec();
        }
        self
    }

    /// Shows a listed member by another name.
    #[must_use]
    pub fn rename(mut self, name: &MemberName, display_name: &str) -> Self {
        for (_, shown, ..) in self
            .members
            .iter_mut()
            .filter(|(listed, ..)| listed == name)
        {
            display_name.clone_into(shown);
        }
        self
    }

    /// Replaces the root key of a listed member.
    #[must_use]
    pub fn rekey(mut self, name: &MemberName, root: PublicKey) -> Self {
        for (_, _, key, _) in self
            .members
            .iter_mut()
            .filter(|(listed, ..)| listed == name)
        {
            *key = root;
        }
        self
    }

    /// Lists a member, and with it the groups that it is in.
    #[must_use]
    pub fn member(
        mut self,
        name: MemberName,
        display_name: impl Into<String>,
        root: PublicKey,
        groups: impl IntoIterator<Item = GroupName>,
    ) -> Self {
        let groups: Vec<GroupName> = groups.into_iter().collect();
        self.groups.extend(groups.iter().cloned());
        self.members.push((name, display_name.into(), root, groups));
        self
    }

    /// Lists a group that nobody is in yet.
    #[must_use]
    pub fn group(mut self, group: GroupName) -> Self {
        self.groups.push(group);
        self
    }

    /// Sets when admissions stop; otherwise they never do.
    #[must_use]
    pub const fn expires(mut self, expires: Timestamp) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Sets other thresholds than [`Thresholds::default_of`] the number of members.
    #[must_use]
    pub const fn thresholds(mut self, thresholds: Thresholds) -> Self {
        self.thresholds = Some(thresholds);
        self
    }

    /// Sets the threshold of one action, whatever the others are.
    #[must_use]
    pub fn threshold(mut self, action: Action, members: u16) -> Self {
        self.written.insert(action, members);
        self
    }

    /// The quota as it stands in the draft.
    #[must_use]
    pub const fn present_quota(&self) -> Quota {
        self.quota
    }

    /// Sets another quota than the default.
    #[must_use]
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// The charter to be signed: the first one by everybody whom it lists.
    pub fn build(self) -> Result<UnverifiedCharter, CharterError> {
        UnverifiedCharter::parse(text::write(&self.into_raw()).as_bytes())
    }

    fn into_raw(mut self) -> RawTerms {
        self.members.sort();
        let mut thresholds = self
            .thresholds
            .unwrap_or_else(|| Thresholds::default_of(self.members.len()));
        for (action, members) in self.written {
            *match action {
                Action::Admit => &mut thresholds.admit,
                Action::Amend => &mut thresholds.amend,
                Action::Remove => &mut thresholds.remove,
                Action::Suspend => &mut thresholds.suspend,
            } = members;
        }
        let members = self
            .members
            .into_iter()
            .map(|(name, display_name, root, groups)| {
                let root = VerifierKey::new(key_name(&name, Role::Root), KeyType::Ed25519, root);
                RawMember {
                    name: name.to_string(),
                    display_name,
                    root: root.to_string(),
                    groups: sorted(groups),
                }
            })
            .collect();
        RawTerms {
            format: text::FORMAT.to_owned(),
            federation: self.federation.to_string(),
            nonce: text::hex(&self.nonce),
            version: self.version,
            round: self.round,
            previous: self.previous.map(|hash| hash.to_string()),
            drafted: self.drafted.to_string(),
            expires: self.expires.map(|time| time.to_string()),
            groups: sorted(self.groups),
            members,
            thresholds: thresholds.into(),
            quota: self.quota.into(),
        }
    }
}

fn sorted(mut groups: Vec<GroupName>) -> Vec<String> {
    groups.sort();
    groups.dedup();
    groups.iter().map(GroupName::to_string).collect()
}
