//! One question put to Cedar.

use std::sync::Arc;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicyId, Request};

use super::obligation::Obligations;
use super::party::Asker;
use super::schema::{EntityFault, Known};
use super::{Class, LocalAction, PolicyLine, PolicySet, Reason, Verdict};

/// What the policies say, without the ceiling and without a cache.
pub(super) fn evaluate(set: &PolicySet, asker: &Asker, class: Option<&Class>) -> Verdict {
    let asked = asker.asked();
    let answer = match Posed::new(set, asker, class) {
        Ok(posed) => Authorizer::new().is_authorized(&posed.request, &set.cedar, &posed.entities),
        Err(Unasked(message)) => {
            return Verdict::Deny {
                asked,
                reason: Reason::Error { by: None, message },
            };
        }
    };
    let (decision, diagnostics) = (answer.decision(), answer.diagnostics());
    let by = lines(set, diagnostics.reason());
    let error = diagnostics.errors().next().map(|error| {
        let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
        Reason::Error {
            by: set.entry(error.policy_id()).map(|entry| entry.line.clone()),
            message: error.inner().to_string(),
        }
    });
    match (decision, error) {
        (Decision::Deny, _) if !by.is_empty() => Verdict::Deny {
            asked,
            reason: Reason::Forbidden(by),
        },
        (_, Some(reason)) => Verdict::Deny { asked, reason },
        (Decision::Deny, None) => Verdict::Deny {
            asked,
            reason: Reason::NoPermit,
        },
        (Decision::Allow, None) => {
            let mut all = Obligations::default();
            for entry in diagnostics.reason().filter_map(|id| set.entry(id)) {
                all.join(&entry.obligations);
            }
            Verdict::Permit {
                asked,
                by,
                strip: all.strip,
                hold: all.hold,
            }
        }
    }
}

/// The lines of these policies, in order: Cedar gives them in the order of a hash.
fn lines<'a>(set: &PolicySet, ids: impl Iterator<Item = &'a PolicyId>) -> Vec<Arc<PolicyLine>> {
    let mut lines: Vec<_> = ids
        .filter_map(|id| set.entry(id))
        .map(|entry| entry.line.clone())
        .collect();
    lines.sort();
    lines
}

/// A question in Cedar's terms.
struct Posed {
    request: Request,
    entities: Entities,
}

/// Our own types and our schema disagree; a fault of ours, and a denial.
struct Unasked(String);

impl Posed {
    fn new(set: &PolicySet, asker: &Asker, class: Option<&Class>) -> Result<Self, Unasked> {
        let types = &set.types;
        let mut context = Vec::new();
        let (principal, resource) = match asker {
            Asker::Share { publisher, to } => {
                let class = class.ok_or_else(|| Unasked("which indicator?".to_owned()))?;
                context.push((
                    "named".to_owned(),
                    cedar_policy::RestrictedExpression::new_bool(class.names(to)),
                ));
                (types.party(to)?, types.indicator(class, publisher)?)
            }
            Asker::Accept { from } => {
                let class = class.ok_or_else(|| Unasked("which indicator?".to_owned()))?;
                (types.party(from)?, types.indicator(class, from)?)
            }
            Asker::Local {
                action,
                operator,
                publisher,
            } => {
                if let LocalAction::Query(purpose) = action {
                    context.push(("purpose".to_owned(), types.purpose(*purpose)));
                }
                let resource = match (class, publisher) {
                    (Some(class), Some(publisher)) => types.indicator(class, publisher)?,
                    (None, None) | (Some(_), None) | (None, Some(_)) => types.node(),
                };
                (types.operator(operator)?, resource)
            }
        };
        let action = types.action(asker.asked().as_str());
        Self::of(set, principal, action, resource, context)
    }

    fn of(
        set: &PolicySet,
        principal: Known,
        action: EntityUid,
        resource: Known,
        context: Vec<(String, cedar_policy::RestrictedExpression)>,
    ) -> Result<Self, Unasked> {
        let context = Context::from_pairs(context).map_err(unasked)?;
        let schema = Some(&set.schema);
        let request =
            Request::new(principal.uid, action, resource.uid, context, schema).map_err(unasked)?;
        // The publisher of an indicator may be the principal itself, who is known better.
        let mut known = principal.entities;
        for entity in resource.entities {
            if known.iter().all(|other| other.uid() != entity.uid()) {
                known.push(entity);
            }
        }
        let entities = Entities::from_entities(known, schema).map_err(unasked)?;
        Ok(Self { request, entities })
    }
}

impl From<EntityFault> for Unasked {
    fn from(fault: EntityFault) -> Self {
        unasked(fault)
    }
}

fn unasked(fault: impl std::error::Error) -> Unasked {
    Unasked(fault.to_string())
}
