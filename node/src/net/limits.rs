//! What peers and strangers may make grow on the network, and how far, as far as a deployment may set it.

use std::time::Duration;

/// The bounds of the network that a deployment or a test may set; the values of
/// [`Limits::default`] suit a federation of some dozens of members.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Frames queued on a link for a peer that does not read them fast enough.
    pub queue_frames: usize,
    /// Bytes queued on a link, the frame being written included. A single frame is always taken
    /// by an empty queue.
    pub queue_bytes: usize,
    /// Handshakes of strangers under way at once, over each transport.
    pub handshakes: usize,
    /// Handshakes under way with one IPv4 address or one IPv6 /64 network, over each transport.
    /// Members behind one address translation, and whole federations on one machine, must fit in.
    pub handshakes_per_address: usize,
    /// Handshakes under way with the addresses of members, over each transport: room that
    /// strangers cannot take.
    pub handshakes_of_members: usize,
    /// How many handshakes one address of a stranger may begin at once, and at what distance after
    /// that.
    pub strangers_pace_per_address: (u32, Duration),
    /// The same for all strangers together, over each transport. Each costs about a millisecond.
    pub strangers_pace: (u32, Duration),
    /// The same for one address of a member.
    pub members_pace: (u32, Duration),
    /// Addresses whose pace is remembered.
    pub places: usize,
    /// Connections in all; beyond that each peer of the table has its first one still.
    pub connections: usize,
    /// Connections with one IPv4 address or one IPv6 /64 network; beyond that each peer has its
    /// first one still.
    pub connections_per_address: usize,
    /// Connections of one peer, while two simultaneous dials and a dead predecessor are sorted
    /// out; a settled peer has one.
    pub connections_per_peer: usize,
    /// Addresses of a peer that are dialled, all at once.
    pub addresses_per_peer: usize,
    /// Streams that a peer may have open on a connection; only one is used.
    pub streams_per_connection: u32,
    /// Bytes in flight on a stream that this node has not read.
    pub stream_window: u32,
    /// Bytes in flight on a connection that this node has not read.
    pub connection_window: u32,
    /// How long a handshake may take.
    pub handshake: Duration,
    /// How long a peer's QUIC addresses are tried before its TCP addresses are tried too: enough
    /// for a packet to be lost and sent again.
    pub quic_head_start: Duration,
    /// How long a connection may stand without its stream.
    pub without_stream: Duration,
    /// After how much silence a peer counts as gone.
    pub silence: Duration,
    /// How often something is sent to a peer when there is nothing to say; well under `silence`.
    pub keep_alive: Duration,
    /// Refusals reported at once, before the pace of `refusal_pace` applies.
    pub refusals_at_once: u32,
    /// At what distance refusals are reported in a flood of them.
    pub refusal_pace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        const WINDOW: u32 = 4 * 1024 * 1024;
        Self {
            queue_frames: 4096,
            queue_bytes: 8 * MIB,
            handshakes: 128,
            handshakes_per_address: 32,
            handshakes_of_members: 256,
            strangers_pace_per_address: (32, Duration::from_millis(250)),
            strangers_pace: (256, Duration::from_millis(10)),
            members_pace: (64, Duration::from_millis(50)),
            places: 1024,
            connections: 256,
            connections_per_address: 64,
            connections_per_peer: 3,
            addresses_per_peer: 8,
            streams_per_connection: 4,
            stream_window: WINDOW,
            connection_window: WINDOW + WINDOW / 4,
            handshake: Duration::from_secs(5),
            quic_head_start: Duration::from_secs(2),
            without_stream: Duration::from_secs(10),
            silence: Duration::from_secs(15),
            keep_alive: Duration::from_secs(4),
            refusals_at_once: 10,
            refusal_pace: Duration::from_secs(2),
        }
    }
}
