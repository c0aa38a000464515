//! What an operator can ask of the node.

use kentong_protocol::MemberName;
use kentong_protocol::feed::EraseReason;
use kentong_protocol::indicator::{Assertion, Kind, Scheme, Tlp, Value};
use kentong_protocol::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of a client: the version, and what is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// [`super::VERSION`].
    pub v: u32,
    /// What is asked.
    pub request: Request,
}

/// What is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// Take these assertions as the member's own. Answered when they are durable.
    Assert {
        /// At most [`MAX_ENTRIES`].
        entries: Vec<Entry>,
        /// Only say what would happen.
        dry_run: bool,
        /// Also what the member withdrew earlier, which otherwise stays withdrawn.
        again: bool,
    },
    /// Withdraw an indicator of the member's own.
    Withdraw {
        /// Its kind and canonical value.
        value: Value,
        /// Why, for people.
        reason: String,
    },
    /// Erase an indicator of the member's own, here and at its readers.
    Erase {
        /// Which.
        which: Which,
        /// Why.
        #[serde(with = "word")]
        reason: EraseReason,
        /// Only say what would happen.
        dry_run: bool,
    },
    /// Find indicators.
    Query(Query),
    /// Everything about one indicator: each publisher's word, and where it stands.
    Show {
        /// An indicator's id in hexadecimal, or a value.
        what: What,
    },
    /// The members, and how the node stands with each.
    Peers,
    /// The feeds that are held.
    Feeds,
    /// The heads of another member's feeds that are held, as it signed them.
    Heads {
        /// Whose.
        member: MemberName,
    },
    /// The node itself.
    Status,
    /// Who would get an indicator of the member's own, or a draft of one, and why.
    Explain {
        /// Its kind and canonical value.
        value: Value,
        /// What would be said of it; the indicator as it stands if missing.
        draft: Option<Box<Assertion>>,
        /// One member only.
        member: Option<MemberName>,
    },
    /// Who has confirmed what was said of an indicator of the member's own.
    Receipts {
        /// Its kind and canonical value.
        value: Value,
    },
    /// Read the policies again, and put them in force if they are valid.
    ReloadPolicy,
    /// Read the charter and cards of the home again.
    ReloadMembers,
    /// Sign on by what was found, though not all readers that are waited for have been heard.
    GoAhead {
        /// The root key's word for it: a signed note.
        note: String,
    },
    /// Make the log durable, and say up to where it is: for a backup.
    SyncLog,
    /// Stop the node in good order.
    Stop,
}

/// The most entries of one [`Request::Assert`]: a batch.
pub const MAX_ENTRIES: usize = 1024;

/// A value and what the member says of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// What is said.
    pub assertion: Assertion,
}

/// Which indicator of the member's own.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// The one with this id, 32 hexadecimal digits.
    Id(String),
    /// That of this kind and canonical value.
    Value(Value),
}

/// Which indicator.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The one with this id.
    Id(String),
    /// Those of these values: the readings of what the operator wrote.
    Values(Vec<Value>),
}

/// Which indicators. Everything given must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Query {
    /// One of these values, or a parent domain or an address range that covers one. Empty: all.
    pub values: Vec<Value>,
    /// Of this kind.
    #[serde(with = "text")]
    pub kind: Option<Kind>,
    /// By this publisher.
    pub publisher: Option<MemberName>,
    /// Of this scheme.
    #[serde(with = "text")]
    pub scheme: Option<Scheme>,
    /// With this marking.
    #[serde(with = "text")]
    pub tlp: Option<Tlp>,
    /// Made since.
    pub since: Option<Timestamp>,
    /// Also what is withdrawn, ceased, expired or not accepted by policy.
    pub all: bool,
    /// At most so many.
    pub limit: u64,
    /// Only how many.
    pub count: bool,
}

/// An enum of the protocol as the name that people type.
pub(super) mod word {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(in crate::control) fn serialize<T: Display, S: Serializer>(
        value: &T,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(value)
    }

    pub(in crate::control) fn deserialize<'de, T, D>(from: D) -> Result<T, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

/// Enums of the protocol as the names that people type, or nothing.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<T: Display, S: Serializer>(
        value: &Option<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => to.serialize_some(&value.to_string()),
            None => to.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
    where
        T: FromStr,
        T::Err: Display,
        D: Deserializer<'de>,
    {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| text.parse().map_err(D::Error::custom))
            .transpose()
    }
}
