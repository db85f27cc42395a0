//! Taking what is recorded of a file over to a new text of it.
//!
//! Must not know: why the text changed. Invariant: what has no place in the new text is forgotten.

use rusqlite::{Connection, params};

use super::{DataFile, Fault, LinesAs, StoreError, edge_sets, edges, merge, read, schema, vectors};
use crate::model::{CodeKey, Layout, LineArc, Moves, SourceHash};

/// A file whose text changed.
#[derive(Clone, Debug)]
pub(crate) struct MovedFile {
    /// As the data file calls it.
    pub(crate) path: String,
    /// The hash of the new text.
    pub(crate) source: SourceHash,
    pub(crate) layout: Layout,
    /// Where lines of the old text stand in it.
    pub(crate) moves: Moves,
}

impl DataFile {
    /// The files of which is known where their blocks stood in the text that was recorded: path, hash and layout.
    pub(crate) fn layouts(&self) -> Result<Vec<(String, SourceHash, Layout)>, StoreError> {
        if !self.tables.has_layouts() {
            return Ok(Vec::new());
        }
        layouts(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// Takes what is recorded of files over to their new texts, all of it or nothing.
    pub(crate) fn move_files(&mut self, files: &[MovedFile]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let lines_as = schema::lines_as(transaction)?;
            for file in files {
                let mut find = transaction.prepare_cached("SELECT id FROM file WHERE path = ?")?;
                let id: i64 = find.query_row([&file.path], |row| row.get(0))?;
                match lines_as {
                    Some(LinesAs::Bits) => move_bits(transaction, id, &file.moves)?,
                    Some(LinesAs::Arcs) => move_arcs(transaction, id, &file.moves)?,
                    None => {}
                }
                move_codes(transaction, id, &file.moves)?;
                move_vectors(transaction, id, &file.moves)?;
                merge::note_source(transaction, id, file.source)?;
                put_layout(transaction, id, &file.layout)?;
            }
            edge_sets::prune(transaction)
        })
    }
}

fn layouts(connection: &Connection) -> Result<Vec<(String, SourceHash, Layout)>, Fault> {
    let mut statement = connection.prepare(
        "SELECT path, sha256, layout FROM minicov_layout
         JOIN file ON file.id = file_id JOIN minicov_source USING (file_id)",
    )?;
    let mut rows = statement.query(())?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        // What another version has written, or nobody, is as good as absent.
        if let Ok(layout) = postcard::from_bytes(bytes) {
            found.push((row.get(0)?, read::source_hash(row, 1)?, layout));
        }
    }
    Ok(found)
}

/// Where a file's blocks stand, as the data file has it.
pub(super) fn encode(layout: &Layout) -> Option<Vec<u8>> {
    // A layout holds nothing postcard has no form for.
    postcard::to_stdvec(layout).ok()
}

/// Keeps where a file's blocks stand in the text that its data belongs to.
pub(super) fn put_layout(connection: &Connection, file: i64, layout: &Layout) -> Result<(), Fault> {
    let Some(bytes) = encode(layout) else { return Ok(()) };
    connection
        .prepare_cached("INSERT OR REPLACE INTO minicov_layout (file_id, layout) VALUES (?, ?)")?
        .execute(params![file, bytes])?;
    Ok(())
}

fn move_bits(connection: &Connection, file: i64, moves: &Moves) -> Result<(), Fault> {
    let mut find = connection.prepare("SELECT context_id, numbits FROM line_bits WHERE file_id = ?")?;
    let mut rows = find.query([file])?;
    let mut moved = Vec::new();
    while let Some(row) = rows.next()? {
        moved.push((row.get::<_, i64>(0)?, moves.lines(&read::numbits(row, 1)?)));
    }
    connection.execute("DELETE FROM line_bits WHERE file_id = ?", [file])?;
    for (context, lines) in moved.iter().filter(|(_, lines)| !lines.is_empty()) {
        connection
            .prepare_cached("INSERT INTO line_bits (file_id, context_id, numbits) VALUES (?, ?, ?)")?
            .execute(params![file, context, lines.to_numbits()])?;
    }
    Ok(())
}

fn move_arcs(connection: &Connection, file: i64, moves: &Moves) -> Result<(), Fault> {
    let mut find = connection.prepare("SELECT context_id, fromno, tono FROM arc WHERE file_id = ?")?;
    let mut rows = find.query([file])?;
    let mut moved = Vec::new();
    while let Some(row) = rows.next()? {
        // Numbers that are no lines' have no place either.
        if let (Ok(from), Ok(to)) = (row.get::<_, i32>(1), row.get::<_, i32>(2))
            && let Some(arc) = moves.arc(LineArc::new(from, to))
        {
            moved.push((row.get::<_, i64>(0)?, arc));
        }
    }
    connection.execute("DELETE FROM arc WHERE file_id = ?", [file])?;
    for (context, arc) in moved {
        connection
            .prepare_cached(
                "INSERT OR IGNORE INTO arc (file_id, context_id, fromno, tono) VALUES (?, ?, ?, ?)",
            )?
            .execute(params![file, context, arc.from, arc.to])?;
    }
    Ok(())
}

fn move_codes(connection: &Connection, file: i64, moves: &Moves) -> Result<(), Fault> {
    let mut find = connection
        .prepare("SELECT id, qualname, first_line, fingerprint FROM minicov_code WHERE file_id = ?")?;
    let mut rows = find.query([file])?;
    let mut codes: Vec<(i64, Option<CodeKey>)> = Vec::new();
    while let Some(row) = rows.next()? {
        codes.push((row.get(0)?, moves.code(&edges::key(row)?)));
    }
    // Two code objects may change places.
    connection.execute("DELETE FROM minicov_code WHERE file_id = ?", [file])?;
    for (id, key) in codes {
        let kept = match key {
            Some(CodeKey { qualname, first_line, fingerprint }) => connection
                .prepare_cached(
                    "INSERT OR IGNORE INTO minicov_code (id, file_id, first_line, qualname, fingerprint)
                     VALUES (?, ?, ?, ?, ?)",
                )?
                .execute(params![id, file, first_line, qualname, &fingerprint[..]])?,
            None => 0,
        };
        if kept == 0 {
            connection.prepare_cached("DELETE FROM minicov_code_edges WHERE code_id = ?")?.execute([id])?;
        }
    }
    Ok(())
}

fn move_vectors(connection: &Connection, file: i64, moves: &Moves) -> Result<(), Fault> {
    let mut find = connection.prepare(
        "SELECT context_id, line, col, end_line, end_col, truths FROM minicov_vector WHERE file_id = ?",
    )?;
    let mut rows = find.query([file])?;
    let mut moved: Vec<(i64, vectors::Vectors)> = Vec::new();
    while let Some(row) = rows.next()? {
        if let Some((place, vector)) = vectors::of_row(row)?
            && let Some(place) = moves.place(place)
        {
            moved.push((row.get(0)?, [(place, [vector].into())].into()));
        }
    }
    vectors::drop_of_file(connection, file)?;
    for (context, vectors) in &moved {
        vectors::add(connection, file, *context, vectors)?;
    }
    Ok(())
}
