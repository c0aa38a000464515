//! Where the node's random bytes come from.

use kentong_keys::{EpochKey, random_bytes};
use kentong_protocol::member::Chance;

/// The operating system's random generator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random;

impl Random {
    /// So many random bytes.
    #[expect(
        clippy::unused_self,
        reason = "random bytes are asked of the core, like the time"
    )]
    pub(super) fn bytes<const N: usize>(self) -> [u8; N] {
        random_bytes()
    }

    /// A new key for an epoch.
    #[expect(
        clippy::unused_self,
        reason = "random bytes are asked of the core, like the time"
    )]
    pub(super) fn epoch_key(self) -> EpochKey {
        EpochKey::generate()
    }
}

/// How many bytes are drawn at once.
const DRAWN: usize = 32;

impl Chance for Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        for part in bytes.chunks_mut(DRAWN) {
            let drawn: [u8; DRAWN] = random_bytes();
            part.copy_from_slice(drawn.split_at(part.len()).0);
        }
    }
}
