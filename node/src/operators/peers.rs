//! The members, and how the node stands with each.

use kentong_protocol::charter::{Charter, Membership};
use kentong_protocol::member::Stands;
use kentong_protocol::policy::Party;
use kentong_protocol::wire::Bye;

use crate::control::reply::{BrokenRule, Done, Peer, PeerState, Reply};
use crate::runtime::{Broken, NoLink, Node, Rule};
use crate::store::FeedState;

use super::{counted, minutes};

impl Node<'_> {
    pub(super) fn peers(&self, rows: &mut Vec<Reply>) -> Done {
        for (party, stands) in self.listed() {
            let peer = self.peer(&party, stands);
            rows.push(Reply::Peer(Box::new(peer)));
        }
        counted(rows)
    }

    fn peer(&self, party: &Party, stands: Stands) -> Peer {
        let member = &party.name;
        let regard = self.regard(member);
        let card = self.card(member);
        let feeds = || self.store().feeds().of(member);
        let (state, why) = self.peer_state(party, stands);
        Peer {
            member: member.to_string(),
            name: self.display_name(member),
            groups: party.groups.iter().map(ToString::to_string).collect(),
            state,
            why,
            heard: regard
                .and_then(|regard| regard.heard)
                .map(|time| time.to_string()),
            statements: feeds().map(FeedState::statements).sum(),
            missing: feeds().map(FeedState::missing_count).sum(),
            faults: broken_rules(regard.map_or(&[], |regard| regard.broken)),
            addresses: card
                .map(|card| card.addresses().iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
        }
    }

    /// How the node stands with a member, and why, as far as there is something to say.
    fn peer_state(&self, party: &Party, stands: Stands) -> (PeerState, Option<String>) {
        let member = &party.name;
        if member == self.me() {
            return (PeerState::ThisNode, since(stands));
        }
        match stands {
            Stands::Severed => (PeerState::Severed, since(stands)),
            Stands::By(Membership::Suspended { .. }) => (PeerState::Suspended, since(stands)),
            Stands::By(Membership::Left { .. }) => (PeerState::Left, since(stands)),
            Stands::By(Membership::InForce | Membership::Stranger) => {
                let regard = self.regard(member);
                if self.connected().contains(member) {
                    let uses = regard.and_then(|regard| regard.charter);
                    let ours = self.charter().map(Charter::version);
                    let other = uses.filter(|(version, _)| Some(*version) != ours);
                    let why = other
                        .map(|(version, _)| format!("it goes by version {version} of the charter"));
                    (PeerState::Connected, why)
                } else if self.card(member).is_none() {
                    let why = "its card is missing: `kentong peers add FILE`".to_owned();
                    (PeerState::NoCard, Some(why))
                } else {
                    let why = regard.and_then(|regard| regard.no_link);
                    (PeerState::NotConnected, why.map(no_link))
                }
            }
        }
    }
}

/// What keeps a member out although the charter lists it.
fn since(stands: Stands) -> Option<String> {
    match stands {
        Stands::By(Membership::Suspended { until }) => Some(format!("until {until}")),
        Stands::By(Membership::Left { since }) => Some(format!("since {since}")),
        Stands::By(Membership::InForce | Membership::Stranger) => None,
        Stands::Severed => Some("by this node: `kentong peers unsever`".to_owned()),
    }
}

/// The rules that a member broke, in the order of their words.
fn broken_rules(broken: &[Broken]) -> Vec<BrokenRule> {
    let mut rules: Vec<_> = broken
        .iter()
        .map(|Broken { rule, times, .. }| BrokenRule {
            rule: what_it_did(*rule),
            times: *times,
        })
        .collect();
    rules.sort_by(|one, other| one.rule.cmp(&other.rule));
    rules
}

/// What a member did that breaks a rule.
pub(super) fn what_it_did(rule: Rule) -> String {
    match rule {
        Rule::Session(fault) => fault.to_string(),
        Rule::Body(error) => error.to_string(),
        Rule::Credentials => "sent a warrant or card that does not fit".to_owned(),
    }
}

/// Why there is no link with a member.
fn no_link(why: NoLink) -> String {
    match why {
        NoLink::NotReached(failure) => failure.to_string(),
        NoLink::Ended(closed) => closed.to_string(),
        NoLink::Goodbye(bye) => said_goodbye(bye).to_owned(),
        NoLink::BrokeRule { fault, cut_off } => match cut_off {
            None => format!("it {fault}"),
            Some(1) => format!("it {fault}; cut off for a minute"),
            Some(more) => format!("it {fault}; cut off for {}", minutes(more)),
        },
        NoLink::ReadsNothing => "it does not read what it is sent".to_owned(),
        NoLink::MessageTooLong => "a message to it did not fit a frame".to_owned(),
        NoLink::NotInForce => "it is no member in force".to_owned(),
        NoLink::FailedOnMessage { cut_off } => format!(
            "this node failed inside on what it sent; cut off for {}",
            minutes(cut_off)
        ),
        NoLink::FailedBeside => "this node failed inside; the link waits for a minute".to_owned(),
    }
}

const fn said_goodbye(bye: Bye) -> &'static str {
    match bye {
        Bye::Stopping => "it stopped",
        Bye::Version => "it speaks another version of the protocol",
        Bye::Federation => "it belongs to another federation",
        Bye::Charter => "it goes by another charter",
        Bye::Fault => "it says that we broke a rule; compare the two nodes' versions",
        Bye::Unwell => "it cannot serve now",
    }
}

#[cfg(test)]
mod tests {
    use kentong_protocol::feed::BodyError;
    use kentong_protocol::sync::Fault;
    use kentong_protocol::time::Timestamp;

    use super::*;
    use crate::net::{Closed, DialFailure};

    #[test]
    fn why_there_is_no_link_is_said() {
        let check = |why, says: &str| assert_eq!(no_link(why), says);
        let broke = |cut_off| NoLink::BrokeRule {
            fault: Fault::TooFast,
            cut_off,
        };
        check(broke(None), "it asked too often");
        check(broke(Some(1)), "it asked too often; cut off for a minute");
        check(broke(Some(4)), "it asked too often; cut off for 4 minutes");
        check(
            NoLink::NotReached(DialFailure::Unreachable),
            "none of its addresses answers",
        );
        check(NoLink::Ended(Closed::ByPeer), "closed by the peer");
        check(NoLink::Goodbye(Bye::Unwell), "it cannot serve now");
        check(NoLink::ReadsNothing, "it does not read what it is sent");
        check(
            NoLink::MessageTooLong,
            "a message to it did not fit a frame",
        );
        check(NoLink::NotInForce, "it is no member in force");
        check(
            NoLink::FailedOnMessage { cut_off: 1 },
            "this node failed inside on what it sent; cut off for 1 minute",
        );
        check(
            NoLink::FailedBeside,
            "this node failed inside; the link waits for a minute",
        );
    }

    #[test]
    fn broken_rules_stand_in_the_order_of_their_words() {
        let broken = |rule, times| Broken {
            rule,
            times,
            last: Timestamp::EPOCH,
        };
        let rules = broken_rules(&[
            broken(Rule::Credentials, 1),
            broken(Rule::Session(Fault::TooFast), 2),
            broken(Rule::Body(BodyError::Seal), 3),
        ]);
        let times: Vec<_> = rules.iter().map(|rule| rule.times).collect();
        assert_eq!(times, [2, 1, 3], "{rules:?}");
    }
}
