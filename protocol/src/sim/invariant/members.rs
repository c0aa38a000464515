//! What a change of members must mean, by what the reference knows of it.

use crate::feed::{FeedId, Leaf};
use crate::wire::Message;

use super::super::cast::{Cast, Who};
use super::super::ground::Ground;
use super::super::model::Model;
use super::super::node::Node;
use super::permitted;

/// Nobody speaks to whom it does not know as a member, or knows to be suspended.
pub(in crate::sim) fn only_members(
    model: &Model,
    from: Who,
    to: Who,
    wall: u64,
    message: &Message,
) -> Result<(), String> {
    if model.may_speak(from, to, wall) {
        return Ok(());
    }
    Err(format!(
        "{from} knows that {to} is no member in force, and says {message:?}"
    ))
}

/// Leaves that a publisher signs, from one index on: what it seals it seals to members only, by the
/// version that it says. A feed with somebody else ends, and may be erased from.
pub(in crate::sim) fn sealed_for_members<G: Ground>(
    cast: &Cast,
    model: &Model,
    signer: &Node<G>,
    feed: FeedId,
    from: u64,
) -> Result<(), String> {
    let who = signer.who();
    let Some(held) = signer.feed(&feed) else {
        return Ok(());
    };
    let readers = held.audience().filter_map(|name| cast.who(name));
    let strangers = readers.filter(|reader| *reader != who && !model.knows(who, *reader));
    let strangers: Vec<_> = strangers.collect();
    for leaf in held.leaves_from(from) {
        let says = match leaf {
            Leaf::Genesis(genesis) => Some(genesis.charter_version),
            Leaf::Epoch(epoch) => Some(epoch.charter_version),
            Leaf::Batch(_) => None,
            Leaf::Erase(_) | Leaf::Close(_) => continue,
        };
        if let Some(stranger) = strangers.first() {
            return Err(format!(
                "{who} knows that {stranger} is no member, and seals to it in {feed}"
            ));
        }
        let version = model.version(who);
        if says.is_some_and(|says| says != version) {
            return Err(format!(
                "{who} goes by version {version} and writes {says:?} in {feed}"
            ));
        }
    }
    Ok(())
}

/// Whoever is no member holds nothing of a publisher but what that permitted as long as it knew it as
/// one.
pub(in crate::sim) fn strangers_hold<G: Ground>(
    cast: &Cast,
    model: &Model,
    publisher: &Node<G>,
    stranger: &Node<G>,
) -> Result<(), String> {
    for held in stranger.feeds_of(publisher.name()) {
        for statement in held.statements() {
            permitted(cast, model, (publisher.who(), stranger.who()), &statement)?;
        }
    }
    Ok(())
}
