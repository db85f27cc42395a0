//! Child processes: how a program that a measured process starts comes to be measured, too.
//!
//! A measured process is this executable, so when CPython calls `execve` or one of its relatives, the dynamic loader finds
//! ours first ([`exec`]). Ours looks at what is to be started ([`target`]): a Python becomes `minicov child`, which sees
//! whether it can be that Python and else starts it as it was meant to be; anything else (a shell, `make`) gets two
//! environment variables, by which a Python started further down finds the way here ([`bootstrap`]).
//!
//! Must not know: hooks, the data file, reports. Invariant: whatever goes wrong here, the program that was to be started is
//! started, with its own arguments and environment.

mod bootstrap;
mod exec;
mod handover;
mod python_options;
mod target;
mod waiting;

pub(crate) use bootstrap::Bootstrap;
pub(crate) use exec::{arm, disarm, replace_process};
pub(crate) use handover::{Handover, received};
pub(crate) use python_options::keeps_bootstrap_out;
pub(crate) use waiting::{die_alike, run_to_end};
