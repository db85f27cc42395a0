//! The database of a data file that is being made: the rows of a batch by their tables, laid out without SQLite.
//!
//! Must not know: where the file will stand. Invariant: what is read from it is what would be read, had `merge` added the batch
//! to an empty data file.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::b_trees::{Kind, PAGE_SIZE, Pages, Tree, Value};
use super::{Batch, BatchFile, edge_sets, edges, merge, moves, quick_check, schema, vectors};
use crate::model::{CodeKey, Edge, Place, SortedSet, Vector};
use Value::{Blob, Null, Number, Text};

/// The bytes of a database with a batch in it, but not what tests depend on. `None`: it cannot be laid out.
pub(super) fn of_batch(batch: &Batch) -> Option<Vec<u8>> {
    let mut filling = Filling {
        tables: Tables::new(),
        contexts: HashMap::new(),
        edge_sets: HashMap::new(),
        arcs: Vec::new(),
    };
    filling.settings(batch)?;
    filling.contexts(batch)?;
    let mut paths = BTreeMap::new();
    for file in &batch.files {
        let number = filling.file(file, batch.branches)?;
        if paths.insert(&file.path, number).is_some() {
            return None;
        }
    }
    for (path, number) in paths {
        filling.tables.index("file", &[Text(path), Number(number)])?;
    }
    filling.index_of_edge_sets()?;
    filling.tables.complete()
}

/// The tables and indexes by their names.
struct Tables {
    pages: Pages,
    by_name: HashMap<&'static str, Tree>,
    /// The index that SQLite keeps beside a table, by the name of that.
    indexes: HashMap<&'static str, Tree>,
}

impl Tables {
    fn new() -> Self {
        let mut pages = Pages::new(PAGE_SIZE);
        let [mut by_name, mut indexes] = [HashMap::new(), HashMap::new()];
        for table in schema::tables() {
            let kind = if table.has_row_numbers { Kind::Table } else { Kind::Index };
            by_name.insert(table.name, Tree::new(&mut pages, kind));
            if table.has_index {
                indexes.insert(table.name, Tree::new(&mut pages, Kind::Index));
            }
        }
        Self { pages, by_name, indexes }
    }

    /// Adds a row to a table; returns its number.
    fn add(&mut self, table: &str, values: &[Value]) -> Option<i64> {
        let tree = self.by_name.get_mut(table)?;
        let number = tree.last() + 1;
        tree.add_numbered(&mut self.pages, number, values);
        Some(number)
    }

    /// Adds a row with a number, which is above all others.
    fn add_numbered(&mut self, table: &str, number: i64, values: &[Value]) -> Option<()> {
        self.by_name.get_mut(table)?.add_numbered(&mut self.pages, number, values);
        Some(())
    }

    /// Adds rows to a table without row numbers, in their order.
    fn add_keyed<'v, const COLUMNS: usize>(
        &mut self,
        table: &str,
        rows: impl IntoIterator<Item = [Value<'v>; COLUMNS]>,
    ) -> Option<()> {
        let tree = self.by_name.get_mut(table)?;
        rows.into_iter().for_each(|row| tree.add(&mut self.pages, &row));
        Some(())
    }

    /// The same for rows of numbers.
    fn add_numbers<const COLUMNS: usize>(
        &mut self,
        table: &str,
        rows: impl IntoIterator<Item = [i64; COLUMNS]>,
    ) -> Option<()> {
        let tree = self.by_name.get_mut(table)?;
        rows.into_iter().for_each(|row| tree.add_numbers(&mut self.pages, row));
        Some(())
    }

    /// Adds a row to the index of a table: what it has of it, and its number; in their order.
    fn index(&mut self, table: &str, values: &[Value]) -> Option<()> {
        self.indexes.get_mut(table)?.add(&mut self.pages, values);
        Some(())
    }

    /// The database.
    fn complete(mut self) -> Option<Vec<u8>> {
        let mut list = Tree::new(&mut self.pages, Kind::Table);
        for table in schema::tables() {
            let name = Text(table.name);
            let root = self.by_name.remove(table.name)?.end(&mut self.pages);
            let row = [Text("table"), name, name, Number(root.into()), Text(table.statement)];
            list.add_numbered(&mut self.pages, list.last() + 1, &row);
            if let Some(index) = self.indexes.remove(table.name) {
                let root = index.end(&mut self.pages);
                let index_name = format!("sqlite_autoindex_{}_1", table.name);
                let row = [Text("index"), Text(&index_name), name, Number(root.into()), Null];
                list.add_numbered(&mut self.pages, list.last() + 1, &row);
            }
        }
        self.pages.complete(list, quick_check::APPLICATION, schema::ALL_TABLES)
    }
}

/// Tables that are being filled.
struct Filling<'a> {
    tables: Tables,
    /// Row numbers by name, both in the same order.
    contexts: HashMap<&'a str, i64>,
    /// Row numbers by their bytes.
    edge_sets: HashMap<Vec<u8>, i64>,
    /// Memory to be used again.
    arcs: Vec<[i64; 2]>,
}

impl<'a> Filling<'a> {
    fn settings(&mut self, batch: &Batch) -> Option<()> {
        let tables = &mut self.tables;
        tables.add("coverage_schema", &[Number(schema::SCHEMA_VERSION)])?;
        let has_arcs = if batch.branches { "1" } else { "0" };
        let mut numbers = BTreeMap::new();
        for (key, value) in [("version", schema::MAKER), ("has_arcs", has_arcs)] {
            numbers.insert(key, tables.add("meta", &[Text(key), Text(value)])?);
        }
        for (key, number) in numbers {
            tables.index("meta", &[Text(key), Number(number)])?;
        }
        let format = schema::FORMAT.to_string();
        let ours = BTreeMap::from([
            ("format", Some(format.as_str())),
            // coverage.py's data does not say.
            ("python", Some(batch.python.as_str()).filter(|python| !python.is_empty())),
            (vectors::RECORDED, batch.vectors.then_some("1")),
            (edges::RECORDED, batch.edges.then_some("1")),
        ]);
        for (key, value) in ours {
            if let Some(value) = value {
                tables.add_keyed("minicov_meta", [[Text(key), Text(value)]])?;
            }
        }
        Some(())
    }

    fn contexts(&mut self, batch: &'a Batch) -> Option<()> {
        for name in batch.contexts() {
            let number = self.tables.add("context", &[Null, Text(name)])?;
            self.tables.index("context", &[Text(name), Number(number)])?;
            self.contexts.insert(name, number);
        }
        Some(())
    }

    fn file(&mut self, file: &'a BatchFile, has_arcs: bool) -> Option<i64> {
        let number = self.tables.add("file", &[Null, Text(&file.path)])?;
        if let Some(source) = &file.source {
            self.tables.add_numbered("minicov_source", number, &[Null, Blob(source)])?;
            if let Some(layout) = file.layout.as_ref().and_then(moves::encode) {
                self.tables.add_numbered("minicov_layout", number, &[Null, Blob(&layout)])?;
            }
        }
        if let Some(tracer) = &file.tracer {
            self.tables.add_numbered("tracer", number, &[Null, Text(tracer)])?;
        }
        if has_arcs {
            self.arcs(file, number)?;
        } else {
            self.lines(file, number)?;
        }
        self.vectors(file, number)?;
        self.code_objects(file, number)?;
        Some(number)
    }

    fn lines(&mut self, file: &BatchFile, number: i64) -> Option<()> {
        for (context, lines) in file.lines.iter().filter(|(_, lines)| !lines.is_empty()) {
            let key = [Number(number), Number(*self.contexts.get(context.as_str())?)];
            let row = self.tables.add("line_bits", &[key[0], key[1], Blob(&lines.to_numbits())])?;
            self.tables.index("line_bits", &[key[0], key[1], Number(row)])?;
        }
        Some(())
    }

    fn arcs(&mut self, file: &BatchFile, number: i64) -> Option<()> {
        let contexts: BTreeSet<&String> = file.lines.keys().chain(file.arcs.keys()).collect();
        for name in contexts {
            merge::sort_arcs(file.lines.get(name), file.arcs.get(name), &mut self.arcs);
            if self.arcs.is_empty() {
                continue;
            }
            let context = *self.contexts.get(name.as_str())?;
            let rows = self.arcs.iter().map(|[from, to]| [number, context, *from, *to]);
            self.tables.add_numbers("arc", rows)?;
        }
        Some(())
    }

    fn vectors(&mut self, file: &BatchFile, number: i64) -> Option<()> {
        for (context, vectors) in file.vectors.iter().filter(|(_, vectors)| !vectors.is_empty()) {
            let context = *self.contexts.get(context.as_str())?;
            for (place, vectors) in vectors {
                let Place { line, column, end_line, end_column } = *place;
                let place = [line, column, end_line, end_column].map(|number| Number(number.into()));
                let [line, column, end_line, end_column] = place;
                let all: BTreeSet<Vec<u8>> = vectors.iter().map(Vector::to_bytes).collect();
                let rows = all.iter().map(|truths| {
                    [Number(number), Number(context), line, column, end_line, end_column, Blob(truths)]
                });
                self.tables.add_keyed("minicov_vector", rows)?;
            }
        }
        Some(())
    }

    fn code_objects(&mut self, file: &'a BatchFile, number: i64) -> Option<()> {
        for (CodeKey { qualname, first_line, fingerprint }, taken) in file.taken() {
            let key = [Number(number), Number((*first_line).into()), Text(qualname), Blob(&fingerprint[..])];
            let [file, line, name, print] = key;
            let code = self.tables.add("minicov_code", &[Null, file, line, name, print])?;
            self.tables.index("minicov_code", &[file, line, name, print, Number(code)])?;
            // By place in memory, while `taken` keeps them there: most contexts share the same few.
            let mut sets: BTreeMap<*const SortedSet<Edge>, i64> = BTreeMap::new();
            for (context, edges) in &taken {
                let context = *self.contexts.get(context)?;
                let set = match sets.entry(Arc::as_ptr(edges)) {
                    Entry::Occupied(known) => *known.get(),
                    Entry::Vacant(new) => *new.insert(self.edge_set(edges)?),
                };
                self.tables.add_numbers("minicov_code_edges", [[code, context, set]])?;
            }
        }
        Some(())
    }

    /// The row number of a set of edges.
    fn edge_set(&mut self, edges: &SortedSet<Edge>) -> Option<i64> {
        let bytes = edge_sets::encode(edges);
        if let Some(number) = self.edge_sets.get(&bytes) {
            return Some(*number);
        }
        let number = self.tables.add("minicov_edge_set", &[Null, Blob(&bytes)])?;
        self.edge_sets.insert(bytes, number);
        Some(number)
    }

    /// The index of sets of edges, which were numbered as they came.
    fn index_of_edge_sets(&mut self) -> Option<()> {
        let mut sets: Vec<(&Vec<u8>, &i64)> = self.edge_sets.iter().collect();
        sets.sort_unstable();
        sets.into_iter().try_for_each(|(bytes, number)| {
            self.tables.index("minicov_edge_set", &[Blob(bytes), Number(*number)])
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rusqlite::types::Value as Stored;
    use rusqlite::{Connection, MAIN_DB};

    use super::*;
    use crate::model::{LineArc, LineSet};
    use crate::store::data_file::{BatchCode, DataFile, quick_check};

    /// The tables and indexes as SQLite lists them, but not where they are; and the settings in the header.
    fn structure(connection: &Connection) -> Vec<Vec<Stored>> {
        let mut all = rows(connection, "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid");
        for setting in
            ["application_id", "user_version", "page_size", "encoding", "journal_mode", "auto_vacuum"]
        {
            all.extend(rows(connection, &format!("PRAGMA {setting}")));
        }
        all
    }

    fn rows(connection: &Connection, select: &str) -> Vec<Vec<Stored>> {
        let mut statement = connection.prepare(select).unwrap();
        let columns = statement.column_count();
        let rows = statement.query_map((), |row| (0..columns).map(|column| row.get(column)).collect());
        rows.unwrap().collect::<Result<_, _>>().unwrap()
    }

    /// What each table holds, in the order of its rows.
    fn contents(connection: &Connection) -> Vec<(&'static str, Vec<Vec<Stored>>)> {
        schema::tables()
            .map(|table| {
                let order = if table.has_row_numbers { "rowid" } else { "1, 2" };
                (table.name, rows(connection, &format!("SELECT * FROM {} ORDER BY {order}", table.name)))
            })
            .collect()
    }

    fn label() -> impl Strategy<Value = String> {
        prop_oneof![Just(String::new()), Just("a".to_owned()), Just("b|é".to_owned())]
    }

    fn lines() -> impl Strategy<Value = LineSet> {
        prop::collection::vec(1_u32..3000, 0..20).prop_map(|lines| lines.into_iter().collect())
    }

    fn arcs() -> impl Strategy<Value = SortedSet<LineArc>> {
        prop::collection::vec((-30_i32..3000, 1_i32..3000), 0..20)
            .prop_map(|arcs| arcs.into_iter().map(|(from, to)| LineArc::new(from, to)).collect())
    }

    fn edges() -> impl Strategy<Value = Arc<SortedSet<Edge>>> {
        let to = prop_oneof![0_u32..50, Just(Edge::EXIT)];
        prop_oneof![
            prop::collection::vec((0_u32..50, to), 0..4),
            // So many that they take several pages.
            (800_u32..3000).prop_map(|count| (0..count).map(|from| (9 * from, 7 * from)).collect()),
        ]
        .prop_map(|edges| Arc::new(edges.into_iter().map(|(from, to)| Edge { from, to }).collect()))
    }

    prop_compose! {
        fn code()(
            name in 0_u8..4,
            first_line in 1_i32..3,
            edges in prop::collection::btree_map(label(), edges(), 0..3),
        ) -> BatchCode {
            let key = CodeKey { qualname: format!("f{name}"), first_line, fingerprint: [name / 2; 16] };
            BatchCode { key, edges }
        }
    }

    prop_compose! {
        fn evaluations()(
            places in prop::collection::btree_map(
                (1_u32..9, 0_u32..9),
                prop::collection::btree_set(prop::collection::vec(any::<Option<bool>>(), 1..4), 1..4),
                0..3,
            ),
        ) -> vectors::Vectors {
            let of_place = |((line, column), all): (_, BTreeSet<Vec<Option<bool>>>)| {
                let place = Place { line, column, end_line: line + 1, end_column: 0 };
                (place, all.into_iter().map(|truths| Vector { truths, outcome: Some(true) }).collect())
            };
            places.into_iter().map(of_place).collect()
        }
    }

    prop_compose! {
        fn file(path: String)(
            path in Just(path),
            source in any::<Option<u8>>(),
            lines in prop::collection::btree_map(label(), lines(), 0..3),
            arcs in prop::collection::btree_map(label(), arcs(), 0..3),
            codes in prop::collection::vec(code(), 0..6),
            vectors in prop::collection::btree_map(label(), evaluations(), 0..3),
            tracer in prop::option::of(Just("plugin.Class".to_owned())),
        ) -> BatchFile {
            let source = source.map(|byte| [byte; 32]);
            BatchFile { path, source, layout: None, lines, arcs, codes, vectors, tracer }
        }
    }

    prop_compose! {
        fn any_batch()(
            python in prop_oneof![Just(String::new()), Just("3.13.0".to_owned())],
            branches in any::<bool>(),
            edges in any::<bool>(),
            vectors in any::<bool>(),
            files in prop::collection::btree_set("/[a-z]{1,9}( |é){0,2}[.]py", 0..4)
                .prop_flat_map(|paths| paths.into_iter().map(file).collect::<Vec<_>>()),
        ) -> Batch {
            Batch { python, branches, edges, vectors, files, tests: Vec::new(), replaces: false }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn it_is_what_sqlite_makes(batch in any_batch(), is_turned in any::<bool>()) {
            let folder = tempfile::tempdir().unwrap();
            let mut batch = batch;
            if is_turned {
                batch.files.reverse();
            }
            if !batch.branches {
                batch.files.iter_mut().for_each(|file| file.arcs.clear());
            }
            let grown = folder.path().join("grown");
            DataFile::update(&grown).unwrap().merge(&batch).unwrap();
            let grown = Connection::open(&grown).unwrap();
            let bytes = of_batch(&batch).unwrap();
            let mut made = Connection::open_in_memory().unwrap();
            made.deserialize_read_exact(MAIN_DB, bytes.as_slice(), bytes.len(), true).unwrap();
            prop_assert_eq!(rows(&made, "PRAGMA integrity_check"), [[Stored::Text("ok".to_owned())]]);
            prop_assert_eq!(contents(&made), contents(&grown));
            let on_disk = folder.path().join("made");
            std::fs::write(&on_disk, &bytes).unwrap();
            prop_assert!(quick_check::is_ours(&on_disk, schema::ALL_TABLES));
            prop_assert_eq!(structure(&Connection::open(&on_disk).unwrap()), structure(&grown));
        }
    }

    #[test]
    fn a_path_that_comes_twice_is_left_to_sqlite() {
        let file = BatchFile { path: "/a.py".to_owned(), ..BatchFile::default() };
        assert!(of_batch(&Batch { files: vec![file.clone()], ..Batch::default() }).is_some());
        assert!(of_batch(&Batch { files: vec![file.clone(), file], ..Batch::default() }).is_none());
    }
}
