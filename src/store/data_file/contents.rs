//! Everything that was observed, taken out of a data file to be put into another.
//!
//! Must not trust: the file may be coverage.py's, somebody else's or hostile. Invariant: all of it or an error, so that a
//! file damaged somewhere adds nothing anywhere.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::Connection;

use super::schema::{self, LinesAs, Tables};
use super::{Batch, BatchCode, BatchFile, DataFile, Fault, StoreError, edges, needs, pairs, read, vectors};
use crate::model::{CodeKey, LineArc};

impl DataFile {
    /// What a merge into another data file adds there.
    pub(crate) fn contents(&mut self) -> Result<Batch, StoreError> {
        self.read(read_contents)
    }
}

fn read_contents(connection: &mut Connection, tables: Tables) -> Result<Batch, Fault> {
    let mut contents = Contents::new(connection)?;
    let lines_as = schema::lines_as(connection)?;
    match lines_as {
        Some(LinesAs::Bits) => contents.read_lines(connection)?,
        Some(LinesAs::Arcs) => contents.read_arcs(connection)?,
        None => {}
    }
    contents.read_tracers(connection)?;
    let mut python = None;
    if tables.ours() {
        contents.read_sources(connection)?;
        contents.read_layouts(connection, tables)?;
        python = schema::meta(connection, "python")?;
    }
    contents.read_edges(connection, tables)?;
    let (mut has_edges, mut has_vectors) = (false, false);
    if tables.has_vectors() {
        contents.read_vectors(connection)?;
        has_edges = schema::meta(connection, edges::RECORDED)?.is_some();
        has_vectors = schema::meta(connection, vectors::RECORDED)?.is_some();
    }
    Ok(Batch {
        python: python.unwrap_or_default(),
        branches: lines_as == Some(LinesAs::Arcs),
        edges: has_edges,
        vectors: has_vectors,
        files: contents.files,
        replaces: false,
        tests: if tables.has_needs() { needs::read(connection)? } else { Vec::new() },
    })
}

struct Contents {
    files: Vec<BatchFile>,
    /// By row number: where in `files`.
    places: HashMap<i64, usize>,
    /// Names by row number.
    contexts: BTreeMap<i64, String>,
}

// Rows of files or contexts that are not listed belong to nothing.
impl Contents {
    fn new(connection: &Connection) -> Result<Self, Fault> {
        let mut contents = Self {
            files: Vec::new(),
            places: HashMap::new(),
            contexts: schema::contexts(connection, &|_| true)?,
        };
        let mut statement = connection.prepare("SELECT id, path FROM file")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            contents.places.insert(row.get(0)?, contents.files.len());
            contents.files.push(BatchFile { path: row.get(1)?, ..BatchFile::default() });
        }
        Ok(contents)
    }

    fn file(&mut self, id: i64) -> Option<&mut BatchFile> {
        self.places.get(&id).map(|place| &mut self.files[*place])
    }

    fn read_lines(&mut self, connection: &Connection) -> Result<(), Fault> {
        let mut statement = connection.prepare("SELECT file_id, context_id, numbits FROM line_bits")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let Some(context) = self.contexts.get(&row.get(1)?).cloned() else { continue };
            if let Some(file) = self.file(row.get(0)?) {
                file.lines.entry(context).or_default().union_with(&read::numbits(row, 2)?);
            }
        }
        Ok(())
    }

    fn read_arcs(&mut self, connection: &mut Connection) -> Result<(), Fault> {
        pairs::each_of_arcs(connection, |file, context, arcs| {
            let Some(context) = self.contexts.get(&context).cloned() else { return };
            if let Some(file) = self.file(file) {
                let arcs = arcs.map(|[from, to]| LineArc::new(from, to));
                file.arcs.entry(context).or_default().unite(arcs.collect());
            }
        })
    }

    fn read_vectors(&mut self, connection: &Connection) -> Result<(), Fault> {
        let mut statement = connection.prepare(
            "SELECT context_id, line, col, end_line, end_col, truths, file_id FROM minicov_vector",
        )?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let Some(context) = self.contexts.get(&row.get(0)?).cloned() else { continue };
            let Some((place, vector)) = vectors::of_row(row)? else { continue };
            if let Some(file) = self.file(row.get(6)?) {
                let of_context = file.vectors.entry(context).or_default();
                of_context.entry(place).or_default().insert(vector);
            }
        }
        Ok(())
    }

    fn read_tracers(&mut self, connection: &Connection) -> Result<(), Fault> {
        let mut statement = connection.prepare("SELECT file_id, tracer FROM tracer")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let tracer: String = row.get(1)?;
            if let Some(file) = self.file(row.get(0)?).filter(|_| !tracer.is_empty()) {
                file.tracer = Some(tracer);
            }
        }
        Ok(())
    }

    fn read_sources(&mut self, connection: &Connection) -> Result<(), Fault> {
        let mut statement = connection.prepare("SELECT file_id, sha256 FROM minicov_source")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            if let Some(file) = self.file(row.get(0)?) {
                file.source = Some(read::source_hash(row, 1)?);
            }
        }
        Ok(())
    }

    fn read_layouts(&mut self, connection: &Connection, tables: Tables) -> Result<(), Fault> {
        if !tables.has_layouts() {
            return Ok(());
        }
        let mut statement = connection.prepare("SELECT file_id, layout FROM minicov_layout")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let layout = postcard::from_bytes(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?);
            if let Some(file) = self.file(row.get(0)?) {
                file.layout = layout.ok();
            }
        }
        Ok(())
    }

    fn read_edges(&mut self, connection: &Connection, tables: Tables) -> Result<(), Fault> {
        if !tables.has_edge_rows() && !tables.has_edge_sets() {
            return Ok(());
        }
        let mut codes: HashMap<i64, (i64, BatchCode)> = HashMap::new();
        let mut statement = connection
            .prepare("SELECT id, file_id, qualname, first_line, fingerprint FROM minicov_code ORDER BY id")?;
        let mut rows = statement.query(())?;
        let mut order = Vec::new();
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            let fingerprint = edges::fingerprint(row, 4)?;
            let key = CodeKey { qualname: row.get(2)?, first_line: row.get(3)?, fingerprint };
            codes.insert(id, (row.get(1)?, BatchCode { key, ..BatchCode::default() }));
            order.push(id);
        }
        edges::each(connection, tables, |code, context, edges| {
            if let (Some(context), Some((_, code))) = (self.contexts.get(&context), codes.get_mut(&code)) {
                Arc::make_mut(code.edges.entry(context.clone()).or_default()).unite(edges);
            }
        })?;
        for id in order {
            if let Some((file, code)) = codes.remove(&id)
                && let Some(file) = self.file(file)
            {
                file.codes.push(code);
            }
        }
        Ok(())
    }
}
