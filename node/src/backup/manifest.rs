//! The manifest: what a backup holds.

use kentong_keys::{Digest, MemberName};
use serde::{Deserialize, Serialize};

/// The form of backups that this program writes and reads.
pub const FORMAT: u32 = 1;

/// What a backup holds, and of which node it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Whose node it is of, as the configuration says.
    pub member: Option<MemberName>,
    /// When it was made, in Unix seconds.
    pub made: u64,
    /// The version of the program that made it.
    pub version: String,
    /// The files, in their order in the archive.
    pub files: Vec<Listed>,
}

/// A file of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its path within the home.
    pub path: String,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of its content.
    pub sha256: Digest,
}

/// Why a manifest cannot be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ManifestFault {
    /// It has another form.
    Newer(u32),
    /// It is none.
    Unreadable(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: u32,
    member: Option<String>,
    made: u64,
    version: String,
    files: Vec<WrittenFile>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    path: String,
    size: u64,
    sha256: String,
}

#[derive(Deserialize)]
struct FormatOnly {
    format: u32,
}

impl Manifest {
    /// The bytes of its entry.
    pub(super) fn encode(&self) -> Vec<u8> {
        let files = self.files.iter().map(|file| WrittenFile {
            path: file.path.clone(),
            size: file.size,
            sha256: file.sha256.to_string(),
        });
        let written = Written {
            format: FORMAT,
            member: self.member.as_ref().map(ToString::to_string),
            made: self.made,
            version: self.version.clone(),
            files: files.collect(),
        };
        serde_json::to_vec_pretty(&written).expect("text and numbers become JSON")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, ManifestFault> {
        let unreadable = |error: serde_json::Error| ManifestFault::Unreadable(error.to_string());
        let FormatOnly { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
        if format != FORMAT {
            return Err(ManifestFault::Newer(format));
        }
        let written: Written = serde_json::from_slice(bytes).map_err(unreadable)?;
        let wrong = |what: &str| ManifestFault::Unreadable(format!("the {what} is not one"));
        let member = written.member.map(|name| name.parse()).transpose();
        let files = written.files.into_iter().map(|file| {
            Some(Listed {
                path: file.path,
                size: file.size,
                sha256: Digest::from_hex(&file.sha256)?,
            })
        });
        Ok(Self {
            member: member.map_err(|_| wrong("member"))?,
            made: written.made,
            version: written.version,
            files: files
                .collect::<Option<_>>()
                .ok_or_else(|| wrong("sha256"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_as_it_was_written() {
        let manifest = Manifest {
            member: Some("MY".parse().unwrap()),
            made: 1_764_028_800,
            version: "0.1.0".into(),
            files: vec![Listed {
                path: "log/00000001.seg".into(),
                size: 48,
                sha256: Digest::from_bytes([7; 32]),
            }],
        };
        let bytes = manifest.encode();
        assert_eq!(Manifest::decode(&bytes), Ok(manifest));
        let text = String::from_utf8(bytes).unwrap();
        for (from, to) in [
            ("\"MY\"", "\"my\""),
            ("0707", "07"),
            ("\"made\"", "\"make\""),
            ("{", "["),
        ] {
            let bad = text.replacen(from, to, 1);
            let decoded = Manifest::decode(bad.as_bytes());
            assert!(matches!(decoded, Err(ManifestFault::Unreadable(_))), "{to}");
        }
        let newer = text.replacen("\"format\": 1", "\"format\": 2", 1);
        assert_eq!(
            Manifest::decode(newer.as_bytes()),
            Err(ManifestFault::Newer(2))
        );
    }
}
