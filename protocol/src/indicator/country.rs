//! Countries, by their two-letter codes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The officially assigned codes of ISO 3166-1 alpha-2, and `XK`: user-assigned, but what the
/// registries of telephone numbers and of IBANs both use for Kosovo.
///
/// A list of codes is all that is needed; the crates that have one bring names and flags along.
const ASSIGNED: &str = "\
    AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR \
    BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ \
    EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW \
    GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY \
    KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV \
    MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY \
    QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG \
    TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA \
    ZM ZW";

/// A country, as ISO 3166-1 alpha-2 names it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl Country {
    /// The two capital letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("the code is two ASCII letters")
    }
}

impl FromStr for Country {
    type Err = UnknownCountry;

    /// Reads the code in any case.
    fn from_str(text: &str) -> Result<Self, UnknownCountry> {
        let &[first, second] = text.as_bytes() else {
            return Err(UnknownCountry);
        };
        let code = [first.to_ascii_uppercase(), second.to_ascii_uppercase()];
        ASSIGNED
            .as_bytes()
            .chunks(3)
            .any(|assigned| assigned.starts_with(&code))
            .then_some(Self(code))
            .ok_or(UnknownCountry)
    }
}

impl TryFrom<String> for Country {
    type Error = UnknownCountry;

    /// Only the capital letters: this is the wire form.
    fn try_from(text: String) -> Result<Self, UnknownCountry> {
        let country: Self = text.parse()?;
        if country.as_str() == text {
            Ok(country)
        } else {
            Err(UnknownCountry)
        }
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.as_str().to_owned()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no country's code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a country code; write the two letters of ISO 3166-1, such as MY or SG")]
pub struct UnknownCountry;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_nothing_else() {
        assert_eq!(
            ASSIGNED.split(' ').count(),
            250,
            "249 of ISO 3166-1, and XK"
        );
        assert!(ASSIGNED.split(' ').is_sorted());
        for (text, expected) in [
            ("MY", Some("MY")),
            ("sg", Some("SG")),
            ("XK", Some("XK")),
            ("XX", None),
            ("M", None),
            (" M", None),
            ("Y ", None),
            ("", None),
            ("MYS", None),
            ("é", None),
        ] {
            let country = text.parse::<Country>().ok();
            assert_eq!(country.as_ref().map(Country::as_str), expected, "{text:?}");
        }
        assert!(Country::try_from("my".to_owned()).is_err());
    }
}
