//! The configuration file of a home, `config.toml`. What stands there is checked before anything
//! starts, and a word that is not known is an error: a setting that does nothing helps nobody.

use std::fmt::{Display, Write as _};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use kentong_protocol::MemberName;
use kentong_protocol::indicator::{Country, Scheme, Tlp};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::net::Address;
use crate::whole_file;

/// The longest file, in bytes.
const MAX_FILE: usize = 64 << 10;
/// The most addresses to listen on.
const MAX_LISTEN: usize = 16;
/// The most local accounts to whom RED may be shown.
const MAX_RED_READERS: usize = 64;

/// What can be set. Everything may be left out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whose node this is, as in `member = "MY"`. `kentong init` writes it.
    pub member: Option<MemberName>,
    /// Where to listen for other members, as in `listen = ["/ip4/0.0.0.0/udp/4747/quic-v1"]`, and
    /// with `"/ip4/0.0.0.0/tcp/4747"` besides for those whose networks let no UDP through. Without
    /// an address the node calls others and cannot be called.
    #[serde(deserialize_with = "texts")]
    pub listen: Vec<Address>,
    /// The local accounts, by number, to whom TLP:RED may be shown, as in `red-readers = [1000]`.
    /// RED is meant for persons, so without this nobody is shown it.
    #[serde(rename = "red-readers")]
    pub red_readers: Vec<u32>,
    /// The country whose way of writing telephone numbers and bank accounts is meant where none
    /// is named, as in `region = "MY"`.
    #[serde(deserialize_with = "text")]
    pub region: Option<Country>,
    /// What the node writes to its log: `error`, `warn`, `info`, `debug` or `trace`, or such a
    /// word for each part of the program, as in `log = "info,kentong_node::net=debug"`.
    pub log: Option<String>,
    /// What is said of an indicator where the operator says nothing else.
    pub defaults: Defaults,
}

/// The part `[defaults]`: what is said of an indicator where the operator says nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Defaults {
    /// How far it may travel, as in `tlp = "green"`.
    #[serde(deserialize_with = "text")]
    pub tlp: Option<Tlp>,
    /// The scam that it belongs to, as in `scheme = "phishing"`.
    #[serde(deserialize_with = "text")]
    pub scheme: Option<Scheme>,
    /// How sure this agency is, 0 to 100, as in `confidence = 75`; 50 if left out.
    pub confidence: Option<u8>,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}; see who may read it with ls -l")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is longer than a configuration.
    #[error("{path} is longer than {MAX_FILE} bytes; is it the right file?")]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML, an unknown setting, or a value that is not allowed.
    #[error("{path} says something that is not understood: {what}; correct it there")]
    Content {
        /// The file.
        path: PathBuf,
        /// What the reader found, with the line.
        what: String,
    },
    /// A list or number is out of its bounds.
    #[error("{path}: {what}; correct it there")]
    Bounds {
        /// The file.
        path: PathBuf,
        /// What is out of bounds.
        what: &'static str,
    },
}

impl Config {
    /// Reads a file; one that is missing says nothing.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let at = |source| ConfigError::Read {
            path: path.to_owned(),
            source,
        };
        match whole_file::read_text(path, MAX_FILE) {
            Ok(Some(text)) => Self::parse(&text, path),
            Ok(None) => Ok(Self::default()),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                Err(ConfigError::TooLong {
                    path: path.to_owned(),
                })
            }
            Err(error) => Err(at(error)),
        }
    }

    /// Reads the text of the file at `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Content {
            path: path.to_owned(),
            what: error.to_string().trim_end().to_owned(),
        })?;
        let wrong = if config.listen.len() > MAX_LISTEN {
            "more than 16 addresses in listen"
        } else if config.red_readers.len() > MAX_RED_READERS {
            "more than 64 accounts in red-readers"
        } else if config
            .defaults
            .confidence
            .is_some_and(|percent| percent > 100)
        {
            "confidence is above 100"
        } else {
            return Ok(config);
        };
        Err(ConfigError::Bounds {
            path: path.to_owned(),
            what: wrong,
        })
    }

    /// The file that a new home begins with.
    #[must_use]
    pub fn first(member: &MemberName, listen: &[Address]) -> String {
        let mut text = String::from(FIRST);
        let listen: Vec<_> = listen
            .iter()
            .map(|address| format!("\"{address}\""))
            .collect();
        let mut line = |line: String| writeln!(text, "{line}").expect("writing text succeeds");
        line(format!("member = \"{member}\""));
        line(format!("listen = [{}]", listen.join(", ")));
        if let Some(region) = region_of(member) {
            line(format!("region = \"{region}\""));
        }
        text.push_str(COMMENTED);
        text
    }
}

const FIRST: &str = "\
# The configuration of a Kentong node. A word that is not known here stops the start.

";

const COMMENTED: &str = "
# Local accounts, by number, to whom TLP:RED may be shown.
# red-readers = [1000]

# What is said of an indicator where the operator says nothing else.
# [defaults]
# tlp = \"green\"
# scheme = \"phishing\"
# confidence = 50
";

/// The country that a member's name begins with: that of MY, and of PH-CICC.
fn region_of(member: &MemberName) -> Option<Country> {
    member.as_str().get(..2)?.parse().ok()
}

fn text<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let text = String::deserialize(from)?;
    text.parse().map(Some).map_err(D::Error::custom)
}

fn texts<'de, T, D>(from: D) -> Result<Vec<T>, D::Error>
where
    T: FromStr<Err: Display>,
    D: Deserializer<'de>,
{
    let texts = Vec::<String>::deserialize(from)?;
    texts
        .iter()
        .map(|text| text.parse().map_err(D::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<Config, &str>) {
        let found = Config::parse(text, Path::new("config.toml"));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(error), Err(part)) => {
                let said = error.to_string();
                assert!(
                    said.contains(part) && said.ends_with("correct it there"),
                    "{said}"
                );
            }
            (found, expected) => panic!("{text}: {found:?} instead of {expected:?}"),
        }
    }

    #[test]
    fn read_and_refused() {
        check("", Ok(Config::default()));
        let all = "member = 'PH-CICC'\nlisten = ['/ip4/10.0.0.1/udp/1/quic-v1', '/ip4/10.0.0.1/tcp/1']\nred-readers = [7]\n\
            region = 'ph'\nlog = 'debug'\n\
            [defaults]\ntlp = 'TLP:GREEN'\nscheme = 'loan'\nconfidence = 100";
        let expected = Config {
            member: "PH-CICC".parse().ok(),
            listen: vec![
                "/ip4/10.0.0.1/udp/1/quic-v1".parse().unwrap(),
                "/ip4/10.0.0.1/tcp/1".parse().unwrap(),
            ],
            red_readers: vec![7],
            region: "PH".parse().ok(),
            log: Some("debug".into()),
            defaults: Defaults {
                tlp: Some(Tlp::Green),
                scheme: Some(Scheme::Loan),
                confidence: Some(100),
            },
        };
        check(all, Ok(expected));
        check("listn = []", Err("listn"));
        check("[defaults]\ntlp = 'grene'", Err("TLP 2.0 marking"));
        check("[defaults]\ntlP = 'green'", Err("tlP"));
        check("[defaults]\nconfidence = 101", Err("above 100"));
        check("listen = ['10.0.0.1:1']", Err("line 1"));
        check("member = 'my'", Err("line 1"));
        check("member", Err("line 1"));
        check(
            &format!("red-readers = {:?}", vec![1; 65]),
            Err("red-readers"),
        );
    }

    #[test]
    fn what_init_writes_is_read() {
        let listen: Address = "/ip4/0.0.0.0/udp/4747/quic-v1".parse().unwrap();
        for (member, region) in [("MY", "MY"), ("PH-CICC", "PH")] {
            let member: MemberName = member.parse().unwrap();
            let text = Config::first(&member, std::slice::from_ref(&listen));
            let region = region.parse().ok();
            let expected = Config {
                member: Some(member.clone()),
                listen: vec![listen.clone()],
                region,
                ..Config::default()
            };
            check(&text, Ok(expected.clone()));
            // What is commented out is good as well.
            let on = text.replace("# The", "#The").replace("# Local", "#Local");
            let on = on
                .replace("# Let", "#Let")
                .replace("# What", "#What")
                .replace("# ", "");
            let found = Config::parse(&on, Path::new("x")).unwrap();
            assert_eq!(
                (found.red_readers, found.defaults.tlp),
                (vec![1000], Some(Tlp::Green))
            );
        }
    }
}
