//! Fingerprints of syntax trees: SHA-256 over what makes them equal.

use std::hash::{Hash, Hasher};

use ruff_python_ast::Stmt;
use ruff_python_ast::comparable::ComparableStmt;
use sha2::{Digest as _, Sha256};

use crate::model::Fingerprint;

/// Changes with the parser or with the rules for blocks: fingerprints of another make are never equal.
const MAKE: &str = "minicov block 1, ruff 0.0.10";

/// A fingerprint in the making.
pub(super) struct Digest(Sha256);

impl Digest {
    pub(super) fn new(of: &str) -> Self {
        let mut digest = Self(Sha256::new());
        digest.text(MAKE);
        digest.text(of);
        digest
    }

    pub(super) fn text(&mut self, text: &str) {
        text.hash(self);
    }

    /// Adds a statement: all of its syntax tree but places, and how strings are spelt.
    pub(super) fn statement(&mut self, statement: &Stmt) {
        ComparableStmt::from(statement).hash(self);
    }

    pub(super) fn finish(self) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        fingerprint.copy_from_slice(&self.0.finalize()[..16]);
        fingerprint
    }
}

/// So that derived `Hash` can feed it. Its own answer is not asked for.
impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        0
    }
}
