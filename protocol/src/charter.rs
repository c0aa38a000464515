//! Who belongs to the federation, by whose signatures.
//!
//! A charter is a signed note whose text is JSON in one exact form (DESIGN 4): members with their
//! root keys, groups, thresholds per action, the quota of a publisher, and a soft expiry. This
//! release reads and writes version 1, which every member listed must have signed; the text
//! already carries what later versions need.
//!
//! ```text
//! Draft ──build──▶ UnverifiedCharter ──sign, merge──▶ UnverifiedCharter ──verify──▶ Charter
//!                         ▲ parse
//! ```

mod draft;
mod error;
mod names;
mod signed;
mod terms;
mod text;

pub use draft::Draft;
pub use error::{CharterError, Excerpt};
pub use names::{FederationId, FederationName, GroupName, MAX_NAME, NameError};
pub use signed::{Charter, UnverifiedCharter};
pub use terms::{Action, Member, Quota, Terms, Thresholds};

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
