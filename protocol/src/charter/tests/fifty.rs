//! Fifty members who vote: each signature is verified once, however often one looks.

use super::chain::{chain_of, member, next};
use super::*;
use crate::charter::signatures::verified_in;

/// Who signs for as long as it takes two thirds of fifty.
const VOTES: usize = 34;

fn fifty() -> Vec<String> {
    (0..50).map(|n| format!("MY-A{n:02}")).collect()
}

fn papers() -> Papers {
    let names = fifty();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (ballots, notices) = (Ballots::default(), Notices::default());
    Papers::new(chain_of(&names), ballots, notices, OpenNotices::default())
}

/// A document of version 2 that renames its first member, with the votes of so many.
fn renamed(papers: &Papers, name: &str, votes: usize) -> UnverifiedCharter {
    let names = fifty();
    let draft = next(papers.chain(), |draft| {
        draft.rename(&member(&names[0]), name)
    });
    let signed = names.iter().take(votes);
    read(&signed.fold(draft, |draft, name| {
        draft.sign(&member(name), &root(name)).unwrap()
    }))
}

/// As it comes from somebody else.
fn read(document: &UnverifiedCharter) -> UnverifiedCharter {
    UnverifiedCharter::parse(document.bytes()).unwrap()
}

fn receive(papers: &mut Papers, document: &UnverifiedCharter) -> Received {
    let paper = Paper::Charter(Box::new(document.clone()));
    let mut received = papers.receive(paper, time(NOW)).unwrap();
    if let Some(held) = received.papers.take() {
        *papers = held;
    }
    received
}

#[test]
fn each_vote_is_verified_once() {
    let mut papers = papers();
    let copies = (1..=VOTES).map(|votes| renamed(&papers, "one", votes));
    let copies: Vec<_> = copies.collect();
    let (verified, ()) = verified_in(|| {
        for copy in &copies {
            receive(&mut papers, copy);
        }
    });
    assert_eq!(papers.in_force().0, 2);
    assert_eq!(verified, VOTES);
}

#[test]
fn a_copy_of_what_is_held_costs_nothing() {
    let mut papers = papers();
    let document = renamed(&papers, "one", VOTES - 1);
    let (verified, _) = verified_in(|| receive(&mut papers, &document));
    assert_eq!(verified, VOTES - 1);
    let (verified, ()) = verified_in(|| {
        for _ in 0..10 {
            let copy = read(&document);
            assert!(!receive(&mut papers, &copy).news);
            let held = papers.ballots().iter().next().unwrap();
            let tally = papers.chain().tally(held).unwrap();
            assert_eq!(tally.needs()[0].signed.len(), VOTES - 1);
        }
    });
    assert_eq!(verified, 0);
}

/// Nor does a wrong vote cost more when many other documents are held, with which it is compared.
#[test]
fn a_rival_is_verified_once_beside_many() {
    let mut papers = papers();
    for number in 0..5 {
        let name = format!("number {number}");
        let document = renamed(&papers, &name, 10);
        receive(&mut papers, &document);
    }
    let rival = renamed(&papers, "rival", 20);
    let rival = vectors::spoil_signature_of(&rival, &fifty()[0]);
    let rival = UnverifiedCharter::parse(rival.as_bytes()).unwrap();
    let (verified, received) = verified_in(|| receive(&mut papers, &rival));
    assert_eq!(received.found.len(), 9);
    assert_eq!(verified, 20);
}

#[test]
fn votes_for_the_version_in_force_are_known() {
    let mut papers = papers();
    let won = renamed(&papers, "one", VOTES);
    let rival = renamed(&papers, "other", 1);
    receive(&mut papers, &won);
    assert_eq!(papers.in_force().0, 2);
    // Read from a file, the votes are those of the chain alone.
    let chain = papers.chain().to_text();
    let (verified, chain) = verified_in(|| Chain::parse(chain.as_bytes()).unwrap());
    assert_eq!(verified, 50 + VOTES);
    let (ballots, notices) = (Ballots::default(), Notices::default());
    let mut papers = Papers::new(chain, ballots, notices, OpenNotices::default());
    let (verified, received) = verified_in(|| receive(&mut papers, &rival));
    assert_eq!(received.found.len(), 1);
    assert_eq!(verified, 1);
    let (verified, _) = verified_in(|| receive(&mut papers, &read(&won)));
    assert_eq!(verified, 0);
}

#[test]
fn each_signature_under_a_notice_is_verified_once() {
    let mut papers = papers();
    let names = fifty();
    let chain = papers.chain().clone();
    let says = Says::Suspended {
        until: time(NOW + 60),
    };
    let notice = UnverifiedNotice::draft(chain.in_force(), member(&names[0]), says, time(NOW));
    let mut copies = vec![notice.unwrap()];
    let needed = usize::from(chain.in_force().thresholds().suspend);
    for name in &names[1..=needed] {
        let last = copies.last().unwrap();
        copies.push(last.sign(&chain, &member(name), &root(name)).unwrap());
    }
    let read = |notice: &UnverifiedNotice| UnverifiedNotice::parse(notice.bytes()).unwrap();
    let copies: Vec<_> = copies.iter().skip(1).map(read).collect();
    let mut receive = |notice: &UnverifiedNotice| {
        let paper = Paper::Notice(Box::new(notice.clone()));
        let received = papers.receive(paper, time(NOW)).unwrap();
        if let Some(held) = received.papers {
            papers = held;
        }
    };
    let (verified, ()) = verified_in(|| copies.iter().for_each(&mut receive));
    assert_eq!(verified, needed);
    let (verified, ()) = verified_in(|| receive(&read(copies.last().unwrap())));
    assert_eq!(verified, 0);
    assert_eq!(papers.notices().iter().count(), 1);
}
