//! Making the first charter of a federation.

use kentong_keys::{KeyType, MemberName, PublicKey, Role, VerifierKey, key_name};

use super::text::{self, RawMember, RawTerms};
use super::{CharterError, FederationName, GroupName, Quota, Thresholds, UnverifiedCharter};
use crate::time::Timestamp;

/// The first charter of a federation, while it is being written.
///
/// What is put in is checked by [`Draft::build`] only, by the same rules as a charter that comes
/// from somebody else.
#[derive(Debug, Clone)]
pub struct Draft {
    federation: FederationName,
    nonce: [u8; 16],
    drafted: Timestamp,
    expires: Option<Timestamp>,
    groups: Vec<GroupName>,
    members: Vec<(MemberName, String, PublicKey, Vec<GroupName>)>,
    thresholds: Option<Thresholds>,
    quota: Quota,
}

impl Draft {
    /// Begins a charter without members; `nonce` must be random.
    #[must_use]
    pub fn new(federation: FederationName, nonce: [u8; 16], now: Timestamp) -> Self {
        Self {
            federation,
            nonce,
            drafted: now,
            expires: None,
            groups: Vec::new(),
            members: Vec::new(),
            thresholds: None,
            quota: Quota::default(),
        }
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

    /// Sets another quota than the default.
    #[must_use]
    pub const fn quota(mut self, quota: Quota) -> Self {
        self.quota = quota;
        self
    }

    /// The charter to be signed by everybody whom it lists.
    pub fn build(self) -> Result<UnverifiedCharter, CharterError> {
        UnverifiedCharter::parse(text::write(&self.into_raw()).as_bytes())
    }

    fn into_raw(mut self) -> RawTerms {
        self.members.sort();
        let thresholds = self
            .thresholds
            .unwrap_or_else(|| Thresholds::default_of(self.members.len()));
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
            version: 1,
            round: 1,
            previous: None,
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
