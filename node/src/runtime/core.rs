//! The event loop's state, and what it does with each input.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use kentong_protocol::MemberName;
use kentong_protocol::member::{Compared, Lent, Member, Output, World};
use kentong_protocol::policy::Engine;
use kentong_protocol::sync::Now;
use kentong_protocol::time::{Moment, Timestamp};
use tokio::sync::mpsc;

use crate::home::Home;
use crate::identity::Identity;
use crate::net::{Address, LinkId, Network};
use crate::operators::Operators;
use crate::recovery_file;
use crate::signer::Signer;
use crate::store::{Folders, Opening, Options};

use super::clock::Clock;
use super::door::Door;
use super::members::Found;
use super::random::Random;
use super::standing::Standing;
use super::waiting_papers::WaitingPapers;
use super::warnings::{Subject, Warning, Warnings};
use super::{Input, RunError, Settings, Ticket};

/// Inputs that are taken before what was asked is made durable and answered.
const AT_ONCE: usize = 256;

/// After how long a write to the home that failed is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(10);

/// After how long it is looked again whether keys are due to be replaced or destroyed.
const KEYS_EVERY: Duration = Duration::from_secs(3600);

/// The world of a shipped node.
#[derive(Debug)]
pub(super) enum Shipped {}

impl World for Shipped {
    type Log = crate::log::Log;
    type Rows = crate::store::Derived;
    type Heads = Signer;
}

/// What decides.
pub(super) type Deciding = Member<Shipped, LinkId, Ticket>;

/// All that changes in a running node.
pub(super) struct Core {
    pub(super) me: MemberName,
    pub(super) home: Home,
    pub(super) identity: Identity,
    /// What decides.
    pub(super) member: Deciding,
    /// What it has the world do, and is not done yet.
    to_do: VecDeque<Output<LinkId, Ticket>>,
    /// Why the file of a new member is not with the others yet, if that is so.
    pub(super) unsettled: Option<String>,
    pub(super) red_readers: BTreeSet<u32>,
    pub(super) net: Network,
    pub(super) standing: BTreeMap<MemberName, Standing>,
    /// Papers of other members that could not be kept yet.
    pub(super) waiting_papers: WaitingPapers,
    pub(super) listening: Vec<Address>,
    /// What a person should know.
    pub(super) warnings: Warnings,
    random: Random,
    clock: Clock,
    /// The time by which all is decided until the clock is read again.
    time: Now,
    /// When keys are looked at again that are replaced on schedule.
    pub(super) keys_due: Moment,
    /// When it is tried again to put the file of a new member with the others.
    pub(super) settle_at: Moment,
    /// The clock is to be looked at, once the inputs that wait are taken.
    ticked: bool,
    stopping: bool,
}

impl Core {
    pub(super) fn open(settings: Settings, net: Network) -> Result<Self, RunError> {
        let Settings {
            home,
            identity,
            red_readers,
            ..
        } = settings;
        let me = identity.member.clone();
        let red_readers: BTreeSet<u32> = red_readers.into_iter().collect();
        let policy = super::members::policies(&home)?;
        let clock = Clock::start();
        let time = clock.read();
        let Found { members, unsettled } = super::members::read(&home, &identity, time.wall)?;
        let folders = Folders {
            log: &home.log(),
            derived: &home.sled(),
        };
        let store_key = identity.store_key();
        let (store, opening) =
            crate::store::open(folders, store_key, me.clone(), Options::default())?;
        let (signer, lost) = match Signer::open(&home.signer_state()) {
            Err(error) if error.is_lost() => (
                Signer::unknown(&home.signer_state()),
                Some(error.to_string()),
            ),
            signer => (signer?, None),
        };
        let policy = Engine::new(policy, red_readers.clone());
        let mut core = Self {
            me,
            identity,
            member: Member::new(store, signer, members, policy),
            to_do: VecDeque::new(),
            unsettled,
            red_readers,
            net,
            standing: BTreeMap::new(),
            waiting_papers: WaitingPapers::default(),
            listening: Vec::new(),
            warnings: Warnings::default(),
            random: Random,
            clock,
            time,
            keys_due: Moment::START,
            settle_at: Moment::START,
            ticked: false,
            stopping: false,
            home,
        };
        core.read_clock(); // To read the log takes time.
        core.report(&opening);
        core.start(lost)?;
        core.admit();
        core.drain();
        core.read_clock();
        core.deciding(|member, lent| member.readers_may_come(lent));
        let feeds = core.member.store().feeds().len();
        tracing::info!(me = %core.me, feeds, "the node is open");
        Ok(core)
    }

    /// Brings log and signer state together, or begins to ask readers. `lost` says why the latter is lost.
    fn start(&mut self, lost: Option<String>) -> Result<(), RunError> {
        match self.member.compare(self.identity.keys()) {
            Compared::Unknown(why) => {
                let why = lost.unwrap_or(why);
                tracing::warn!(%why, "nothing is signed before readers have said what they hold");
                let recovery = recovery_file::begin(&self.home);
                let recovery = recovery.map_err(|source| RunError::System {
                    what: "cannot note that a recovery begins; check the disk",
                    source,
                })?;
                self.deciding(|member, lent| member.ask(recovery, why, lent))?;
            }
            Compared::OtherHistory(feed) => {
                return Err(RunError::Forked {
                    feed: feed.to_string(),
                });
            }
            Compared::Repair(repair) => {
                let has_begun = recovery_file::has_begun(&self.home);
                self.deciding(|member, lent| member.repair(repair, has_begun, lent))?;
            }
        }
        Ok(())
    }

    /// Tells the operator what the opening of the store came upon.
    fn report(&mut self, opening: &Opening) {
        if opening.cut_bytes > 0 {
            tracing::warn!(
                bytes = opening.cut_bytes,
                "cut what a crash had left half written"
            );
        }
        if let Some(rebuilt) = &opening.rebuilt {
            let why = &rebuilt.why;
            tracing::warn!(%why, "the derived state was rebuilt from the log");
            self.warn(Warning::Rebuilt {
                why: why.clone(),
                set_aside: rebuilt.set_aside.clone(),
            });
        }
    }

    /// Has the member decide something, and does what follows in the world.
    pub(super) fn deciding<A>(&mut self, act: impl FnOnce(&mut Deciding, &mut Lent<'_>) -> A) -> A {
        let mut random = self.random;
        let mut lent = Lent {
            keys: self.identity.keys(),
            chance: &mut random,
            now: self.time,
        };
        let answer = act(&mut self.member, &mut lent);
        self.to_do.extend(self.member.take_outputs());
        while let Some(output) = self.to_do.pop_front() {
            self.carry_out(output);
        }
        answer
    }

    /// Takes inputs until it is told to stop.
    pub(super) fn run(
        mut self,
        mut inbox: mpsc::Receiver<Input>,
        mut operators: Operators,
    ) -> Result<(), RunError> {
        while !self.stopping {
            let idle = self.member.is_idle() && operators.is_idle();
            let first = if self.member.publisher().is_silent() && idle {
                inbox.blocking_recv()
            } else {
                inbox.try_recv().ok().or(Some(Input::Tick))
            };
            let Some(first) = first else { break };
            self.take(first, &mut operators);
            // Whoever asks at the same time shares one write to the disk.
            for _ in 0..AT_ONCE {
                if self.has_said_enough() || self.stopping {
                    break;
                }
                let Ok(next) = inbox.try_recv() else { break };
                self.take(next, &mut operators);
            }
            // Only now: what came before the clock was read is not late.
            self.read_clock();
            if std::mem::take(&mut self.ticked) {
                self.tick();
            }
            self.commit_pending();
            self.deciding(Member::go_on);
            self.drain();
            operators.go_on(&mut Door::new(&mut self));
            self.contained(|core| core.deciding(|member, lent| member.open_on(lent)));
            self.drain();
        }
        self.deciding(|member, lent| member.say_goodbye(lent.now));
        self.drain();
        self.member.finish()?;
        tracing::info!("the node has stopped");
        Ok(())
    }

    /// Makes durable what waits, answers, and releases it.
    pub(super) fn commit_pending(&mut self) {
        if let Some(said) = self.deciding(Member::commit) {
            self.deciding(|member, lent| member.release(&said, lent));
        }
    }

    fn take(&mut self, input: Input, operators: &mut Operators) {
        self.read_clock();
        match input {
            Input::Net(event) => self.network(event),
            Input::Asked(asked) => {
                self.stopping |= operators.answer(&mut Door::new(self), asked);
            }
            Input::Tick => self.ticked = true,
            Input::Stop => self.stopping = true,
        }
        self.drain();
    }

    /// Replaces and destroys keys whose time has come, and passes on the card that says so.
    pub(super) fn keep_keys(&mut self, now: Moment) {
        if now < self.keys_due {
            return;
        }
        self.keys_due = now.after(KEYS_EVERY);
        match self
            .identity
            .keep_schedule(&self.home, self.time.wall, false)
        {
            Ok(false) => self.warnings.settle(&Subject::Keys),
            Ok(true) => {
                tracing::info!("a new sealing key is in use");
                self.read_members_again();
            }
            Err(error) => {
                tracing::error!(%error, "keys could not be replaced or destroyed");
                self.keys_due = now.after(RETRY);
                let error = error.to_string();
                self.warn(Warning::Keys { error });
            }
        }
    }

    /// From here on it is as late as the clock says now.
    fn read_clock(&mut self) {
        self.time = self.clock.read();
    }

    /// The time by which is decided what is done now.
    pub(super) const fn now(&self) -> Now {
        self.time
    }

    /// The same, as the clock on the wall says it.
    pub(super) const fn wall(&self) -> Timestamp {
        self.time.wall
    }

    /// Keeps a warning for `status`.
    pub(super) fn warn(&mut self, warning: Warning) {
        self.warnings.add(warning, self.wall());
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}
