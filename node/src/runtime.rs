//! The running node: one event loop on a thread of its own, which owns all that changes.
//!
//! Tokio carries the network, the control socket, the clock and the signals, and puts what they
//! bring into one bounded queue; `core::Core` takes it out, decides by way of `protocol`, and
//! acts. Nothing else touches the store, the signer state or the sessions.

mod assert;
mod clock;
mod contain;
mod core;
mod door;
mod erase;
mod evidence;
mod former;
mod links;
mod members;
mod node;
mod papers;
mod random;
mod regard;
mod reload;
mod restored;
mod standing;
mod waiting;
mod waiting_papers;
mod warnings;
mod world;

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::control::reply::{Done, Reply};
use crate::control::server::{self, Asked};
use crate::home::{Home, HomeError, HomeLock};
use crate::identity::Identity;
use crate::log::LogError;
use crate::net::{self, Address, Limits, NetError, Network};
use crate::operators::Operators;
use crate::signer::SignerError;
use crate::store::StoreError;

use self::core::Core;

pub use members::MembersError;

pub(crate) use door::Door;
pub(crate) use erase::{Erasing, Named};
pub(crate) use node::Node;
pub(crate) use regard::{Broken, NoLink, Rule};
pub(crate) use waiting::Waiting;
pub(crate) use warnings::{Kept, Noted, Warning};

/// Who is answered when something is durable, and what.
type Ticket = (mpsc::Sender<Reply>, Done);

/// What waits for the event loop, each up to a frame of 1 MiB. A full queue makes network and
/// operators wait.
const QUEUE: usize = 64;
/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(200);

/// What a node is started with.
#[derive(Debug)]
pub struct Settings {
    /// Its home.
    pub home: Home,
    /// Its opened keys, warrant and card.
    pub identity: Identity,
    /// Where to listen for peers.
    pub listen: Vec<Address>,
    /// The local accounts to whom RED may be shown.
    pub red_readers: Vec<u32>,
}

/// Why a node could not be started, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The home is not as it should be.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signer state failed.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The network could not be started.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The charter or the cards of the members cannot be used.
    #[error(transparent)]
    Members(#[from] MembersError),
    /// The policies cannot be used.
    #[error("{0}; mend the policy, or run `kentong policy check`")]
    Policy(String),
    /// The log holds another history than the one that was signed.
    #[error(
        "the log holds another history of feed {feed} than the one this node has signed; bring back \
         the copy of the log that belongs to this home"
    )]
    Forked {
        /// The feed.
        feed: String,
    },
    /// The operating system refused.
    #[error("{what}: {source}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What it said.
        source: std::io::Error,
    },
}

impl From<LogError> for RunError {
    fn from(error: LogError) -> Self {
        Self::Store(error.into())
    }
}

/// What the event loop is fed.
#[derive(Debug)]
enum Input {
    Net(net::Event),
    Asked(Asked),
    Tick,
    Stop,
}

impl From<net::Event> for Input {
    fn from(event: net::Event) -> Self {
        Self::Net(event)
    }
}

impl From<Asked> for Input {
    fn from(asked: Asked) -> Self {
        Self::Asked(asked)
    }
}

/// Runs a node until it is asked to stop. The lock keeps other processes out of its home, and is
/// let go when everything else has ended: the next node binds the socket that this one removes.
pub fn run(mut settings: Settings, lock: HomeLock) -> Result<(), RunError> {
    leave_out_guards();
    let Settings { home, identity, .. } = &mut settings;
    // The core tries again, and says so in `status`: a full disk keeps no node from starting.
    if let Err(error) = identity.keep_schedule(home, clock::wall(), true) {
        tracing::error!(%error, "keys could not be replaced or destroyed");
    }
    let system = |what| move |source| RunError::System { what, source };
    let tokio = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(system("cannot start the threads of the network"))?;
    tokio.block_on(async {
        let (inputs, inbox) = mpsc::channel(QUEUE);
        let socket = server::bind(&settings.home.control_socket())
            .map_err(system("cannot open the control socket"))?;
        let network = Network::start(
            net::Settings {
                transport_seed: settings.identity.transport.seed().duplicate(),
                listen: settings.listen.clone(),
                limits: Limits::default(),
            },
            inputs.clone(),
        )?;
        let control = tokio::spawn(server::serve(
            socket,
            inputs.clone(),
            server::Limits::default(),
        ));
        let clock = tokio::spawn(clock(inputs.clone()));
        let signals = tokio::spawn(signals(inputs.clone()));
        let (ended, end) = oneshot::channel();
        let socket_path = settings.home.control_socket();
        let net = network.clone();
        let handle = tokio::runtime::Handle::current();
        let spawned = std::thread::Builder::new()
            .name("kentong-core".into())
            .spawn(move || {
                let operators = Operators::new(handle);
                let result = Core::open(settings, net).and_then(|core| core.run(inbox, operators));
                // The receiver is gone only if the process is on its way out.
                drop(ended.send(result));
            });
        spawned.map_err(system("cannot start the event loop"))?;
        let result = end.await.unwrap_or_else(|_| {
            let source = std::io::Error::other("it ended without a word; see the log above");
            Err(RunError::System {
                what: "the event loop failed",
                source,
            })
        });
        network.shutdown().await;
        for task in [control, clock, signals] {
            task.abort();
        }
        drop(std::fs::remove_file(socket_path));
        drop(lock);
        result
    })
}

/// Takes out the guards that a test names. Only a build for tests can; others never look.
fn leave_out_guards() {
    use kentong_protocol::guard::{CAN_BE_LEFT_OUT, Guard, leave_out};
    if CAN_BE_LEFT_OUT && let Ok(names) = std::env::var("KENTONG_WITHOUT_GUARDS") {
        leave_out(names.split(',').filter_map(Guard::named));
    }
}

async fn clock(inputs: mpsc::Sender<Input>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if inputs.send(Input::Tick).await.is_err() {
            return;
        }
    }
}

async fn signals(inputs: mpsc::Sender<Input>) {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        tracing::warn!("signals cannot be watched: stop the node with `kentong stop`");
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    // A closed queue means that the node is stopping already.
    drop(inputs.send(Input::Stop).await);
}
