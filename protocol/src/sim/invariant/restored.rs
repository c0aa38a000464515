//! What must hold of a publisher whose home was an older copy.
//!
//! What it said since the copy was made it knows again as far as members hold it who were heard or came
//! later; the rest is gone. So in the end it holds whatever any honest member holds of it, and everybody
//! holds what follows from what it itself says then.

use std::collections::BTreeMap;

use crate::indicator::{Projection, Value};
use crate::statement::{Said, Statement};

use super::super::cast::Cast;
use super::super::ground::Ground;
use super::super::model::Model;
use super::super::node::Node;
use super::super::said::{Content, Item, seen};

/// A restored publisher holds whatever a member holds of it, and goes by it.
pub(in crate::sim) fn came_back<G: Ground>(
    publisher: &Node<G>,
    reader: &Node<G>,
) -> Result<(), String> {
    let (from, to) = (publisher.who(), reader.who());
    let counts = reader.feeds_of(publisher.name());
    for theirs in counts.filter(|theirs| !theirs.is_void()) {
        let id = theirs.id();
        let held = publisher.feed(&id);
        let root = held.and_then(|held| held.root_at(theirs.size()));
        if root != Some(theirs.root()) {
            return Err(format!("{from} lost what {to} holds of its feed {id}"));
        }
        for statement in theirs.statements() {
            let newest = Item::of(&statement.value).map(|item| publisher.newest(item));
            let ceased = matches!(statement.said, Said::Ceased);
            if !ceased && newest.is_none_or(|newest| newest < statement.revision.number()) {
                let missing = held.map(|held| held.missing());
                let (value, revision) = (&statement.value, statement.revision);
                return Err(format!(
                    "{from} goes by {newest:?} of {value:?}, {to} by {revision}, in {id}, of which {from} lacks \
                     {missing:?} bodies"
                ));
            }
        }
    }
    Ok(())
}

/// A reader ends with what follows from what a restored publisher says in the end.
pub(in crate::sim) fn follows<G: Ground>(
    cast: &Cast,
    model: &Model,
    publisher: &Node<G>,
    reader: &Node<G>,
) -> Result<(), String> {
    let (from, to) = (publisher.who(), reader.who());
    let of = |member: &Node<G>| -> BTreeMap<Value, Statement> {
        let all = member.in_force().into_iter();
        let of = all.filter(|((name, _), _)| name == publisher.name());
        of.map(|((_, value), statement)| (value, statement))
            .collect()
    };
    let (own, mut theirs) = (of(publisher), of(reader));
    for (value, said) in own {
        let has = theirs.remove(&value);
        let fits = match &said.said {
            Said::Asserted { assertion, .. } => {
                let content = Content::of(cast, &value, assertion);
                let permitted = model.rules(from).verdict(&content, to).is_some();
                match has.as_ref().map(|has| (has.revision, &has.said)) {
                    Some((
                        revision,
                        Said::Asserted {
                            assertion: theirs, ..
                        },
                    )) => {
                        let confidence = theirs.confidence == assertion.confidence;
                        revision == said.revision && confidence
                    }
                    // What was newer is gone, but for who was told that it does not get that.
                    Some((revision, Said::Ceased)) => !permitted || revision > said.revision,
                    Some((_, Said::Withdrawn { .. })) | None => !permitted,
                }
            }
            Said::Withdrawn { .. } => {
                let has = has.as_ref().map(|has| &has.said);
                matches!(has, None | Some(Said::Withdrawn { .. }))
            }
            Said::Ceased => false,
        };
        if !fits {
            let has = has.map(|has| (has.revision, has.said));
            let said = (said.revision, said.said);
            return Err(format!(
                "of {from}'s {value:?}, which is {said:?}, {to} has {has:?}"
            ));
        }
    }
    match theirs.iter().next() {
        Some((value, has)) => Err(format!(
            "{to} has {value:?} of {from}, who does not know it: {:?}",
            (has.revision, &has.said)
        )),
        None => Ok(()),
    }
}

/// Some policy that the publisher ever had in force permits this statement to this reader.
pub(super) fn ever_permitted(
    cast: &Cast,
    model: &Model,
    publisher: super::Who,
    to: super::Who,
    statement: &Statement,
) -> bool {
    let Said::Asserted {
        assertion,
        stripped,
    } = &statement.said
    else {
        return true; // Its numbers say nothing any more of what came before.
    };
    let content = Content::of(cast, &statement.value, assertion);
    let (_, story, tags) = seen(assertion);
    let hides = |field: Projection| stripped.bits() & field.bits() != 0;
    let kept = (!hides(Projection::DESCRIPTION) || story.is_none())
        && (!hides(Projection::TAGS) || tags.is_empty());
    let mut rules = model.rules_ever(publisher);
    kept && rules.any(|rules| rules.verdict(&content, to) == Some(stripped.bits()))
}
