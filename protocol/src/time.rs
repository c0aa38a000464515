//! Time as the protocol sees it: handed in, never asked for.

use core::time::Duration;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A moment, in whole seconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct Timestamp(u64);

/// A moment of a clock that only goes forward, in whole milliseconds since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// When the clock began.
    pub const START: Self = Self(0);

    /// The last moment there is: later than whatever is waited for.
    pub const NEVER: Self = Self(u64::MAX);

    /// The moment so many milliseconds after the clock began.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the clock began.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// So much later, in whole milliseconds; [`Moment::NEVER`] at the latest.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(wait))
    }

    /// So much earlier, in whole milliseconds; [`Moment::START`] at the earliest.
    #[must_use]
    pub fn before(self, ago: Duration) -> Self {
        let ago = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(ago))
    }

    /// How long before this an earlier moment was; nothing if it is the later one.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// The length of a civil day, in seconds.
pub const DAY: u64 = 86_400;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// The first second that no timestamp reaches: on the last day but one of the year 9999, where
    /// `jiff`, which leaves room for every time zone, ends too.
    const END: u64 = 253_402_207_201;

    /// The moment this many seconds after 1970, if it has a text form (until the year 9999).
    #[must_use]
    pub fn from_seconds(seconds: u64) -> Option<Self> {
        (seconds < Self::END).then_some(Self(seconds))
    }

    /// Reads what [`Display`](fmt::Display) writes, and whatever else RFC 3339 allows for a moment
    /// from 1970 on, without fractions of a second.
    #[must_use]
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let time: jiff::Timestamp = text.parse().ok()?;
        if time.subsec_nanosecond() != 0 {
            return None;
        }
        Self::from_seconds(u64::try_from(time.as_second()).ok()?)
    }

    /// Seconds since 1970.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0
    }

    /// This moment and `seconds` more; stops near the end of the year 9999.
    #[must_use]
    pub fn plus(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds).min(Self::END - 1))
    }

    /// The seconds from `earlier` to this moment; none if `earlier` is the later one.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<u64> {
        self.0.checked_sub(earlier.0)
    }
}

impl TryFrom<u64> for Timestamp {
    type Error = OutOfTime;

    fn try_from(seconds: u64) -> Result<Self, OutOfTime> {
        Self::from_seconds(seconds).ok_or(OutOfTime)
    }
}

impl From<Timestamp> for u64 {
    fn from(time: Timestamp) -> Self {
        time.0
    }
}

/// The number of seconds is no moment before the end of the year 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a moment before the end of the year 9999")]
pub struct OutOfTime;

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC: `2026-01-31T12:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.0).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(time) => f.pad(&time.to_string()),
            Err(_) => write!(f, "@{}", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::{DecodeError, decode, encode};

    #[test]
    fn shown_and_bounded() {
        let time = Timestamp::from_seconds(1_700_000_000).unwrap();
        assert_eq!(time.to_string(), "2023-11-14T22:13:20Z");
        assert_eq!(Timestamp::from_seconds(Timestamp::END), None);
        let decoded = |seconds| decode::<Timestamp>(&encode(&seconds), 9);
        assert!(decoded(Timestamp::END - 1).is_ok());
        assert_eq!(decoded(Timestamp::END), Err(DecodeError::Malformed));
        assert_eq!(time.plus(u64::MAX).to_string(), "9999-12-30T22:00:00Z");
        assert_eq!(time.since(time.plus(1)), None);
    }

    #[test]
    fn moments_go_on_in_whole_milliseconds() {
        let at = Moment::from_millis;
        assert_eq!(at(5).after(Duration::from_micros(1_999)), at(6));
        assert_eq!(at(5).after(Duration::from_secs(60)), at(60_005));
        assert_eq!(at(5).after(Duration::MAX), Moment::NEVER);
        assert_eq!(at(5).before(Duration::from_millis(6)), Moment::START);
        assert_eq!(at(60_005).since(at(5)), Duration::from_secs(60));
        assert_eq!(at(5).since(at(6)), Duration::ZERO);
    }

    #[test]
    fn read_from_text() {
        for (text, seconds) in [
            ("2023-11-14T22:13:20Z", Some(1_700_000_000)),
            ("2023-11-15T06:13:20+08:00", Some(1_700_000_000)),
            ("1970-01-01T00:00:00Z", Some(0)),
            ("9999-12-30T22:00:00Z", Some(253_402_207_200)),
            ("1969-12-31T23:59:59Z", None),
            ("2023-11-14T22:13:20.5Z", None),
            ("2023-11-14", None),
            ("", None),
        ] {
            let time = Timestamp::from_rfc3339(text);
            assert_eq!(time.map(Timestamp::seconds), seconds, "{text}");
        }
    }
}
