//! The JSON text of a notice: one exact form, read strictly, in the manner of a charter's.

use kentong_keys::Digest;
use serde::{Deserialize, Serialize};

use super::{MAX_SUSPENSION, NoticeError, NoticeTerms, Says};
use crate::charter::{Excerpt, FederationId};
use crate::time::Timestamp;

const FORMAT: &str = "kentong/notice/1";
/// How every notice begins, of whichever version of the format.
pub(super) const BEGINNING: &str = "{\n  \"format\": \"kentong/notice/";
const LEAVE: &str = "leave";
const SUSPEND: &str = "suspend";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: String,
    federation: String,
    version: u32,
    charter: String,
    action: String,
    member: String,
    from: String,
    until: Option<String>,
}

/// Reads the text of a notice, and refuses what [`write`] would have written otherwise. The caller
/// bounds the length of the text.
pub(super) fn read(text: &str) -> Result<NoticeTerms, NoticeError> {
    /// Read first, so that a later format is named and not called malformed.
    #[derive(Deserialize)]
    struct Marker {
        format: String,
    }

    let malformed = |error: serde_json::Error| NoticeError::Malformed {
        line: error.line(),
        column: error.column(),
    };
    let Marker { format } = serde_json::from_str(text).map_err(malformed)?;
    if format != FORMAT {
        return Err(NoticeError::UnknownFormat(Excerpt::of(&format)));
    }
    let raw: Raw = serde_json::from_str(text).map_err(malformed)?;
    let terms = raw.into_terms()?;
    if write(&terms) != text {
        return Err(NoticeError::NotCanonical);
    }
    Ok(terms)
}

/// Writes the text of a notice.
pub(super) fn write(terms: &NoticeTerms) -> String {
    let (action, until) = match terms.says {
        Says::Leaves => (LEAVE, None),
        Says::Suspended { until } => (SUSPEND, Some(until.to_string())),
    };
    let raw = Raw {
        format: FORMAT.to_owned(),
        federation: terms.federation.to_string(),
        version: terms.version,
        charter: terms.charter.to_string(),
        action: action.to_owned(),
        member: terms.member.to_string(),
        from: terms.from.to_string(),
        until,
    };
    let mut text = serde_json::to_string_pretty(&raw).expect("texts and integers always encode");
    text.push('\n');
    text
}

impl Raw {
    fn into_terms(self) -> Result<NoticeTerms, NoticeError> {
        let value = |field, text: &str| NoticeError::Value(field, Excerpt::of(text));
        let digest = |field, text: &str| Digest::from_hex(text).ok_or_else(|| value(field, text));
        let time =
            |field, text: &str| Timestamp::from_rfc3339(text).ok_or_else(|| value(field, text));
        if self.version == 0 {
            return Err(value("version", "0"));
        }
        let from = time("from", &self.from)?;
        let until = match &self.until {
            Some(text) => Some(time("until", text)?),
            None => None,
        };
        let says = match (self.action.as_str(), until) {
            (LEAVE, None) => Says::Leaves,
            (SUSPEND, Some(until)) => Says::Suspended { until },
            (LEAVE | SUSPEND, _) => return Err(NoticeError::End),
            (other, _) => return Err(value("action", other)),
        };
        if let Says::Suspended { until } = says
            && !until
                .since(from)
                .is_some_and(|lasts| (1..=MAX_SUSPENSION).contains(&lasts))
        {
            return Err(NoticeError::Duration);
        }
        Ok(NoticeTerms {
            federation: FederationId::from_first_charter(digest("federation", &self.federation)?),
            version: self.version,
            charter: digest("charter", &self.charter)?,
            member: self
                .member
                .parse()
                .map_err(|_| value("member", &self.member))?,
            says,
            from,
        })
    }
}
