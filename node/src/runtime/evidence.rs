//! What shows that a member signed two histories: kept in the home, for people and for good.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, Label};
use kentong_protocol::MemberName;
use kentong_protocol::sync::Evidence;

use super::core::Core;
use super::warnings::Subject;

const EVIDENCE: Label = Label::new("kentong/evidence-file/1");

/// The most files that are kept of one member: one shows it, a liar can make as many as it likes,
/// and those of one must not take the place of another's.
const MAX_FILES: usize = 16;

impl Core {
    /// Keeps evidence, and says so in one line.
    pub(super) fn evidence(&mut self, evidence: &Evidence) {
        let member = &evidence.publisher;
        match keep(&self.home.evidence(), member, evidence) {
            Ok(Some(path)) => {
                let path = path.display();
                tracing::warn!(peer = %member, %path, "a member signed two histories");
                let warning = format!("{member} signed two histories of one feed: see {path}");
                self.warn(Subject::Evidence(member.clone()), warning);
            }
            Ok(None) => {
                tracing::warn!(peer = %member, "a member signed two histories; that is kept already");
            }
            Err(error) => {
                tracing::error!(peer = %member, %error, "evidence of two histories is not kept");
                let warning = format!("evidence against {member} could not be kept: {error}");
                self.warn(Subject::Evidence(member.clone()), warning);
            }
        }
    }
}

/// Writes evidence into a folder, durably; none if the folder holds it, or enough, already.
fn keep(folder: &Path, member: &MemberName, evidence: &Evidence) -> io::Result<Option<PathBuf>> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let text = evidence.to_string();
    let hash = Digest::labelled(EVIDENCE, &[text.as_bytes()]);
    let name = format!("{member}-{:?}-{}.txt", evidence.feed, hash.short());
    let path = folder.join(name);
    if path.exists() || files_of(folder, member)? >= MAX_FILES {
        return Ok(None);
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    File::open(folder)?.sync_all()?;
    Ok(Some(path))
}

/// How many files are kept of a member. One whose name begins another's (`PH`, `PH-CICC`) is told
/// from it by the feed's number, which follows in small letters and digits.
fn files_of(folder: &Path, member: &MemberName) -> io::Result<usize> {
    let start = format!("{member}-");
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(&start));
        count += usize::from(
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_uppercase())),
        );
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use kentong_protocol::feed::FeedId;

    use super::*;

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
