//! `minicov run`: runs a program as python would, under the hooks, and sees to its data when it has ended.
//!
//! Invariant: from the moment the interpreter is booted, nothing here may change what the program does; and nothing that
//! matters comes after [`python::run_program`], which may end the process.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use pyo3::Python;

use super::collect::Collected;
use super::{Failure, collect, erase, foreign, impacted};
use crate::config::{RunSettings, Workplace};
use crate::error::{ExitCode, UserError};
use crate::metrics::{self, Needs};
use crate::model::BranchDetail;
use crate::paths::{Folders, Selection};
use crate::processes::{self, Handover};
use crate::python::{self, Booted, Environment, EnvironmentError, LINKED_MINOR, Layout};
use crate::store::{DataFile, JournalFolder, JournalWriter, RunHeader};
use crate::trace::{self, Core, Session};
use crate::ui;

/// What the end of the process needs to know.
struct Ending {
    workplace: Workplace,
    journal: Arc<JournalWriter>,
    /// The process that `minicov run` started in: a forked child has no report to print.
    process: u32,
    report: bool,
    rcfile: Option<PathBuf>,
    source_packages: Vec<String>,
    /// A file that goes with the run.
    unneeded: Option<PathBuf>,
}

/// The oldest Python that the agent runs in.
pub(super) const OLDEST_FOREIGN_MINOR: u8 = 9;

static ENDING: OnceLock<Ending> = OnceLock::new();

pub(super) fn run(workplace: &Workplace, settings: &RunSettings) -> Result<ExitCode, Failure> {
    if settings.command_line.is_empty() {
        return Err(UserError::new("there is nothing to run")
            .hint("name a script, -m MODULE or -c CODE; minicov run --help has examples")
            .into());
    }
    let environment =
        Environment::find(settings.python.as_deref()).map_err(|error| explain_environment(&error))?;
    if environment.minor < OLDEST_FOREIGN_MINOR {
        let python = environment.executable.display();
        return Err(UserError::new(format!(
            "{python} is Python 3.{}, and minicov measures CPython 3.{OLDEST_FOREIGN_MINOR} and newer",
            environment.minor
        ))
        .hint("--python PATH names another interpreter")
        .into());
    }
    if environment.minor != LINKED_MINOR
        && let Some(error) = start_sibling(environment.minor)
    {
        return Err(error.into());
    }
    let core = trace::choose(settings.core.as_deref()).map_err(|error| UserError::new(error.to_string()))?;
    if settings.erase {
        erase::everything(workplace)?;
    }
    DataFile::check(workplace.written_file()).map_err(|error| {
        UserError::new(error.to_string()).hint("give --data-file a place where files can be written")
    })?;
    if !settings.erase {
        // What earlier runs left behind is merged before the clock of this one starts.
        collect::orphans(workplace);
    }
    let narrowed = if settings.impacted { Some(impacted::narrowed(workplace, settings)?) } else { None };
    let settings = narrowed.as_ref().unwrap_or(settings);

    if environment.minor != LINKED_MINOR || !python::is_of_linked_library(&environment.executable) {
        if settings.impacted {
            return Err(UserError::new("--impacted works with minicov's own Python only")
                .hint("minicov impact --pytest prints the tests that must run")
                .into());
        }
        return foreign::run(workplace, settings, &environment);
    }
    let executable = &environment.executable;
    offer_module(workplace, &settings.command_line);
    let interpreter = match python::boot_program(executable, executable.as_os_str(), &settings.command_line) {
        Ok(Booted::Ready(interpreter)) => interpreter,
        Ok(Booted::Done(code)) => return Ok(exit_code(code)),
        Err(error) => return Err(UserError::new(error.to_string()).into()),
    };
    if settings.selection.names_sources() && !settings.selection.include.is_empty() {
        ui::warn(&ui::INCLUDE_IGNORED, "--include is ignored because --source is set");
    }
    begin_measuring(workplace, settings, core, &interpreter.layout, &Role::Main)?;
    Ok(exit_code(python::run_program(interpreter)))
}

/// Gives the program the module `minicov`, unless it has one of its own beside its script or in the current folder.
pub(super) fn offer_module(workplace: &Workplace, command_line: &[OsString]) {
    let script = command_line.iter().map(Path::new).find(|word| word.is_file()).and_then(Path::parent);
    let folders: Vec<&Path> = script.into_iter().chain([workplace.folder.as_path()]).collect();
    trace::offer_module(&folders);
}

/// What a measured process is.
pub(super) enum Role<'a> {
    /// The one that `minicov run` started: it merges what all have left behind, warns and reports.
    Main,
    /// One that a measured program started.
    Child(&'a Handover),
}

/// Sets up everything between booting the interpreter and running its program.
pub(super) fn begin_measuring(
    workplace: &Workplace,
    settings: &RunSettings,
    core: &Core,
    layout: &Layout,
    role: &Role,
) -> Result<(), UserError> {
    let script_folder = match role {
        Role::Main => layout.script_folder.clone(),
        // A child is measured by the rule of its parent, wherever its own script lies.
        Role::Child(handover) => handover.script_folder.clone(),
    };
    let folders = folders(workplace, layout, script_folder.clone());
    let selection =
        Selection::new(&settings.selection, &folders).map_err(|error| UserError::new(error.to_string()))?;
    let needs = needs(settings);
    let header = RunHeader {
        edges: needs.edges && (needs.sides || (core.has_offsets && trace::SIDES_HAVE_EVENTS)),
        vectors: needs.vectors,
        ..header(workplace, settings, &selection, &folders, layout)
    };
    let header = match role {
        Role::Main => header,
        Role::Child(handover) => {
            RunHeader { run: handover.journal_header.run.clone(), is_child: true, ..header }
        }
    };
    let journal = JournalWriter::create(JournalFolder::beside(&workplace.data_file), header.clone())
        .map_err(|error| {
            UserError::new(error.to_string()).hint("give --data-file a place where files can be written")
        })?;
    let journal = Arc::new(journal);
    let _ = ENDING.set(Ending {
        workplace: workplace.clone(),
        journal: Arc::clone(&journal),
        process: match role {
            Role::Main => process::id(),
            Role::Child(handover) => handover.main_process,
        },
        report: settings.report,
        rcfile: settings.rcfile.clone(),
        source_packages: selection.source_packages().to_vec(),
        unneeded: settings.unneeded.clone(),
    });
    let detail = if needs.sides { BranchDetail::Sides } else { BranchDetail::Steps };
    let branches = needs.edges.then_some(detail);
    trace::begin(selection, branches, settings.dynamic_contexts, core, journal);
    if let Some(file) = &settings.unneeded {
        let unneeded = impacted::unneeded(file)?;
        Python::attach(|py| python::make_selection_plugin(py, &unneeded))
            .map_err(|error| UserError::new(error.to_string()))?;
    }
    let watched = Python::attach(|py| {
        if settings.dynamic_contexts.are_of_tests() {
            trace::watch_uses(py, &workplace.folder, &layout.prefixes)
        } else {
            Ok(())
        }
    });
    watched.map_err(|error| UserError::new(error.to_string()))?;
    trace::record_trouble_from_panics();
    if let Role::Child(Handover { parent_context, .. }) = role
        && !parent_context.is_empty()
    {
        trace::start_in_context(parent_context);
    }
    if !python::ffi::at_exit(finish) {
        return Err(UserError::new("the interpreter takes no further exit functions"));
    }
    Python::attach(|py| (core.install)(py, branches, settings.dynamic_contexts))
        .map_err(|error| UserError::new(error.to_string()))?;
    measure_children(workplace, settings, script_folder, header, role);
    Ok(())
}

/// What a run's journals begin with.
pub(super) fn header(
    workplace: &Workplace,
    settings: &RunSettings,
    selection: &Selection,
    folders: &Folders,
    layout: &Layout,
) -> RunHeader {
    RunHeader {
        python: python::version(),
        branches: needs(settings).edges,
        context: settings.context.clone(),
        source_folders: texts(selection.source_folders().iter().cloned()),
        package_folders: package_folders(selection, folders, layout),
        namespace_packages: settings.namespace_packages,
        relative_files: settings.relative_files,
        edges: false,
        vectors: false,
        include: None,
        omit: settings.selection.omit.clone(),
        folder: workplace.folder.to_string_lossy().into_owned(),
        run: format!("{}-{}", process::id(), nanoseconds_now()),
        replaces: settings.impacted,
        follows_tests: settings.dynamic_contexts.are_of_tests(),
        is_child: false,
        search_path: texts(layout.search_path.iter().cloned()),
    }
}

/// Since the epoch.
fn nanoseconds_now() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |duration| duration.as_nanos())
}

/// From now on programs that this process starts are measured, too.
fn measure_children(
    workplace: &Workplace,
    settings: &RunSettings,
    script_folder: Option<PathBuf>,
    journal_header: RunHeader,
    role: &Role,
) {
    let folder = JournalFolder::beside(&workplace.data_file);
    let armed = std::env::current_exe().map_err(|error| error.to_string()).and_then(|minicov| {
        processes::arm(&match role {
            Role::Child(handover) => Handover {
                minicov,
                minor: LINKED_MINOR,
                // Its own children are told where they are started.
                parent_context: String::new(),
                ..(*handover).clone()
            },
            Role::Main => Handover {
                minicov,
                minor: LINKED_MINOR,
                main_process: process::id(),
                workplace: workplace.clone(),
                script_folder,
                settings: RunSettings { erase: false, ..settings.clone() },
                journal_header: for_agent(journal_header, settings),
                bootstrap: folder.bootstrap(),
                agent_only: false,
                parent_context: String::new(),
            },
        })
    });
    if let Err(reason) = armed {
        // Told when the run has ended.
        let _ = folder.leave_note(&format!("child processes were not measured: {reason}"));
    }
}

/// What the agent's journals begin with. With sources, include patterns do not count.
pub(super) fn for_agent(header: RunHeader, settings: &RunSettings) -> RunHeader {
    let selection = &settings.selection;
    let include = if selection.names_sources() { Vec::new() } else { selection.include.clone() };
    RunHeader { include: Some(include), is_child: true, ..header }
}

/// Called by CPython when it has finalised: no Python code runs any more in this process.
extern "C" fn finish() {
    // A panic has been noted by the session's hook; it must not unwind into CPython.
    let _ = std::panic::catch_unwind(|| {
        if let Some(ending) = ENDING.get() {
            ending.finish();
        }
    });
}

impl Ending {
    fn finish(&self) {
        processes::disarm();
        if Session::is_broken() {
            return;
        }
        python::ffi::lift_limits();
        let first = process::id() == self.process;
        if let Some(trouble) = Session::trouble() {
            if first {
                ui::warn(&ui::MEASURING_STOPPED, format!("measuring stopped early: {trouble}"));
            } else {
                // A child's standard error is its program's alone.
                let note = format!("a child process was measured in part: {trouble}");
                let _ = JournalFolder::beside(&self.workplace.data_file).leave_note(&note);
            }
        }
        if !first && is_alive(self.process) {
            // The main process merges what this one leaves, with that of all others at once.
            return;
        }
        let mut collected = Collected::default();
        if let Some(journal) = self.journal.own() {
            collected += collect::own(&self.workplace, journal);
        }
        if first {
            if let Some(file) = &self.unneeded {
                // The program may have removed it.
                let _ = std::fs::remove_file(file);
            }
            collected += collect::orphans(&self.workplace);
            self.tell(&collected);
            if self.report {
                print_report(&self.workplace, self.rcfile.as_deref());
            }
        }
    }

    fn tell(&self, collected: &Collected) {
        match self.journal.processes_left_out() {
            0 => (),
            1 => left_out("1 forked process could not open a journal, so what it ran is lost"),
            count => left_out(&format!(
                "{count} forked processes could not open a journal, so what they ran is lost"
            )),
        }
        for file in Session::unnameable_files() {
            let shown = self.workplace.shown(&file);
            ui::warn(&ui::UNNAMEABLE_FILE, format!("{shown} was not measured: its name is not UTF-8"));
        }
        tell_of_data(collected, &self.source_packages);
    }
}

/// Warns of data that is not there.
pub(super) fn tell_of_data(collected: &Collected, source_packages: &[String]) {
    for package in source_packages.iter().filter(|package| !collected.packages.contains(*package)) {
        ui::warn(
            &ui::MODULE_NOT_IMPORTED,
            format!("{package} is no folder, and no Python code of a module of that name ran"),
        );
    }
    if collected.is_empty() {
        ui::warn(&ui::NO_DATA_COLLECTED, "no data was collected: none of the code to be measured ran");
    }
}

/// Reports in a process of its own: this one has no interpreter left to compile with.
pub(super) fn print_report(workplace: &Workplace, rcfile: Option<&Path>) {
    let started = std::env::current_exe().and_then(|minicov| {
        Command::new(minicov)
            .args(["report", "--format=console"])
            .arg("--data-file")
            .arg(&workplace.data_file)
            .args(rcfile.iter().flat_map(|file| [OsStr::new("--rcfile"), file.as_os_str()]))
            .current_dir(&workplace.folder)
            .status()
    });
    if let Err(error) = started {
        ui::error(&UserError::new(format!("couldn't start the report: {error}")));
    }
}

fn left_out(message: &str) {
    ui::warn(&ui::DATA_LOST, message);
}

/// Whether a process lives.
fn is_alive(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

/// The kinds of events that the metrics asked for judge by.
fn needs(settings: &RunSettings) -> Needs {
    let asked = [
        (true, metrics::LINE),
        (settings.branch || settings.mcdc, metrics::BRANCH),
        (settings.mcdc, metrics::CONDITION),
        (settings.mcdc, metrics::MCDC),
    ];
    asked
        .into_iter()
        .filter(|(asked, _)| *asked)
        .map(|(_, metric)| metric.needs())
        .fold(Needs::default(), Needs::union)
}

fn explain_environment(error: &EnvironmentError) -> UserError {
    let message = error.to_string();
    match error {
        EnvironmentError::NothingOnPath => UserError::new(message)
            .hint("activate a virtual environment, or name the interpreter with --python PATH"),
        EnvironmentError::NotExecutable(_)
        | EnvironmentError::Silent { .. }
        | EnvironmentError::NotPython3(_) => {
            UserError::new(message).hint("--python PATH names another interpreter")
        }
    }
}

/// Hands over to the minicov for Python 3.`minor`; returns if there is none, or an error if it cannot be started.
pub(super) fn start_sibling(minor: u8) -> Option<UserError> {
    let path = sibling(minor)?;
    let error = Command::new(&path).args(std::env::args_os().skip(1)).exec();
    Some(UserError::new(format!("couldn't start {}: {error}", path.display())))
}

/// The minicov for Python 3.`minor` in the folder of this one.
pub(super) fn sibling(minor: u8) -> Option<PathBuf> {
    let own = std::env::current_exe().and_then(|path| path.canonicalize()).ok()?;
    let path = own.parent()?.join(format!("minicov3.{minor}"));
    // A link to ourselves would start itself for ever.
    (path.canonicalize().ok()? != own).then_some(path)
}

fn folders(workplace: &Workplace, layout: &Layout, script: Option<PathBuf>) -> Folders {
    Folders {
        current: workplace.folder.clone(),
        script,
        prefixes: layout.prefixes.clone(),
        library_folder: layout.library_folder.clone(),
        versioned_name: format!("python3.{LINKED_MINOR}"),
    }
}

/// The folders or files of the source packages, where the search path has them.
fn package_folders(selection: &Selection, folders: &Folders, layout: &Layout) -> Vec<String> {
    let start = folders.script.iter().chain([&folders.current]);
    let search: Vec<&PathBuf> = start.chain(&layout.search_path).collect();
    texts(selection.source_packages().iter().filter_map(|package| find_package(package, &search)))
}

/// Paths as JSON can hold them.
fn texts(paths: impl Iterator<Item = PathBuf>) -> Vec<String> {
    paths.filter_map(|path| path.to_str().map(str::to_owned)).collect()
}

/// The folder of a package, or the file of a module.
fn find_package(name: &str, search: &[&PathBuf]) -> Option<PathBuf> {
    let relative: PathBuf = name.split('.').collect();
    search.iter().find_map(|folder| {
        let package = folder.join(&relative);
        let module = folder.join(&relative).with_extension("py");
        [(package.join("__init__.py").is_file(), package), (module.is_file(), module)]
            .into_iter()
            .find_map(|(there, path)| there.then_some(path))
    })
}

/// As `exit()` takes it: the low eight bits.
pub(super) fn exit_code(status: i32) -> ExitCode {
    ExitCode::from(status.to_le_bytes()[0])
}
