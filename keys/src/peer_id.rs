//! Peer ids: transport keys under the name that they have on the network.

use std::fmt;
use std::str::FromStr;

use crate::{PublicKey, SmallOrderKey};

/// An identity multihash (0x00) of 36 bytes, which are the protobuf of a public key: field 1, the
/// type, is Ed25519 (1); field 2, the key, has 32 bytes.
const PREFIX: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];

const BYTES: usize = PREFIX.len() + PublicKey::LEN;

/// The peer id of an Ed25519 transport key in the text form of libp2p (`12D3KooW…`): base58 of the
/// key with what says its kind. A node that signs by that key has the peer id.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerIdText {
    text: Box<str>,
    key: PublicKey,
}

impl PeerIdText {
    /// The length of every such text, in bytes.
    pub const LEN: usize = 52;

    /// The peer id of a transport key.
    #[must_use]
    pub fn of(key: &PublicKey) -> Self {
        let bytes = [PREFIX.as_slice(), key.as_bytes()].concat();
        Self {
            text: bs58::encode(bytes).into_string().into(),
            key: *key,
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The transport key.
    #[must_use]
    pub const fn public_key(&self) -> &PublicKey {
        &self.key
    }
}

impl FromStr for PeerIdText {
    type Err = PeerIdError;

    fn from_str(text: &str) -> Result<Self, PeerIdError> {
        if text.len() != Self::LEN {
            return Err(PeerIdError::Form);
        }
        let mut bytes = [0; BYTES];
        if bs58::decode(text).onto(&mut bytes) != Ok(BYTES) {
            return Err(PeerIdError::Form);
        }
        // Base58 writes the same bytes in one way only, so the text need not be compared.
        let key = bytes
            .strip_prefix(&PREFIX)
            .and_then(|key| key.try_into().ok())
            .ok_or(PeerIdError::Form)?;
        Ok(Self::of(&PublicKey::from_bytes(key)?))
    }
}

impl fmt::Display for PeerIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl fmt::Debug for PeerIdText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Why a text is not the peer id of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerIdError {
    /// Not the base58 of an Ed25519 key as libp2p writes one.
    #[error(
        "the peer id of an Ed25519 key has {len} characters of base58 and begins with 12D3KooW",
        len = PeerIdText::LEN
    )]
    Form,
    /// Of a key under which anybody can sign.
    #[error(transparent)]
    SmallOrder(#[from] SmallOrderKey),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::SigningKey;

    /// The key of RFC 8032's first test; the text computed with Python.
    const RFC8032: &str = "12D3KooWQK1wnefoLrcVHbbnf5tLzbopUd3K3bFAoJpA7YJgL5pV";

    fn check(text: &str, expected: PeerIdError) {
        assert_eq!(text.parse::<PeerIdText>(), Err(expected), "{text}");
    }

    fn encoded(prefix: &[u8], key: &[u8]) -> String {
        bs58::encode([prefix, key].concat()).into_string()
    }

    #[test]
    fn published() {
        let id: PeerIdText = RFC8032.parse().unwrap();
        assert_eq!(
            id.public_key().to_string(),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(id.as_str(), RFC8032);
        assert_eq!(format!("{id} {id:?}"), format!("{RFC8032} {RFC8032}"));
    }

    #[test]
    fn refused() {
        check("", PeerIdError::Form);
        check(&RFC8032[1..], PeerIdError::Form);
        check(&format!("1{RFC8032}"), PeerIdError::Form);
        check(&format!(" {}", &RFC8032[1..]), PeerIdError::Form);
        check(&RFC8032.replace('z', "0"), PeerIdError::Form);
        // A peer id that is a hash, and the kinds of key beside Ed25519.
        check(
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
            PeerIdError::Form,
        );
        for kind in [0, 2, 3] {
            let mut prefix = PREFIX;
            prefix[3] = kind;
            check(&encoded(&prefix, &[7; 32]), PeerIdError::Form);
        }
        check(&encoded(&PREFIX, &[7; 31]), PeerIdError::Form);
        check(&encoded(&PREFIX, &[0; 32]), SmallOrderKey.into());
    }

    proptest! {
        #[test]
        fn round_trip(seed: [u8; 32]) {
            let id = PeerIdText::of(&SigningKey::from_seed(seed).public_key());
            prop_assert_eq!(id.as_str().len(), PeerIdText::LEN);
            prop_assert_eq!(id.as_str().parse(), Ok(id));
        }

        #[test]
        fn one_text_each(text in "12D3KooW[1-9A-HJ-NP-Za-km-z]{44}") {
            if let Ok(id) = text.parse::<PeerIdText>() {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
