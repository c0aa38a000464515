//! The name of a peer on the network.

use std::fmt;
use std::str::FromStr;

use libp2p::PeerId;
use libp2p::identity::Keypair;
use zeroize::Zeroizing;

/// The libp2p peer id of an Ed25519 transport key, in its base58 text form (`12D3KooW…`). The
/// order is that of the ids' bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerName(PeerId);

impl PeerName {
    /// The name that belongs to a transport seed.
    #[must_use]
    pub fn of(seed: &[u8; 32]) -> Self {
        Self(keypair(seed).public().to_peer_id())
    }

    /// The last characters, for logs: all names begin with the same ones.
    #[must_use]
    pub fn short(&self) -> String {
        const SHORT: usize = 8;
        let text = self.to_string();
        text.get(text.len().saturating_sub(SHORT)..)
            .unwrap_or_default()
            .to_owned()
    }

    /// The name of an id that a handshake has proven.
    pub(super) fn proven(id: PeerId) -> Self {
        Self(id)
    }

    pub(super) fn id(&self) -> PeerId {
        self.0
    }
}

/// The key pair of a transport seed.
pub(super) fn keypair(seed: &[u8; 32]) -> Keypair {
    let mut seed = Zeroizing::new(*seed);
    Keypair::ed25519_from_bytes(seed.as_mut_slice()).expect("every 32 bytes are an Ed25519 seed")
}

impl FromStr for PeerName {
    type Err = PeerNameError;

    fn from_str(text: &str) -> Result<Self, PeerNameError> {
        // An identity multihash (0x00) of 36 bytes, which are the protobuf of an Ed25519 key.
        const ED25519: [u8; 6] = [0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
        /// The longest text that is looked at, in bytes; a name has 52.
        const MAX_TEXT: usize = 64;
        if text.len() > MAX_TEXT {
            return Err(PeerNameError::NotAPeer);
        }
        let id: PeerId = text.parse().map_err(|_| PeerNameError::NotAPeer)?;
        if !id.to_bytes().starts_with(&ED25519) {
            return Err(PeerNameError::NotEd25519);
        }
        if id.to_base58() != text {
            return Err(PeerNameError::NotAPeer);
        }
        Ok(Self(id))
    }
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.to_base58())
    }
}

impl fmt::Debug for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a peer's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PeerNameError {
    /// Not a libp2p peer id.
    #[error("not a peer id; one looks like 12D3KooW… and is part of a member's card")]
    NotAPeer,
    /// A peer id of another kind of key.
    #[error("not the peer id of an Ed25519 key; one begins with 12D3KooW")]
    NotEd25519,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, error: PeerNameError) {
        assert_eq!(text.parse::<PeerName>(), Err(error), "{text}");
    }

    #[test]
    fn names_go_through_text() {
        let name = PeerName::of(&[7; 32]);
        let text = name.to_string();
        assert!(text.starts_with("12D3KooW"), "{text}");
        assert_eq!(text.parse(), Ok(name));
        assert!(text.ends_with(&name.short()));
        assert_ne!(name, PeerName::of(&[8; 32]));
    }

    #[test]
    fn other_texts_are_not_names() {
        let good = PeerName::of(&[7; 32]).to_string();
        check("", PeerNameError::NotAPeer);
        check(&good[..good.len() - 1], PeerNameError::NotAPeer);
        check(&format!(" {good}"), PeerNameError::NotAPeer);
        check(&"1".repeat(1000), PeerNameError::NotAPeer);
        check(
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
            PeerNameError::NotEd25519,
        );
    }
}
