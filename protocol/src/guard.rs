//! Guards that a test can take out, to see that something notices.
//!
//! The code asks [`on`]. It answers yes, always and at compile time, unless the crate is built with its
//! feature `guards`, which only the tests' builds switch on.

/// A guard that a test can take out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// `sync`: what the number of the last leaf would be is looked at before it is made use of.
    LeavesEnd,
    /// `store`: a step that has begun is carried through.
    StepEnds,
    /// `member::sessions`: telling a session what was published does not fail.
    PublishedTold,
    /// `publisher::publishing`: leaves and heads are durable before a head is signed.
    DurableBeforeSigned,
    /// `history::start`: a start asks the heads what was signed.
    HeadsAsked,
    /// `store`: a feed is shown to its readers only.
    ReadersOnly,
    /// `publisher::releasing`: policy is asked who may have an indicator.
    PolicyAsked,
    /// `publisher::releasing`: withdrawals go to those who have the indicator.
    WithdrawalsReleased,
    /// `statement::later_word`: of two statements the later word is in force, not what came last.
    LaterWordCounts,
    /// `statement`: the number of a statement, not its time, says which is later.
    NumberedNotTimed,
    /// `member::start`: it is checked at a start what is still to be released.
    CheckedAtStart,
    /// `publisher::publishing`: what is said is durable before it is answered.
    DurableBeforeAnswer,
    /// `member::tasks`: what a receipt is given for is durable.
    ReceiptDurable,
    /// `store`: what was erased is overwritten.
    ErasedOverwritten,
    /// `store`: what is to be erased is overwritten when that is signed, not before.
    ErasedWhenSigned,
    /// `publisher::erasing`: what else an erased batch says is said again.
    OthersSaidAgain,
    /// `reader::serve`: leaves are served from where they were asked for.
    ServedFromAsked,
    /// `publisher::closing`: a feed is closed that somebody reads who is no longer a member.
    FeedsClosed,
    /// `member::changes`: who is not in force is not spoken to.
    StrangersCutOff,
    /// `publisher::releasing`: what a closed feed carries is corrected in the one that follows it.
    ClosedCounts,
    /// `member::changes`: when members change all is checked for release.
    CheckedForNewcomers,
    /// `history::asking`: who does not know what it signed last waits for its readers.
    ReadersAnswered,
    /// `history::asking`: a feed continues only if every reader of it has answered.
    AllAnswered,
    /// `history`: a start waits for a reader before it releases.
    ReaderAwaited,
    /// `history::news`: a feed of which a reader shows more than is held waits for it to come back.
    LostAwaited,
    /// `publisher::loading`: what came back is loaded into the feed for this member alone.
    BackIsLoaded,
}

impl Guard {
    /// All guards.
    pub const ALL: [Self; 26] = [
        Self::LeavesEnd,
        Self::StepEnds,
        Self::PublishedTold,
        Self::DurableBeforeSigned,
        Self::HeadsAsked,
        Self::ReadersOnly,
        Self::PolicyAsked,
        Self::WithdrawalsReleased,
        Self::LaterWordCounts,
        Self::NumberedNotTimed,
        Self::CheckedAtStart,
        Self::DurableBeforeAnswer,
        Self::ReceiptDurable,
        Self::ErasedOverwritten,
        Self::ErasedWhenSigned,
        Self::OthersSaidAgain,
        Self::ServedFromAsked,
        Self::FeedsClosed,
        Self::StrangersCutOff,
        Self::ClosedCounts,
        Self::CheckedForNewcomers,
        Self::ReadersAnswered,
        Self::AllAnswered,
        Self::ReaderAwaited,
        Self::LostAwaited,
        Self::BackIsLoaded,
    ];

    /// Its name, as a test gives it to a process.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeavesEnd => "leaves-end",
            Self::StepEnds => "step-ends",
            Self::PublishedTold => "published-told",
            Self::DurableBeforeSigned => "durable-before-signed",
            Self::HeadsAsked => "heads-asked",
            Self::ReadersOnly => "readers-only",
            Self::PolicyAsked => "policy-asked",
            Self::WithdrawalsReleased => "withdrawals-released",
            Self::LaterWordCounts => "later-word-counts",
            Self::NumberedNotTimed => "numbered-not-timed",
            Self::CheckedAtStart => "checked-at-start",
            Self::DurableBeforeAnswer => "durable-before-answer",
            Self::ReceiptDurable => "receipt-durable",
            Self::ErasedOverwritten => "erased-overwritten",
            Self::ErasedWhenSigned => "erased-when-signed",
            Self::OthersSaidAgain => "others-said-again",
            Self::ServedFromAsked => "served-from-asked",
            Self::FeedsClosed => "feeds-closed",
            Self::StrangersCutOff => "strangers-cut-off",
            Self::ClosedCounts => "closed-counts",
            Self::CheckedForNewcomers => "checked-for-newcomers",
            Self::ReadersAnswered => "readers-answered",
            Self::AllAnswered => "all-answered",
            Self::ReaderAwaited => "reader-awaited",
            Self::LostAwaited => "lost-awaited",
            Self::BackIsLoaded => "back-is-loaded",
        }
    }

    /// The guard of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|guard| guard.as_str() == name)
    }
}

#[cfg(not(feature = "guards"))]
mod place {
    use super::Guard;

    /// Whether guards can be left out of this build.
    pub const CAN_BE_LEFT_OUT: bool = false;

    /// Whether a guard is in its place.
    #[must_use]
    pub const fn on(guard: Guard) -> bool {
        let _ = guard;
        true
    }

    /// Does nothing: in this build all guards stay.
    pub fn leave_out(guards: impl IntoIterator<Item = Guard>) {
        drop(guards);
    }
}

#[cfg(feature = "guards")]
mod place {
    use std::cell::Cell;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::Guard;

    /// Whether guards can be left out of this build.
    pub const CAN_BE_LEFT_OUT: bool = true;

    /// What this process goes without.
    static EVERYWHERE: AtomicU64 = AtomicU64::new(0);

    std::thread_local! {
        /// What this thread goes without, since tests run beside each other.
        static HERE: Cell<u64> = const { Cell::new(0) };
    }

    const fn bit(guard: Guard) -> u64 {
        1 << guard as u64
    }

    /// Whether a guard is in its place.
    #[must_use]
    pub fn on(guard: Guard) -> bool {
        let out = EVERYWHERE.load(Ordering::Relaxed) | HERE.get();
        out & bit(guard) == 0
    }

    /// Takes guards out for the whole process.
    pub fn leave_out(guards: impl IntoIterator<Item = Guard>) {
        let bits = guards.into_iter().fold(0, |bits, guard| bits | bit(guard));
        EVERYWHERE.fetch_or(bits, Ordering::Relaxed);
    }

    /// Does something without a guard, on this thread alone.
    pub fn without<T>(guard: Guard, act: impl FnOnce() -> T) -> T {
        /// Puts back what was there before, also when `act` panics.
        struct Back(u64);
        impl Drop for Back {
            fn drop(&mut self) {
                HERE.set(self.0);
            }
        }
        let _back = Back(HERE.replace(HERE.get() | bit(guard)));
        act()
    }
}

pub use place::*;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_out_where_it_is_left_out_and_back_then() {
        assert!(Guard::ALL.into_iter().all(on));
        without(Guard::LeavesEnd, || {
            assert!(!on(Guard::LeavesEnd) && on(Guard::StepEnds));
        });
        assert!(on(Guard::LeavesEnd));
        let panicked = std::panic::catch_unwind(|| without(Guard::LeavesEnd, || panic!("so")));
        assert!(panicked.is_err() && on(Guard::LeavesEnd));
    }

    #[test]
    fn names_round() {
        for guard in Guard::ALL {
            assert_eq!(Guard::named(guard.as_str()), Some(guard));
        }
        assert_eq!(Guard::named("none"), None);
    }
}
