//! Tests of the data file as a whole.
