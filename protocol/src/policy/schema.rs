//! The schema, and the translation of our types into its entities.

use cedar_policy::{
    Entity, EntityAttrEvaluationError, EntityId, EntityTypeName, EntityUid,
    RestrictedExpression as Value, Schema,
};

use crate::indicator::{Basis, Country, Kind, Recipient, Scheme, Tlp};

use super::{Class, Operator, Party, Purpose};

/// The schema's text: the reference for authors of policies.
pub const SCHEMA: &str = include_str!("kentong.cedarschema");

/// The parsed schema. It is ours, so a fault in it is a fault of the build, which a test finds.
pub(super) fn parse() -> Schema {
    let (schema, _warnings) =
        Schema::from_cedarschema_str(SCHEMA).expect("the schema that we ship parses");
    schema
}

/// The names of the schema's types, parsed once.
#[derive(Clone, Debug)]
pub(super) struct Types {
    action: EntityTypeName,
    member: EntityTypeName,
    group: EntityTypeName,
    operator: EntityTypeName,
    local_group: EntityTypeName,
    indicator: EntityTypeName,
    node: EntityTypeName,
    country: EntityTypeName,
    kind: EntityTypeName,
    scheme: EntityTypeName,
    tlp: EntityTypeName,
    purpose: EntityTypeName,
}

/// A principal or resource, with what must be known about it.
pub(super) struct Known {
    pub(super) uid: EntityUid,
    pub(super) entities: Vec<Entity>,
}

impl Types {
    pub(super) fn new() -> Self {
        let name = |text: &str| text.parse().expect("the name of a type of our schema");
        Self {
            action: name("Action"),
            member: name("Member"),
            group: name("Group"),
            operator: name("Operator"),
            local_group: name("LocalGroup"),
            indicator: name("Indicator"),
            node: name("Node"),
            country: name("Country"),
            kind: name("Kind"),
            scheme: name("Scheme"),
            tlp: name("Tlp"),
            purpose: name("Purpose"),
        }
    }

    pub(super) fn action(&self, name: &str) -> EntityUid {
        uid(&self.action, name)
    }

    pub(super) fn purpose(&self, purpose: Purpose) -> Value {
        reference(&self.purpose, purpose.as_str())
    }

    /// The node as a whole.
    pub(super) fn node(&self) -> Known {
        Known {
            uid: uid(&self.node, "here"),
            entities: Vec::new(),
        }
    }

    /// A member with its groups.
    pub(super) fn party(&self, party: &Party) -> Result<Known, EntityFault> {
        let Party { name, groups } = party;
        let groups = groups.iter().map(|group| uid(&self.group, group.as_str()));
        let own = uid(&self.member, name.as_str());
        // A member's name begins with its country.
        let country = name.as_str().get(..2).unwrap_or_default();
        let attributes = [("country".to_owned(), reference(&self.country, country))];
        Ok(Known {
            entities: vec![Entity::new(
                own.clone(),
                attributes.into(),
                groups.collect(),
            )?],
            uid: own,
        })
    }

    pub(super) fn operator(&self, operator: &Operator) -> Result<Known, EntityFault> {
        let own = uid(&self.operator, &operator.uid.to_string());
        let groups = operator
            .groups
            .iter()
            .map(|group| uid(&self.local_group, group))
            .collect();
        let fixed = [
            ("uid", Value::new_long(operator.uid.into())),
            ("runs_node", Value::new_bool(operator.runs_node)),
        ];
        let name = operator
            .name
            .as_ref()
            .map(|name| ("name", Value::new_string(name.to_string())));
        let attributes = fixed
            .into_iter()
            .chain(name)
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        Ok(Known {
            entities: vec![Entity::new(own.clone(), attributes, groups)?],
            uid: own,
        })
    }

    /// An indicator of this class.
    pub(super) fn indicator(&self, class: &Class, publisher: &Party) -> Result<Known, EntityFault> {
        let own = uid(&self.indicator, "it");
        let publisher = self.party(publisher)?;
        let (mut members, mut groups) = (Vec::new(), Vec::new());
        for recipient in class.releasable_to.iter() {
            match recipient {
                Recipient::Member(name) => members.push(reference(&self.member, name.as_str())),
                Recipient::Group(name) => groups.push(reference(&self.group, name.as_str())),
            }
        }
        let country = |country: &Country| reference(&self.country, country.as_str());
        let fixed = [
            ("publisher", Value::new_entity_uid(publisher.uid.clone())),
            ("kind", self.kind(class.kind)),
            ("scheme", self.scheme(class.scheme)),
            ("tlp", self.tlp(class.tlp)),
            ("confidence", Value::new_long(class.confidence.into())),
            ("members", Value::new_set(members)),
            ("groups", Value::new_set(groups)),
            (
                "countries",
                Value::new_set(class.countries.iter().map(country)),
            ),
            (
                "predicted",
                Value::new_bool(class.basis == Basis::Predicted),
            ),
            ("loss", Value::new_bool(class.has_loss)),
            (
                "tags",
                Value::new_set(
                    class
                        .tags
                        .iter()
                        .map(|tag| Value::new_string(tag.to_string())),
                ),
            ),
        ];
        let seat = class
            .value_country
            .as_ref()
            .map(|seat| ("value_country", country(seat)));
        let attributes = fixed
            .into_iter()
            .chain(seat)
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let mut entities = publisher.entities;
        entities.push(Entity::new(
            own.clone(),
            attributes,
            std::iter::empty().collect(),
        )?);
        Ok(Known { uid: own, entities })
    }

    fn kind(&self, kind: Kind) -> Value {
        reference(&self.kind, kind.as_str())
    }

    fn scheme(&self, scheme: Scheme) -> Value {
        reference(&self.scheme, scheme.as_str())
    }

    fn tlp(&self, tlp: Tlp) -> Value {
        reference(&self.tlp, tlp.as_str())
    }
}

/// Why a value of ours does not become an entity: at least one attribute is none to Cedar.
pub(super) type EntityFault = Box<EntityAttrEvaluationError>;

fn uid(of: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(of.clone(), EntityId::new(id))
}

fn reference(of: &EntityTypeName, id: &str) -> Value {
    Value::new_entity_uid(uid(of, id))
}
