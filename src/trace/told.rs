//! What the events of one code object have told since its context began, and whether turning them off pays.
//!
//! Where contexts follow the program, an event that is turned off must be turned on again at the next switch, for which CPython
//! goes through the whole code object several times. Most code runs only a few times in a test: it is cheaper to let its events
//! come once more and say nothing. So an event that has told all it can is noted here first, and turned off once so many
//! came in vain that turning all on again would have cost as much: no code costs more than twice what it must.
//!
//! Must not know: what an event tells. Invariant: what is noted holds until the state begins anew.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// Which event it is, at an instruction. Line events that do not depend on where their line begins are known by their line.
#[derive(Clone, Copy)]
pub(super) enum Site {
    /// Both sides of a branch, or its left one.
    Branch = 1,
    /// The right side of a branch.
    Right = 2,
    /// A jump or return.
    End = 4,
    /// A line that begins at several places.
    Place = 8,
    Instruction = 16,
}

/// Code units that CPython goes through, to turn events off and on again, in the time that one event in vain takes. Both numbers
/// were tried on click's tests: others cost as much or more (benches/README.md, "Contexts").
const UNITS_PER_EVENT: usize = 6;

/// So many events in vain are borne by the smallest code object.
const LEAST: usize = 6;

/// Of one code object.
pub(super) struct Told {
    /// How long its code is.
    units: usize,
    /// By code unit: bits of [`Site`]s. Made when the first is noted.
    sites: OnceLock<Box<[AtomicU8]>>,
    /// Events that came in vain.
    in_vain: AtomicU32,
}

impl Told {
    pub(super) fn new(units: usize) -> Self {
        Self { units, sites: OnceLock::new(), in_vain: AtomicU32::new(0) }
    }

    /// Whether an event at an offset in bytes has told all it can.
    pub(super) fn has(&self, site: Site, offset: u32) -> bool {
        self.sites
            .get()
            .and_then(|sites| sites.get(offset as usize / 2))
            .is_some_and(|unit| unit.load(Ordering::Relaxed) & site as u8 != 0)
    }

    /// Notes that it has.
    pub(super) fn note(&self, site: Site, offset: u32) {
        let sites = self.sites.get_or_init(|| (0..self.units).map(|_| AtomicU8::new(0)).collect());
        if let Some(unit) = sites.get(offset as usize / 2) {
            unit.fetch_or(site as u8, Ordering::Relaxed);
        }
    }

    /// Counts an event that came in vain.
    pub(super) fn came_in_vain(&self) {
        self.in_vain.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether turning events off pays by now.
    pub(super) fn is_worth_turning_off(&self) -> bool {
        self.in_vain.load(Ordering::Relaxed) > self.patience()
    }

    /// Forgets what was told. What ran often in the last context is likely to run often in the next.
    pub(super) fn begin_anew(&self) {
        for unit in self.sites.get().into_iter().flatten() {
            unit.store(0, Ordering::Relaxed);
        }
        let patience = self.patience();
        let start = if self.is_worth_turning_off() { patience - patience / 4 } else { 0 };
        self.in_vain.store(start, Ordering::Relaxed);
    }

    fn patience(&self) -> u32 {
        u32::try_from(LEAST + self.units / UNITS_PER_EVENT).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_forgotten_with_its_context() {
        let told = Told::new(10);
        assert!(!told.has(Site::Branch, 4));
        told.note(Site::Branch, 4);
        told.note(Site::Right, 6);
        // Outside of the code, as a program that calls callbacks may have it.
        told.note(Site::End, 400);
        assert!(told.has(Site::Branch, 4) && told.has(Site::Right, 6));
        assert!(!told.has(Site::Right, 4) && !told.has(Site::Branch, 6) && !told.has(Site::End, 400));
        told.begin_anew();
        assert!(!told.has(Site::Branch, 4) && !told.has(Site::Right, 6));
    }

    #[test]
    fn events_are_turned_off_where_many_come_in_vain_and_sooner_the_next_time() {
        let told = Told::new(60);
        let until_off = || {
            let mut events = 0;
            while !told.is_worth_turning_off() {
                told.came_in_vain();
                events += 1;
            }
            events
        };
        let first = until_off();
        told.begin_anew();
        let second = until_off();
        assert!((1..first).contains(&second), "{first} {second}");
        told.begin_anew();
        // Nothing came in vain.
        told.begin_anew();
        assert_eq!(until_off(), first);
    }
}
