//! Writing a journal from the measured process.
//!
//! Must not know: when to write. Invariant: a record is complete in the page cache when the call returns, whatever
//! happens to the process afterwards.

use std::cell::Cell;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::RunHeader;
use super::folder::JournalFolder;
use super::format::{
    HEADER_LENGTH, KIND_ARC, KIND_CODE, KIND_CONTEXT, KIND_EDGE, KIND_FILE, KIND_INHERITANCE, KIND_LINE,
    KIND_PACKAGE, KIND_PADDING, KIND_SETTINGS, KIND_SWITCH, KIND_TEXT, KIND_USE, KIND_VECTOR,
    RECORD_HEADER_LENGTH, padded, record_header,
};
use super::handle::JournalHandle;
use super::mapping::{ForkMark, Segment, SharedCounter};
use super::reader::{JournalContents, ReadError, read_parts};
use crate::model::{
    CodeShape, Edge, FileStamp, Journal, JournalError, LineArc, LineNo, NO_CONTEXT, Place, Use, Vector,
};

/// Bytes of the first segment, or a multiple of it that the settings fit into; each further one is twice as long, up to
/// [`LARGEST_SEGMENT`].
const FIRST_SEGMENT: usize = 64 * 1024;
const LARGEST_SEGMENT: usize = 4 * 1024 * 1024;

thread_local! {
    /// The context that this thread's records belong to.
    static CONTEXT: Cell<u32> = const { Cell::new(NO_CONTEXT) };
}

/// A journal open for writing. After a fork the child's first record opens a journal of its own.
pub(crate) struct JournalWriter {
    folder: JournalFolder,
    settings: RunHeader,
    state: Mutex<State>,
    /// Forked processes that could not open a journal of their own.
    left_out: Option<SharedCounter>,
}

/// A process's own journal when it has come to its end.
pub(crate) struct OwnJournal {
    pub(crate) path: PathBuf,
    pub(crate) contents: Result<JournalContents, ReadError>,
    /// Whether somebody has removed the file: what it holds goes with this process.
    pub(crate) is_removed: bool,
}

struct State {
    /// `None` in a forked child that has recorded nothing yet.
    open: Option<Open>,
    /// Every file stated so far, by number, so that a forked child can state them again.
    files: Vec<(PathBuf, FileStamp)>,
    /// Every code object stated so far, by number, for the same.
    codes: Vec<(u32, CodeShape)>,
    /// The labels of contexts, by number; [`NO_CONTEXT`] has none.
    contexts: Vec<String>,
}

struct Open {
    mark: ForkMark,
    path: PathBuf,
    file: JournalHandle,
    /// Segments that are full, in the order of the file. They stay mapped, so that what was written can be read whatever
    /// becomes of descriptor and file.
    full: Vec<Segment>,
    /// The segment that is being filled.
    segment: Segment,
    /// Where the next record goes, from the start of the segment.
    position: usize,
    /// Where the next segment goes, from the start of the file.
    end: u64,
    /// Which files and code objects this journal states, by number.
    states_files: Numbers,
    states_codes: Numbers,
    states_contexts: Numbers,
    /// The context that the next record would be read as part of.
    context: u32,
}

/// A set of the small numbers that stand for files and code objects.
#[derive(Default)]
struct Numbers(Vec<bool>);

impl JournalWriter {
    /// Makes a new journal in `folder`, which is created where it is missing.
    pub(crate) fn create(folder: JournalFolder, settings: RunHeader) -> Result<Self, JournalError> {
        let open = Some(Open::create(&folder, &settings)?);
        let state = State { open, files: Vec::new(), codes: Vec::new(), contexts: Vec::new() };
        Ok(Self { folder, settings, state: Mutex::new(state), left_out: SharedCounter::new().ok() })
    }

    /// How many processes forked from this one could not open a journal, so that what they ran is lost.
    pub(crate) fn processes_left_out(&self) -> u64 {
        self.left_out.as_ref().map_or(0, SharedCounter::get)
    }

    /// This process's journal, to which it writes no more; `None` if it has none: a forked child that recorded nothing. Code objects
    /// are handed out with it: a child that some thread forks later on states empty ones, so that edges in these are lost.
    pub(crate) fn own(&self) -> Option<OwnJournal> {
        let State { open, codes, .. } = &mut *self.state();
        let open = open.as_mut().filter(|open| open.mark.is_ours())?;
        Some(OwnJournal {
            path: open.path.clone(),
            contents: open.read(codes),
            is_removed: open.file.is_removed(&open.path),
        })
    }

    /// The state, also after a panic under the lock: records are complete or invisible, so nothing can be half done.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` with a journal that belongs to this process.
    #[inline]
    fn with<T>(
        &self,
        work: impl FnOnce(&mut Open, &mut Stated) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let State { open, files, codes, contexts } = &mut *self.state();
        let open = match open {
            Some(ours) if ours.mark.is_ours() => ours,
            parents => self.replace(parents)?,
        };
        work(open, &mut Stated { files, codes, contexts })
    }

    /// Opens a journal of this process's own in place of its parent's.
    #[cold]
    fn replace<'a>(&self, parents: &'a mut Option<Open>) -> Result<&'a mut Open, JournalError> {
        // First, so that its descriptor is free where no further one is to be had.
        drop(parents.take());
        let ours = Open::create(&self.folder, &self.settings).inspect_err(|_| {
            // The process may end without a chance to say so itself (`os._exit`).
            if let Some(counter) = &self.left_out {
                counter.add_one();
            }
        })?;
        Ok(parents.insert(ours))
    }
}

/// What this process, or the one it was forked from, has given numbers to.
struct Stated<'a> {
    files: &'a mut Vec<(PathBuf, FileStamp)>,
    codes: &'a mut Vec<(u32, CodeShape)>,
    contexts: &'a [String],
}

impl Journal for JournalWriter {
    fn file(&self, path: &Path, stamp: FileStamp) -> Result<u32, JournalError> {
        self.with(|open, stated| {
            let number = stated.files.len() as u32;
            stated.files.push((path.to_path_buf(), stamp));
            open.state_file(stated, number)?;
            Ok(number)
        })
    }

    fn line(&self, file: u32, line: LineNo) -> Result<(), JournalError> {
        self.with(|open, stated| {
            open.state_file(stated, file)?;
            open.state_context(stated)?;
            open.append_numbers(KIND_LINE, [file, line])
        })
    }

    fn package(&self, name: &str) -> Result<(), JournalError> {
        self.with(|open, _| open.append(KIND_PACKAGE, &[name.as_bytes()]))
    }

    fn code(&self, file: u32, shape: CodeShape) -> Result<u32, JournalError> {
        self.with(|open, stated| {
            let number = stated.codes.len() as u32;
            stated.codes.push((file, shape));
            open.state_code(stated, number)?;
            Ok(number)
        })
    }

    fn edge(&self, code: u32, edge: Edge) -> Result<(), JournalError> {
        self.with(|open, stated| {
            open.state_code(stated, code)?;
            open.state_context(stated)?;
            open.append_numbers(KIND_EDGE, [code, edge.from, edge.to, 0])
        })
    }

    fn vector(&self, file: u32, place: Place, vector: &Vector) -> Result<(), JournalError> {
        let Place { line, column, end_line, end_column } = place;
        let conditions = vector.truths.len() as u32;
        let fixed = numbers([file, line, column, end_line, end_column, conditions]);
        self.with(|open, stated| {
            open.state_file(stated, file)?;
            open.state_context(stated)?;
            open.append(KIND_VECTOR, &[fixed.as_flattened(), &vector.to_bytes()])
        })
    }

    fn arc(&self, file: u32, arc: LineArc) -> Result<(), JournalError> {
        self.with(|open, stated| {
            open.state_file(stated, file)?;
            open.state_context(stated)?;
            open.append_numbers(KIND_ARC, [file, arc.from.cast_unsigned(), arc.to.cast_unsigned(), 0])
        })
    }

    fn used(&self, used: &Use) -> Result<(), JournalError> {
        let (number, name) = used.numbered();
        self.with(|open, stated| {
            open.state_context(stated)?;
            open.append(KIND_USE, &[numbers([number, 0]).as_flattened(), name.as_bytes()])
        })
    }

    fn inherited(&self, context: u32) -> Result<(), JournalError> {
        self.with(|open, stated| {
            open.state_context(stated)?;
            open.append_numbers(KIND_INHERITANCE, [context, 0])
        })
    }

    fn context(&self, label: &str) -> u32 {
        let contexts = &mut self.state().contexts;
        contexts.push(label.to_owned());
        contexts.len() as u32
    }

    fn enter(&self, context: u32) {
        CONTEXT.set(context);
    }

    fn forked(&self) {
        // The parent's journal counts as its own only as long as nobody else keeps it locked.
        self.state().open = None;
    }
}

impl Numbers {
    /// Whether a number is in the set.
    #[inline]
    fn contains(&self, number: u32) -> bool {
        self.0.get(number as usize).copied().unwrap_or(false)
    }

    /// Adds a number; tells whether it was new.
    fn insert(&mut self, number: u32) -> bool {
        let index = number as usize;
        if index >= self.0.len() {
            self.0.resize(index + 1, false);
        }
        !std::mem::replace(&mut self.0[index], true)
    }
}

impl Open {
    fn create(folder: &JournalFolder, settings: &RunHeader) -> Result<Self, JournalError> {
        let settings = serde_json::to_vec(settings).map_err(|error| JournalError(error.to_string()))?;
        let needed = HEADER_LENGTH + RECORD_HEADER_LENGTH + padded(settings.len());
        let (path, file, header) = folder.create_journal()?;
        let mut file = JournalHandle::new(file).map_err(|error| no_room(&path, &error))?;
        let segment = file
            .file(&path)
            .and_then(|file| Segment::map(file, 0, needed.next_multiple_of(FIRST_SEGMENT)))
            .map_err(|error| no_room(&path, &error));
        let segment = match segment {
            Ok(segment) => segment,
            Err(error) => {
                // An empty file would stay as an orphan that says nothing.
                let _ = std::fs::remove_file(&path);
                return Err(error);
            }
        };
        let end = segment.len() as u64;
        let mut open = Self {
            mark: ForkMark::new(),
            path,
            file,
            full: Vec::new(),
            segment,
            position: HEADER_LENGTH,
            end,
            states_files: Numbers::default(),
            states_codes: Numbers::default(),
            states_contexts: Numbers::default(),
            context: NO_CONTEXT,
        };
        open.segment.store(0, &header);
        open.append(KIND_SETTINGS, &[&settings])?;
        Ok(open)
    }

    /// What all records so far say.
    fn read(&self, codes: &mut [(u32, CodeShape)]) -> Result<JournalContents, ReadError> {
        let full = self.full.iter().map(Segment::bytes);
        let parts: Vec<&[u8]> = full.chain([&self.segment.bytes()[..self.position]]).collect();
        read_parts(parts[0], &parts[1..], codes)
    }

    /// States a file, unless this journal has it already.
    #[inline]
    fn state_file(&mut self, stated: &Stated, number: u32) -> Result<(), JournalError> {
        if self.states_files.contains(number) { Ok(()) } else { self.state_new_file(stated, number) }
    }

    fn state_new_file(&mut self, stated: &Stated, number: u32) -> Result<(), JournalError> {
        if let Some((path, stamp)) = stated.files.get(number as usize)
            && self.states_files.insert(number)
        {
            self.append_file(number, path, *stamp)?;
        }
        Ok(())
    }

    /// States a code object and its file, unless this journal has them already.
    #[inline]
    fn state_code(&mut self, stated: &Stated, number: u32) -> Result<(), JournalError> {
        if self.states_codes.contains(number) { Ok(()) } else { self.state_new_code(stated, number) }
    }

    fn state_new_code(&mut self, stated: &Stated, number: u32) -> Result<(), JournalError> {
        if let Some((file, shape)) = stated.codes.get(number as usize)
            && self.states_codes.insert(number)
        {
            self.state_file(stated, *file)?;
            self.append_code(number, *file, shape)?;
        }
        Ok(())
    }

    /// Has the next record belong to the context of this thread.
    #[inline]
    fn state_context(&mut self, stated: &Stated) -> Result<(), JournalError> {
        let context = CONTEXT.get();
        if context == self.context { Ok(()) } else { self.switch_to(stated, context) }
    }

    fn switch_to(&mut self, stated: &Stated, context: u32) -> Result<(), JournalError> {
        if context != NO_CONTEXT
            && let Some(label) = stated.contexts.get(context as usize - 1)
            && self.states_contexts.insert(context)
        {
            self.append(KIND_CONTEXT, &[numbers([context, 0]).as_flattened(), label.as_bytes()])?;
        }
        self.append_numbers(KIND_SWITCH, [context, 0])?;
        self.context = context;
        Ok(())
    }

    fn append_file(&mut self, number: u32, path: &Path, stamp: FileStamp) -> Result<(), JournalError> {
        let mut fixed = [0; 24];
        fixed[..4].copy_from_slice(&number.to_le_bytes());
        fixed[8..16].copy_from_slice(&stamp.modified.to_le_bytes());
        fixed[16..].copy_from_slice(&stamp.size.to_le_bytes());
        self.append(KIND_FILE, &[&fixed, path.as_os_str().as_bytes()])?;
        match &stamp.text {
            Some(hash) => self.append(KIND_TEXT, &[numbers([number, 0]).as_flattened(), hash]),
            None => Ok(()),
        }
    }

    fn append_code(&mut self, number: u32, file: u32, shape: &CodeShape) -> Result<(), JournalError> {
        let parts = [shape.qualname.as_bytes(), &shape.code, &shape.line_table, &shape.exception_table];
        let fixed = numbers([number, file, shape.first_line.cast_unsigned(), shape.flags]);
        let fixed = fixed.as_flattened();
        let mut payload =
            Vec::with_capacity(fixed.len() + parts.iter().map(|part| padded(4 + part.len())).sum::<usize>());
        payload.extend_from_slice(fixed);
        for part in parts {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX);
            payload.extend(length.to_le_bytes());
            payload.extend(part);
            payload.resize(padded(payload.len()), 0);
        }
        self.append(KIND_CODE, &[&payload])
    }

    /// Appends a record whose payload is `parts`, one after the other.
    fn append(&mut self, kind: u32, parts: &[&[u8]]) -> Result<(), JournalError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let Ok(stored_length) = u32::try_from(length) else {
            return Err(JournalError(format!("a record of {length} bytes is too long")));
        };
        self.make_room(RECORD_HEADER_LENGTH + padded(length))?;
        let mut at = self.position + RECORD_HEADER_LENGTH;
        for part in parts {
            self.segment.store(at, part);
            at += part.len();
        }
        self.publish(kind, stored_length);
        Ok(())
    }

    /// The same where the payload is numbers, as in nearly all records.
    #[inline]
    fn append_numbers<const N: usize>(&mut self, kind: u32, values: [u32; N]) -> Result<(), JournalError> {
        let payload = numbers(values);
        let payload = payload.as_flattened();
        self.make_room(RECORD_HEADER_LENGTH + padded(payload.len()))?;
        self.segment.store(self.position + RECORD_HEADER_LENGTH, payload);
        self.publish(kind, payload.len() as u32);
        Ok(())
    }

    /// Sees to it that the segment has room for `needed` bytes.
    #[inline]
    fn make_room(&mut self, needed: usize) -> Result<(), JournalError> {
        if self.position + needed > self.segment.len() { self.next_segment(needed) } else { Ok(()) }
    }

    /// Makes a record of what was stored.
    #[inline]
    fn publish(&mut self, kind: u32, length: u32) {
        let start = self.position;
        self.position += RECORD_HEADER_LENGTH + padded(length as usize);
        self.segment.publish(start, record_header(kind, length));
    }

    /// Maps a further segment of at least `needed` bytes, and fills up what is left of the present one.
    fn next_segment(&mut self, needed: usize) -> Result<(), JournalError> {
        let present = self.segment.len();
        let length = (present * 2).min(LARGEST_SEGMENT).max(needed.next_multiple_of(FIRST_SEGMENT));
        let next = self
            .file
            .file(&self.path)
            .and_then(|file| Segment::map(file, self.end, length))
            .map_err(|error| no_room(&self.path, &error))?;
        let rest = present - self.position;
        if rest > 0 {
            self.segment
                .publish(self.position, record_header(KIND_PADDING, (rest - RECORD_HEADER_LENGTH) as u32));
        }
        self.full.push(std::mem::replace(&mut self.segment, next));
        self.position = 0;
        self.end += length as u64;
        Ok(())
    }
}

#[inline]
fn numbers<const N: usize>(values: [u32; N]) -> [[u8; 4]; N] {
    values.map(u32::to_le_bytes)
}

fn no_room(path: &Path, error: &std::io::Error) -> JournalError {
    JournalError(format!("couldn't extend the journal {}: {error}", path.display()))
}
