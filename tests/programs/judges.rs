//! Those who measure the programs and report: coverage.py with one of its cores, minicov with one of its own.

use crate::harness::{CoverageJson, Outcome, Project};

/// What is run: all programs that can share a process in one, each of the others alone.
pub(super) struct Run {
    pub(super) words: Vec<String>,
    /// What came of it under plain python.
    pub(super) plain: Outcome,
}

/// A tool with one of its cores.
#[derive(Clone, Copy, Debug)]
pub(super) enum Judge {
    CoveragePy(&'static str),
    Minicov(&'static str),
}

impl Judge {
    /// The data file of this judge.
    fn data_file(self) -> String {
        match self {
            Self::CoveragePy(core) => format!("theirs.{core}"),
            Self::Minicov(core) => format!("ours.{core}"),
        }
    }

    /// Runs everything into one data file, and reports.
    pub(super) fn judge(self, project: &Project, runs: &[Run], branches: bool) -> CoverageJson {
        let data_file = format!("--data-file={}", self.data_file());
        for run in runs {
            let mut words = vec!["run", &data_file];
            words.extend(branches.then_some("--branch"));
            match self {
                Self::CoveragePy(core) => {
                    words.push("--append");
                    words.extend(run.words.iter().map(String::as_str));
                    let outcome = project.coverage(&words).env("COVERAGE_CORE", core).run();
                    assert_eq!(outcome.status, run.plain.status, "{:?} under coverage.py", run.words);
                }
                Self::Minicov(core) => {
                    words.extend(["--core", core]);
                    words.extend(run.words.iter().map(String::as_str));
                    project.minicov(&words).run().same_as(&run.plain);
                }
            }
        }
        match self {
            Self::CoveragePy(_) => self.by_coverage_py(project),
            Self::Minicov(_) => self.by_minicov(project),
        }
    }

    /// minicov's report of this judge's data.
    fn by_minicov(self, project: &Project) -> CoverageJson {
        let data_file = format!("--data-file={}", self.data_file());
        let outcome = project.minicov(&["report", &data_file, "--format", "json", "-o", "-"]).run();
        outcome.success().stderr("");
        CoverageJson::parse(&outcome.stdout)
    }

    /// coverage.py's report of this judge's data.
    fn by_coverage_py(self, project: &Project) -> CoverageJson {
        project.coverage_json(&self.data_file())
    }

    /// Whether minicov and coverage.py say the same of this judge's data.
    pub(super) fn is_agreed_on(self, project: &Project, report: CoverageJson) -> bool {
        let other = match self {
            Self::CoveragePy(_) => self.by_minicov(project),
            Self::Minicov(_) => self.by_coverage_py(project),
        };
        report.normalised() == other.normalised()
    }
}
