//! Pure verdicts over Cedar policies, with the TLP ceiling beneath them.
//!
//! Three questions are asked: may a member have an indicator of ours ([`Engine::share`]), do we
//! believe a member's ([`Engine::accept`]), may a local user do something ([`Engine::local`]). The
//! answer is a [`Verdict`] that names what decided it: the marking, the lines of the policies, or
//! that there is none. Nothing is permitted unless a policy says so; a `forbid` outweighs every
//! permit; a policy that cannot be evaluated counts as a denial.
//!
//! A set of policies is valid against [`SCHEMA`] as a whole or not taken at all, and what could
//! only be a mistake is refused: a policy that never applies, a member's name that no member can
//! have, an annotation that nothing obeys.
//!
//! Policies never see an indicator's value, only its [`Class`]. Verdicts are remembered by that part
//! of the class that the policies in force look at.
//!
//! This folder is the only place that names `cedar_policy`.

mod class;
mod engine;
mod error;
mod explain;
mod obligation;
mod party;
mod question;
mod schema;
mod set;
mod tlp;

pub use class::Class;
pub use engine::{Engine, MOST_VERDICTS};
pub use error::{Place, PolicyError};
pub use explain::{PolicyLine, Reason, Verdict};
pub use obligation::{ObligationError, Role, RoleError};
pub use party::{
    LOCAL_NAME_MAX, LocalAction, LocalName, Operator, Party, Purpose, QuestionKind, Sink,
};
pub use schema::SCHEMA;
pub use set::{LONGEST_NOTE, MOST_FILES, MOST_POLICIES, MOST_TEXT, PolicySet};
pub use tlp::Ceiling;

/// The policy files that a new node starts with, by name and text.
pub const DEFAULT_FILES: [(&str, &str); 3] = [
    ("share.cedar", include_str!("policy/share.cedar")),
    ("accept.cedar", include_str!("policy/accept.cedar")),
    ("local.cedar", include_str!("policy/local.cedar")),
];

#[cfg(test)]
mod tests;
