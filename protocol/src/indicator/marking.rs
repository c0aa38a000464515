//! The Traffic Light Protocol, version 2.0 (FIRST, August 2022).

use std::fmt;
use std::str::FromStr;

/// How far an indicator may travel; ordered from the most open to the most closed. The number is
/// the wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tlp {
    /// No limit.
    Clear = 0,
    /// The community: here, the federation.
    Green = 1,
    /// Need to know, within the recipient's organisation and its clients.
    Amber = 2,
    /// Need to know, within the recipient's organisation only.
    AmberStrict = 3,
    /// Named recipients only.
    Red = 4,
}

impl Tlp {
    /// All markings, from the most open.
    pub const ALL: [Self; 5] = [
        Self::Clear,
        Self::Green,
        Self::Amber,
        Self::AmberStrict,
        Self::Red,
    ];

    /// The name that people type and read, without the prefix `TLP:`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Green => "green",
            Self::Amber => "amber",
            Self::AmberStrict => "amber+strict",
            Self::Red => "red",
        }
    }

    /// The number in the wire form.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The marking with this number in the wire form.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|tlp| tlp.number() == number)
    }
}

impl fmt::Display for Tlp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Tlp {
    type Err = UnknownTlp;

    /// Reads the name in any case, with or without `TLP:`; `white` is TLP 1's name for clear.
    fn from_str(text: &str) -> Result<Self, UnknownTlp> {
        let lower = text.to_ascii_lowercase();
        let name = lower.strip_prefix("tlp:").unwrap_or(&lower);
        if name == "white" {
            return Ok(Self::Clear);
        }
        Self::ALL
            .into_iter()
            .find(|tlp| tlp.as_str() == name)
            .ok_or(UnknownTlp)
    }
}

/// The text is not a TLP 2.0 label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a TLP 2.0 marking; they are clear, green, amber, amber+strict and red")]
pub struct UnknownTlp;
