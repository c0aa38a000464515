//! Who belongs to the federation, by whose signatures.
//!
//! A charter is a signed note whose text is JSON in one exact form (`protocol/WIRE.md`): members with their
//! root keys, groups, thresholds per action, the quota of a publisher, and a soft expiry. Every
//! member listed must have signed version 1; a later version needs as many signatures as the
//! version before and it itself ask for, and counts only at the end of a [`Chain`] of all versions.
//!
//! ```text
//! Draft ──build──▶ UnverifiedCharter ──sign, merge──▶ UnverifiedCharter ──verify──▶ Charter
//!                         ▲ parse                            │ Chain::offer           │ 1
//!                                                            └──────────────▶ Chain ◀─┘
//! ```
//!
//! What cannot wait for a version are [notices](Notice): that a member leaves, or that the others
//! suspend one for a while. [`Notices`] folds them into who is in force as a member at a time.

mod chain;
mod changes;
mod draft;
mod error;
mod in_force;
mod names;
mod notice;
mod notices;
mod open_notices;
mod papers;
mod room;
mod signatures;
mod signed;
mod terms;
mod text;
mod votes;

pub use chain::{Chain, ChainError, MAX_CHAIN, MAX_VERSIONS, Need, Step, Tally};
pub use changes::{Change, Changes};
pub use draft::Draft;
pub use error::{CharterError, Excerpt};
pub use in_force::Charter;
pub use names::{FederationId, FederationName, GroupName, MAX_NAME, NameError};
pub use notice::{
    MAX_NOTICE, MAX_SUSPENSION, Notice, NoticeError, NoticeTerms, Says, UnverifiedNotice,
};
pub use notices::{MAX_SUSPENSIONS, Membership, Notices, TooManySuspensions};
pub use open_notices::{Collected, MAX_OPEN_NOTICES, OpenNotices};
pub use papers::{MAX_LISTED, Offered, OfferedNotice, Paper, PaperError, Papers, Received, Waits};
pub use signatures::SignatureError;
pub use signed::UnverifiedCharter;
pub use terms::{Action, Member, Quota, Terms, Thresholds};
pub use votes::{Ballot, Ballots, DoubleVote, DoubleVoteError, MAX_BALLOTS};

/// The most members of a federation.
pub const MAX_MEMBERS: usize = 200;

/// The most groups of a federation.
pub const MAX_GROUPS: usize = 64;

/// The longest display name of a member, in bytes.
pub const MAX_DISPLAY_NAME: usize = 120;

/// The longest charter with its signatures, in bytes.
pub const MAX_CHARTER: usize = 256 * 1024;

#[cfg(test)]
mod tests;
