//! Each list and string of a message up to its bound, and one past it.

use kentong_keys::{Card, Digest, MemberName, SealingSecret, SigningKey, Warrant};
use serde_bytes::ByteBuf;

use crate::encoding::{self, DecodeError};
use crate::feed::{FeedId, MAX_BODY, MAX_LEAF};
use crate::wire::*;

/// Whether bytes, which are canonical, are taken as a message.
fn check(what: &str, bytes: &[u8], taken: bool) {
    let refused = MessageError::Decode(DecodeError::Malformed);
    match Message::decode(bytes) {
        Ok(message) => assert!(taken && message.encode() == bytes, "{what}"),
        Err(error) => assert!(!taken && error == refused, "{what}: {error}"),
    }
}

fn zeroes(len: usize) -> ByteBuf {
    ByteBuf::from(vec![0; len])
}

#[test]
fn lists_and_strings_end_at_their_bounds() {
    let feed = FeedId::from_digest(Digest::from_bytes([1; 32]));
    let empty: [ByteBuf; 0] = [];
    let none: [u64; 0] = [];
    for past in [0, 1] {
        let check = |what, bytes: Vec<u8>| check(what, &bytes, past == 0);
        let (note, warrant, card) = (
            zeroes(MAX_NOTE + past),
            zeroes(Warrant::MAX_LEN + past),
            zeroes(Card::MAX_LEN + past),
        );
        check("warrant", encoding::encode(&(2_u8, warrant, zeroes(1))));
        check("card", encoding::encode(&(2_u8, zeroes(1), card)));
        let heads = vec![zeroes(1); MAX_HEADS + past];
        check("heads", encoding::encode(&(3_u8, heads, &none)));
        check("note", encoding::encode(&(3_u8, [&note], &none)));
        let yours = vec![(feed, 1_u64); MAX_HEADS + past];
        check("yours", encoding::encode(&(3_u8, &empty, yours)));
        let leaves = |leaves: Vec<ByteBuf>, note: &ByteBuf, proof: usize, following: usize| {
            let proof = vec![*feed.digest(); proof];
            let following = vec![7_u64; following];
            encoding::encode(&(5_u8, feed, 0_u64, leaves, note, proof, following))
        };
        let little = zeroes(1);
        let many = vec![zeroes(1); MAX_LEAVES + past];
        check("leaves", leaves(many, &little, 0, 0));
        check("leaf", leaves(vec![zeroes(MAX_LEAF + past)], &little, 0, 0));
        check("checkpoint", leaves(vec![], &note, 0, 0));
        check("proof", leaves(vec![], &little, 128 + past, 0));
        check("following", leaves(vec![], &little, 0, MAX_WANTED + past));
        let indexes = vec![7_u64; MAX_WANTED + past];
        check("indexes", encoding::encode(&(6_u8, feed, indexes)));
        let body = zeroes(MAX_BODY + past);
        check("body", encoding::encode(&(7_u8, feed, 0_u64, body)));
        let evidence = |held: &ByteBuf, proof: usize| {
            let link = Some((0_u64, *feed.digest(), vec![*feed.digest(); proof]));
            encoding::encode(&(13_u8, "MY", feed, held, zeroes(1), link))
        };
        check("evidence", evidence(&note, 1));
        check("evidence's proof", evidence(&zeroes(1), 128 + past));
        let claim = (11_u8, zeroes(512 + past), zeroes(64));
        check("claim", encoding::encode(&claim));
    }
    let long = vec![zeroes(MAX_LEAF); 5];
    let long = encoding::encode(&(5_u8, feed, 0_u64, long, zeroes(1), &empty, &none));
    let limit = MAX_MESSAGE;
    let refused = MessageError::Decode(DecodeError::TooLong { limit });
    assert_eq!(Message::decode(&long), Err(refused));
}

#[test]
fn any_warrant_and_card_fit_a_message() {
    let member: MemberName = "MY".parse().unwrap();
    let head = |n: usize| kentong_keys::FrozenHead {
        feed: crate::feed::leaf_hash(&n.to_be_bytes()),
        size: u64::MAX,
        root: Digest::from_bytes([0; 32]),
    };
    let mut heads: Vec<_> = (0..Warrant::MAX_HEADS).map(head).collect();
    heads.sort_by_key(|head| head.feed);
    let [root, signing, witness, transport] = [1, 2, 3, 4].map(|n| SigningKey::from_seed([n; 32]));
    let terms = kentong_keys::WarrantTerms {
        member: member.clone(),
        serial: u64::MAX,
        signing: signing.public_key(),
        witness: witness.public_key(),
        heads,
        issued: 0,
    };
    let warrant = Warrant::issue(terms, &root).unwrap();
    let terms = kentong_keys::CardTerms {
        member,
        serial: 1,
        sealing: SealingSecret::from_seed([9; 32]).public().clone(),
        peer: kentong_keys::PeerIdText::of(&transport.public_key()),
        next_peer: None,
        addresses: vec!["/ip4/192.0.2.1/udp/4001/quic-v1".parse().unwrap()],
        issued: 0,
    };
    let card = Card::issue(terms, &signing, &[&transport]).unwrap();
    let bytes = |note: &kentong_keys::Note| note.bytes().to_vec();
    assert!(bytes(warrant.note()).len() > 64 * 1024);
    let message = Message::Credentials {
        warrant: BoundedBytes::new(bytes(warrant.note())).unwrap(),
        card: BoundedBytes::new(bytes(card.note())).unwrap(),
    };
    assert_eq!(Message::decode(&message.encode()), Ok(message));
}
