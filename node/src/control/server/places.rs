//! Who is being served, and who makes room for a newcomer.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use super::Limits;

/// How often a newcomer's wait looks who could make room for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What an operator is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doing {
    /// It may ask, since then.
    Asks(Instant),
    /// The node works for it.
    Waits,
    /// It has had something to read since then.
    Reads(Instant),
}

/// An operator's place, in its own hands.
#[derive(Debug)]
pub(super) struct Place {
    doing: watch::Sender<Doing>,
    leave: Arc<Notify>,
}

impl Place {
    /// Says what the operator is doing from now on.
    pub(super) fn now(&self, doing: Doing) {
        self.doing.send_replace(doing);
    }

    /// Ends when another needs the place. A talk waits for it only while it may be ended.
    pub(super) async fn is_needed(&self) {
        self.leave.notified().await;
    }
}

/// All places.
#[derive(Debug)]
pub(super) struct Places {
    limits: Limits,
    talks: JoinSet<()>,
    taken: BTreeMap<Id, Taken>,
    /// Since when all are taken, and by the same.
    full_since: Option<Instant>,
}

#[derive(Debug)]
struct Taken {
    doing: watch::Receiver<Doing>,
    leave: Arc<Notify>,
}

impl Places {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            talks: JoinSet::new(),
            taken: BTreeMap::new(),
            full_since: None,
        }
    }

    /// Gives a free place to an operator, for as long as `talk` takes.
    pub(super) fn give<T>(&mut self, talk: impl FnOnce(Place) -> T)
    where
        T: Future<Output = io::Result<()>> + Send + 'static,
    {
        let (says, doing) = watch::channel(Doing::Asks(Instant::now()));
        let leave = Arc::new(Notify::new());
        let talk = talk(Place {
            doing: says,
            leave: Arc::clone(&leave),
        });
        let task = self.talks.spawn(async move {
            if let Err(error) = talk.await {
                tracing::debug!(%error, "an operator went away");
            }
        });
        self.taken.insert(task.id(), Taken { doing, leave });
    }

    /// Sees to it that there is a free place. An idle operator makes room for a newcomer; where everybody
    /// is being answered, and stays so for a while, there is none: false.
    pub(super) async fn make_room(&mut self) -> bool {
        loop {
            while let Some(ended) = self.talks.try_join_next_with_id() {
                self.forget(ended);
            }
            if self.taken.len() < self.limits.places {
                return true;
            }
            let now = Instant::now();
            let since = *self.full_since.get_or_insert(now);
            match self.most_idle(now) {
                Ok(idle) => idle.leave.notify_waiters(),
                // A client that asks again and again is always about to ask: that keeps nobody waiting longer.
                Err(_) if now.duration_since(since) >= self.limits.newcomer => return false,
                Err(Busy::ForNow | Busy::All) => {}
            }
            tokio::select! {
                Some(ended) = self.talks.join_next_with_id() => self.forget(ended),
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
    }

    /// The operator that has been idle for longest, of those that may be asked to leave.
    fn most_idle(&self, now: Instant) -> Result<&Taken, Busy> {
        let idle = self.taken.values().filter_map(|taken| {
            let (since, grace) = match *taken.doing.borrow() {
                Doing::Asks(since) => (since, self.limits.to_ask),
                Doing::Reads(since) => (since, self.limits.to_read),
                Doing::Waits => return None,
            };
            Some((since + grace, taken))
        });
        let first = idle.min_by_key(|(until, _)| *until);
        match first {
            Some((until, taken)) if until <= now => Ok(taken),
            // In a moment it has asked, or may be asked to leave.
            Some((until, _)) if until <= now + self.limits.to_ask => Err(Busy::ForNow),
            Some(_) | None => Err(Busy::All),
        }
    }

    fn forget(&mut self, ended: Result<(Id, ()), JoinError>) {
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => error.id(),
        };
        self.taken.remove(&id);
        self.full_since = None;
    }
}

/// Why nobody makes room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Busy {
    /// Somebody is about to ask, or to leave.
    ForNow,
    /// All are being answered.
    All,
}

impl Drop for Places {
    /// The core is gone; those who have its last answers before them may read them.
    fn drop(&mut self) {
        self.talks.detach_all();
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A place that nobody else needs.
    pub(in super::super) fn alone() -> Place {
        let (doing, _) = watch::channel(Doing::Waits);
        Place {
            doing,
            leave: Arc::new(Notify::new()),
        }
    }
}
