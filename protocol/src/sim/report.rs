//! What a run came to.

use std::collections::BTreeMap;

use super::federation::Detection;
use super::node::Point;

/// Counts of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Events.
    pub steps: u64,
    /// Messages that were sent, and their bytes.
    pub messages: u64,
    /// Bytes of these messages.
    pub bytes: u64,
    /// What operators said or did.
    pub words: u64,
    /// How many of these asked to erase.
    pub erased: u64,
    /// Versions of the charter that operators drafted.
    pub drafts: u64,
    /// Votes on versions.
    pub votes: u64,
    /// Versions that an honest member went by.
    pub versions: u64,
    /// How many of these removed somebody, let in a newcomer, or somebody who was removed before.
    pub removals: u64,
    /// Newcomers.
    pub admissions: u64,
    /// Members that were removed and came back.
    pub came_back: u64,
    /// Suspensions that an honest member went by.
    pub suspensions: u64,
    /// Feeds that were closed since a reader was removed.
    pub closed: u64,
    /// Homes that were replaced by an older copy.
    pub restores: u64,
    /// Feeds that others read in which a restored member went on.
    pub went_on: u64,
    /// Feeds that others read that ended since not all of their readers were heard.
    pub ended: u64,
    /// Statements that a restored member took in from what came back.
    pub taken_in: u64,
    /// Members whose keys were replaced.
    pub replaced: u64,
    /// How many of these had a thief who went on with the former ones.
    pub thefts: u64,
    /// How many had lost their home.
    pub lost_homes: u64,
    /// Links that did not come about since an end did not know the other's keys.
    pub turned_away: u64,
    /// Links that an end did not want.
    pub refused: u64,
    /// Crashes, by where they struck.
    pub crashes: BTreeMap<Point, u64>,
    /// Stores whose rows were made again from the log.
    pub rebuilt: u64,
    /// Links that broke.
    pub breaks: u64,
    /// Attempts to reach somebody that failed.
    pub failed_dials: u64,
    /// Links that came about beside another between the same two.
    pub crossed: u64,
    /// Messages that took seconds.
    pub slow: u64,
    /// Partitions.
    pub partitions: u64,
    /// Clocks that jumped.
    pub jumps: u64,
    /// Messages of liars that were not what an honest member would have sent.
    pub lies: u64,
    /// Rules that liars were found to have broken.
    pub found_out: u64,
    /// Proofs of two histories.
    pub evidence: u64,
    /// How second histories came to light, each once.
    pub detections: Vec<Detection>,
    /// Second histories that honest members were shown, and that did not come to light.
    pub undetected: u64,
    /// Bodies that liars denied.
    pub withheld: u64,
    /// Receipts that publishers got.
    pub receipts: u64,
    /// Cosignatures that members showed each other.
    pub cosigned: u64,
    /// Virtual milliseconds from the end of the storm until all agreed.
    pub settled_in: u64,
    /// A hash over the trace.
    pub trace: u64,
}

impl Report {
    /// Adds another run's counts; the trace is mixed in.
    pub fn add(&mut self, other: &Self) {
        self.steps += other.steps;
        self.messages += other.messages;
        self.bytes += other.bytes;
        self.words += other.words;
        self.erased += other.erased;
        self.drafts += other.drafts;
        self.votes += other.votes;
        self.versions += other.versions;
        self.removals += other.removals;
        self.admissions += other.admissions;
        self.came_back += other.came_back;
        self.suspensions += other.suspensions;
        self.closed += other.closed;
        self.refused += other.refused;
        self.restores += other.restores;
        self.replaced += other.replaced;
        self.thefts += other.thefts;
        self.lost_homes += other.lost_homes;
        self.turned_away += other.turned_away;
        self.went_on += other.went_on;
        self.ended += other.ended;
        self.taken_in += other.taken_in;
        for (point, count) in &other.crashes {
            *self.crashes.entry(*point).or_default() += count;
        }
        self.rebuilt += other.rebuilt;
        self.breaks += other.breaks;
        self.failed_dials += other.failed_dials;
        self.crossed += other.crossed;
        self.slow += other.slow;
        self.partitions += other.partitions;
        self.jumps += other.jumps;
        self.lies += other.lies;
        self.found_out += other.found_out;
        self.evidence += other.evidence;
        self.detections.extend(&other.detections);
        self.undetected += other.undetected;
        self.withheld += other.withheld;
        self.receipts += other.receipts;
        self.cosigned += other.cosigned;
        self.settled_in = self.settled_in.max(other.settled_in);
        self.trace ^= other.trace.rotate_left(1);
    }
}
