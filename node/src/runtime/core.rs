//! The event loop's state, and what it does with each input.

use std::collections::{BTreeMap, BTreeSet};

use kentong_protocol::MemberName;
use kentong_protocol::member::history::History;
use kentong_protocol::member::publisher::Publisher;
use kentong_protocol::member::reader::Reader;
use kentong_protocol::member::sessions::{CutOffs, Sessions};
use kentong_protocol::member::{Members, World};
use kentong_protocol::policy::Engine;
use kentong_protocol::sync::Now;
use kentong_protocol::time::Timestamp;
use tokio::sync::mpsc;

use crate::home::Home;
use crate::identity::Identity;
use crate::net::{Address, LinkId, Network};
use crate::operators::Operators;
use crate::signer::Signer;
use crate::store::{Folders, Options, Store};

use super::clock::Clock;
use super::door::Door;
use super::members::Found;
use super::outbox::Act;
use super::publisher::Ticket;
use super::random::Random;
use super::receipts::Receipts;
use super::standing::Standing;
use super::waiting_papers::WaitingPapers;
use super::warnings::{Subject, Warning, Warnings};
use super::{Input, RunError, Settings};

/// Inputs that are taken before what was asked is made durable and answered.
const AT_ONCE: usize = 256;

/// Milliseconds after which a write to the home that failed is tried again.
pub(super) const RETRY: u64 = 10_000;

/// Milliseconds after which it is looked whether keys are due to be replaced or destroyed.
const KEYS_EVERY: u64 = 3_600_000;

/// The world of a shipped node.
#[derive(Debug)]
pub(super) enum Shipped {}

impl World for Shipped {
    type Log = crate::log::Log;
    type Rows = crate::store::Derived;
    type Heads = Signer;
}

/// All that changes in a running node.
pub(super) struct Core {
    pub(super) me: MemberName,
    pub(super) home: Home,
    pub(super) identity: Identity,
    pub(super) store: Store,
    pub(super) signer: Signer,
    pub(super) members: Members,
    /// Why the file of a new member is not with the others yet, if that is so.
    pub(super) unsettled: Option<String>,
    pub(super) policy: Engine,
    pub(super) red_readers: BTreeSet<u32>,
    pub(super) net: Network,
    /// What the network is to do.
    pub(super) outbox: Vec<Act>,
    pub(super) sessions: Sessions<LinkId>,
    pub(super) cut_offs: CutOffs,
    pub(super) standing: BTreeMap<MemberName, Standing>,
    pub(super) receipts: Receipts,
    /// What others show, cosign and send.
    pub(super) reader: Reader,
    /// What is said and released here.
    pub(super) publisher: Publisher<Ticket>,
    /// How much is known of what this node signed and said.
    pub(super) history: History,
    /// Papers of other members that could not be kept yet.
    pub(super) waiting_papers: WaitingPapers,
    pub(super) listening: Vec<Address>,
    /// What a person should know.
    pub(super) warnings: Warnings,
    pub(super) random: Random,
    clock: Clock,
    /// The time by which all is decided until the clock is read again.
    time: Now,
    /// When keys are looked at again that are replaced on schedule.
    pub(super) keys_due: u64,
    /// When it is tried again to put the file of a new member with the others.
    pub(super) settle_at: u64,
    /// When a member that has left stops speaking.
    pub(super) farewell: Option<u64>,
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
        let mut core = Self {
            me,
            identity,
            store,
            signer,
            members,
            unsettled,
            policy: Engine::new(policy, red_readers.clone()),
            red_readers,
            net,
            outbox: Vec::new(),
            sessions: Sessions::default(),
            cut_offs: CutOffs::default(),
            standing: BTreeMap::new(),
            receipts: Receipts::default(),
            reader: Reader::default(),
            publisher: Publisher::default(),
            history: History::begin(),
            waiting_papers: WaitingPapers::default(),
            listening: Vec::new(),
            warnings: Warnings::default(),
            random: Random,
            clock,
            time,
            keys_due: 0,
            settle_at: 0,
            farewell: None,
            ticked: false,
            stopping: false,
            home,
        };
        core.read_clock(); // To read the log takes time.
        core.report(&opening);
        match lost {
            Some(why) => core.begin_restored(why)?,
            None => core.recover()?,
        }
        core.weigh_all();
        core.publishing(|publisher, with| publisher.recount_released(with));
        core.sweep_all();
        core.cosign_all();
        core.admit();
        core.drain();
        core.read_clock();
        core.history.readers_may_come(core.time.millis);
        tracing::info!(me = %core.me, feeds = core.store.feeds().len(), "the node is open");
        Ok(core)
    }

    /// Takes inputs until it is told to stop.
    pub(super) fn run(
        mut self,
        mut inbox: mpsc::Receiver<Input>,
        mut operators: Operators,
    ) -> Result<(), RunError> {
        while !self.stopping {
            let idle = self.publisher.is_idle()
                && operators.is_idle()
                && !self.history.is_loading()
                && !self.store.has_waiting();
            let first = if self.publisher.is_silent() && idle {
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
            self.take_in_on();
            self.sweep_on();
            self.drain();
            operators.go_on(&mut Door::new(&mut self));
            self.contained(Self::open_on);
            self.drain();
        }
        self.say_goodbye();
        self.store_receipts(u64::MAX)?;
        self.store.sync()?;
        self.store.flush()?;
        tracing::info!("the node has stopped");
        Ok(())
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
    pub(super) fn keep_keys(&mut self, now: u64) {
        if now < self.keys_due {
            return;
        }
        self.keys_due = now + KEYS_EVERY;
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
                self.keys_due = now + RETRY;
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

    /// Stops publishing for good: what is on disk and what is in memory may differ.
    pub(super) fn halt(&mut self, why: String) {
        tracing::error!(%why, "publishing is halted until the node is restarted");
        self.warn(Warning::Halted { why: why.clone() });
        self.history.stop(why);
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}
