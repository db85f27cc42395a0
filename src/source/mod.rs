//! What source text says that bytecode does not.
