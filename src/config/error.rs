//! Why a configuration cannot be used.

/// An error of configuration: what is named is where the user wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error("couldn't read the configuration file {file}: {reason}")]
    Unreadable { file: String, reason: String },
    #[error("{file}, line {line}: {reason}")]
    At { file: String, line: u32, reason: String },
    /// Values that cannot be, or not together. `place` is a file with its line, a variable or the command line.
    #[error("{place}: {reason}")]
    Bad { place: String, reason: String },
}
