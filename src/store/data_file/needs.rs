//! What tests depend on: adding, replacing and reading back.
//!
//! Tests have most of it in common, so it is kept in sets, each once. What no test needs any more goes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, params};

use super::{DataFile, Fault, StoreError, schema};
use crate::model::{Dependency, DependencyKind, DependencySet, Fingerprint, TestNeeds};

impl DataFile {
    /// What each test depends on that a run with contexts has recorded.
    pub(crate) fn needs(&self) -> Result<Vec<TestNeeds>, StoreError> {
        if !self.tables.has_needs() {
            return Ok(Vec::new());
        }
        // One transaction, so that a writer in between can't give us halves of two states.
        let read = || read(&*self.connection.unchecked_transaction()?);
        read().map_err(|fault| fault.at(&self.path))
    }
}

pub(super) fn read(connection: &Connection) -> Result<Vec<TestNeeds>, Fault> {
    let dependencies = dependencies(connection)?;
    let mut sets: HashMap<i64, DependencySet> = HashMap::new();
    let mut statement = connection.prepare("SELECT id, members FROM minicov_dependency_set")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let members = members(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?);
        let set = members.filter_map(|id| dependencies.get(&id).cloned()).collect();
        sets.insert(row.get(0)?, Arc::new(set));
    }
    let mut tests: BTreeMap<String, TestNeeds> = BTreeMap::new();
    let mut statement = connection.prepare(
        "SELECT test, run, set_id, is_own FROM minicov_test LEFT JOIN minicov_test_set ON test_id = id",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let test: String = row.get(0)?;
        let needs = match tests.entry(test) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let test = new.key().clone();
                new.insert(TestNeeds { test, run: row.get(1)?, ..TestNeeds::default() })
            }
        };
        let set: Option<i64> = row.get(2)?;
        let Some(set) = set.and_then(|set| sets.get(&set)) else { continue };
        if row.get::<_, bool>(3)? {
            if needs.own.is_empty() {
                needs.own = Arc::clone(set);
            } else {
                Arc::make_mut(&mut needs.own).extend(set.iter().cloned());
            }
        } else {
            needs.shared.push(Arc::clone(set));
        }
    }
    Ok(tests.into_values().collect())
}

/// By row number. Kinds of a later version's are passed over.
fn dependencies(connection: &Connection) -> Result<HashMap<i64, Dependency>, Fault> {
    let mut found = HashMap::new();
    let mut statement =
        connection.prepare("SELECT id, kind, name, block, fingerprint FROM minicov_dependency")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let Some(kind) = DependencyKind::of_number(row.get(1)?) else { continue };
        let bytes = row.get_ref(4)?.as_blob().map_err(rusqlite::Error::from)?;
        let fingerprint = Fingerprint::try_from(bytes)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(4, Type::Blob, Box::new(error)))?;
        let dependency = Dependency { kind, name: row.get(2)?, block: row.get(3)?, fingerprint };
        found.insert(row.get(0)?, dependency);
    }
    Ok(found)
}

/// Row numbers in a set: four bytes each, little-endian.
fn members(bytes: &[u8]) -> impl Iterator<Item = i64> {
    let (numbers, _) = bytes.as_chunks::<4>();
    numbers.iter().map(|bytes| i64::from(u32::from_le_bytes(*bytes)))
}

/// Adds what tests depend on. Runs within a write transaction.
pub(super) fn add(connection: &Connection, tests: &[TestNeeds]) -> Result<(), Fault> {
    if tests.is_empty() {
        return Ok(());
    }
    let mut adding = Adding { connection, dependencies: HashMap::new(), sets: HashMap::new() };
    for needs in tests {
        adding.test(needs)?;
    }
    prune(connection)
}

/// Removes what tests did, where another run than this one recorded it; tells whether there was any. Runs within a write
/// transaction.
pub(super) fn forget_earlier_runs(connection: &Connection, tests: &[TestNeeds]) -> Result<bool, Fault> {
    let mut find = connection.prepare("SELECT run FROM minicov_test WHERE test = ?")?;
    let mut replaced: BTreeSet<&str> = BTreeSet::new();
    for needs in tests {
        let run: Option<String> = find.query_row([&needs.test], |row| row.get(0)).optional()?;
        if run.is_some_and(|run| run != needs.run) {
            replaced.insert(&needs.test);
        }
    }
    let is_replaced = |label: &str| {
        let test = PHASES.iter().find_map(|phase| label.strip_suffix(phase));
        replaced.contains(test.unwrap_or(label))
    };
    for context in schema::contexts(connection, &is_replaced)?.into_keys() {
        for table in ["line_bits", "arc", "minicov_code_edges", "minicov_vector"] {
            connection
                .prepare_cached(&format!("DELETE FROM {table} WHERE context_id = ?"))?
                .execute([context])?;
        }
    }
    Ok(!replaced.is_empty())
}

/// What stands behind a test's id in the contexts of its phases.
const PHASES: [&str; 3] = ["|setup", "|run", "|teardown"];

struct Adding<'a> {
    connection: &'a Connection,
    dependencies: HashMap<Dependency, i64>,
    /// By address.
    sets: HashMap<*const BTreeSet<Dependency>, i64>,
}

impl Adding<'_> {
    fn test(&mut self, needs: &TestNeeds) -> Result<(), Fault> {
        let mut find = self.connection.prepare_cached("SELECT id, run FROM minicov_test WHERE test = ?")?;
        let known: Option<(i64, String)> =
            find.query_row([&needs.test], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let id = match known {
            Some((id, run)) if run == needs.run => id,
            Some((id, _)) => {
                self.connection
                    .prepare_cached("DELETE FROM minicov_test_set WHERE test_id = ?")?
                    .execute([id])?;
                self.connection
                    .prepare_cached("UPDATE minicov_test SET run = ? WHERE id = ?")?
                    .execute(params![needs.run, id])?;
                id
            }
            None => self
                .connection
                .prepare_cached("INSERT INTO minicov_test (test, run) VALUES (?, ?)")?
                .insert([&needs.test, &needs.run])?,
        };
        for (place, set) in needs.sets().enumerate().filter(|(_, set)| !set.is_empty()) {
            let set = self.set(set)?;
            let mut put = self.connection.prepare_cached(
                "INSERT OR IGNORE INTO minicov_test_set (test_id, set_id, is_own) VALUES (?, ?, ?)",
            )?;
            put.execute(params![id, set, place == 0])?;
        }
        Ok(())
    }

    fn set(&mut self, set: &DependencySet) -> Result<i64, Fault> {
        if let Some(id) = self.sets.get(&Arc::as_ptr(set)) {
            return Ok(*id);
        }
        let mut ids = Vec::with_capacity(set.len());
        for dependency in set.iter() {
            // No file holds more rows than that.
            ids.push(u32::try_from(self.dependency(dependency)?).unwrap_or_default());
        }
        ids.sort_unstable();
        let members: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        let mut find =
            self.connection.prepare_cached("SELECT id FROM minicov_dependency_set WHERE members = ?")?;
        let id = match find.query_row([&members], |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self
                .connection
                .prepare_cached("INSERT INTO minicov_dependency_set (members) VALUES (?)")?
                .insert([&members])?,
        };
        self.sets.insert(Arc::as_ptr(set), id);
        Ok(id)
    }

    fn dependency(&mut self, dependency: &Dependency) -> Result<i64, Fault> {
        if let Some(id) = self.dependencies.get(dependency) {
            return Ok(*id);
        }
        let Dependency { kind, name, block, fingerprint } = dependency;
        let mut find = self.connection.prepare_cached(
            "SELECT id FROM minicov_dependency WHERE kind = ? AND name = ? AND block = ? AND fingerprint = ?",
        )?;
        let values = params![kind.number(), name, block, &fingerprint[..]];
        let id = match find.query_row(values, |row| row.get(0)).optional()? {
            Some(id) => id,
            None => self
                .connection
                .prepare_cached(
                    "INSERT INTO minicov_dependency (kind, name, block, fingerprint) VALUES (?, ?, ?, ?)",
                )?
                .insert(values)?,
        };
        self.dependencies.insert(dependency.clone(), id);
        Ok(id)
    }
}

/// Removes what no test needs any more.
fn prune(connection: &Connection) -> Result<(), Fault> {
    let dropped = connection.execute(
        "DELETE FROM minicov_dependency_set WHERE id NOT IN (SELECT set_id FROM minicov_test_set)",
        (),
    )?;
    if dropped == 0 {
        return Ok(());
    }
    let mut used = BTreeSet::new();
    let mut statement = connection.prepare("SELECT members FROM minicov_dependency_set")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        used.extend(members(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?));
    }
    let mut statement = connection.prepare("SELECT id FROM minicov_dependency")?;
    let ids: Vec<i64> = statement.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
    for id in ids.into_iter().filter(|id| !used.contains(id)) {
        connection.prepare_cached("DELETE FROM minicov_dependency WHERE id = ?")?.execute([id])?;
    }
    Ok(())
}
