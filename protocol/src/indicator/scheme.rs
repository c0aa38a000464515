//! The schemes: what the scam is.

use std::fmt;
use std::str::FromStr;

/// The scam that an indicator belongs to. The number is the wire form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Scheme {
    /// Fake investments.
    Investment = 1,
    /// Fake jobs.
    Job = 2,
    /// Romance and trust built for money.
    Romance = 3,
    /// Somebody poses as an authority.
    ImpersonationGovernment = 4,
    /// Somebody poses as a bank.
    ImpersonationBank = 5,
    /// Somebody poses as a friend or relative.
    ImpersonationFriend = 6,
    /// Goods that never arrive.
    ECommerce = 7,
    /// Fake loans.
    Loan = 8,
    /// Stealing of credentials.
    Phishing = 9,
    /// Malicious software.
    Malware = 10,
    /// An account that receives stolen money.
    MuleAccount = 11,
    /// Draining of wallets by signed transactions.
    CryptoDrainer = 12,
    /// Illegal gambling.
    Gambling = 13,
    /// Blackmail with intimate pictures.
    Sextortion = 14,
    /// Fake winnings.
    Lottery = 15,
    /// Fake technical support.
    TechSupport = 16,
    /// A compound where scams are worked.
    ScamCompound = 17,
    /// None of the others.
    Other = 18,
}

impl Scheme {
    /// All schemes, in the order of their numbers.
    pub const ALL: [Self; 18] = [
        Self::Investment,
        Self::Job,
        Self::Romance,
        Self::ImpersonationGovernment,
        Self::ImpersonationBank,
        Self::ImpersonationFriend,
        Self::ECommerce,
        Self::Loan,
        Self::Phishing,
        Self::Malware,
        Self::MuleAccount,
        Self::CryptoDrainer,
        Self::Gambling,
        Self::Sextortion,
        Self::Lottery,
        Self::TechSupport,
        Self::ScamCompound,
        Self::Other,
    ];

    /// The name that people type and read.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Investment => "investment",
            Self::Job => "job",
            Self::Romance => "romance",
            Self::ImpersonationGovernment => "impersonation-government",
            Self::ImpersonationBank => "impersonation-bank",
            Self::ImpersonationFriend => "impersonation-friend",
            Self::ECommerce => "e-commerce",
            Self::Loan => "loan",
            Self::Phishing => "phishing",
            Self::Malware => "malware",
            Self::MuleAccount => "mule-account",
            Self::CryptoDrainer => "crypto-drainer",
            Self::Gambling => "gambling",
            Self::Sextortion => "sextortion",
            Self::Lottery => "lottery",
            Self::TechSupport => "tech-support",
            Self::ScamCompound => "scam-compound",
            Self::Other => "other",
        }
    }

    /// The number in the wire form.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The scheme with this number in the wire form.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.number() == number)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        Self::ALL
            .into_iter()
            .find(|scheme| scheme.as_str() == text)
            .ok_or(UnknownScheme)
    }
}

/// The text names no scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a scheme; they are investment, job, romance, impersonation-government, impersonation-bank, \
     impersonation-friend, e-commerce, loan, phishing, malware, mule-account, \
     crypto-drainer, gambling, sextortion, lottery, tech-support, scam-compound and other"
)]
pub struct UnknownScheme;
