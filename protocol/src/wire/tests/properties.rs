//! What holds for every message and claim, and for any bytes.

use kentong_keys::SigningKey;
use proptest::prelude::*;

use crate::arbitrary::{claim, damage, damaged, message};
use crate::golden::hex;
use crate::wire::{Bye, ClaimError, MAX_MESSAGE, Message, SignedClaim};

/// Whatever is taken is written back as it came, but for a farewell of a later version.
fn canonical_or_refused(bytes: &[u8]) -> Result<(), TestCaseError> {
    match Message::decode(bytes) {
        Ok(Message::Bye(Bye::Stopping)) => prop_assert_eq!(&bytes[..2], b"\x82\x0c"),
        Ok(message) => {
            prop_assert_eq!(hex(&message.encode()), hex(bytes));
            if let Message::Claim(claim) = message {
                let key = SigningKey::from_seed([1; 32]).public_key();
                prop_assert_eq!(claim.verify(&key), Err(ClaimError::Signature));
            }
        }
        Err(_) => (),
    }
    if let Ok(claim) = SignedClaim::from_bytes(bytes) {
        prop_assert_eq!(hex(&claim.to_bytes()), hex(bytes));
    }
    Ok(())
}

proptest! {
    #[test]
    fn round_trips(message in message()) {
        let bytes = message.encode();
        prop_assert!(bytes.len() <= MAX_MESSAGE);
        prop_assert_eq!(Message::decode(&bytes), Ok(message));
    }

    #[test]
    fn any_bytes_are_canonical_or_refused(
        (head, number) in (0x80..0x8c_u8, 0..16_u8),
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
    ) {
        canonical_or_refused(&bytes)?;
        canonical_or_refused(&[&[head, number], bytes.as_slice()].concat())?;
    }

    #[test]
    fn damaged_ones_are_canonical_or_refused(message in message(), damage in damage()) {
        canonical_or_refused(&damaged(message.encode(), &damage))?;
    }

    #[test]
    fn a_claim_is_its_signers_and_whole(claim in claim(), damage in damage()) {
        let (key, other) = (SigningKey::from_seed([2; 32]), SigningKey::from_seed([3; 32]));
        let signed = claim.sign(&key);
        let kept = signed.to_bytes();
        prop_assert_eq!(SignedClaim::from_bytes(&kept), Ok(signed.clone()));
        prop_assert_eq!(signed.verify(&key.public_key()), Ok(claim));
        prop_assert_eq!(signed.verify(&other.public_key()), Err(ClaimError::Signature));
        let spoilt = damaged(kept.clone(), &damage);
        if let Ok(read) = SignedClaim::from_bytes(&spoilt) {
            prop_assert_eq!(read.verify(&key.public_key()).is_ok(), spoilt == kept);
        }
    }
}
