//! A set of policies, parsed and validated as a whole or not at all.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicyId, Schema, ValidationMode, Validator,
};
use miette::Diagnostic;

use kentong_keys::MemberName;

use crate::charter::GroupName;
use crate::indicator::Country;

use super::class::Seen;
use super::obligation::{self, Obligations};
use super::schema::{self, Types};
use super::{Place, PolicyError, PolicyLine};

/// The most files of a set.
pub const MOST_FILES: usize = 64;
/// The longest text of a file, in bytes.
pub const MOST_TEXT: usize = 1 << 20;
/// The most policies of a set.
pub const MOST_POLICIES: usize = 1024;
/// The longest name of a file, and the longest `@id` and `@note`, in bytes.
pub const LONGEST_NOTE: usize = 256;

/// What to do about a fault for which the validator has no advice.
const COMPARE: &str = "compare with the schema, kentong.cedarschema";
/// What to do about a warning for which the validator has no advice.
const REWRITE: &str = "take the policy away, or rewrite it so that it says what it does";

/// Policies that are valid against our schema, all of them, and ready to be asked.
#[derive(Clone, Debug)]
pub struct PolicySet {
    pub(super) cedar: cedar_policy::PolicySet,
    pub(super) schema: Schema,
    pub(super) types: Types,
    pub(super) seen: Seen,
    entries: BTreeMap<PolicyId, Entry>,
}

/// What a verdict needs to know of a policy.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) line: Arc<PolicyLine>,
    pub(super) obligations: Obligations,
}

impl PolicySet {
    /// Reads policy files, given by name and text. One fault anywhere refuses the whole set; of
    /// several, the first in the first file is reported.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, PolicyError> {
        if files.len() > MOST_FILES {
            return Err(PolicyError::TooManyFiles);
        }
        let schema = schema::parse();
        let validator = Validator::new(schema.clone());
        let mut set = Self {
            cedar: cedar_policy::PolicySet::new(),
            schema,
            types: Types::new(),
            seen: Seen::default(),
            entries: BTreeMap::new(),
        };
        let mut names = BTreeSet::new();
        let mut ids = BTreeMap::new();
        for &(name, text) in files {
            if !is_presentable(name) {
                return Err(PolicyError::FileName);
            }
            if !names.insert(name) {
                return Err(PolicyError::DuplicateFile {
                    file: name.to_owned(),
                });
            }
            if text.len() > MOST_TEXT {
                return Err(PolicyError::TooLong {
                    file: name.to_owned(),
                });
            }
            let file = File { name, text };
            let policies = file.read(&validator)?;
            for (place, policy) in policies {
                set.take(place, policy, &mut ids)?;
            }
        }
        Ok(set)
    }

    /// How many policies there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no policy, hence no permit.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The policies, in the order of files' names and lines.
    pub fn lines(&self) -> impl Iterator<Item = &PolicyLine> {
        let mut lines: Vec<_> = self.entries.values().map(|entry| &*entry.line).collect();
        lines.sort();
        lines.into_iter()
    }

    pub(super) fn entry(&self, id: &PolicyId) -> Option<&Entry> {
        self.entries.get(id)
    }

    /// Takes one valid policy in.
    fn take(
        &mut self,
        place: Place,
        policy: Policy,
        ids: &mut BTreeMap<String, Place>,
    ) -> Result<(), PolicyError> {
        if self.entries.len() == MOST_POLICIES {
            return Err(PolicyError::TooManyPolicies);
        }
        check_names(&place, &policy)?;
        let entry = annotations(&place, &policy)?;
        if let Some(id) = entry.line.id.as_deref()
            && let Some(first) = ids.insert(id.to_owned(), place.clone())
        {
            return Err(PolicyError::DuplicateId {
                at: place,
                id: id.to_owned(),
                first,
            });
        }
        self.seen.add_all(&policy);
        self.entries.insert(policy.id().clone(), entry);
        self.cedar
            .add(policy)
            .expect("the identifier is the place, and no two policies share one");
        Ok(())
    }
}

/// A file while it is read.
struct File<'a> {
    name: &'a str,
    text: &'a str,
}

impl File<'_> {
    /// The file's policies, valid and in order, each with its place as its identifier.
    fn read(&self, validator: &Validator) -> Result<Vec<(Place, Policy)>, PolicyError> {
        let parsed =
            cedar_policy::PolicySet::from_str(self.text).map_err(|errors| self.syntax(&errors))?;
        if let Some(template) = parsed.templates().next() {
            let offset = template.as_ref().loc().map_or(0, |loc| loc.start());
            return Err(PolicyError::Template {
                at: self.place(offset),
            });
        }
        let mut policies: Vec<(Place, Policy)> = parsed
            .policies()
            .map(|policy| {
                let offset = policy.as_ref().loc().map_or(0, |loc| loc.start());
                let place = self.place(offset);
                let policy = policy.new_id(PolicyId::new(place.to_string()));
                (place, policy)
            })
            .collect();
        policies.sort_by(|(one, _), (other, _)| one.cmp(other));
        let set = cedar_policy::PolicySet::from_policies(
            policies.iter().map(|(_, policy)| policy.clone()),
        )
        .expect("the identifiers are places in one file, and they differ");
        let result = validator.validate(&set, ValidationMode::Strict);
        let errors = result
            .validation_errors()
            .map(|error| self.invalid(error.policy_id(), error, COMPARE, &policies));
        // A warning is about a policy that never applies, or one that does not read as it acts.
        let warnings = result
            .validation_warnings()
            .map(|warning| self.invalid(warning.policy_id(), warning, REWRITE, &policies));
        let first = |one: &PolicyError, other: &PolicyError| one.place().cmp(&other.place());
        let fault = errors.min_by(first).or_else(|| warnings.min_by(first));
        fault.map_or(Ok(policies), Err)
    }

    fn place(&self, offset: usize) -> Place {
        Place::of(self.name, self.text, offset)
    }

    fn syntax(&self, error: &dyn Diagnostic) -> PolicyError {
        PolicyError::Syntax {
            at: self.place(offset_of(error).unwrap_or(0)),
            message: error.to_string(),
            next: next_step(error, "correct this line"),
        }
    }

    fn invalid(
        &self,
        id: &PolicyId,
        error: &dyn Diagnostic,
        otherwise: &str,
        policies: &[(Place, Policy)],
    ) -> PolicyError {
        let start = policies
            .iter()
            .find(|(_, policy)| policy.id() == id)
            .map(|(place, _)| place.clone());
        let at = match (offset_of(error), start) {
            (Some(offset), _) => self.place(offset),
            (None, Some(start)) => start,
            (None, None) => self.place(0),
        };
        // The place is said once, in front.
        let plain = |text: String| {
            text.strip_prefix(&format!("for policy `{id}`"))
                .map(|rest| rest.trim_start_matches([',', ':', ' ']).to_owned())
                .unwrap_or(text)
        };
        PolicyError::Invalid {
            at,
            message: plain(error.to_string()),
            next: plain(next_step(error, otherwise)),
        }
    }
}

/// The first byte that a fault is about.
fn offset_of(error: &dyn Diagnostic) -> Option<usize> {
    error.labels()?.map(|label| label.offset()).min()
}

fn next_step(error: &dyn Diagnostic, otherwise: &str) -> String {
    error
        .help()
        .map_or_else(|| otherwise.to_owned(), |help| help.to_string())
}

/// Whether a terminal can show it: not empty, not too long, no control characters.
fn is_presentable(text: &str) -> bool {
    (1..=LONGEST_NOTE).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// What the annotations of a policy say; every one of them must be known.
fn annotations(place: &Place, policy: &Policy) -> Result<Entry, PolicyError> {
    let mut line = PolicyLine {
        file: place.file.clone(),
        line: place.line,
        id: None,
        note: None,
    };
    let mut obligations = Obligations::default();
    for (name, value) in policy.annotations() {
        let refused = |fault| PolicyError::Obligation {
            at: place.clone(),
            fault,
        };
        match name {
            "id" | "note" if !is_presentable(value) => {
                return Err(PolicyError::Text {
                    at: place.clone(),
                    name: name.to_owned(),
                });
            }
            "id" => line.id = Some(value.into()),
            "note" => line.note = Some(value.into()),
            "strip" | "hold" if !is_permit_to_share(policy) => {
                return Err(PolicyError::Misplaced {
                    at: place.clone(),
                    name: name.to_owned(),
                });
            }
            "strip" => obligations.strip = obligation::strip(value).map_err(refused)?,
            "hold" => obligations.hold = obligation::hold(value).map_err(refused)?,
            _ => {
                return Err(PolicyError::Annotation {
                    at: place.clone(),
                    name: name.to_owned(),
                });
            }
        }
    }
    Ok(Entry {
        line: Arc::new(line),
        obligations,
    })
}

fn is_permit_to_share(policy: &Policy) -> bool {
    let share = |action: &EntityUid| action.id().unescaped() == "share";
    policy.effect() == Effect::Permit
        && match policy.action_constraint() {
            ActionConstraint::Eq(action) => share(&action),
            ActionConstraint::Any | ActionConstraint::In(_) => false,
        }
}

/// Refuses names that nothing can have, such as `Member::"sg"`: the policy would never apply, and
/// nobody would know. The validator does the same for kinds, schemes and markings.
fn check_names(place: &Place, policy: &Policy) -> Result<(), PolicyError> {
    for literal in policy.entity_literals() {
        let id = literal.id().unescaped();
        let (good, next) = match literal.type_name().basename() {
            "Member" => (
                id.parse::<MemberName>().is_ok(),
                "write a member as in Member::\"SG\" or Member::\"PH-CICC\"",
            ),
            "Group" => (
                id.parse::<GroupName>().is_ok(),
                "write a group of the charter in small letters, as in Group::\"mekong\"",
            ),
            "Country" => (
                Country::try_from(id.to_owned()).is_ok(),
                "write the two capital letters of ISO 3166-1, as in Country::\"MY\"",
            ),
            "Operator" => (
                id.parse::<u32>().is_ok_and(|uid| uid.to_string() == id),
                "write the number of the account, as in Operator::\"1000\"",
            ),
            "Node" | "Indicator" => (
                false,
                "write `resource is Node` or `resource is Indicator` in the policy's head",
            ),
            _ => (true, ""),
        };
        if !good {
            return Err(PolicyError::Name {
                at: place.clone(),
                literal: literal.to_string(),
                next,
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: &str = r#"permit (principal, action == Action::"share", resource);"#;

    #[test]
    fn faults_are_found_while_parsing_and_say_where() {
        let check = |text: &str, expected: &str| {
            let error = PolicySet::parse(&[("good.cedar", ALL), ("bad.cedar", text)]).unwrap_err();
            assert!(
                error.to_string().starts_with(expected),
                "{text}\n gave {error}\n not  {expected}"
            );
            assert!(error.to_string().contains("; next: "), "{error}");
            assert_eq!(
                error.place().unwrap().to_string(),
                expected.split(": ").next().unwrap()
            );
        };
        let when = |condition: &str| {
            format!(
                "permit (principal, action == Action::\"share\", resource)\nwhen {{ {condition} }};"
            )
        };
        check("permit (principal, action, resource)", "bad.cedar:1:37: ");
        check("// é\npermit (who, action, resource);", "bad.cedar:2:9: ");
        check(&when("resource.knd == 1"), "bad.cedar:2:8: attribute `knd`");
        check(&when("resource.confidence == \"80\""), "bad.cedar:2:8: ");
        check(
            &when(r#"resource.kind == Kind::"phnoe""#),
            "bad.cedar:2:25: entity `Kind::\"phnoe\"` is of an enumerated entity type",
        );
        check(
            &when("resource.value_country == principal.country"),
            "bad.cedar:2:8: unable to guarantee safety of access to optional attribute",
        );
        check(
            r#"permit (principal, action == Action::"shair", resource);"#,
            "bad.cedar:1:30: unrecognized action `Action::\"shair\"`",
        );
        check(
            r#"permit (principal == Membr::"SG", action, resource);"#,
            "bad.cedar:1:22: unrecognized entity type `Membr`",
        );
        // Never true, hence a mistake: operators are not shared with.
        check(
            r#"forbid (principal is Operator, action == Action::"share", resource);"#,
            "bad.cedar:1:1: ",
        );
        check(
            &when("resource.confidence == 1 && false"),
            "bad.cedar:1:1: ",
        );
        check(
            r#"permit (principal == ?principal, action, resource);"#,
            "bad.cedar:1:1: a policy with ?principal",
        );
        for (literal, next) in [
            (r#"Member::"sg""#, "Member::\"SG\""),
            (r#"Group::"MEKONG""#, "Group::\"mekong\""),
            (r#"Operator::"root""#, "Operator::\"1000\""),
        ] {
            let text = format!(
                "\n  permit (principal, action, resource) when {{ principal == {literal} }};"
            );
            let text = if literal.starts_with("Group") {
                text.replace("==", "in")
            } else {
                text
            };
            let expected = format!("bad.cedar:2:3: {literal} cannot exist; next: ");
            check(&text, &expected);
            let error = PolicySet::parse(&[("bad.cedar", &text)]).unwrap_err();
            assert!(error.to_string().contains(next), "{error}");
        }
        check(
            &when(r#"principal.country == Country::"my""#),
            "bad.cedar:1:1: Country::\"my\" cannot exist; next: ",
        );
    }

    #[test]
    fn annotations_are_obeyed_or_refused() {
        let check = |annotation: &str, policy: &str, expected: &str| {
            let text = format!("\n{annotation}\n{policy}");
            let error = PolicySet::parse(&[("a.cedar", &text)]).unwrap_err();
            assert!(error.to_string().starts_with(expected), "{error}");
        };
        check(
            "@color(\"red\")",
            ALL,
            "a.cedar:2:1: unknown annotation @color; next: ",
        );
        check(
            "@strip(\"value\")",
            ALL,
            "a.cedar:2:1: @strip(\"value\"): not a field",
        );
        check(
            "@strip(\"\")",
            ALL,
            "a.cedar:2:1: @strip(\"\"): not a field",
        );
        check("@strip", ALL, "a.cedar:2:1: @strip(\"\"): not a field");
        check(
            "@hold(\"Officer\")",
            ALL,
            "a.cedar:2:1: @hold(\"Officer\"): a role is",
        );
        check("@hold(\"\")", ALL, "a.cedar:2:1: @hold(\"\"): a role is");
        check(
            "@hold(\"a,b,c,d,e,f,g,h,i\")",
            ALL,
            "a.cedar:2:1: @hold names more than 8 roles",
        );
        check("@note(\"\")", ALL, "a.cedar:2:1: @note is empty");
        check("@note(\"\\u{1b}[2J\")", ALL, "a.cedar:2:1: @note is empty");
        for policy in [
            "permit (principal, action, resource);",
            r#"permit (principal, action == Action::"accept", resource);"#,
            r#"permit (principal, action in [Action::"share"], resource);"#,
            r#"forbid (principal, action == Action::"share", resource);"#,
        ] {
            check(
                "@strip(\"loss\")",
                policy,
                "a.cedar:2:1: @strip belongs on a permit",
            );
            check(
                "@hold(\"officer\")",
                policy,
                "a.cedar:2:1: @hold belongs on a permit",
            );
        }
        let twice = format!("@id(\"one\") {ALL}\n@id(\"one\") {ALL}");
        assert_eq!(
            PolicySet::parse(&[("a.cedar", &twice)])
                .unwrap_err()
                .to_string(),
            "a.cedar:2:1: @id(\"one\") is also at a.cedar:1:1; next: rename one of them"
        );
    }

    #[test]
    fn the_set_is_bounded() {
        let check = |files: &[(&str, &str)], expected: PolicyError| {
            assert_eq!(PolicySet::parse(files).unwrap_err(), expected);
        };
        let names: Vec<String> = (0..=MOST_FILES).map(|n| n.to_string()).collect();
        let files: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert!(PolicySet::parse(&files[1..]).unwrap().is_empty());
        check(&files, PolicyError::TooManyFiles);
        check(
            &[("a", &" ".repeat(MOST_TEXT + 1))],
            PolicyError::TooLong { file: "a".into() },
        );
        check(
            &[("a", ""), ("a", "")],
            PolicyError::DuplicateFile { file: "a".into() },
        );
        check(&[("", "")], PolicyError::FileName);
        check(&[("a\n", "")], PolicyError::FileName);
        // Two on one line, so that identifiers need the column.
        let most = format!("{ALL}{ALL}\n").repeat(MOST_POLICIES / 2);
        assert_eq!(
            PolicySet::parse(&[("a", &most)]).unwrap().len(),
            MOST_POLICIES
        );
        check(&[("a", &most), ("b", ALL)], PolicyError::TooManyPolicies);
    }

    proptest! {
        #[test]
    fn parsing_never_panics(text in ".{0,200}") {
        // Only that it returns matters.
        let _outcome = PolicySet::parse(&[("t.cedar", &text)]).is_ok();
    }

    }
}
