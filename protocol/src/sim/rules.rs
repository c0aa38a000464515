//! The policies that members may follow: as Cedar for the nodes, and in plain words for the model.

use crate::indicator::Projection;

use super::cast::{Who, in_delta};
use super::said::{Content, Mark};

/// A policy on sharing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rules {
    /// To everyone whom the marking lets have it.
    Open,
    /// To the group `delta` only.
    Delta,
    /// CLEAR only.
    ClearOnly,
    /// What the publisher is sure of.
    SureOnly,
    /// To everyone, handles without their story and their tags.
    Discreet,
    /// To everyone, all without its story.
    Terse,
}

impl Rules {
    pub(super) const ALL: [Self; 6] = [
        Self::Open,
        Self::Delta,
        Self::ClearOnly,
        Self::SureOnly,
        Self::Discreet,
        Self::Terse,
    ];

    /// The policy in Cedar.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::Open => r#"permit (principal, action == Action::"share", resource);"#,
            Self::Delta => {
                r#"permit (principal in Group::"delta", action == Action::"share", resource);"#
            }
            Self::ClearOnly => {
                r#"permit (principal, action == Action::"share", resource)
                   when { resource.tlp == Tlp::"clear" };"#
            }
            Self::SureOnly => {
                r#"permit (principal, action == Action::"share", resource)
                   when { resource.confidence >= 50 };"#
            }
            Self::Discreet => {
                r#"permit (principal, action == Action::"share", resource)
                   when { resource.kind == Kind::"domain" };
                   @strip("description,tags")
                   permit (principal, action == Action::"share", resource)
                   when { resource.kind == Kind::"handle" };"#
            }
            Self::Terse => {
                r#"@strip("description")
                   permit (principal, action == Action::"share", resource);"#
            }
        }
    }

    /// The same in plain words: whether `to` may have it, and without which fields.
    pub(super) fn verdict(self, content: &Content, to: Who) -> Option<u8> {
        let named = content.to.contains(&to);
        let marking = match content.mark {
            Mark::Clear | Mark::Green => {
                let anybody = content.to.is_empty() && !content.to_delta;
                anybody || named || (content.to_delta && in_delta(to))
            }
            Mark::Amber => named || (content.to_delta && in_delta(to)),
            Mark::Red => named,
        };
        let permitted = match self {
            Self::Open | Self::Discreet | Self::Terse => true,
            Self::Delta => in_delta(to),
            Self::ClearOnly => content.mark == Mark::Clear,
            Self::SureOnly => content.confidence >= 50,
        };
        let (description, tags) = (Projection::DESCRIPTION.bits(), Projection::TAGS.bits());
        let stripped = match self {
            Self::Discreet if content.handle => description | tags,
            Self::Terse => description,
            Self::Open | Self::Delta | Self::ClearOnly | Self::SureOnly | Self::Discreet => 0,
        };
        (marking && permitted).then_some(stripped)
    }
}
