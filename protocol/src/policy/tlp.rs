//! The Traffic Light Protocol as a ceiling that no policy can lift.
//!
//! | marking | may leave the publisher for | a recipient may |
//! |---|---|---|
//! | CLEAR | everybody | do anything |
//! | GREEN | the federation | not put it on a public list |
//! | AMBER | members and groups named on it | pass it to its own systems and its clients' |
//! | AMBER+STRICT | members named on it | pass it to its own systems |
//! | RED | members named on it | show it to users named by the administrator, one at a time |
//!
//! An indicator that names recipients goes to nobody else, whatever its marking; one above GREEN
//! that names nobody goes to nobody.

use std::collections::BTreeSet;
use std::fmt;

use crate::indicator::{Recipient, Tlp};

use super::{Class, Operator, Party, Purpose, Sink};

/// How the marking of an indicator forbids something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ceiling {
    /// The member is not among those that the indicator names.
    NotNamed {
        /// The marking.
        tlp: Tlp,
        /// Those that count at this marking.
        named: BTreeSet<Recipient>,
    },
    /// RED is for people whom the administrator named, and this user is none of them.
    NotRedReader {
        /// The user's account.
        uid: u32,
    },
    /// RED is shown one indicator at a time.
    RedInBulk,
    /// The marking keeps the indicator out of this kind of sink.
    Sink {
        /// The marking.
        tlp: Tlp,
        /// Where it would have gone.
        sink: Sink,
    },
}

/// Whether the indicator may leave its publisher for this member.
pub(super) fn may_leave(class: &Class, to: &Party) -> Result<(), Ceiling> {
    let everybody = class.tlp <= Tlp::Green && class.releasable_to.is_empty();
    let one_by_one = class.tlp >= Tlp::AmberStrict;
    let named = if one_by_one {
        class.names_itself(to)
    } else {
        class.names(to)
    };
    if everybody || named {
        return Ok(());
    }
    Err(Ceiling::NotNamed {
        tlp: class.tlp,
        named: class
            .releasable_to
            .iter()
            .filter(|recipient| !one_by_one || matches!(recipient, Recipient::Member(_)))
            .cloned()
            .collect(),
    })
}

/// Whether a local user may read indicators of this marking for this purpose.
pub(super) fn may_read(
    tlp: Tlp,
    purpose: Purpose,
    operator: &Operator,
    red_readers: &BTreeSet<u32>,
) -> Result<(), Ceiling> {
    match (tlp, purpose) {
        (Tlp::Red, Purpose::Look) => {
            if red_readers.contains(&operator.uid) {
                Ok(())
            } else {
                Err(Ceiling::NotRedReader { uid: operator.uid })
            }
        }
        (Tlp::Red, Purpose::Bulk) => Err(Ceiling::RedInBulk),
        (Tlp::Red, Purpose::Export(sink))
        | (Tlp::AmberStrict, Purpose::Export(sink @ (Sink::Clients | Sink::Public)))
        | (Tlp::Amber | Tlp::Green, Purpose::Export(sink @ Sink::Public)) => {
            Err(Ceiling::Sink { tlp, sink })
        }
        (Tlp::AmberStrict, Purpose::Export(Sink::Own))
        | (Tlp::Amber | Tlp::Green, Purpose::Export(Sink::Own | Sink::Clients))
        | (Tlp::AmberStrict | Tlp::Amber | Tlp::Green, Purpose::Look | Purpose::Bulk)
        | (Tlp::Clear, _) => Ok(()),
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNamed { tlp, named } => {
                write!(f, "{} ", Label(*tlp))?;
                let mut names = named.iter();
                let Some(first) = names.next() else {
                    return f.write_str(if *tlp >= Tlp::AmberStrict {
                        "goes to members it names, and it names none"
                    } else {
                        "goes to those it names, and it names nobody"
                    });
                };
                write!(f, "names only {first}")?;
                names.try_for_each(|name| write!(f, ", {name}"))
            }
            Self::NotRedReader { uid } => write!(
                f,
                "{} is for the users whom the configuration names, and user {uid} is none of them",
                Label(Tlp::Red)
            ),
            Self::RedInBulk => write!(f, "{} is shown one indicator at a time", Label(Tlp::Red)),
            Self::Sink { tlp, sink } => {
                let place = match sink {
                    Sink::Own => "any other system",
                    Sink::Clients => "a client's system",
                    Sink::Public => "a public list",
                };
                write!(f, "{} does not go into {place}", Label(*tlp))
            }
        }
    }
}

/// A marking as FIRST writes it.
struct Label(Tlp);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLP:{}", self.0.as_str().to_ascii_uppercase())
    }
}
