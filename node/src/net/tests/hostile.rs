//! Peers that break the rules, built from the swarm itself.

use libp2p::futures::{AsyncReadExt as _, AsyncWriteExt as _, StreamExt as _};
use libp2p::swarm::{Stream, Swarm, SwarmEvent};

use super::super::driver::swarm;
use super::super::gate::Gate;
use super::super::handler::Outcome;
use super::*;

/// A swarm that can be made to do anything. Its rank must be below its victim's, since the lower
/// peer opens the stream.
struct Hostile {
    swarm: Swarm<Gate>,
    name: PeerName,
}

impl Hostile {
    fn new(rank: usize, victim: &Node) -> Self {
        let mut swarm = swarm(&seed(rank), &Limits::default()).unwrap();
        let allowed = [(victim.name().id(), Vec::new())];
        swarm.behaviour_mut().allow(allowed.into());
        let name = PeerName::of(&seed(rank));
        assert!(name < victim.name());
        Self { swarm, name }
    }

    /// Dials the victim and asks for a stream; none if the victim closes the connection first.
    async fn open(&mut self, victim: &Node) -> Option<Stream> {
        let id = victim.name().id();
        let address = victim.address.to_multiaddr().unwrap();
        let opts = libp2p::swarm::dial_opts::DialOpts::peer_id(id)
            .addresses(vec![address])
            .build();
        self.swarm.dial(opts).unwrap();
        loop {
            let event = timeout(PATIENCE, self.swarm.select_next_some())
                .await
                .unwrap();
            match event {
                SwarmEvent::ConnectionEstablished { connection_id, .. } => {
                    self.swarm.behaviour_mut().open(id, connection_id);
                }
                SwarmEvent::Behaviour(report) => match report.outcome {
                    Outcome::Opened(stream) => return Some(stream),
                    Outcome::Failed(_) => {}
                },
                SwarmEvent::ConnectionClosed { .. }
                | SwarmEvent::OutgoingConnectionError { .. } => return None,
                _ => {}
            }
        }
    }

    /// Writes bytes and waits for the victim to close the connection.
    async fn say(mut self, mut stream: Stream, bytes: &'static [u8]) {
        let (done, mut wait) = mpsc::channel::<()>(1);
        tokio::spawn(async move {
            stream.write_all(bytes).await.unwrap();
            stream.flush().await.unwrap();
            let mut rest = Vec::new();
            drop(stream.read_to_end(&mut rest).await);
            drop(done);
        });
        loop {
            tokio::select! {
                _ = wait.recv() => break,
                _ = self.swarm.select_next_some() => {}
            }
        }
    }
}

#[tokio::test]
async fn a_stranger_is_refused_and_named_and_nothing_of_it_is_decoded() {
    for transport in BOTH {
        let mut a = Node::start_over(transport, 9).await;
        a.network
            .allow(BTreeMap::from([(PeerName::of(&seed(1)), Vec::new())]));
        let mut stranger = Hostile::new(0, &a);
        if let Some(stream) = stranger.open(&a).await {
            panic!("a stream was opened: {stream:?}");
        }
        match a.next().await {
            Event::Refused {
                from,
                peer,
                why,
                in_all,
                unreported,
            } => {
                assert_eq!(peer, Some(stranger.name));
                assert_eq!(why, RefusedBecause::NotAMember);
                assert_eq!((in_all, unreported), (1, 0));
                assert_eq!(from.map(|from| from.transport()), Some(transport));
            }
            other => panic!("{other:?}"),
        }
        let rest = a.finish().await;
        assert!(rest.is_empty(), "{rest:?}");
    }
}

#[tokio::test]
async fn a_node_that_is_turned_away_learns_it() {
    // Whether it is lower or higher than the one that turns it away.
    let ways = [(0, 1), (1, 0)].map(|ranks| BOTH.map(|transport| (transport, ranks)));
    for (transport, (rank, other)) in ways.into_iter().flatten() {
        let a = Node::start_over(transport, rank).await;
        let mut stranger = Node::start_over(transport, other).await;
        stranger.allow(&[&a]);
        match timeout(PATIENCE, stranger.events.recv())
            .await
            .unwrap()
            .unwrap()
        {
            Event::DialFailed { peer, why } => {
                assert_eq!((peer, why), (a.name(), DialFailure::TurnedAway));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn broken_frames_end_their_link_with_a_reason_and_no_other() {
    for transport in BOTH {
        broken_frames_over(transport).await;
    }
}

async fn broken_frames_over(transport: Transport) {
    let mut victim = Node::start_over(transport, 9).await;
    let mut friend = Node::start(10).await;
    let hostile_name = PeerName::of(&seed(0));
    victim
        .network
        .allow(BTreeMap::from([friend.entry(), (hostile_name, Vec::new())]));
    friend.let_in(&victim);
    let to_friend = victim.connected(&friend.name()).await;
    let to_victim = friend.connected(&victim.name()).await;
    let cases: [(&[u8], Closed); 3] = [
        (b"\0\0\0\0", Closed::EmptyFrame),
        (
            b"\0\x11\0\x01x",
            Closed::FrameTooLong {
                announced: 0x0011_0001,
            },
        ),
        (
            b"GET / HTTP/1.1\r\n\r\n",
            Closed::FrameTooLong {
                announced: 0x4745_5420,
            },
        ),
    ];
    for (bytes, expected) in cases {
        let mut hostile = Hostile::new(0, &victim);
        let stream = hostile.open(&victim).await.unwrap();
        let said = tokio::spawn(hostile.say(stream, bytes));
        let link = victim.connected(&hostile_name).await;
        assert_eq!(victim.disconnected(link).await, expected);
        timeout(PATIENCE, said).await.unwrap().unwrap();
        victim.network.send(to_friend, bytes.to_vec()).unwrap();
        assert_eq!(friend.frame(to_victim).await, bytes);
    }
}
