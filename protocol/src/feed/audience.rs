//! The exact set of members that may read a feed.

use std::fmt;

use kentong_keys::MemberName;
use serde::{Deserialize, Serialize};

/// The most members of an audience: those of a charter.
pub const MAX_AUDIENCE: usize = 200;

/// Who may read a feed: sorted, each once, never nobody. The publisher always reads its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<MemberName>", into = "Vec<MemberName>")]
pub struct Audience(Box<[MemberName]>);

/// Why a list of members is not an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AudienceError {
    /// An empty audience would mean nobody.
    #[error("an audience names at least its publisher")]
    Empty,
    /// More than [`MAX_AUDIENCE`].
    #[error("an audience has at most {MAX_AUDIENCE} members")]
    TooMany,
    /// Not in order, or a member twice.
    #[error("the members of an audience stand in order, each once")]
    Order,
}

impl Audience {
    /// The publisher and these readers.
    pub fn of<'a>(
        publisher: &'a MemberName,
        readers: impl IntoIterator<Item = &'a MemberName>,
    ) -> Result<Self, AudienceError> {
        let mut members: Vec<_> = readers
            .into_iter()
            .chain(std::iter::once(publisher))
            .cloned()
            .collect();
        members.sort_unstable();
        members.dedup();
        Self::try_from(members)
    }

    /// The members, in order.
    #[must_use]
    pub fn members(&self) -> &[MemberName] {
        &self.0
    }

    /// Whether this member may read.
    #[must_use]
    pub fn holds(&self, member: &MemberName) -> bool {
        self.0.binary_search(member).is_ok()
    }
}

impl TryFrom<Vec<MemberName>> for Audience {
    type Error = AudienceError;

    fn try_from(members: Vec<MemberName>) -> Result<Self, AudienceError> {
        if members.is_empty() {
            return Err(AudienceError::Empty);
        }
        if members.len() > MAX_AUDIENCE {
            return Err(AudienceError::TooMany);
        }
        if !members.is_sorted_by(|a, b| a < b) {
            return Err(AudienceError::Order);
        }
        Ok(Self(members.into()))
    }
}

impl From<Audience> for Vec<MemberName> {
    fn from(audience: Audience) -> Self {
        audience.0.into()
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, member) in self.0.iter().enumerate() {
            write!(f, "{}{member}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

impl fmt::Debug for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_or_refused() {
        let name = |text: &str| text.parse::<MemberName>().unwrap();
        let (my, sg) = (name("MY"), name("SG"));
        let both = Audience::of(&sg, [&my, &my]).unwrap();
        assert_eq!(both.members(), [&my, &sg].map(Clone::clone));
        assert!(both.holds(&my) && !both.holds(&name("TH")));
        for (members, error) in [
            (vec![], AudienceError::Empty),
            (vec![sg, my.clone()], AudienceError::Order),
            (vec![my.clone(); 2], AudienceError::Order),
            (vec![my; 201], AudienceError::TooMany),
        ] {
            assert_eq!(Audience::try_from(members), Err(error));
        }
    }
}
