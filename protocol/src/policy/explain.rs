//! Verdicts and their reasons, in words for an analyst.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::indicator::Projection;

use super::{Ceiling, QuestionKind, Role};

/// Which policy of which file spoke.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyLine {
    /// The file's name.
    pub file: Box<str>,
    /// The line on which the policy begins.
    pub line: u32,
    /// The identifier that its author gave it by `@id`.
    pub id: Option<Box<str>>,
    /// The author's explanation, by `@note`.
    pub note: Option<Box<str>>,
}

/// The answer to one question, with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Permit {
        /// The question.
        asked: QuestionKind,
        /// The permits that said so.
        by: Vec<Arc<PolicyLine>>,
        /// The fields to leave out: the union over all these permits.
        strip: Projection,
        /// Whose second word it waits for: the union over all these permits; usually nobody's.
        hold: BTreeSet<Role>,
    },
    /// No.
    Deny {
        /// The question.
        asked: QuestionKind,
        /// Why not.
        reason: Reason,
    },
}

/// Why the answer is no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The marking, which no policy can lift.
    Ceiling(Ceiling),
    /// Policies that forbid it.
    Forbidden(Vec<Arc<PolicyLine>>),
    /// No policy permits it.
    NoPermit,
    /// A policy could not be evaluated, so nobody can say that it would not have forbidden it.
    Error {
        /// The policy, if the fault lies in one.
        by: Option<Arc<PolicyLine>>,
        /// The fault.
        message: String,
    },
}

impl Verdict {
    /// Whether the answer is yes, be it stripped or held.
    #[must_use]
    pub const fn is_permit(&self) -> bool {
        matches!(self, Self::Permit { .. })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Permit {
                asked,
                by,
                strip,
                hold,
            } => {
                write!(f, "{}", asked.outcome(true))?;
                if *strip != Projection::NOTHING {
                    write!(f, " without {strip}")?;
                }
                if !hold.is_empty() {
                    write!(f, " once confirmed by {}", List(hold))?;
                }
                write!(f, ": {}", List(by))
            }
            Self::Deny { asked, reason } => write!(f, "{}: {reason}", asked.outcome(false)),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ceiling(ceiling) => ceiling.fmt(f),
            Self::Forbidden(by) => write!(f, "forbidden by {}", List(by)),
            Self::NoPermit => f.write_str("no policy permits it"),
            Self::Error {
                by: Some(line),
                message,
            } => write!(f, "{line} cannot be evaluated: {message}"),
            Self::Error { by: None, message } => {
                write!(f, "the question cannot be asked: {message}")
            }
        }
    }
}

impl fmt::Display for PolicyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}", self.file, self.line)?;
        if let Some(id) = &self.id {
            write!(f, " [{id}]")?;
        }
        match &self.note {
            Some(note) => write!(f, " (“{note}”)"),
            None => Ok(()),
        }
    }
}

/// Things with a comma between them.
struct List<I>(I);

impl<I: IntoIterator<Item: fmt::Display> + Clone> fmt::Display for List<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .clone()
            .into_iter()
            .enumerate()
            .try_for_each(|(place, item)| {
                if place > 0 {
                    f.write_str(", ")?;
                }
                write!(f, "{item}")
            })
    }
}
