//! Why a text of policies is not taken.

use std::fmt;

use super::obligation::ObligationError;
use super::set::{MOST_FILES, MOST_POLICIES, MOST_TEXT};

/// A place in a policy file; lines and columns count from 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file's name.
    pub file: Box<str>,
    /// The line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl Place {
    /// The place of the byte at `offset`; the end of the text if it lies beyond.
    pub(super) fn of(file: &str, text: &str, offset: usize) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(1, |tail| tail.chars().count() + 1);
        Self {
            file: file.into(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(column).unwrap_or(u32::MAX),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// Why a text of policies is not taken. Whatever was in force before stays in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not the Cedar language.
    #[error("{at}: {message}; next: {next}")]
    Syntax {
        /// Where.
        at: Place,
        /// What the parser says.
        message: String,
        /// What to do.
        next: String,
    },
    /// Cedar, but not about things that our schema has, or never true.
    #[error("{at}: {message}; next: {next}")]
    Invalid {
        /// Where.
        at: Place,
        /// What the validator says.
        message: String,
        /// What to do.
        next: String,
    },
    /// A template: nobody would fill its slots.
    #[error("{at}: a policy with ?principal or ?resource; next: write the name in their place")]
    Template {
        /// Where.
        at: Place,
    },
    /// An annotation that we don't know, hence would not obey.
    #[error("{at}: unknown annotation @{name}; next: use @id, @note, @strip or @hold")]
    Annotation {
        /// Where.
        at: Place,
        /// The annotation.
        name: String,
    },
    /// An obligation on something else than a permit to share.
    #[error(
        "{at}: @{name} belongs on a permit whose action is exactly share; next: take it away, or \
         write `permit (principal, action == Action::\"share\", resource)`"
    )]
    Misplaced {
        /// Where.
        at: Place,
        /// The annotation.
        name: String,
    },
    /// An obligation that nobody could fulfil.
    #[error("{at}: {fault}; next: correct the annotation")]
    Obligation {
        /// Where.
        at: Place,
        /// What is wrong with it.
        fault: ObligationError,
    },
    /// An identifier or note that is too long or would rewrite what a terminal shows.
    #[error("{at}: @{name} is empty, too long or has control characters; next: shorten it")]
    Text {
        /// Where.
        at: Place,
        /// The annotation.
        name: String,
    },
    /// A name that no such thing can have, hence a policy that silently never applies.
    #[error("{at}: {literal} cannot exist; next: {next}")]
    Name {
        /// Where.
        at: Place,
        /// The literal.
        literal: String,
        /// What such names look like.
        next: &'static str,
    },
    /// Two policies have the same identifier.
    #[error("{at}: @id(\"{id}\") is also at {first}; next: rename one of them")]
    DuplicateId {
        /// Where.
        at: Place,
        /// The identifier.
        id: String,
        /// The other place.
        first: Place,
    },
    /// Two files have the same name.
    #[error("two policy files are called {file}; next: rename one of them")]
    DuplicateFile {
        /// The name.
        file: String,
    },
    /// A file's name that is empty, too long or has control characters.
    #[error("a policy file's name is empty, too long or has control characters; next: rename it")]
    FileName,
    /// A file is too long.
    #[error("{file} is longer than {MOST_TEXT} bytes; next: split it or write it shorter")]
    TooLong {
        /// The name.
        file: String,
    },
    /// Too many files.
    #[error("more than {MOST_FILES} policy files; next: join some of them")]
    TooManyFiles,
    /// Too many policies.
    #[error("more than {MOST_POLICIES} policies; next: join some of them with `||`")]
    TooManyPolicies,
}

impl PolicyError {
    /// Where the fault is, if it is at one place.
    #[must_use]
    pub const fn place(&self) -> Option<&Place> {
        match self {
            Self::Syntax { at, .. }
            | Self::Invalid { at, .. }
            | Self::Template { at }
            | Self::Annotation { at, .. }
            | Self::Misplaced { at, .. }
            | Self::Obligation { at, .. }
            | Self::Text { at, .. }
            | Self::Name { at, .. }
            | Self::DuplicateId { at, .. } => Some(at),
            Self::DuplicateFile { .. }
            | Self::FileName
            | Self::TooLong { .. }
            | Self::TooManyFiles
            | Self::TooManyPolicies => None,
        }
    }
}
