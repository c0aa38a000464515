//! The words that answers use for states, outcomes and codes: one table for each enum.
//!
//! The word is what programs read in JSON and what people read in tables. Commands match on the variants, so a
//! new one is not forgotten anywhere.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An enum without data, each variant with the word that stands for it.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$what:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$what])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words! {
    /// How an indicator stands in this node's answers.
    State {
        /// Asserted, still valid, and accepted by policy.
        InForce = "in-force",
        /// Asserted, and no longer valid.
        Expired = "expired",
        /// Its publisher withdrew it.
        Withdrawn = "withdrawn",
        /// Its publisher sends this node no newer revisions.
        Ceased = "ceased",
        /// Asserted, and policy does not believe it.
        NotAccepted = "not-accepted",
    }
}

words! {
    /// How far what a publisher says is proven.
    Proof {
        /// It is this member's own.
        Own = "own",
        /// It arrived, and no signed head covers it yet.
        Received = "received",
        /// A signed head covers it.
        Verified = "verified",
        /// Other readers cosigned a history that holds it.
        Witnessed = "witnessed",
    }
}

words! {
    /// How the node stands with a member.
    PeerState {
        /// The member is this node's own.
        ThisNode = "this node",
        /// This node severed it.
        Severed = "severed",
        /// The charter's members suspended it.
        Suspended = "suspended",
        /// It left the federation.
        Left = "left",
        /// There is a link.
        Connected = "connected",
        /// There is no link, for its card is missing.
        NoCard = "no card",
        /// There is no link.
        NotConnected = "not connected",
    }
}

words! {
    /// Whether a member gets an indicator.
    Release {
        /// It has it.
        Released = "released",
        /// Policy releases it once somebody confirms that.
        HeldBack = "held back",
        /// Policy permits it.
        WouldBeReleased = "would be released",
        /// Policy does not permit it.
        NotReleased = "not released",
    }
}

words! {
    /// What a feed says of an indicator.
    Told {
        /// It holds.
        Asserted = "asserted",
        /// It is withdrawn.
        Withdrawn = "withdrawn",
        /// No newer revisions go to these readers.
        Ceased = "ceased",
        /// It is erased.
        Erased = "erased",
    }
}

words! {
    /// What has become at a reader of what it was told.
    There {
        /// It is in force in the reader's answers.
        InForce = "in force",
        /// The reader has overwritten every batch that carried it.
        Erased = "erased",
        /// The reader holds it and does not use it yet.
        Received = "received",
        /// The reader has not said that it holds it.
        NotConfirmed = "not confirmed",
        /// The reader no longer belongs to the federation.
        NoMember = "no member any more",
    }
}

words! {
    /// Why a request failed, for programs.
    Code {
        /// Policy does not let this operator do it.
        Denied = "denied",
        /// There is no such thing.
        NotFound = "not-found",
        /// No charter is installed.
        NoCharter = "no-charter",
        /// What was asked, or a file of the home, is not as it should be.
        Invalid = "invalid",
        /// It cannot be done at this moment.
        Busy = "busy",
        /// A feed takes no more leaves.
        Closed = "closed",
        /// The disk, or what lies on it, failed.
        Storage = "storage",
        /// The node does not know yet what it signed last.
        Recovering = "recovering",
        /// The node stopped before it answered.
        Stopping = "stopping",
        /// Nothing was asked for a while: the node closed the connection, and has read no request since
        /// its last answer.
        Idle = "idle",
    }
}

impl Code {
    /// Whether the node did nothing wrong: the answer is no, or there is nothing.
    #[must_use]
    pub const fn is_refusal(self) -> bool {
        match self {
            Self::Denied | Self::NotFound | Self::Closed => true,
            Self::NoCharter
            | Self::Invalid
            | Self::Busy
            | Self::Storage
            | Self::Recovering
            | Self::Stopping
            | Self::Idle => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fmt::{Debug, Display};

    use serde::de::DeserializeOwned;

    use super::*;

    /// Programs read these words: a change of one is a change of the protocol.
    fn check<T>(all: &[T], words: &[&str])
    where
        T: Copy + Debug + Display + PartialEq + Serialize + DeserializeOwned,
    {
        let shown: Vec<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(shown, words);
        assert_eq!(words.iter().collect::<BTreeSet<_>>().len(), words.len());
        for (one, word) in all.iter().zip(words) {
            let json = serde_json::to_string(one).unwrap();
            assert_eq!(json, format!("\"{word}\""));
            assert_eq!(serde_json::from_str::<T>(&json).unwrap(), *one);
        }
        assert!(serde_json::from_str::<T>("\"no such word\"").is_err());
    }

    #[test]
    fn each_has_its_word_and_comes_back_by_it() {
        check(
            State::ALL,
            &["in-force", "expired", "withdrawn", "ceased", "not-accepted"],
        );
        check(Proof::ALL, &["own", "received", "verified", "witnessed"]);
        check(
            PeerState::ALL,
            &[
                "this node",
                "severed",
                "suspended",
                "left",
                "connected",
                "no card",
                "not connected",
            ],
        );
        check(
            Release::ALL,
            &["released", "held back", "would be released", "not released"],
        );
        check(Told::ALL, &["asserted", "withdrawn", "ceased", "erased"]);
        check(
            There::ALL,
            &[
                "in force",
                "erased",
                "received",
                "not confirmed",
                "no member any more",
            ],
        );
        check(
            Code::ALL,
            &[
                "denied",
                "not-found",
                "no-charter",
                "invalid",
                "busy",
                "closed",
                "storage",
                "recovering",
                "stopping",
                "idle",
            ],
        );
    }
}
