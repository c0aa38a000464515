//! What a node waits for that does not know what it signed last.

use serde::{Deserialize, Serialize};

/// What a node waits for that does not know what it signed last.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Recovery {
    /// The recovery's name, which the root key's go-ahead names; none when nobody is waited for.
    pub id: Option<String>,
    /// The charter's id in hexadecimal, if there is a charter.
    pub federation: Option<String>,
    /// Why it does not know.
    pub why: String,
    /// The members who have said what they hold, since the start.
    pub heard: Vec<String>,
    /// Those who are waited for; at most 20 groups.
    pub waits: Vec<Wait>,
    /// What was shown and is not back; at most 20 feeds.
    pub to_come: Vec<ToCome>,
    /// Batches that came back and do not stand in the member's own answers yet.
    pub to_take_in: u64,
}

/// Readers of whom not enough have said what they hold.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wait {
    /// The feeds that they read, in hexadecimal. None: any that this node no longer knows.
    pub feeds: Vec<String>,
    /// How many of them must be heard.
    pub needed: u64,
    /// Who has been.
    pub heard: Vec<String>,
    /// Who has not.
    pub silent: Vec<String>,
}

/// A feed of the member's own of which not all that somebody showed is back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ToCome {
    /// Its id in hexadecimal.
    pub feed: String,
    /// How many leaves are held.
    pub leaves: u64,
    /// How many were shown.
    pub shown: u64,
    /// Who showed leaves that this node did not hold.
    pub by: Vec<String>,
    /// How many bodies of those that are held are missing.
    pub missing: u64,
    /// How many are held and wait for their key.
    pub unopened: u64,
}
