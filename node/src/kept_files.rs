//! Files about members, for people to read: a few of each member, written once, durably.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use kentong_keys::{Digest, Label, MemberName};

use crate::whole_file;

/// A sort of file that is kept about members.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sort {
    /// What the files are told apart by: a hash of their content under this label.
    pub(crate) label: Label,
    /// How their names end.
    pub(crate) extension: &'static str,
    /// The most that are kept of one member. One of them shows what is the matter, a hostile member can
    /// cause as many as it likes, and those of one must not take the place of another's.
    pub(crate) most: usize,
}

/// Writes a file about a member into a folder, which is made if it is missing. None if the folder holds
/// it, or enough of that member, already. `about` says in a few small letters, digits, dots and dashes
/// what it is about.
pub(crate) fn keep(
    folder: &Path,
    sort: Sort,
    (member, about): (&MemberName, &str),
    content: &[u8],
) -> io::Result<Option<PathBuf>> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let hash = Digest::labelled(sort.label, &[content]);
    let name = format!("{member}.{about}-{}.{}", hash.short(), sort.extension);
    let path = folder.join(name);
    if path.exists() || files_of(folder, member)? >= sort.most {
        return Ok(None);
    }
    // Under its name stands the whole of it or nothing, also on a disk that is full. A command may be keeping
    // something else meanwhile, so each has a draft of its own.
    let draft = folder.join(format!("new-{}", hash.short()));
    whole_file::replace_by(&path, &draft, content)?;
    Ok(Some(path))
}

/// How many files are kept of a member. No name of a member has a dot.
fn files_of(folder: &Path, member: &MemberName) -> io::Result<usize> {
    let start = format!("{member}.");
    let mut count = 0;
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        count += usize::from(name.to_str().is_some_and(|name| name.starts_with(&start)));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SORT: Sort = Sort {
        label: Label::new("kentong/test/1"),
        extension: "txt",
        most: 2,
    };

    #[test]
    fn each_member_has_room_of_its_own() {
        let dir = tempfile::TempDir::new().unwrap();
        let kept = |member: &str, content: &[u8]| {
            let of = (&member.parse().unwrap(), "about");
            keep(dir.path(), SORT, of, content).unwrap().is_some()
        };
        let names = ["PH-1", "PH-CICC", "PH"];
        for member in names {
            let all = [&b"a"[..], b"a", b"b", b"c"].map(|content| kept(member, content));
            assert_eq!(all, [true, false, true, false], "{member}");
        }
        let files = std::fs::read_dir(dir.path()).unwrap().count();
        assert_eq!(files, 2 * names.len(), "and nothing unfinished");
    }
}
