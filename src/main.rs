//! The executable: everything is in the library, so that tests and benchmarks link the same code.

use std::process::ExitCode;

fn main() -> ExitCode {
    minicov::main()
}
