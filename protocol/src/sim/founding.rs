//! The first version of the charter of a run, signed by everybody whom it lists.

use crate::charter::{Ballots, Chain, Draft, Notices, OpenNotices, Papers};
use crate::time::Timestamp;

use super::cast::{Cast, Who};

/// The name of the simulated federation.
pub(super) const FEDERATION: &str = "SIM";

/// The papers with which the first so many of the cast begin.
pub(super) fn papers(cast: &Cast, members: usize) -> Papers {
    let name = FEDERATION.parse().expect("three capitals are a name");
    let draft = Draft::new(name, [7; 16], Timestamp::EPOCH);
    let draft = (0..members)
        .map(Who)
        .fold(draft, |draft, who| listing(draft, cast, who));
    let draft = draft.build().expect("a few members are a charter");
    let first = (0..members).map(Who).fold(draft, |charter, who| {
        let signed = charter.sign(cast.name(who), &cast.person(who).root);
        signed.expect("who is listed signs by its own key")
    });
    let chain = Chain::begin(first.bytes()).expect("everybody has signed");
    let (ballots, notices) = (Ballots::default(), Notices::default());
    Papers::new(chain, ballots, notices, OpenNotices::default())
}

/// A draft that lists one of the cast too.
pub(super) fn listing(draft: Draft, cast: &Cast, who: Who) -> Draft {
    let person = cast.person(who);
    let (name, groups) = (person.party.name.clone(), person.party.groups.clone());
    let display_name = name.to_string();
    draft.member(name, display_name, person.root.public_key(), groups)
}
