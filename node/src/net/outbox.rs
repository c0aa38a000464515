//! The bounded queue of frames on their way to a peer.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Closed, Limits, LinkId, MAX_FRAME};

/// A frame that was not queued, given back.
#[derive(Debug, thiserror::Error)]
#[error("not sent: {why}")]
pub struct Unsent {
    /// Why it was not queued.
    pub why: UnsentBecause,
    /// The frame.
    pub frame: Vec<u8>,
}

/// Why a frame was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnsentBecause {
    /// The queue has no room for it; [`super::Event::Drained`] follows when it has.
    #[error("the peer's queue is full")]
    QueueFull,
    /// The link has ended.
    #[error("the link has ended")]
    LinkGone,
    /// The frame has no bytes or more than [`MAX_FRAME`].
    #[error("a frame has between 1 and {MAX_FRAME} bytes")]
    BadLength,
}

/// The outboxes of all links that stand. Shared between the network's task, which adds and
/// removes, and the handles, which only look up; the lock is never held over anything that waits.
#[derive(Debug, Clone, Default)]
pub(super) struct Outboxes(Arc<Mutex<BTreeMap<LinkId, Arc<Outbox>>>>);

impl Outboxes {
    pub(super) fn find(&self, link: LinkId) -> Option<Arc<Outbox>> {
        lock(&self.0).get(&link).cloned()
    }

    pub(super) fn insert(&self, link: LinkId, outbox: Arc<Outbox>) {
        lock(&self.0).insert(link, outbox);
    }

    pub(super) fn remove(&self, link: LinkId) {
        lock(&self.0).remove(&link);
    }

    /// Stops every link.
    pub(super) fn stop_all(&self, why: Closed) {
        for outbox in lock(&self.0).values() {
            outbox.stop(why);
        }
    }
}

/// The queue of one link, between the core that fills it and the link's task that empties it.
#[derive(Debug)]
pub(super) struct Outbox {
    max_frames: usize,
    max_bytes: usize,
    state: Mutex<State>,
    /// Something for the writer: a frame, or the end.
    filled: Notify,
    /// Something for the link: the end.
    ended: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Vec<u8>>,
    /// Bytes queued or being written.
    bytes: usize,
    /// Whether a frame was refused since the queue was last down to half.
    refused: bool,
    stopped: Option<Closed>,
}

impl Outbox {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            max_frames: limits.queue_frames,
            max_bytes: limits.queue_bytes,
            state: Mutex::default(),
            filled: Notify::new(),
            ended: Notify::new(),
        }
    }

    /// Queues a frame, or gives it back.
    pub(super) fn push(&self, frame: Vec<u8>) -> Result<(), Unsent> {
        if frame.is_empty() || frame.len() > MAX_FRAME {
            return Err(Unsent {
                why: UnsentBecause::BadLength,
                frame,
            });
        }
        let mut state = lock(&self.state);
        if state.stopped.is_some() {
            return Err(Unsent {
                why: UnsentBecause::LinkGone,
                frame,
            });
        }
        let too_much = state.bytes > 0 && state.bytes + frame.len() > self.max_bytes;
        if too_much || state.frames.len() >= self.max_frames {
            state.refused = true;
            return Err(Unsent {
                why: UnsentBecause::QueueFull,
                frame,
            });
        }
        state.bytes += frame.len();
        state.frames.push_back(frame);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// The next frame, if there is one.
    pub(super) fn take(&self) -> Option<Vec<u8>> {
        lock(&self.state).frames.pop_front()
    }

    /// Waits for the next frame; none when the link is stopped and the queue empty.
    pub(super) async fn next(&self) -> Option<Vec<u8>> {
        loop {
            {
                let mut state = lock(&self.state);
                if let Some(frame) = state.frames.pop_front() {
                    return Some(frame);
                }
                if state.stopped.is_some() {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Takes note that a frame has been written. True if the core waits to hear that there is
    /// room again.
    pub(super) fn written(&self, frame: &[u8]) -> bool {
        let mut state = lock(&self.state);
        state.bytes = state.bytes.saturating_sub(frame.len());
        let has_room =
            state.bytes <= self.max_bytes / 2 && state.frames.len() <= self.max_frames / 2;
        has_room && std::mem::take(&mut state.refused)
    }

    /// Ends the link; the first reason counts.
    pub(super) fn stop(&self, why: Closed) {
        lock(&self.state).stopped.get_or_insert(why);
        self.filled.notify_one();
        self.ended.notify_one();
    }

    /// Waits until the link is to end.
    pub(super) async fn stopped(&self) -> Closed {
        loop {
            if let Some(why) = lock(&self.state).stopped {
                return why;
            }
            self.ended.notified().await;
        }
    }
}

/// Locks what no holder can leave half-changed: a panic elsewhere must not spread from here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(queue_frames: usize, queue_bytes: usize) -> Outbox {
        Outbox::new(&Limits {
            queue_frames,
            queue_bytes,
            ..Limits::default()
        })
    }

    fn check(outbox: &Outbox, len: usize, expected: Result<(), UnsentBecause>) {
        let result = outbox.push(vec![1; len]);
        assert_eq!(
            result.as_ref().copied().map_err(|unsent| unsent.why),
            expected
        );
        if let Err(unsent) = result {
            assert_eq!(unsent.frame.len(), len);
        }
    }

    #[test]
    fn bounded_by_bytes_and_frames() {
        let by_bytes = outbox(100, 10);
        check(&by_bytes, 6, Ok(()));
        check(&by_bytes, 5, Err(UnsentBecause::QueueFull));
        check(&by_bytes, 4, Ok(()));
        let by_frames = outbox(2, 1000);
        check(&by_frames, 1, Ok(()));
        check(&by_frames, 1, Ok(()));
        check(&by_frames, 1, Err(UnsentBecause::QueueFull));
        let tiny = outbox(100, 10);
        check(&tiny, 11, Ok(()));
        check(&tiny, 1, Err(UnsentBecause::QueueFull));
    }

    #[test]
    fn lengths_are_checked() {
        let outbox = outbox(100, 10);
        check(&outbox, 0, Err(UnsentBecause::BadLength));
        check(&outbox, MAX_FRAME + 1, Err(UnsentBecause::BadLength));
        check(&outbox, MAX_FRAME, Ok(()));
    }

    #[test]
    fn room_is_told_once_and_only_to_who_was_refused() {
        let outbox = outbox(100, 10);
        for refused in [false, true] {
            for _ in 0..5 {
                check(&outbox, 2, Ok(()));
            }
            if refused {
                check(&outbox, 2, Err(UnsentBecause::QueueFull));
            }
            let mut told = Vec::new();
            while let Some(frame) = outbox.take() {
                told.push(outbox.written(&frame));
            }
            // Six bytes are left after two frames, four after three.
            assert_eq!(told, [false, false, refused, false, false]);
        }
    }

    #[tokio::test]
    async fn a_stopped_queue_takes_nothing_and_empties() {
        let outbox = outbox(100, 10);
        check(&outbox, 2, Ok(()));
        outbox.stop(Closed::ByUs);
        outbox.stop(Closed::Shutdown);
        check(&outbox, 2, Err(UnsentBecause::LinkGone));
        assert_eq!(outbox.stopped().await, Closed::ByUs);
        assert!(outbox.next().await.is_some());
        assert!(outbox.next().await.is_none());
    }
}
