//! What shows that a member signed two histories: kept in the home, for people and for good.

use std::io;
use std::path::{Path, PathBuf};

use kentong_protocol::MemberName;
use kentong_protocol::sync::Evidence;

use crate::evidence_file;

use super::core::Core;
use super::warnings::Warning;

impl Core {
    /// Keeps evidence, and says so in one line.
    pub(super) fn evidence(&mut self, evidence: &Evidence) {
        let member = &evidence.publisher;
        match keep(&self.home.evidence(), member, evidence) {
            Ok(Some(path)) => {
                tracing::warn!(peer = %member, path = %path.display(), "a member signed two histories");
                self.warn(Warning::TwoHistories {
                    member: member.clone(),
                    file: path,
                });
            }
            Ok(None) => {
                tracing::warn!(peer = %member, "a member signed two histories; that is kept already");
            }
            Err(error) => {
                tracing::error!(peer = %member, %error, "evidence of two histories is not kept");
                self.warn(Warning::EvidenceNotKept {
                    member: member.clone(),
                    error: error.to_string(),
                });
            }
        }
    }
}

/// Writes evidence into a folder, durably; none if the folder holds it, or enough, already.
fn keep(folder: &Path, member: &MemberName, evidence: &Evidence) -> io::Result<Option<PathBuf>> {
    let about = format!("{:?}", evidence.feed);
    evidence_file::keep(folder, member, &about, &evidence.to_string())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use kentong_keys::Digest;
    use kentong_protocol::feed::FeedId;

    use super::*;
    use crate::evidence_file::MAX_FILES;

    #[test]
    fn it_is_kept_once_for_the_owner_alone_and_not_without_end() {
        let dir = tempfile::TempDir::new().unwrap();
        let (folder, my) = (dir.path().join("evidence"), "MY".parse().unwrap());
        let evidence = |n: usize| Evidence {
            publisher: "MY".parse().unwrap(),
            feed: FeedId::from_digest(Digest::from_bytes([1; 32])),
            held: b"one\n".to_vec(),
            shown: format!("two {n}\n").into_bytes(),
            link: None,
        };
        let path = keep(&folder, &my, &evidence(0)).unwrap().unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&folder), mode(&path)), (0o700, 0o600));
        let text = std::fs::read_to_string(path).unwrap();
        assert!(text.ends_with("\none\n\ntwo 0\n"), "{text}");
        assert_eq!(keep(&folder, &my, &evidence(0)).unwrap(), None);
        let kept = (1..100).filter(|n| keep(&folder, &my, &evidence(*n)).unwrap().is_some());
        assert_eq!(kept.count(), MAX_FILES - 1);
        for other in ["SG", "MY-NFCC"] {
            let other = other.parse().unwrap();
            assert!(keep(&folder, &other, &evidence(0)).unwrap().is_some());
        }
    }
}
