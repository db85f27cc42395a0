//! What can be wrong with a source file or a pattern.

/// Why a source file's bytes are no text that can be analysed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceError {
    #[error("unknown encoding {name:?} in the coding cookie")]
    UnknownEncoding { name: String },
    #[error("coding cookie says {name:?} although the file starts with a UTF-8 byte order mark")]
    EncodingConflict { name: String },
    #[error("not valid {encoding}")]
    Undecodable { encoding: String },
    #[error("the pattern {pattern:?} finds no end in trying")]
    EndlessPattern { pattern: String },
    /// The parser counts offsets in 32 bits.
    #[error("source text of {bytes} bytes is too large")]
    TooLarge { bytes: usize },
}

/// Why an exclusion pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PatternError {
    /// Python's `re` knows it, we do not.
    #[error("{pattern:?} uses {feature}, which is not supported")]
    Unsupported { pattern: String, feature: &'static str },
    #[error("{pattern:?} is not a valid regular expression: {reason}")]
    Invalid { pattern: String, reason: String },
}
