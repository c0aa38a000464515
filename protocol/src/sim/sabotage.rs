//! Guards that a run can take out, to show that its invariants would notice.

/// A guard that honest members leave out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sabotage {
    /// Checkpoints of shared feeds are signed before leaves and signer state are durable.
    SignBeforeDurable,
    /// The start does not ask the signer state what was signed.
    ForgetSignerState,
    /// Any feed is served to anybody.
    ServeAnybody,
    /// Policy is not asked.
    ReleaseToAll,
    /// Withdrawals stay at home.
    KeepWithdrawals,
    /// What arrives last is in force, whatever its revision.
    LastArrivalWins,
    /// The start does not look for what is still to be released.
    NoSweepAtStart,
    /// An operator is answered before the statement is durable.
    AckBeforeDurable,
    /// A receipt is sent for what is not durable.
    ReceiptBeforeDurable,
    /// What was erased is not overwritten.
    KeepErased,
    /// What is to be erased is overwritten before that is signed.
    EraseBeforeSigned,
    /// What else lay in an erased batch is not said again.
    KeepNothingElse,
    /// A request is answered from one leaf further on.
    ServeFromFurtherOn,
    /// Feeds that somebody reads who is no member any more go on.
    KeepFeedsOpen,
    /// Who is no member, or not now, is spoken to.
    KeepStrangers,
    /// What a closed feed said is not withdrawn in the one that follows it.
    ForgetClosed,
    /// When members change nothing is looked through for release.
    NoSweepForNewcomers,
    /// Who does not know what it signed last goes on at once, in all feeds.
    GoOnUnheard,
    /// It goes on in feeds of which not every reader was heard.
    GoOnWhereNotAllHeard,
    /// What came back is not taken into the feed for oneself alone.
    TakeNothingIn,
}
