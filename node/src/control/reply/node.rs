//! The node, its members and its feeds in an answer.

use serde::{Deserialize, Serialize};

use super::recovery::Recovery;
use super::words::PeerState;

/// A member of the federation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Peer {
    /// Its short name.
    pub member: String,
    /// Its display name.
    pub name: String,
    /// Its groups.
    pub groups: Vec<String>,
    /// How the node stands with it.
    pub state: PeerState,
    /// Why not, where it is not.
    pub why: Option<String>,
    /// When it was last heard, RFC 3339.
    pub heard: Option<String>,
    /// How many of its indicators are held.
    pub statements: u64,
    /// How many bodies of its feeds are still to come.
    pub missing: u64,
    /// Rules of the protocol that it broke since the node started.
    pub faults: Vec<BrokenRule>,
    /// Its addresses.
    pub addresses: Vec<String>,
}

/// A rule of the protocol that a member broke. In JSON the two stand in a list, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(String, u64)", into = "(String, u64)")]
pub struct BrokenRule {
    /// What it did.
    pub rule: String,
    /// How often.
    pub times: u64,
}

/// A feed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Feed {
    /// Its id in hexadecimal.
    pub id: String,
    /// Whose it is.
    pub publisher: String,
    /// Who may read it.
    pub audience: Vec<String>,
    /// It takes no more leaves: somebody read it who is no longer a member.
    #[serde(default)]
    pub closed: bool,
    /// A former key signed it and its publisher's warrant does not name it: it is in no answer.
    #[serde(default)]
    pub void: bool,
    /// How many leaves are held.
    pub leaves: u64,
    /// How many leaves its newest checkpoint covers.
    pub signed: u64,
    /// How many statements are held.
    pub statements: u64,
    /// Bodies that are missing.
    pub missing: u64,
    /// Bodies that were erased.
    pub erased: u64,
    /// Bodies that are held but could not be opened, or hold what they should not.
    pub unopened: u64,
    /// All that leaves below this number said is in force in this node's answers.
    pub applied: u64,
    /// For one's own: what each reader said last that it holds.
    pub receipts: Vec<Confirmed>,
}

/// What a reader said last that it holds of a feed. In JSON these stand in a list, in this order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    from = "(String, u64, u64, u64, u64)",
    into = "(String, u64, u64, u64, u64)"
)]
pub struct Confirmed {
    /// Who reads it.
    pub reader: String,
    /// How many leaves it holds.
    pub leaves: u64,
    /// How many of their bodies it lacks.
    pub missing: u64,
    /// How many it cannot open.
    pub unopened: u64,
    /// All that leaves below this number said is in force there.
    pub applied: u64,
}

/// The head of a feed, as its publisher signed it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Head {
    /// The feed's id in hexadecimal.
    pub feed: String,
    /// The checkpoint: a C2SP signed note.
    pub note: String,
}

/// The node.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// The release of the program.
    pub version: String,
    /// The member.
    pub member: String,
    /// The federation's name, if there is a charter.
    pub federation: Option<String>,
    /// The charter's version.
    pub charter_version: Option<u32>,
    /// Where it listens.
    pub listening: Vec<String>,
    /// Its process.
    pub pid: u32,
    /// Seconds since it started.
    pub uptime: u64,
    /// The member's own indicators, withdrawn ones included.
    pub own: u64,
    /// Statements of others that are held.
    pub received: u64,
    /// Feeds held.
    pub feeds: u64,
    /// How many members are connected.
    pub connected: Connected,
    /// Batches of own indicators that are still to be checked for release.
    pub to_release: u64,
    /// Bodies that are still to come.
    pub missing: u64,
    /// Bytes in the log.
    pub log_bytes: u64,
    /// Bytes of memory in use (resident).
    pub memory: u64,
    /// Set as long as nothing is signed before readers were heard.
    pub recovery: Option<Recovery>,
    /// What needs a person.
    pub warnings: Vec<Warning>,
}

/// How many members are connected. In JSON the two stand in a list, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u64)", into = "(u64, u64)")]
pub struct Connected {
    /// Members that are connected.
    pub members: u64,
    /// Members in all but this node's own.
    pub others: u64,
}

/// What needs a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// What it is.
    pub text: String,
    /// When it was first so.
    pub since: String,
    /// When it was last so.
    pub last: String,
    /// How often it came up.
    pub times: u64,
}

impl From<(String, u64)> for BrokenRule {
    fn from((rule, times): (String, u64)) -> Self {
        Self { rule, times }
    }
}

impl From<BrokenRule> for (String, u64) {
    fn from(BrokenRule { rule, times }: BrokenRule) -> Self {
        (rule, times)
    }
}

impl From<(String, u64, u64, u64, u64)> for Confirmed {
    fn from(row: (String, u64, u64, u64, u64)) -> Self {
        let (reader, leaves, missing, unopened, applied) = row;
        Self {
            reader,
            leaves,
            missing,
            unopened,
            applied,
        }
    }
}

impl From<Confirmed> for (String, u64, u64, u64, u64) {
    fn from(confirmed: Confirmed) -> Self {
        let Confirmed {
            reader,
            leaves,
            missing,
            unopened,
            applied,
        } = confirmed;
        (reader, leaves, missing, unopened, applied)
    }
}

impl From<(u64, u64)> for Connected {
    fn from((members, others): (u64, u64)) -> Self {
        Self { members, others }
    }
}

impl From<Connected> for (u64, u64) {
    fn from(Connected { members, others }: Connected) -> Self {
        (members, others)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;

    fn check<T>(one: &T, json: &str)
    where
        T: Debug + PartialEq + Serialize + DeserializeOwned,
    {
        assert_eq!(serde_json::to_string(one).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), *one);
    }

    #[test]
    fn numbers_stand_in_lists_as_programs_know_them() {
        let connected = Connected {
            members: 1,
            others: 2,
        };
        check(&connected, "[1,2]");
        let broken = BrokenRule {
            rule: "asked too often".into(),
            times: 3,
        };
        check(&broken, r#"["asked too often",3]"#);
        let confirmed = Confirmed {
            reader: "SG".into(),
            leaves: 9,
            missing: 1,
            unopened: 2,
            applied: 6,
        };
        check(&confirmed, r#"["SG",9,1,2,6]"#);
    }
}
