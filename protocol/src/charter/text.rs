//! The JSON text of a charter: one exact form, read strictly.
//!
//! The form is what `serde_json` writes with two spaces of indentation, fields in the order of
//! the structs below, members and groups sorted, and one newline at the end.

use std::collections::{BTreeMap, BTreeSet};

use kentong_keys::{Digest, KeyType, MemberName, Role, VerifierKey, key_name};
use serde::{Deserialize, Serialize};

use super::error::Excerpt;
use super::{CharterError, GroupName, MAX_MEMBERS, Member, Quota, Terms, Thresholds};
use crate::bounded::BoundedText;
use crate::time::Timestamp;

pub(super) const FORMAT: &str = "kentong/charter/1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTerms {
    pub(super) format: String,
    pub(super) federation: String,
    pub(super) nonce: String,
    pub(super) version: u32,
    pub(super) round: u32,
    pub(super) previous: Option<String>,
    pub(super) drafted: String,
    pub(super) expires: Option<String>,
    pub(super) groups: Vec<String>,
    pub(super) members: Vec<RawMember>,
    pub(super) thresholds: RawThresholds,
    pub(super) quota: RawQuota,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawMember {
    pub(super) name: String,
    pub(super) display_name: String,
    pub(super) root: String,
    pub(super) groups: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawThresholds {
    admit: u16,
    amend: u16,
    remove: u16,
    suspend: u16,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawQuota {
    statements_per_day: u64,
    stored_bytes: u64,
}

/// Reads the text of a charter, and refuses what [`write`] would have written otherwise. The
/// caller bounds the length of the text, and with it everything in it.
pub(super) fn read(text: &str) -> Result<Terms, CharterError> {
    /// Read first, so that a later format is named and not called malformed.
    #[derive(Deserialize)]
    struct Marker {
        format: String,
    }

    let malformed = |error: serde_json::Error| CharterError::Malformed {
        line: error.line(),
        column: error.column(),
    };
    let Marker { format } = serde_json::from_str(text).map_err(malformed)?;
    if format != FORMAT {
        return Err(CharterError::UnknownFormat(Excerpt::of(&format)));
    }
    let raw: RawTerms = serde_json::from_str(text).map_err(malformed)?;
    let terms = raw.into_terms()?.check()?;
    if write(&RawTerms::of(&terms)) != text {
        return Err(CharterError::NotCanonical);
    }
    Ok(terms)
}

/// Writes the text of a charter.
pub(super) fn write(raw: &RawTerms) -> String {
    let mut text = serde_json::to_string_pretty(raw).expect("texts and integers always encode");
    text.push('\n');
    text
}

impl RawTerms {
    pub(super) fn of(terms: &Terms) -> Self {
        Self {
            format: FORMAT.to_owned(),
            federation: terms.federation.to_string(),
            nonce: hex(&terms.nonce),
            version: terms.version,
            round: terms.round,
            previous: terms.previous.map(|hash| hash.to_string()),
            drafted: terms.drafted.to_string(),
            expires: terms.expires.map(|time| time.to_string()),
            groups: texts(&terms.groups),
            members: terms
                .members
                .iter()
                .map(|(name, member)| RawMember {
                    name: name.to_string(),
                    display_name: member.display_name.to_string(),
                    root: member.verifier_key(name).to_string(),
                    groups: texts(&member.groups),
                })
                .collect(),
            thresholds: terms.thresholds.into(),
            quota: terms.quota.into(),
        }
    }

    fn into_terms(self) -> Result<Terms, CharterError> {
        if self.members.len() > MAX_MEMBERS {
            return Err(CharterError::TooManyMembers {
                found: self.members.len(),
            });
        }
        let mut members = BTreeMap::new();
        for raw in &self.members {
            let name: MemberName = raw
                .name
                .parse()
                .map_err(|error| CharterError::MemberName(Excerpt::of(&raw.name), error))?;
            if members.contains_key(&name) {
                return Err(CharterError::MemberTwice(name));
            }
            let member = raw.read(&name)?;
            members.insert(name, member);
        }
        let previous = match &self.previous {
            Some(hex) => Some(Digest::from_hex(hex).ok_or(CharterError::Previous)?),
            None => None,
        };
        Ok(Terms {
            federation: self
                .federation
                .parse()
                .map_err(CharterError::FederationName)?,
            nonce: nonce(&self.nonce).ok_or(CharterError::Nonce)?,
            version: self.version,
            round: self.round,
            previous,
            drafted: time(&self.drafted)?,
            expires: self.expires.as_deref().map(time).transpose()?,
            groups: groups(&self.groups)?,
            members,
            thresholds: Thresholds {
                admit: self.thresholds.admit,
                amend: self.thresholds.amend,
                remove: self.thresholds.remove,
                suspend: self.thresholds.suspend,
            },
            quota: Quota {
                statements_per_day: self.quota.statements_per_day,
                stored_bytes: self.quota.stored_bytes,
            },
        })
    }
}

impl RawMember {
    fn read(&self, name: &MemberName) -> Result<Member, CharterError> {
        if self.display_name.trim().is_empty() {
            return Err(CharterError::NoDisplayName(name.clone()));
        }
        let display_name = BoundedText::new(self.display_name.as_str())
            .map_err(|error| CharterError::DisplayName(name.clone(), error))?;
        let root: VerifierKey = self
            .root
            .parse()
            .map_err(|error| CharterError::RootKey(name.clone(), error))?;
        if *root.name() != key_name(name, Role::Root) || root.key_type() != KeyType::Ed25519 {
            return Err(CharterError::NotARootKey(name.clone()));
        }
        Ok(Member {
            display_name,
            root: *root.public_key(),
            groups: groups(&self.groups)?,
        })
    }
}

impl From<Thresholds> for RawThresholds {
    fn from(thresholds: Thresholds) -> Self {
        Self {
            admit: thresholds.admit,
            amend: thresholds.amend,
            remove: thresholds.remove,
            suspend: thresholds.suspend,
        }
    }
}

impl From<Quota> for RawQuota {
    fn from(quota: Quota) -> Self {
        Self {
            statements_per_day: quota.statements_per_day,
            stored_bytes: quota.stored_bytes,
        }
    }
}

fn texts(groups: &BTreeSet<GroupName>) -> Vec<String> {
    groups.iter().map(GroupName::to_string).collect()
}

fn groups(raw: &[String]) -> Result<BTreeSet<GroupName>, CharterError> {
    raw.iter()
        .map(|text| {
            text.parse()
                .map_err(|error| CharterError::GroupName(Excerpt::of(text), error))
        })
        .collect()
}

fn time(text: &str) -> Result<Timestamp, CharterError> {
    Timestamp::from_rfc3339(text).ok_or_else(|| CharterError::Time(Excerpt::of(text)))
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn nonce(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}
