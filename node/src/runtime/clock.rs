//! The clocks of the node: one that people share, and one that only goes forward.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use kentong_protocol::sync::Now;
use kentong_protocol::time::{Moment, Timestamp};

/// Reads the time. The event loop does so once for each thing that it does; what is decided then is
/// handed that time.
#[derive(Debug)]
pub(super) struct Clock {
    started: Instant,
}

impl Clock {
    /// A clock that counts milliseconds from now on.
    pub(super) fn start() -> Self {
        Self {
            started: Instant::now(),
        }
    }

    /// The time.
    pub(super) fn read(&self) -> Now {
        let millis = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now {
            wall: wall(),
            moment: Moment::from_millis(millis),
        }
    }
}

/// What the clock on the wall says.
pub(super) fn wall() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_seconds(since.as_secs()).unwrap_or(Timestamp::EPOCH)
}
