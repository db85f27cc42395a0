//! Reading a journal, whoever wrote it and however it ended.
//!
//! Must not know: what becomes of the contents. Invariant: hostile bytes cost time linear in their number and never a
//! panic; everything in front of the first damaged record is kept.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::RunHeader;
use super::format::{
    HEADER_LENGTH, KIND_ARC, KIND_CODE, KIND_CONTEXT, KIND_EDGE, KIND_FILE, KIND_INHERITANCE, KIND_LINE,
    KIND_PACKAGE, KIND_SETTINGS, KIND_SWITCH, KIND_TEXT, KIND_USE, KIND_VECTOR, MAGIC, RECORD_HEADER_LENGTH,
    VERSION, padded, split_header,
};
use crate::model::{CodeShape, Edge, FileStamp, LineArc, LineSet, Place, SortedSet, Use, Vector};

/// Why bytes are not a journal this version reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("it is not a minicov journal")]
    Foreign,
    #[error("it has format {found}, and this minicov reads format {VERSION}")]
    Version { found: u32 },
    #[error("it does not begin with the run's settings")]
    NoSettings,
}

/// What a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JournalContents {
    pub(crate) settings: RunHeader,
    /// The labels of contexts that followed the program, each once; the first one is "", for none.
    pub(crate) contexts: Vec<String>,
    /// Measured files by absolute path.
    pub(crate) files: BTreeMap<String, JournaledFile>,
    /// What was used besides code, by the place of the context.
    pub(crate) uses: BTreeMap<usize, BTreeSet<Use>>,
    /// Packages asked for by name of which a module ran.
    pub(crate) packages: BTreeSet<String>,
}

/// What a journal says of one file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JournaledFile {
    pub(crate) stamp: FileStamp,
    /// By the place of the context in [`JournalContents::contexts`], ascending.
    pub(crate) seen: Vec<(usize, SeenInContext)>,
    pub(crate) codes: Vec<JournaledCode>,
}

/// What a journal says of a code object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JournaledCode {
    /// Its number in this journal.
    pub(crate) number: u32,
    /// Without those nested in it.
    pub(crate) shape: CodeShape,
    /// The edges taken in it, by the place of the context, ascending.
    pub(crate) edges: Vec<(usize, SortedSet<Edge>)>,
}

/// What was seen of one file in one context.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SeenInContext {
    pub(crate) lines: LineSet,
    pub(crate) arcs: BTreeSet<LineArc>,
    /// Evaluations of decisions, by the range of the decision.
    pub(crate) vectors: BTreeMap<Place, BTreeSet<Vector>>,
}

/// Reads the bytes of a journal up to the last complete record.
pub(crate) fn read(bytes: &[u8]) -> Result<JournalContents, ReadError> {
    read_parts(bytes, &[], &mut [])
}

/// The same where the journal is in several parts, each of which begins with a record, but for the first; and where code objects
/// are at hand, by number: they are taken from there.
pub(super) fn read_parts(
    bytes: &[u8],
    more: &[&[u8]],
    at_hand: &mut [(u32, CodeShape)],
) -> Result<JournalContents, ReadError> {
    if bytes.get(..MAGIC.len()) != Some(MAGIC) {
        return Err(ReadError::Foreign);
    }
    let found = number(bytes, 8).ok_or(ReadError::Foreign)?;
    if found != VERSION {
        return Err(ReadError::Version { found });
    }
    let mut records = Records { rest: bytes.get(HEADER_LENGTH..).unwrap_or_default() };
    let settings = records
        .next()
        .filter(|(kind, _)| *kind == KIND_SETTINGS)
        .and_then(|(_, payload)| serde_json::from_slice(payload).ok())
        .ok_or(ReadError::NoSettings)?;

    let mut reading = Reading { contexts: vec![String::new()], at_hand, ..Reading::default() };
    records.by_ref().for_each(|record| reading.record(record));
    more.iter().flat_map(|part| Records { rest: part }).for_each(|record| reading.record(record));
    let places = reading.by_path.into_iter();
    let mut files = reading.files;
    let files = places.map(|(path, place)| (path, std::mem::take(&mut files[place]).into_file())).collect();
    Ok(JournalContents {
        settings,
        contexts: reading.contexts,
        files,
        uses: reading.uses,
        packages: reading.packages,
    })
}

/// What was read of one file so far.
#[derive(Default)]
struct ReadFile {
    stamp: FileStamp,
    seen: ByContext<SeenInContext>,
    codes: Vec<ReadCode>,
}

/// What was read of one code object so far.
struct ReadCode {
    number: u32,
    shape: CodeShape,
    edges: ByContext<Vec<Edge>>,
}

impl ReadFile {
    fn into_file(self) -> JournaledFile {
        JournaledFile {
            stamp: self.stamp,
            seen: self.seen.ascending(),
            codes: self.codes.into_iter().map(ReadCode::into_code).collect(),
        }
    }
}

impl ReadCode {
    fn into_code(self) -> JournaledCode {
        let Self { number, shape, edges } = self;
        let edges = edges.ascending().into_iter();
        let edges = edges.map(|(context, edges)| (context, edges.into_iter().collect())).collect();
        JournaledCode { number, shape, edges }
    }
}

/// Things by the places of contexts. What follows one another is mostly of the same context.
#[derive(Default)]
struct ByContext<T> {
    all: Vec<(usize, T)>,
    /// By context: the place in `all`.
    places: HashMap<usize, usize>,
}

impl<T: Default> ByContext<T> {
    fn of(&mut self, context: usize) -> &mut T {
        let place = self.place_of(context);
        &mut self.all[place].1
    }

    fn place_of(&mut self, context: usize) -> usize {
        match self.all.last() {
            Some((last, _)) if *last == context => self.all.len() - 1,
            Some((last, _)) => {
                let (last, count) = (*last, self.all.len());
                // The first one is noted only where there is a second: mostly there is none.
                self.places.entry(last).or_insert(count - 1);
                *self.places.entry(context).or_insert_with(|| {
                    self.all.push((context, T::default()));
                    count
                })
            }
            None => {
                self.all.push((context, T::default()));
                0
            }
        }
    }

    fn ascending(mut self) -> Vec<(usize, T)> {
        self.all.sort_unstable_by_key(|(context, _)| *context);
        self.all
    }
}

/// What was read so far.
#[derive(Default)]
struct Reading<'a> {
    files: Vec<ReadFile>,
    /// Places in `files`.
    by_path: BTreeMap<String, usize>,
    /// By file number: the place in `files`.
    by_number: HashMap<u32, usize>,
    /// The file whose lines came last, its place, and that of the context among its own: what follows is mostly of the same.
    last_seen: Option<(u32, usize, usize)>,
    /// By code number: the place in `files`, and the place among that file's code objects.
    codes: HashMap<u32, (usize, usize)>,
    /// The one of these that was asked for last.
    last_code: Option<(u32, (usize, usize))>,
    packages: BTreeSet<String>,
    contexts: Vec<String>,
    uses: BTreeMap<usize, BTreeSet<Use>>,
    /// By label: the place in `contexts`.
    places_of_labels: HashMap<String, usize>,
    /// By context number: the place in `contexts`.
    context_places: HashMap<u32, usize>,
    /// The place of the context that records belong to now.
    current: usize,
    /// Code objects by number, with that of their file.
    at_hand: &'a mut [(u32, CodeShape)],
}

impl Reading<'_> {
    fn record(&mut self, (kind, payload): (u32, &[u8])) {
        // What a record refers to may be missing from a damaged journal: such a record says nothing.
        let _ = match kind {
            KIND_FILE => self.file(payload),
            KIND_LINE => self.line(payload),
            KIND_CODE => self.code(payload),
            KIND_EDGE => self.edge(payload),
            KIND_ARC => self.arc(payload),
            KIND_VECTOR => self.vector(payload),
            KIND_PACKAGE => self.package(payload),
            KIND_CONTEXT => self.context(payload),
            KIND_SWITCH => self.switch(payload),
            KIND_USE => self.used(payload),
            KIND_INHERITANCE => self.inherited(payload),
            KIND_TEXT => self.text(payload),
            // Padding, and kinds of later minor changes.
            _ => None,
        };
    }

    fn context(&mut self, payload: &[u8]) -> Option<()> {
        let label = String::from_utf8_lossy(payload.get(8..)?).into_owned();
        let place = *self.places_of_labels.entry(label.clone()).or_insert(self.contexts.len());
        if place == self.contexts.len() {
            self.contexts.push(label);
        }
        self.context_places.insert(number(payload, 0)?, place);
        Some(())
    }

    /// A context that was not stated (in a damaged journal) counts as none.
    fn switch(&mut self, payload: &[u8]) -> Option<()> {
        self.current = self.context_places.get(&number(payload, 0)?).copied().unwrap_or_default();
        self.last_seen = None;
        Some(())
    }

    fn used(&mut self, payload: &[u8]) -> Option<()> {
        let name = String::from_utf8(payload.get(8..)?.to_vec()).ok()?;
        let used = Use::of_number(number(payload, 0)?, name)?;
        self.uses.entry(self.current).or_default().insert(used);
        Some(())
    }

    fn inherited(&mut self, payload: &[u8]) -> Option<()> {
        let place = *self.context_places.get(&number(payload, 0)?)?;
        let label = self.contexts.get(place)?.clone();
        self.uses.entry(self.current).or_default().insert(Use::Inherited(label));
        Some(())
    }

    fn seen_in(&mut self, file: u32) -> Option<&mut SeenInContext> {
        let (place, at) = match self.last_seen {
            Some((last, place, at)) if last == file => (place, at),
            Some(_) | None => self.find_seen(file)?,
        };
        Some(&mut self.files.get_mut(place)?.seen.all.get_mut(at)?.1)
    }

    fn find_seen(&mut self, file: u32) -> Option<(usize, usize)> {
        let place = *self.by_number.get(&file)?;
        let at = self.files.get_mut(place)?.seen.place_of(self.current);
        self.last_seen = Some((file, place, at));
        Some((place, at))
    }

    fn file(&mut self, payload: &[u8]) -> Option<()> {
        let (number, path, stamp) = file_record(payload)?;
        let place = *self.by_path.entry(path).or_insert_with(|| {
            self.files.push(ReadFile { stamp, ..ReadFile::default() });
            self.files.len() - 1
        });
        self.by_number.insert(number, place);
        self.last_seen = None;
        Some(())
    }

    fn package(&mut self, payload: &[u8]) -> Option<()> {
        self.packages.insert(std::str::from_utf8(payload).ok()?.to_owned()).then_some(())
    }

    fn line(&mut self, payload: &[u8]) -> Option<()> {
        let [file, line] = numbers(payload)?;
        self.seen_in(file)?.lines.insert(line);
        Some(())
    }

    fn arc(&mut self, payload: &[u8]) -> Option<()> {
        let [from, to] = [4, 8].map(|at| number(payload, at).map(u32::cast_signed));
        let arc = LineArc::new(from?, to?);
        self.seen_in(number(payload, 0)?)?.arcs.insert(arc);
        Some(())
    }

    fn vector(&mut self, payload: &[u8]) -> Option<()> {
        let [file, line, column, end_line, end_column, conditions] =
            [0, 4, 8, 12, 16, 20].map(|at| number(payload, at));
        let place = Place { line: line?, column: column?, end_line: end_line?, end_column: end_column? };
        let end = (conditions? as usize).checked_add(24 + 1)?;
        let vector = Vector::from_bytes(payload.get(24..end)?)?;
        self.seen_in(file?)?.vectors.entry(place).or_default().insert(vector);
        Some(())
    }

    fn text(&mut self, payload: &[u8]) -> Option<()> {
        let hash = *payload.get(8..)?.first_chunk()?;
        let place = *self.by_number.get(&number(payload, 0)?)?;
        self.files.get_mut(place)?.stamp.text.get_or_insert(hash);
        Some(())
    }

    fn code(&mut self, payload: &[u8]) -> Option<()> {
        let [code, file] = numbers(payload)?;
        let place = *self.by_number.get(&file)?;
        let shape = match self.at_hand.get_mut(code as usize) {
            // What was taken has left nothing.
            Some((known, shape)) if *known == file && !shape.code.is_empty() => std::mem::take(shape),
            Some(_) | None => code_shape(payload)?,
        };
        let file = self.files.get_mut(place)?;
        self.codes.insert(code, (place, file.codes.len()));
        file.codes.push(ReadCode { number: code, shape, edges: ByContext::default() });
        self.last_code = None;
        Some(())
    }

    fn edge(&mut self, payload: &[u8]) -> Option<()> {
        let [code, from, to] = numbers(payload)?;
        let (place, index) = match self.last_code {
            Some((number, places)) if number == code => places,
            Some(_) | None => *self.codes.get(&code)?,
        };
        self.last_code = Some((code, (place, index)));
        let edges = &mut self.files.get_mut(place)?.codes.get_mut(index)?.edges;
        edges.of(self.current).push(Edge { from, to });
        Some(())
    }
}

/// The complete records of a journal: kind and payload.
struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = (u32, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (header, rest) = self.rest.split_first_chunk::<RECORD_HEADER_LENGTH>()?;
        let (kind, length) = split_header(u64::from_le_bytes(*header));
        if kind == 0 {
            return None;
        }
        let payload = rest.get(..length)?;
        self.rest = rest.get(padded(length)..).unwrap_or_default();
        Some((kind, payload))
    }
}

/// The numbers that bytes begin with.
fn numbers<const COUNT: usize>(bytes: &[u8]) -> Option<[u32; COUNT]> {
    let (numbers, _) = bytes.get(..COUNT * 4)?.as_chunks::<4>();
    Some(std::array::from_fn(|index| u32::from_le_bytes(numbers[index])))
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..)?.first_chunk().copied()?))
}

fn code_shape(payload: &[u8]) -> Option<CodeShape> {
    let mut rest = payload.get(16..)?;
    let mut parts: [&[u8]; 4] = [&[]; 4];
    for part in &mut parts {
        let length = number(rest, 0)? as usize;
        *part = rest.get(4..)?.get(..length)?;
        rest = rest.get(padded(4 + length)..).unwrap_or_default();
    }
    let [qualname, code, line_table, exception_table] = parts;
    let qualname = String::from_utf8_lossy(qualname).into_owned();
    Some(CodeShape {
        name: qualname.rsplit('.').next().unwrap_or_default().to_owned(),
        qualname,
        first_line: number(payload, 8)?.cast_signed(),
        flags: number(payload, 12)?,
        code: code.to_vec(),
        line_table: line_table.to_vec(),
        exception_table: exception_table.to_vec(),
        children: Vec::new(),
    })
}

fn file_record(payload: &[u8]) -> Option<(u32, String, FileStamp)> {
    let modified = i64::from_le_bytes(payload.get(8..)?.first_chunk().copied()?);
    let size = u64::from_le_bytes(payload.get(16..)?.first_chunk().copied()?);
    let path = String::from_utf8_lossy(payload.get(24..)?).into_owned();
    Some((number(payload, 0)?, path, FileStamp { modified, size, text: None }))
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::super::folder::JournalFolder;
    use super::super::writer::JournalWriter;
    use super::*;
    use crate::model::Journal;

    const STAMP: FileStamp = FileStamp { modified: 5, size: 7, text: Some([9; 32]) };

    /// A journal with `lines` of one file, as the writer makes it.
    fn written(lines: &[u32]) -> (tempfile::TempDir, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let settings = RunHeader { python: "3.13".into(), ..RunHeader::default() };
        let journal =
            JournalWriter::create(JournalFolder::beside(&folder.path().join(".coverage")), settings).unwrap();
        let file = journal.file(Path::new("/project/a.py"), STAMP).unwrap();
        for line in lines {
            journal.line(file, *line).unwrap();
        }
        let shape = CodeShape {
            name: "f".into(),
            qualname: "A.f".into(),
            code: vec![1, 2, 3, 4],
            ..CodeShape::default()
        };
        let code = journal.code(file, shape.clone()).unwrap();
        journal.package("pkg").unwrap();
        journal.edge(code, Edge { from: 2, to: Edge::EXIT }).unwrap();
        journal.arc(file, LineArc::new(3, -1)).unwrap();
        let own = journal.own().unwrap();
        let file = std::fs::read(own.path).unwrap();
        assert_eq!(own.contents, read(&file));
        let end = file.iter().rposition(|byte| *byte != 0).unwrap() + 1;
        (folder, file[..end.next_multiple_of(8)].to_vec())
    }

    #[test]
    fn what_was_written_is_read_while_the_writer_lives() {
        let (_folder, bytes) = written(&[1, 2, 900]);
        let contents = read(&bytes).unwrap();
        assert_eq!(contents.settings.python, "3.13");
        assert_eq!(contents.packages, ["pkg".to_owned()].into());
        let file = &contents.files["/project/a.py"];
        assert_eq!(file.stamp, STAMP);
        assert_eq!(file.seen[0].1.lines, [1, 2, 900].into_iter().collect());
        assert_eq!(file.seen[0].1.arcs, [LineArc::new(3, -1)].into());
        let JournaledCode { shape, edges, .. } = &file.codes[0];
        assert_eq!(
            (shape.name.as_str(), shape.qualname.as_str(), &shape.code[..]),
            ("f", "A.f", &[1, 2, 3, 4][..])
        );
        assert_eq!(*edges, [(0, [Edge { from: 2, to: Edge::EXIT }].into_iter().collect())]);
    }

    #[test]
    fn a_journal_of_many_segments_is_read_whole() {
        let lines: Vec<u32> = (1..60_000).collect();
        let (_folder, bytes) = written(&lines);
        assert_eq!(read(&bytes).unwrap().files["/project/a.py"].seen[0].1.lines.len(), lines.len());
    }

    #[test]
    fn a_torn_tail_costs_only_the_torn_record() {
        let (_folder, bytes) = written(&[1, 2, 3]);
        let end = bytes.iter().rposition(|byte| *byte != 0).unwrap();
        let whole = &read(&bytes).unwrap().files["/project/a.py"];
        let torn = &read(&bytes[..end - 4]).unwrap().files["/project/a.py"];
        let [(_, in_whole), (_, in_torn)] = [&whole.seen[0], &torn.seen[0]];
        assert_eq!((in_whole.arcs.len(), in_torn.arcs.len()), (1, 0));
        assert_eq!((&in_whole.lines, &whole.codes), (&in_torn.lines, &torn.codes));
    }

    #[test]
    fn other_bytes_are_refused_in_words() {
        assert_eq!(read(b"SQLite format 3\0"), Err(ReadError::Foreign));
        let (_folder, mut bytes) = written(&[]);
        bytes[8] = 9;
        assert_eq!(read(&bytes), Err(ReadError::Version { found: 9 }));
    }

    static WRITTEN: LazyLock<Vec<u8>> = LazyLock::new(|| written(&[1, 2, 3, 500, 70_000]).1);

    /// What is done to the bytes of a sound journal.
    #[derive(Clone, Debug)]
    enum Damage {
        /// Bytes at a place become others.
        Overwrite(usize, Vec<u8>),
        /// The head of a record becomes another kind and length.
        Head(usize, u32, u32),
        /// The rest is cut off.
        Cut(usize),
        /// More bytes follow.
        Append(Vec<u8>),
        /// A part stands there once more, at another place.
        Repeat(usize, usize, usize),
    }

    fn damage() -> impl Strategy<Value = Damage> {
        let end = WRITTEN.iter().rposition(|byte| *byte != 0).unwrap_or(0) + 40;
        let bytes = || prop::collection::vec(any::<u8>(), 1..40);
        let length = prop_oneof![0..64_u32, any::<u32>(), u32::MAX - 16..=u32::MAX];
        prop_oneof![
            (0..end, bytes()).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
            (0..end / 8, 0..10_u32, length).prop_map(|(at, kind, length)| Damage::Head(at * 8, kind, length)),
            (0..end).prop_map(Damage::Cut),
            bytes().prop_map(Damage::Append),
            (0..end, 1..200_usize, 0..end).prop_map(|(from, length, to)| Damage::Repeat(from, length, to)),
        ]
    }

    /// Does the damage; tells how many bytes in front of it are as they were.
    fn harm(bytes: &mut Vec<u8>, damage: &Damage) -> usize {
        let (at, new) = match damage {
            Damage::Overwrite(at, new) => (*at, new.clone()),
            Damage::Head(at, kind, length) => (*at, [kind.to_le_bytes(), length.to_le_bytes()].concat()),
            Damage::Repeat(from, length, to) => {
                (*to, bytes.iter().skip(*from).take(*length).copied().collect())
            }
            Damage::Cut(at) => {
                bytes.truncate(*at);
                return *at;
            }
            Damage::Append(new) => (bytes.len(), new.clone()),
        };
        let at = at.min(bytes.len());
        let end = (at + new.len()).min(bytes.len());
        bytes.splice(at..end, new);
        at
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn hostile_bytes_cost_only_what_follows_them(damages in prop::collection::vec(damage(), 1..6)) {
            let mut bytes = WRITTEN.clone();
            let sound = damages.iter().map(|damage| harm(&mut bytes, damage)).min().unwrap_or(0);
            let before = read(&WRITTEN[..sound.min(WRITTEN.len())]);
            let contents = read(&bytes);
            if let Ok(before) = before {
                let contents = contents.as_ref().expect("the settings stand in front of the damage");
                for (path, kept) in &before.files {
                    let found = &contents.files[path];
                    for (context, kept) in &kept.seen {
                        let (_, found) = found.seen.iter().find(|(place, _)| place == context).unwrap();
                        prop_assert!(kept.lines.difference(&found.lines).is_empty());
                        prop_assert!(found.arcs.is_superset(&kept.arcs));
                    }
                    prop_assert!(found.codes.len() >= kept.codes.len());
                }
            }
            for file in contents.iter().flat_map(|contents| contents.files.values()) {
                for JournaledCode { shape, edges, .. } in &file.codes {
                    let steps = crate::bytecode::LineSteps::new(shape);
                    for (context, edges) in edges {
                        let seen = file.seen.iter().find(|(place, _)| place == context);
                        let lines = seen.map(|(_, seen)| seen.lines.clone());
                        let _ = steps.arcs(edges, &lines.unwrap_or_default());
                    }
                }
            }
        }

        #[test]
        fn bytes_of_any_kind_are_read_or_refused(
            mut bytes in prop::collection::vec(any::<u8>(), 0..400),
            with_head in any::<bool>(),
        ) {
            if with_head {
                bytes.splice(0..0, super::super::format::header(1, 2));
            }
            let _ = read(&bytes);
        }
    }
}
