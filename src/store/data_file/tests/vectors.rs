//! Evaluations of decisions.

use std::collections::BTreeSet;

use super::*;
use crate::model::{Place, Vector};

const PLACE: Place = Place { line: 3, column: 4, end_line: 5, end_column: 6 };

fn vector(truths: &[Option<bool>], outcome: Option<bool>) -> Vector {
    Vector { truths: truths.to_vec(), outcome }
}

/// A batch with these evaluations of one decision.
fn vector_batch(source: u8, vectors: &[Vector]) -> Batch {
    let mut batch = Batch { branches: true, vectors: true, ..batch("/a.py", Some(source), &[1]) };
    let vectors = BTreeMap::from([(PLACE, vectors.iter().cloned().collect())]);
    batch.files[0].vectors.insert(String::new(), vectors);
    batch
}

fn vectors(path: &Path) -> BTreeSet<Vector> {
    let found = DataFile::open(path).unwrap().vectors("/a.py", |_| true).unwrap();
    found.into_values().flatten().collect()
}

#[test]
fn evaluations_of_runs_unite() {
    let folder = Folder::new();
    let (a, b) = (vector(&[Some(true), None], Some(true)), vector(&[Some(false), None], None));
    merge(&folder.path(), &vector_batch(1, std::slice::from_ref(&a)));
    merge(&folder.path(), &vector_batch(1, &[a.clone(), b.clone()]));
    assert_eq!(vectors(&folder.path()), BTreeSet::from([a, b]));
    let data = DataFile::open(&folder.path()).unwrap();
    assert!(data.has_vectors().unwrap());
    assert!(data.vectors("/a.py", |context| !context.is_empty()).unwrap().is_empty());
    assert!(data.vectors("/b.py", |_| true).unwrap().is_empty());
}

#[test]
fn evaluations_of_another_text_are_dropped() {
    let folder = Folder::new();
    let (a, b) = (vector(&[Some(true)], Some(true)), vector(&[Some(false)], Some(false)));
    merge(&folder.path(), &vector_batch(1, &[a]));
    merge(&folder.path(), &vector_batch(2, std::slice::from_ref(&b)));
    assert_eq!(vectors(&folder.path()), BTreeSet::from([b]));
}

#[test]
fn nonsense_is_left_out() {
    let folder = Folder::new();
    merge(&folder.path(), &vector_batch(1, &[]));
    let put = "INSERT INTO minicov_vector SELECT id, 1, 3, 4, 5, 6, ? FROM file";
    for truths in [&b""[..], &[3, 1], &[0, 255]] {
        folder.raw().execute(put, [truths]).unwrap();
    }
    assert!(vectors(&folder.path()).is_empty());
}

#[test]
fn tables_of_format_2_are_read_and_brought_up_to_date() {
    let folder = Folder::new();
    let path = folder.made_of(OUR_FORMAT_2);
    let data = DataFile::open(&path).unwrap();
    assert!(!data.has_vectors().unwrap());
    assert!(data.vectors("/project/a.py", |_| true).unwrap().is_empty());
    assert_eq!(data.edges("/project/a.py", |_| true).unwrap().len(), 1);
    drop(data);
    let a = vector(&[Some(true)], Some(true));
    merge(&path, &vector_batch(1, std::slice::from_ref(&a)));
    assert_eq!(vectors(&path), BTreeSet::from([a]));
    assert_eq!(DataFile::open(&path).unwrap().edges("/project/a.py", |_| true).unwrap().len(), 1);
}
