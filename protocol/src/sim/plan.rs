//! What a run is made of: how many members, which of them lie, how bad the weather is.

use crate::guard::Guard;

use super::dice::Dice;
use super::liar::Liar;

/// How often things go wrong while they may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Links that break, of a thousand messages.
    pub breaks: u64,
    /// Messages that take seconds, of a thousand.
    pub slow: u64,
    /// Attempts to reach somebody that fail, of a thousand.
    pub failed_dials: u64,
    /// Groups of members that are cut off from the others for a while.
    pub partitions: u64,
    /// Durable steps between two crashes of a node, on the average; 0 for no crashes.
    pub crash_every: u64,
    /// Whether clocks are wrong by up to a day, and jump.
    pub clocks: bool,
    /// Whether some of them are a year off, until all come right when the storm is over.
    pub years: bool,
}

impl Weather {
    /// Nothing goes wrong.
    pub const FAIR: Self = Self {
        breaks: 0,
        slow: 0,
        failed_dials: 0,
        partitions: 0,
        crash_every: 0,
        clocks: false,
        years: false,
    };

    fn of(dice: &mut Dice) -> Self {
        let bad = |dice: &mut Dice, most: u64| {
            if dice.chance(250) {
                0
            } else {
                dice.below(most)
            }
        };
        Self {
            breaks: bad(dice, 20),
            slow: bad(dice, 30),
            failed_dials: bad(dice, 400),
            partitions: bad(dice, 5),
            crash_every: bad(dice, 60),
            clocks: dice.chance(500),
            years: false,
        }
    }
}

/// A run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many members there are.
    pub members: usize,
    /// How many others could be admitted.
    pub outsiders: usize,
    /// How often an operator proposes that somebody come or go.
    pub changes: u64,
    /// Whether an honest member's home is replaced by an older copy once, without its signer state.
    pub restores: bool,
    /// Whether that copy is a snapshot of the disk, with what was signed last by then. Against that only a reader
    /// helps that answers at once, and only for the feeds that it reads: so no seed has it, but tests of their own
    /// in fair weather.
    pub rolls_back: bool,
    /// Whether a reader is away while that is done, who alone holds what was said last.
    pub strands: bool,
    /// Whether the keys of an honest member are replaced once: in doubt, after a theft, or with its home.
    pub replaces_keys: bool,
    /// The last members lie, in these ways.
    pub liars: Vec<Liar>,
    /// What goes wrong.
    pub weather: Weather,
    /// Milliseconds during which operators speak and things go wrong.
    pub storm: u64,
    /// What each operator says or does in that time.
    pub words: u64,
    /// A guard that honest members leave out.
    pub without: Option<Guard>,
}

impl Plan {
    /// The plan of a seed: mostly a few members, sometimes many.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        let mut dice = Dice::new(!seed);
        let members = match seed % 1_000 {
            125 | 626 => 50,
            n if n % 25 == 7 => 11,
            _ => 3 + dice.place(4),
        };
        let most = (members - 2).min(3);
        let liars = if dice.chance(500) {
            0
        } else {
            1 + dice.place(most)
        };
        let mut liars: Vec<_> = (0..liars)
            .filter_map(|_| dice.pick(&Liar::USUAL).copied())
            .collect();
        if liars.len() > 1 && dice.chance(250) {
            liars.fill(Liar::Colluder);
        }
        let words = if members > 11 { 1 } else { dice.between(2, 8) };
        let mut weather = Weather::of(&mut dice);
        let (mut storm, mut changes) = (dice.between(20_000, 120_000), dice.between(1, 4));
        if members > 11 {
            // Thirty-four of fifty must come to vote.
            (storm, changes) = (storm.clamp(50_000, 60_000), 1);
        } else if dice.chance(700) {
            changes = 0;
        }
        let hides = |liar: &Liar| matches!(liar, Liar::Equivocator | Liar::Babbler);
        let outsiders = dice.place(3);
        let may_restore = members <= 11 && !weather.clocks && !liars.iter().any(hides);
        let restores = may_restore && dice.chance(600);
        let strands = restores && members > 3 && dice.chance(250);
        weather.years = weather.clocks && dice.chance(300);
        // Where members come and go meanwhile `OnlyMembers` has broken; why is not known yet.
        let replaces_keys = may_restore && !restores && changes == 0 && dice.chance(600);
        Self {
            members,
            outsiders,
            changes,
            restores,
            rolls_back: false,
            strands,
            replaces_keys,
            liars,
            weather,
            storm,
            words,
            without: None,
        }
    }

    /// A run of honest members in fair weather.
    #[must_use]
    pub const fn fair(members: usize) -> Self {
        Self {
            members,
            outsiders: 0,
            changes: 0,
            restores: false,
            rolls_back: false,
            strands: false,
            replaces_keys: false,
            liars: Vec::new(),
            weather: Weather::FAIR,
            storm: 60_000,
            words: 4,
            without: None,
        }
    }
}
