//! What the node does with its network: gathered here while it decides, and done when it has decided.

use std::collections::BTreeMap;

use kentong_protocol::wire::Message;

use crate::net::{Address, LinkId, PeerName, UnsentBecause};

use super::core::Core;
use super::regard::NoLink;

/// Something for the network to do.
#[derive(Debug)]
pub(super) enum Act {
    /// Send a frame on a link.
    Send(LinkId, Vec<u8>),
    /// Close a link when all before has been sent.
    Close(LinkId),
    /// Let these in, no others, and look for them there.
    Allow(BTreeMap<PeerName, Vec<Address>>),
}

impl Core {
    /// Has a message sent.
    pub(super) fn send(&mut self, link: LinkId, message: &Message) {
        self.outbox.push(Act::Send(link, message.encode()));
    }

    /// Has a link closed.
    pub(super) fn close(&mut self, link: LinkId) {
        self.outbox.push(Act::Close(link));
    }

    /// Has the network do what was gathered, in order. This is done after each thing that a session asks for,
    /// so no more waits here than one of them makes: a frame of leaves and the small bodies after it.
    pub(super) fn act(&mut self) {
        for act in std::mem::take(&mut self.outbox) {
            match act {
                Act::Send(link, frame) => {
                    if let Err(unsent) = self.net.send(link, frame) {
                        self.unsent(link, unsent.why);
                    }
                }
                Act::Close(link) => self.net.close(link),
                Act::Allow(table) => self.net.allow(table),
            }
        }
    }

    /// Gives up a link whose queue is full: the peer does not read, and will catch up when it comes back.
    /// Nothing more is taken from it or made for it.
    fn unsent(&mut self, link: LinkId, why: UnsentBecause) {
        let (why, said) = match why {
            UnsentBecause::LinkGone => return, // The network tells why, in its turn.
            UnsentBecause::QueueFull => (NoLink::ReadsNothing, "it does not read what it is sent"),
            UnsentBecause::BadLength => (
                NoLink::MessageTooLong,
                "a message to it did not fit a frame",
            ),
        };
        self.net.close(link);
        if let Some(member) = self.end(link) {
            tracing::warn!(peer = %member, why = said, "the link is given up");
            self.standing.entry(member).or_default().why = Some(why);
        }
    }
}
