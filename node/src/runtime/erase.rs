//! Erasing what an operator names.

use kentong_protocol::feed::EraseReason;
use kentong_protocol::indicator::Value;
use kentong_protocol::member::NotErasedNow;
use kentong_protocol::member::publisher::{Extent, NotErased};
use kentong_protocol::statement::{Erasure, IndicatorId};

use crate::control::refused::Refused;
use crate::control::reply;
use crate::control::request::Which;
use crate::store::Place;

use super::core::Core;

/// How an indicator is to be erased.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Erasing {
    pub(crate) reason: EraseReason,
    /// Only say what would happen.
    pub(crate) dry_run: bool,
}

/// An own indicator that somebody asks for.
pub(crate) struct Named {
    pub(crate) id: IndicatorId,
    /// Its value, unless only the id was given and nothing of it is left.
    pub(crate) value: Option<Value>,
}

impl Core {
    /// The own indicator that is to be erased.
    pub(super) fn named_for_erasing(&mut self, which: &Which) -> Result<Named, Refused> {
        self.may_publish()?;
        self.commit_pending(); // What was asked before is said before.
        self.named(which)
    }

    /// Erases an own indicator; answers when nothing of it is left here.
    pub(super) fn erase(&mut self, named: &Named, how: Erasing) -> Result<reply::Erasure, Refused> {
        self.may_publish()?;
        let extent =
            self.deciding(|member, lent| member.erase(&named.id, how.reason, how.dry_run, lent));
        let extent = extent.map_err(|error| refused(named, error))?;
        if !how.dry_run {
            tracing::info!(feeds = extent.feeds, "an own indicator was erased");
        }
        Ok(in_full(named, extent, how))
    }

    /// The own indicator that an operator names.
    fn named(&self, which: &Which) -> Result<Named, Refused> {
        let own = self.member.store().own()?;
        match which {
            Which::Value(value) => {
                let named = Named {
                    id: IndicatorId::of(&self.me, value),
                    value: Some(value.clone()),
                };
                own.get(&named.id).ok_or_else(|| unknown(&named))?;
                Ok(named)
            }
            Which::Id(text) => {
                let Some(id) = IndicatorId::from_hex(text) else {
                    return Err(Refused::NoIdToErase(text.clone()));
                };
                let mut named = Named { id, value: None };
                let entry = own.get(&id).ok_or_else(|| unknown(&named))?;
                let said = entry.at.map(|place| self.member.store().statement(place));
                let said = said.transpose()?;
                named.value = said.map(|(statement, _)| statement.value);
                Ok(named)
            }
        }
    }

    /// The erasures of an own indicator, if the last that is known of it is that it was erased.
    pub(super) fn erasures(&self, id: &IndicatorId) -> Option<Vec<(Place, Erasure)>> {
        let entry = self.member.store().own().ok()?.get(id)?;
        if !entry.erased {
            return None;
        }
        self.member.store().erasures(id).ok()
    }
}

fn in_full(named: &Named, extent: Extent, how: Erasing) -> reply::Erasure {
    let value = named.value.as_ref();
    reply::Erasure {
        id: named.id.to_string(),
        kind: value.map(|value| value.kind().to_string()),
        value: value.map(|value| value.as_str().to_owned()),
        reason: how.reason,
        done: !how.dry_run,
        feeds: extent.feeds as u64,
        batches: extent.batches as u64,
        said_again: extent.said_again as u64,
        readers: extent.readers.iter().map(ToString::to_string).collect(),
    }
}

fn refused(named: &Named, why: NotErasedNow) -> Refused {
    let why = match why {
        NotErasedNow::NoReaderYet => return Refused::JustStarted,
        NotErasedNow::PartsAreLost => return Refused::PartsAreLost,
        NotErasedNow::Publisher(why) => why,
    };
    match why {
        NotErased::NotOurs => unknown(named),
        NotErased::Already => Refused::ErasedAlready(in_words(named)),
        NotErased::PartsAreLost => Refused::PartsAreLost,
        NotErased::FeedEnded { feed, readers } => Refused::FeedEnded {
            feed,
            readers: readers.iter().map(ToString::to_string).collect(),
        },
        NotErased::Store(error) => error.into(),
        NotErased::NotPublished(error) => Refused::NotErased(error.to_string()),
    }
}

fn unknown(named: &Named) -> Refused {
    Refused::NotOurs(in_words(named))
}

fn in_words(named: &Named) -> String {
    match &named.value {
        Some(value) => format!("{} {}", value.kind(), value.as_str()),
        None => format!("the indicator {}", named.id),
    }
}
