//! The eleven kinds of indicator.

use std::fmt;
use std::str::FromStr;

/// What sort of thing an indicator's value is. The number is the wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A telephone number.
    Phone = 1,
    /// The sender name that a text message shows.
    SmsSender = 2,
    /// An account at a bank or payment institution.
    BankAccount = 3,
    /// An address on a block chain.
    Wallet = 4,
    /// A domain or host name.
    Domain = 5,
    /// A web address.
    Url = 6,
    /// An IP address or a range of them.
    Ip = 7,
    /// An e-mail address.
    Email = 8,
    /// An account on a messaging or social platform.
    Handle = 9,
    /// A mobile application.
    App = 10,
    /// A file, by its hash.
    File = 11,
}

impl Kind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Phone,
        Self::SmsSender,
        Self::BankAccount,
        Self::Wallet,
        Self::Domain,
        Self::Url,
        Self::Ip,
        Self::Email,
        Self::Handle,
        Self::App,
        Self::File,
    ];

    /// The name that people type and read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Phone => "phone",
            Self::SmsSender => "sms-sender",
            Self::BankAccount => "bank-account",
            Self::Wallet => "wallet",
            Self::Domain => "domain",
            Self::Url => "url",
            Self::Ip => "ip",
            Self::Email => "email",
            Self::Handle => "handle",
            Self::App => "app",
            Self::File => "file",
        }
    }

    /// The number in the wire form.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The kind with this number in the wire form.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownKind)
    }
}

/// The text names no kind of indicator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a kind of indicator; the kinds are phone, sms-sender, bank-account, wallet, domain, url, \
     ip, email, handle, app and file"
)]
pub struct UnknownKind;
