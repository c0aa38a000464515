//! The short name of a member.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The short name of a member of a federation: an ISO 3166-1 alpha-2 code, optionally followed by
/// a hyphen and the agency (`MY`, `SG`, `PH-CICC`). At most [`MemberName::MAX_LEN`] bytes of
/// `A-Z`, `0-9` and one hyphen, hence safe in file names, note key names and origins.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MemberName(Box<str>);

impl MemberName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 16;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MemberName {
    type Err = MemberNameError;

    fn from_str(text: &str) -> Result<Self, MemberNameError> {
        if text.len() > Self::MAX_LEN {
            return Err(MemberNameError::TooLong);
        }
        let (country, agency) = match text.split_once('-') {
            Some((country, agency)) => (country, Some(agency)),
            None => (text, None),
        };
        if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
            return Err(MemberNameError::Country);
        }
        let agency_ok = agency.is_none_or(|agency| {
            !agency.is_empty()
                && agency
                    .bytes()
                    .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
        });
        if !agency_ok {
            return Err(MemberNameError::Agency);
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for MemberName {
    type Error = MemberNameError;

    fn try_from(text: String) -> Result<Self, MemberNameError> {
        text.parse()
    }
}

impl From<MemberName> for String {
    fn from(name: MemberName) -> Self {
        name.0.into()
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for MemberName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why a text is not a member's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MemberNameError {
    /// More than [`MemberName::MAX_LEN`] bytes.
    #[error("a member's name has at most {max} characters", max = MemberName::MAX_LEN)]
    TooLong,
    /// It does not begin with two capital letters.
    #[error(
        "a member's name begins with a two-letter country code in capitals, as in MY or PH-CICC"
    )]
    Country,
    /// What follows the hyphen is empty or has other characters than capitals and digits.
    #[error("after the hyphen a member's name has capitals and digits only, as in PH-CICC")]
    Agency,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for good in ["MY", "SG", "PH-CICC", "TH-AOC1441"] {
            assert_eq!(good.parse::<MemberName>().unwrap().as_str(), good);
        }
        for (bad, error) in [
            ("", MemberNameError::Country),
            ("my", MemberNameError::Country),
            ("MYS", MemberNameError::Country),
            ("MY-", MemberNameError::Agency),
            ("MY-a", MemberNameError::Agency),
            ("MY-A-B", MemberNameError::Agency),
            ("MY/..", MemberNameError::Country),
            ("MY-AAAAAAAAAAAAAAAAA", MemberNameError::TooLong),
        ] {
            assert_eq!(bad.parse::<MemberName>(), Err(error), "{bad}");
        }
    }
}
