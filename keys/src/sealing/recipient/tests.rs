use super::*;
use crate::secret::shows;

/// The first vector of draft-connolly-cfrg-xwing-kem-10, appendix C: seed, eseed, pk and ct. The
/// last line is our own: the same share with an epoch key sealed, the key schedule of RFC 9180
/// computed with Python's `cryptography` from the vector's shared secret.
const VECTOR: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/vectors/keys/xwing-sealed-epoch-key.txt"
));

fn field(name: &str) -> Vec<u8> {
    let hex = VECTOR
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
        .unwrap();
    (0..hex.len() / 2)
        .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap())
        .collect()
}

fn digest(byte: u8) -> Digest {
    Digest::from_bytes([byte; 32])
}

#[test]
fn published_key() {
    let seed = Secret::from_slice(&field("seed")).unwrap();
    let secret = SealingSecret::from_seed(seed);
    assert_eq!(secret.public().as_bytes().as_slice(), field("pk"));
    assert_eq!(secret.to_seed().expose().as_slice(), field("seed"));
}

#[test]
fn published_share_and_golden_ciphertext() {
    let secret = SealingSecret::from_seed(Secret::from_slice(&field("seed")).unwrap());
    let context = SealingContext {
        federation: &digest(1),
        feed: &digest(2),
        epoch: 3,
        recipient: &"MY".parse().unwrap(),
        key_id: secret.public().id(),
    };
    assert_eq!(context.key_id.as_bytes().as_slice(), field("key id"));
    let key = EpochKey::from_secret([4; 32]);
    let chance = SealingChance::filled_by(|bytes| bytes.copy_from_slice(&field("eseed")));
    assert_eq!(format!("{chance:?}"), "SealingChance(..)");
    let sealed = seal_epoch_key_with(&key, secret.public(), &context, chance).unwrap();
    assert_eq!(&sealed.as_bytes()[..SHARE], field("ct"));
    assert_eq!(&sealed.as_bytes()[SHARE..], field("sealed"));
    let opened = open_epoch_key(&sealed, &secret, &context).unwrap();
    assert_eq!(opened.secret().expose(), &[4; 32]);
}

#[test]
fn every_part_of_the_context_is_bound() {
    let secret = SealingSecret::generate();
    let (federation, feed, recipient) = (&digest(1), &digest(2), &"MY".parse().unwrap());
    let here = SealingContext {
        federation,
        feed,
        epoch: 3,
        recipient,
        key_id: secret.public().id(),
    };
    let key = EpochKey::generate();
    let sealed = seal_epoch_key(&key, secret.public(), &here).unwrap();
    let opened = open_epoch_key(&sealed, &secret, &here).unwrap();
    assert_eq!(opened.secret().expose(), key.secret().expose());
    assert_ne!(
        seal_epoch_key(&key, secret.public(), &here).unwrap(),
        sealed
    );

    let check_refused = |sealed: &SealedEpochKey, with: &SealingSecret, at: SealingContext<'_>| {
        let result = open_epoch_key(sealed, with, &at);
        assert_eq!(result.err(), Some(OpenError), "{at:?}");
    };
    let other = &digest(9);
    let somebody = &"SG".parse().unwrap();
    let another_key = SealingSecret::generate();
    check_refused(&sealed, &another_key, here);
    check_refused(
        &sealed,
        &secret,
        SealingContext {
            federation: other,
            ..here
        },
    );
    check_refused(
        &sealed,
        &secret,
        SealingContext {
            feed: other,
            ..here
        },
    );
    check_refused(&sealed, &secret, SealingContext { epoch: 4, ..here });
    check_refused(
        &sealed,
        &secret,
        SealingContext {
            recipient: somebody,
            ..here
        },
    );
    let key_id = another_key.public().id();
    check_refused(&sealed, &secret, SealingContext { key_id, ..here });

    for position in [0, SHARE - 1, SHARE, SealedEpochKey::LEN - 1] {
        let mut bytes = *sealed.as_bytes();
        bytes[position] ^= 1;
        check_refused(&SealedEpochKey::from_bytes(bytes), &secret, here);
    }

    let refused = seal_epoch_key(&key, secret.public(), &SealingContext { key_id, ..here });
    assert_eq!(
        refused.err(),
        Some(SealError::OtherKey {
            named: key_id,
            given: here.key_id
        })
    );
}

#[test]
fn refused_keys() {
    for length in [0, SealingKey::LEN - 1, SealingKey::LEN + 1] {
        assert_eq!(
            SealingKey::from_bytes(&vec![0; length]),
            Err(SealingKeyError::Length(length))
        );
    }
    // Coefficients of ML-KEM are below 3329; twelve one-bits are not.
    assert_eq!(
        SealingKey::from_bytes(&[0xff; SealingKey::LEN]),
        Err(SealingKeyError::Invalid)
    );
    assert!(SealingKey::from_bytes(SealingSecret::generate().public().as_bytes()).is_ok());
}

#[test]
fn debug_is_redacted() {
    let secret = SealingSecret::generate();
    let text = format!("{secret:?} {secret:#?}");
    assert!(!shows(&text, secret.to_seed().expose()), "{text}");
    assert!(text.contains(&secret.public().id().to_string()));
    let seed = secret.to_seed().expose();
    assert!(shows(&format!("{seed:?}"), seed));
}

#[test]
fn serde_forms() {
    use serde_test::{Token, assert_de_tokens, assert_de_tokens_error, assert_ser_tokens};

    let secret = SealingSecret::generate();
    let key = secret.public();
    let bytes: &'static [u8] = key.as_bytes().to_vec().leak();
    assert_ser_tokens(key, &[Token::Bytes(bytes)]);
    assert_de_tokens(key, &[Token::Bytes(bytes)]);
    assert_de_tokens(key, &[Token::BorrowedBytes(bytes)]);
    assert_de_tokens_error::<SealingKey>(
        &[Token::Bytes(&[0xff; SealingKey::LEN])],
        "the bytes are not an X-Wing public key",
    );
    let sealed = SealedEpochKey::from_bytes([7; SealedEpochKey::LEN]);
    assert_ser_tokens(&sealed, &[Token::Bytes(&[7; SealedEpochKey::LEN])]);
    assert_de_tokens(&sealed, &[Token::Bytes(&[7; SealedEpochKey::LEN])]);
    assert_de_tokens_error::<SealedEpochKey>(
        &[Token::Bytes(&[7; 80])],
        "invalid length 80, expected a byte string of 1168 bytes",
    );
}
