//! The member files that stand behind charters in a file: which of them are used, and whose.

use std::collections::BTreeMap;

use anyhow::Result;
use kentong_protocol::MemberName;
use kentong_protocol::charter::{Chain, Charter, Terms, UnverifiedCharter};
use kentong_protocol::directory::{Bundle, DamagedBundle, Enclosing};

use super::super::peers;
use super::super::workplace::Workplace;
use super::votes::list;
use crate::home::Home;
use crate::member_file::{self, Unlisted};
use crate::newcomers;

/// Member files that came with charters. None of them is checked against a charter yet.
#[derive(Debug, Default)]
pub(super) struct Enclosed {
    bundles: Vec<Bundle>,
    damaged: Vec<DamagedBundle>,
}

/// Those that belong to members of a charter, the newest of each.
#[derive(Debug)]
pub(super) struct Listed {
    bundles: BTreeMap<MemberName, Bundle>,
    refused: Vec<Refused>,
}

/// A member file that is not used.
#[derive(Debug)]
struct Refused {
    /// Whose it says that it is.
    member: Option<MemberName>,
    /// Why, and what to do.
    why: String,
}

/// What came of the member files at an installation.
#[derive(Debug)]
pub(super) struct Taken {
    /// Whose are used.
    came: Vec<MemberName>,
    /// Members whose files are not here.
    missing: Vec<MemberName>,
    /// Whether not one file of another member is here.
    alone: bool,
    refused: Vec<Refused>,
}

impl Enclosed {
    pub(super) fn new(found: Vec<Result<Bundle, DamagedBundle>>) -> Self {
        let mut enclosed = Self::default();
        for one in found {
            match one {
                Ok(bundle) => enclosed.bundles.push(bundle),
                Err(damaged) => enclosed.damaged.push(damaged),
            }
        }
        enclosed
    }

    /// Those of members, as when they come from several files.
    pub(super) fn of(bundles: Vec<Bundle>) -> Self {
        Self {
            bundles,
            damaged: Vec::new(),
        }
    }

    /// Adds those of another copy of the file.
    pub(super) fn append(&mut self, other: Self) {
        self.bundles.extend(other.bundles);
        self.damaged.extend(other.damaged);
    }

    /// Sorts out those that belong to members whom these terms list, by the root keys that they give.
    pub(super) fn listed(self, terms: &Terms) -> Listed {
        let mut bundles: BTreeMap<MemberName, Bundle> = BTreeMap::new();
        let damaged = self.damaged.into_iter().map(|damaged| {
            let DamagedBundle { member, number, why } = damaged;
            let next = match &member {
                Some(member) => format!(
                    "ask {member} for what `kentong card` prints, and add it with `kentong peers add`"
                ),
                None => format!("it is number {number} in the file; ask for the file again"),
            };
            let why = format!("{why}; {next}");
            Refused { member, why }
        });
        let mut refused: Vec<Refused> = damaged.collect();
        for bundle in self.bundles {
            let member = bundle.member().clone();
            if let Err(error) = member_file::check(&bundle, terms) {
                let why = match error {
                    Unlisted::Stranger(_) => format!("{error}; tell the member that sent the file"),
                    Unlisted::OtherRoot(_) => error.to_string(),
                };
                refused.push(Refused {
                    member: Some(member),
                    why,
                });
            } else if bundles
                .get(&member)
                .is_none_or(|other| bundle.is_newer_than(other))
            {
                bundles.insert(member, bundle);
            }
        }
        Listed { bundles, refused }
    }
}

impl Listed {
    /// Writes a charter with these member files behind it, for others.
    pub(super) fn behind(&self, charter: &UnverifiedCharter) -> Result<String> {
        let text = std::str::from_utf8(charter.bytes())?;
        Ok(Enclosing::write(text, self.bundles.values()))
    }

    /// Says which ones are not used.
    pub(super) fn advise(&self, place: &Workplace) -> Result<()> {
        advise(&self.refused, place)
    }

    /// Keeps those whom the charter in force does not list yet, for the version that does; answers whose.
    pub(super) fn await_version(
        &self,
        home: &Home,
        chain: &Chain,
        draft: &Terms,
        place: &Workplace,
    ) -> Result<Vec<MemberName>> {
        let me = place.config()?.member;
        let bundles: Vec<_> = self.bundles.values().cloned().collect();
        let current = chain.in_force();
        Ok(newcomers::keep(
            home,
            me.as_ref(),
            current,
            draft,
            &bundles,
        )?)
    }

    /// Keeps those of the other members whom the charter in force lists, where they are newer.
    pub(super) fn take(self, home: &Home, me: &MemberName, charter: &Charter) -> Result<Taken> {
        let others = || charter.members().keys().filter(|member| *member != me);
        for bundle in self.bundles.values().filter(|one| one.member() != me) {
            peers::keep(home, bundle)?;
        }
        let (held, missing) = of_home(home, charter);
        Ok(Taken {
            came: others()
                .filter(|member| self.bundles.contains_key(*member))
                .cloned()
                .collect(),
            missing: missing.into_iter().filter(|member| member != me).collect(),
            alone: held.iter().all(|bundle| bundle.member() == me),
            refused: self.refused,
        })
    }
}

impl Taken {
    /// Says whose member files came, whose are missing, and which ones are not used.
    pub(super) fn say(&self, place: &Workplace) -> Result<()> {
        if !self.came.is_empty() {
            place.say(format_args!(
                "The member file{} of {} came with it.",
                plural(&self.came),
                list(self.came.iter())
            ))?;
        }
        advise(&self.refused, place)?;
        let missing = list(self.missing.iter());
        if self.missing.is_empty() {
            Ok(())
        } else if self.alone {
            place.advise(format_args!(
                "This node has no other member's file, so it cannot reach anyone. Next: get that of \
                 {missing}, which `kentong card` prints there, and add it with `kentong peers add FILE`. \
                 One is enough: that member's node passes on the others."
            ))
        } else {
            place.advise(format_args!(
                "The member file{} of {missing} {} not here. Other members' nodes pass on what they have; \
                 otherwise ask {missing} for what `kentong card` prints, and add it with `kentong peers \
                 add FILE`.",
                plural(&self.missing),
                if self.missing.len() == 1 { "is" } else { "are" }
            ))
        }
    }

    /// The same for programs.
    pub(super) fn for_programs(&self) -> serde_json::Value {
        let list = |members: &[MemberName]| -> Vec<String> {
            members.iter().map(ToString::to_string).collect()
        };
        let refused = self.refused.iter().map(|one| {
            let member = one.member.as_ref().map(ToString::to_string);
            serde_json::json!({ "member": member, "why": one.why })
        });
        serde_json::json!({
            "came": list(&self.came),
            "missing": list(&self.missing),
            "refused": refused.collect::<Vec<_>>(),
        })
    }
}

/// The member files of a charter's members that a home holds, and the members whose files it does not.
pub(super) fn of_home(home: &Home, charter: &Charter) -> (Vec<Bundle>, Vec<MemberName>) {
    let (mut bundles, mut missing) = (Vec::new(), Vec::new());
    for member in charter.members().keys() {
        let held = member_file::held(&home.members(), member);
        match held.filter(|held| member_file::check(held, charter.terms()).is_ok()) {
            Some(bundle) => bundles.push(bundle),
            None => missing.push(member.clone()),
        }
    }
    (bundles, missing)
}

/// The ending of a word for so many things.
pub(super) const fn plural<T>(things: &[T]) -> &'static str {
    match things {
        [_] => "",
        _ => "s",
    }
}

fn advise(refused: &[Refused], place: &Workplace) -> Result<()> {
    for Refused { member, why } in refused {
        let which = match member {
            Some(member) => format!("The member file of {member}"),
            None => "A member file".to_owned(),
        };
        place.advise(format_args!("{which} in it is not used: {why}."))?;
    }
    Ok(())
}
