//! Where the node's random bytes come from.

use kentong_keys::{EpochKey, fill_random};
use kentong_protocol::member::Chance;

/// The operating system's random generator.
#[derive(Clone, Copy, Debug)]
pub(super) struct Random;

impl Chance for Random {
    fn fill(&mut self, bytes: &mut [u8]) {
        fill_random(bytes);
    }

    fn epoch_key(&mut self) -> EpochKey {
        EpochKey::generate()
    }
}
