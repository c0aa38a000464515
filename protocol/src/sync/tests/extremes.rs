//! Messages with numbers from both ends of what their types hold, given to sessions in whatever states
//! valid histories lead to: none of them ends a node.

mod messages;
mod scene;

use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use self::scene::Scene;
use crate::guard::{self, Guard};
use crate::sync::Input;

/// How many sorts of leaves are drawn from.
const SORTS: u8 = 24;

/// What happens before the message comes.
#[derive(Clone, Debug)]
enum Happens {
    /// MY says something, to SG alone or to TH too.
    Says { to_both: bool },
    /// MY erases the batch at an index, if one is there.
    Erases { to_both: bool, index: u64 },
    /// MY closes a feed.
    Closes { to_both: bool },
    /// Two members meet, and so many of the frames between all members arrive.
    Meet { with_th: bool, frames: usize },
    /// They part.
    Part { with_th: bool },
    /// MY has another key, and SG hears of it.
    NewKey,
    /// SG takes no more leaves of MY, or takes them again.
    Full { so: bool },
    /// SG knows that MY has two histories of a feed.
    Forked { to_both: bool },
}

/// A number in a message.
#[derive(Clone, Copy, Debug)]
enum Number {
    /// This one.
    Is(u64),
    /// The size of the feed, and so much more or less.
    NearSize(i8),
}

/// What of a message is drawn. A message takes as much of it as it has fields.
#[derive(Clone, Debug)]
struct Drawn {
    which: u8,
    to_both: bool,
    /// Of a feed that nobody has.
    unknown: bool,
    numbers: [Number; 4],
    /// Which of the feed's leaves, or what sort of another.
    leaves: Vec<u8>,
    /// Whether leaves end where the feed does, so that only what they are is wrong.
    fits: bool,
    /// Whether a root is that of the publisher's history, where there is one at this size.
    true_root: bool,
    following: Vec<Following>,
    /// How often the bodies that follow are said not to be there.
    refused: u8,
    /// The same again, each time with one other leaf in the place of all.
    again: Vec<u8>,
}

/// Which body follows leaves.
#[derive(Clone, Copy, Debug)]
enum Following {
    /// Of so many leaves behind the first.
    Behind(u64),
    /// Of any.
    Of(Number),
}

fn happens() -> impl Strategy<Value = Happens> {
    prop_oneof![
        4 => any::<bool>().prop_map(|to_both| Happens::Says { to_both }),
        1 => (any::<bool>(), 0..8_u64)
            .prop_map(|(to_both, index)| Happens::Erases { to_both, index }),
        1 => any::<bool>().prop_map(|to_both| Happens::Closes { to_both }),
        4 => (any::<bool>(), 0..40_usize)
            .prop_map(|(with_th, frames)| Happens::Meet { with_th, frames }),
        1 => any::<bool>().prop_map(|with_th| Happens::Part { with_th }),
        2 => Just(Happens::NewKey),
        1 => any::<bool>().prop_map(|so| Happens::Full { so }),
        1 => any::<bool>().prop_map(|to_both| Happens::Forked { to_both }),
    ]
}

fn number() -> impl Strategy<Value = Number> {
    prop_oneof![
        4 => prop::sample::select(vec![0, 1, u64::MAX - 1, u64::MAX]).prop_map(Number::Is),
        1 => prop::sample::select(vec![u64::from(u32::MAX), 1 << 63]).prop_map(Number::Is),
        2 => (2..4_u64).prop_map(Number::Is),
        3 => (-1..2_i8).prop_map(Number::NearSize),
    ]
}

fn following() -> impl Strategy<Value = Following> {
    prop_oneof![
        4 => (0..3_u64).prop_map(Following::Behind),
        1 => number().prop_map(Following::Of),
    ]
}

/// A sort of leaf, batches more often than others.
fn leaf() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 2..8_u8, 2 => 0..SORTS]
}

prop_compose! {
    fn drawn()(
        which in 0..20_u8,
        to_both: bool,
        unknown in prop::bool::weighted(0.1),
        numbers in [number(), number(), number(), number()],
        leaves in prop::collection::vec(leaf(), 0..3),
        fits: bool,
        true_root: bool,
        following in prop::collection::vec(following(), 0..3),
        refused in 0..4_u8,
        again in prop::collection::vec(leaf(), 0..3),
    ) -> Drawn {
        Drawn { which, to_both, unknown, numbers, leaves, fits, true_root, following, refused, again }
    }
}

/// One step of a play.
#[derive(Clone, Debug)]
enum Step {
    Happens(Happens),
    Comes(Drawn),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        1 => happens().prop_map(Step::Happens),
        1 => drawn().prop_map(Step::Comes),
    ];
    prop::collection::vec(step, 1..64)
}

/// Plays a history in which MY gives SG messages now and then, with time passing between them.
fn play(steps: Vec<Step>) {
    let mut scene = Scene::new();
    for (time, step) in (1..).zip(steps) {
        match step {
            Step::Happens(what) => scene.happens(what),
            Step::Comes(drawn) => {
                scene.comes(drawn);
                scene.web.give("SG", "MY", Input::Changed, 0);
                scene.web.give("SG", "MY", Input::Tick, time * 1000);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_number_ends_a_node(steps in steps()) {
        play(steps);
    }
}

/// What the test above would say of a node without the guard.
#[test]
fn a_number_that_is_not_looked_at_is_found() {
    let mut runner = TestRunner::deterministic();
    let found = (0..2000).any(|_| {
        let steps = steps().new_tree(&mut runner).unwrap().current();
        let played = || guard::without(Guard::LeavesEnd, || play(steps));
        std::panic::catch_unwind(played).is_err()
    });
    assert!(found);
}
