//! What a publisher's former keys signed, after its root key named others: what a person is told of that.

use kentong_protocol::MemberName;
use kentong_protocol::member::reader::Former;

use super::core::Core;
use super::warnings::{Subject, Warning};

impl Core {
    pub(super) fn tell_former(&mut self, member: &MemberName, former: &Former) {
        let (leaves, void, hindered) = (former.leaves(), former.void, &former.hindered);
        for (feed, (held, counts)) in &former.cut {
            tracing::warn!(peer = %member, ?feed, held, counts, "a former key signed more than counts");
        }
        self.warnings.settle(&Subject::Former(member.clone()));
        if leaves == 0 && void == 0 {
            return;
        }
        tracing::warn!(peer = %member, leaves, void, "what former keys of a member signed does not count");
        if let Some(error) = hindered {
            tracing::error!(peer = %member, %error, "what former keys signed could not be removed");
            self.warn(Warning::FormerKept {
                member: member.clone(),
                error: error.to_string(),
            });
        } else if leaves > 0 {
            self.warn(Warning::FormerTakenBack {
                member: member.clone(),
                leaves,
            });
        }
        if void > 0 {
            self.warn(Warning::FormerVoid {
                member: member.clone(),
                feeds: void,
            });
        }
    }
}
