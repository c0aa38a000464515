//! Money that was lost.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The codes of ISO 4217 for money in circulation (no metals, funds or test codes), including those
/// withdrawn since 2020 that older reports still name.
const CURRENCIES: &str = "\
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN \
    BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS \
    GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW \
    KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN \
    NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK \
    SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU \
    UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL";

/// A currency, by its three letters in ISO 4217.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The three capital letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the code is three ASCII letters")
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    /// Reads the code in any case.
    fn from_str(text: &str) -> Result<Self, UnknownCurrency> {
        let &[a, b, c] = text.as_bytes() else {
            return Err(UnknownCurrency);
        };
        let code = [a, b, c].map(|letter| letter.to_ascii_uppercase());
        CURRENCIES
            .as_bytes()
            .chunks(4)
            .any(|known| known.starts_with(&code))
            .then_some(Self(code))
            .ok_or(UnknownCurrency)
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no currency's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a currency code; write the three letters of ISO 4217, such as MYR or USD")]
pub struct UnknownCurrency;

/// A loss that was reported.
///
/// Counted in thousandths, which hold the smallest coin of every currency (the dinars have three
/// decimals, the dong none) without a table of who has how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "LossWire", into = "LossWire")]
pub struct Loss {
    /// The amount, in thousandths of the currency's unit.
    pub thousandths: u64,
    /// The currency.
    pub currency: Currency,
}

type LossWire = (u64, String);

impl FromStr for Loss {
    type Err = LossError;

    /// Reads `12500.50 MYR`; commas between digits are skipped.
    fn from_str(text: &str) -> Result<Self, LossError> {
        let (amount, currency) = text.trim().rsplit_once(' ').ok_or(LossError::Form)?;
        let currency = currency.parse()?;
        let amount = amount.trim().replace(',', "");
        let (whole, fraction) = amount.split_once('.').unwrap_or((&amount, ""));
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 3 {
            return Err(LossError::Form);
        }
        let whole: u64 = whole.parse().map_err(|_| LossError::TooMuch)?;
        let fraction: u64 = format!("{fraction:0<3}")
            .parse()
            .expect("three digits are a number");
        let thousandths = whole
            .checked_mul(1_000)
            .and_then(|whole| whole.checked_add(fraction))
            .ok_or(LossError::TooMuch)?;
        Ok(Self {
            thousandths,
            currency,
        })
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.thousandths / 1_000, self.thousandths % 1_000);
        match (fraction, fraction % 10) {
            (0, _) => write!(f, "{whole} {}", self.currency),
            (_, 0) => write!(f, "{whole}.{:02} {}", fraction / 10, self.currency),
            _ => write!(f, "{whole}.{fraction:03} {}", self.currency),
        }
    }
}

impl TryFrom<LossWire> for Loss {
    type Error = UnknownCurrency;

    fn try_from((thousandths, code): LossWire) -> Result<Self, UnknownCurrency> {
        let currency: Currency = code.parse()?;
        if currency.as_str() != code {
            return Err(UnknownCurrency);
        }
        Ok(Self {
            thousandths,
            currency,
        })
    }
}

impl From<Loss> for LossWire {
    fn from(loss: Loss) -> Self {
        (loss.thousandths, loss.currency.as_str().to_owned())
    }
}

/// Why a text is no loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LossError {
    /// Not an amount, a space and a currency.
    #[error("not an amount with its currency; write it as 12500.50 MYR, with at most 3 decimals")]
    Form,
    /// More than can be counted.
    #[error("more money than there is; write the loss of this one indicator")]
    TooMuch,
    /// The currency is not known.
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_shown() {
        for (text, shown) in [
            ("12500.50 MYR", Ok("12500.50 MYR")),
            ("1,250,000 vnd", Ok("1250000 VND")),
            ("0.005 KWD", Ok("0.005 KWD")),
            ("7. USD", Ok("7 USD")),
            ("7.0001 USD", Err(LossError::Form)),
            ("-7 USD", Err(LossError::Form)),
            ("USD", Err(LossError::Form)),
            (" USD", Err(LossError::Form)),
            ("7 USX", Err(LossError::Currency(UnknownCurrency))),
            ("18446744073709552 USD", Err(LossError::TooMuch)),
            ("99999999999999999999 USD", Err(LossError::TooMuch)),
        ] {
            let read = text.parse::<Loss>().map(|loss| loss.to_string());
            assert_eq!(read, shown.map(ToOwned::to_owned), "{text:?}");
        }
    }
}
