//! The files by which a Python that somebody else starts (a shell, `make`, `tox`) finds that it is to be measured.
//!
//! They stand in a folder that `PYTHONPATH` names first. Must not know: what is in them. Invariant: a file appears whole or
//! not at all, because any Python may import it at any moment.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::env_vars;
use crate::python::ffi;

/// Name and text of each file.
const FILES: [(&str, &str); 2] = [
    (
        "_minicov_agent.py",
        concat!(
            include_str!("agent/journal.py"),
            "\n\n",
            include_str!("agent/selection.py"),
            "\n\n",
            include_str!("agent/cores.py"),
            "\n\n",
            include_str!("agent/children.py"),
            "\n\n",
            include_str!("agent/start.py"),
        ),
    ),
    ("sitecustomize.py", include_str!("bootstrap/sitecustomize.py")),
];

/// The folder for them.
pub(crate) struct Bootstrap {
    folder: PathBuf,
}

impl Bootstrap {
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// A value of `PYTHONPATH` with the folder in front.
    pub(crate) fn in_front_of(&self, search_path: Option<&OsStr>) -> OsString {
        let mut value = self.folder.clone().into_os_string();
        let Some(rest) = search_path else { return value };
        let after = rest.as_bytes().strip_prefix(value.as_bytes());
        if after.is_some_and(|after| after.is_empty() || after.starts_with(b":")) {
            return rest.to_owned();
        }
        value.push(":");
        value.push(rest);
        value
    }

    /// Puts the folder in front of `PYTHONPATH` in this process's environment.
    pub(crate) fn enter(&self) {
        let search_path = self.in_front_of(env_vars::PYTHONPATH.raw().as_deref());
        ffi::set_variable(env_vars::PYTHONPATH.name, Some(&search_path));
    }

    /// Sees to it that the files are there: the program may have removed them. Where that fails, children that others start
    /// are not measured.
    pub(crate) fn prepare(&self) {
        let _ = self.write();
    }

    fn write(&self) -> io::Result<()> {
        for (name, text) in FILES {
            let path = self.folder.join(name);
            if path.exists() {
                continue;
            }
            fs::create_dir_all(&self.folder)?;
            let unfinished = self.folder.join(format!("{name}.{}", std::process::id()));
            fs::write(&unfinished, text)?;
            fs::rename(&unfinished, &path)?;
        }
        Ok(())
    }
}
