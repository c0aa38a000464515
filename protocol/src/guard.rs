//! Guards that a test can take out, to see that something notices.
//!
//! Where a guard belongs to an object, the code that makes it says so by a value
//! (`sim::Sabotage`). Everywhere else the code asks [`on`]. It answers yes, always and at compile time,
//! unless the crate is built with its feature `guards`, which only the tests' builds switch on.

/// A guard that a test can take out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// `sync`: what the number of the last leaf would be is looked at before it is made use of.
    LeavesEnd,
    /// The node's store: a step that has begun is carried through.
    StepEnds,
    /// `member::sessions`: telling a session what was published does not fail.
    PublishedTold,
}

impl Guard {
    /// All guards.
    pub const ALL: [Self; 3] = [Self::LeavesEnd, Self::StepEnds, Self::PublishedTold];

    /// Its name, as a test gives it to a process.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeavesEnd => "leaves-end",
            Self::StepEnds => "step-ends",
            Self::PublishedTold => "published-told",
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
