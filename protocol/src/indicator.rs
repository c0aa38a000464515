//! The vocabulary: what an indicator is and what its publisher says about it.

mod app;
mod assertion;
mod bank_account;
mod country;
mod covers;
mod defang;
mod domain;
mod email;
mod file;
mod handle;
mod ip;
mod kind;
mod marking;
mod phone;
mod scheme;
mod sms_sender;
mod url;
mod value;
mod wallet;

pub use assertion::{
    Assertion, AssertionError, Basis, Confidence, Currency, Fields, Local, Loss, LossError,
    NotAConfidence, Projection, Recipient, RecipientError, UnknownCurrency, UnknownField,
    default_validity,
};
pub use country::{Country, UnknownCountry};
pub use covers::covers;
pub use defang::refang;
pub use kind::{Kind, UnknownKind};
pub use marking::{Tlp, UnknownTlp};
pub use scheme::{Scheme, UnknownScheme};
pub use value::{MAX_VALUE, NotRecognised, Reading, Value, ValueError};
