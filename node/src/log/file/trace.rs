//! In tests: makes chosen operations of this thread fail, and records all that change the disk.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// An operation that changes the disk or makes a change durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::log) enum Step {
    Create(PathBuf),
    Write(PathBuf, u32, Vec<u8>),
    SetLen(PathBuf, u32),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    SyncDir(PathBuf),
}

/// An operation that is to fail, once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::log) enum Fault {
    Create,
    /// A write that gets no further than so many bytes: the disk is full.
    Write(usize),
    SetLen,
    Sync,
    SyncDir,
}

#[derive(Default)]
struct Tracer {
    faults: Vec<Fault>,
    steps: Option<Vec<Step>>,
}

thread_local! {
    static TRACER: RefCell<Tracer> = RefCell::default();
}

/// Makes the next such operation of this thread fail.
pub(in crate::log) fn fail_next(fault: Fault) {
    TRACER.with_borrow_mut(|tracer| tracer.faults.push(fault));
}

/// Whether a fault that was asked for has not happened yet.
pub(in crate::log) fn pending() -> bool {
    TRACER.with_borrow(|tracer| !tracer.faults.is_empty())
}

/// Begins to record this thread's operations.
pub(in crate::log) fn record() {
    TRACER.with_borrow_mut(|tracer| tracer.steps = Some(Vec::new()));
}

/// How many operations were recorded so far.
pub(in crate::log) fn recorded() -> usize {
    TRACER.with_borrow(|tracer| tracer.steps.as_ref().map_or(0, Vec::len))
}

/// Ends recording.
pub(in crate::log) fn take_record() -> Vec<Step> {
    TRACER.with_borrow_mut(|tracer| tracer.steps.take().unwrap_or_default())
}

pub(super) fn before(step: Step) -> io::Result<()> {
    let kind = match &step {
        Step::Create(_) => Some(Fault::Create),
        Step::SetLen(..) => Some(Fault::SetLen),
        Step::Sync(_) => Some(Fault::Sync),
        Step::SyncDir(_) => Some(Fault::SyncDir),
        Step::Write(..) | Step::Rename(..) => None,
    };
    TRACER.with_borrow_mut(|tracer| {
        let due = tracer.faults.iter().position(|fault| Some(*fault) == kind);
        if let Some(due) = due {
            tracer.faults.remove(due);
            return Err(if kind == Some(Fault::Create) {
                io::ErrorKind::StorageFull.into()
            } else {
                io::Error::other("made to fail")
            });
        }
        if let Some(steps) = &mut tracer.steps {
            steps.push(step);
        }
        Ok(())
    })
}

pub(super) fn write(file: &File, path: &Path, offset: u32, bytes: &[u8]) -> io::Result<()> {
    let stop = TRACER.with_borrow_mut(|tracer| match tracer.faults.first() {
        Some(Fault::Write(stop)) => {
            let stop = *stop;
            tracer.faults.remove(0);
            Some(stop)
        }
        _ => None,
    });
    let taken = &bytes[..stop.unwrap_or(bytes.len()).min(bytes.len())];
    before(Step::Write(path.into(), offset, taken.into()))?;
    match stop {
        None => Ok(()),
        Some(_) => {
            file.write_all_at(taken, u64::from(offset))?;
            Err(io::ErrorKind::StorageFull.into())
        }
    }
}
