use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{CORES, MINOR, Project, build_python, repository};

/// Runs every program in the folder, in one process.
const RUN_ALL: &str = "\
import glob, runpy, warnings
warnings.simplefilter('ignore')
for path in sorted(glob.glob('*.py')):
    try:
        runpy.run_path(path, run_name='__main__')
    except BaseException:
        pass
";

/// What a chained comparison is: one condition, or one for each of its comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chains {
    Whole,
    Split,
}

impl Chains {
    const ALL: [Self; 2] = [Self::Whole, Self::Split];

    /// The words that ask minicov, and the judge, for it.
    fn words(self) -> [&'static [&'static str]; 2] {
        match self {
            Self::Whole => [&[], &[]],
            Self::Split => [&["--split-chained-comparisons"], &["--split"]],
        }
    }
}

/// What minicov says of each program, by file name.
fn reported(project: &Project, chains: Chains) -> BTreeMap<String, Value> {
    let words = ["report", "--mcdc=unique-cause+masking", "--format", "json", "-o", "-"];
    let outcome = project.minicov(&words).args(chains.words()[0]).run();
    outcome.success().stderr("");
    let report: Value = serde_json::from_str(&outcome.stdout).unwrap();
    report["files"].as_object().unwrap().iter().map(|(name, file)| (name.clone(), file.clone())).collect()
}

/// What the independent judge says.
fn judged(project: &Project, chains: Chains) -> BTreeMap<String, Vec<Value>> {
    let mut programs: Vec<String> = fs::read_dir(project.root())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "py"))
        .collect();
    programs.sort();
    let judge = repository().join("tests/oracles/mcdc_judge.py");
    let outcome = project
        .command(build_python())
        .args(["-W", "ignore", judge.to_str().unwrap()])
        .args(chains.words()[1])
        .args(["judged.json"])
        .args(&programs)
        .run();
    outcome.success();
    serde_json::from_str(&fs::read_to_string(project.path("judged.json")).unwrap()).unwrap()
}

fn place(value: &Value) -> String {
    let keys = ["line", "col", "end_line", "end_col"];
    let numbers: Vec<String> = if let Some(list) = value.as_array() {
        list.iter().map(Value::to_string).collect()
    } else {
        keys.iter().map(|key| value[key].to_string()).collect()
    };
    numbers.join(" ")
}

fn sorted(vectors: &Value) -> Vec<String> {
    let mut rows: Vec<String> = vectors.as_array().unwrap().iter().map(Value::to_string).collect();
    rows.sort();
    rows
}

/// What came of a comparison.
#[derive(Default)]
struct Comparison {
    programs: usize,
    decisions: usize,
    differences: String,
    /// Decisions that ran and could not be measured.
    not_measurable: Vec<String>,
}

impl Comparison {
    #[track_caller]
    fn assert_none(&self) {
        let lines: Vec<&str> = self.differences.lines().collect();
        assert!(lines.is_empty(), "{} differences, first {:#?}", lines.len(), &lines[..lines.len().min(20)]);
    }

    fn file(&mut self, name: &str, ours: &Value, theirs: &[Value]) {
        self.programs += 1;
        let empty = Vec::new();
        let decisions = ours["mcdc"]["decisions"].as_array().unwrap_or(&empty);
        let mut decisions: BTreeMap<String, &Value> =
            decisions.iter().map(|decision| (place(decision), decision)).collect();
        let conditions = ours["minicov"]["conditions"].as_array().unwrap_or(&empty);
        let conditions: BTreeMap<String, &Value> = conditions
            .iter()
            .map(|condition| (format!("{} {}", place(condition), condition["kind"]), condition))
            .collect();
        for decision in theirs {
            self.decisions += 1;
            let at = place(&decision["place"]);
            let of_decision = decision["conditions"].as_array().unwrap();
            let mut is_measurable = true;
            if of_decision.len() > 1 {
                let Some(own) = decisions.remove(&at) else {
                    let _ = writeln!(self.differences, "{name} {at}: no such decision");
                    continue;
                };
                is_measurable = own["measurable"] == true;
                let ends_idly = !is_measurable
                    && own["reason"].as_str().unwrap().starts_with("nothing depends on condition");
                if decision["ends_idly"] != ends_idly {
                    let _ = writeln!(self.differences, "{name} {at}: ends idly: {ends_idly}");
                }
                if is_measurable {
                    self.decision(name, &at, own, decision);
                } else if !ends_idly && !decision["vectors"].as_array().unwrap().is_empty() {
                    self.not_measurable.push(format!("{name} {at}: {}", own["reason"]));
                }
            }
            for condition in of_decision {
                let key = format!("{} {}", place(&condition["place"]), decision["context"]);
                let own = conditions.get(&key).map_or(&Value::Null, |own| *own);
                let ran = condition["true"] == true || condition["false"] == true;
                if own["true"].is_null() && !condition["true"].is_null() {
                    if is_measurable && ran {
                        self.not_measurable.push(format!("{name} {key}: condition"));
                    }
                } else if own["true"] != condition["true"] || own["false"] != condition["false"] {
                    let _ = writeln!(self.differences, "{name} {key}: {own} and not {condition}");
                }
            }
        }
        for at in decisions.keys() {
            let _ = writeln!(self.differences, "{name} {at}: a decision for minicov only");
        }
    }

    fn decision(&mut self, name: &str, at: &str, own: &Value, theirs: &Value) {
        let differences = &mut self.differences;
        if own["context"] != theirs["context"] {
            let _ = writeln!(differences, "{name} {at}: context {}", own["context"]);
        }
        let conditions = own["conditions"].as_array().unwrap();
        let counts = conditions.iter().any(|condition| !condition["masking"].is_null());
        let (ours, judged) = (sorted(&own["vectors"]), sorted(&theirs["vectors"]));
        if counts && ours != judged {
            let _ = writeln!(differences, "{name} {at}: vectors {ours:?}\n    and not {judged:?}");
        }
        let theirs = theirs["conditions"].as_array().unwrap();
        if conditions.len() != theirs.len() {
            let _ = writeln!(differences, "{name} {at}: {} conditions", conditions.len());
        }
        let pairs = own["pairs"].as_array().unwrap();
        for (number, (own, theirs)) in conditions.iter().zip(theirs).enumerate() {
            // The third form has no key of its own: whether there is a pair tells, as it was asked for.
            let (judged, mixed) = (&own["masking"], !pairs[number].is_null());
            let mixed = if judged.is_null() { Value::Null } else { mixed.into() };
            let verdicts = ["text", "masking", "unique_cause"].map(|key| (key, &own[key]));
            for (key, own) in verdicts.into_iter().chain([("unique_cause+masking", &mixed)]) {
                if *own != theirs[key] {
                    let theirs = &theirs[key];
                    let _ = writeln!(
                        differences,
                        "{name} {at}: condition {}: {key} {own} and not {theirs}",
                        number + 1
                    );
                }
            }
        }
    }
}

/// What the judge says of the project's programs, each way.
fn judged_each_way(project: &Project) -> [(Chains, BTreeMap<String, Vec<Value>>); 2] {
    Chains::ALL.map(|chains| (chains, judged(project, chains)))
}

/// Runs the programs of the project under minicov once, and compares with what the judge said.
fn compare(
    project: &Project,
    core: &str,
    judged: &[(Chains, BTreeMap<String, Vec<Value>>)],
) -> Vec<(Chains, Comparison)> {
    compare_with(&[], project, core, judged)
}

/// The same with more options.
fn compare_with(
    options: &[&str],
    project: &Project,
    core: &str,
    judged: &[(Chains, BTreeMap<String, Vec<Value>>)],
) -> Vec<(Chains, Comparison)> {
    project.file("all/run.py", RUN_ALL);
    let words = [&["--mcdc", "--erase", "--source", "."], options, &["all/run.py"]].concat();
    project.run(core, &words).success();
    let compare = |(chains, judged): &(Chains, BTreeMap<String, Vec<Value>>)| {
        let ours = reported(project, *chains);
        let mut comparison = Comparison::default();
        for (name, decisions) in judged {
            comparison.file(name, ours.get(name).unwrap_or(&Value::Null), decisions);
        }
        (*chains, comparison)
    };
    judged.iter().map(compare).collect()
}

/// Whether a fixture's name says that it needs a newer Python: `py314_….py`.
fn is_for_newer(name: &str) -> bool {
    name.strip_prefix("py3")
        .and_then(|rest| rest.split('_').next()?.parse::<u8>().ok())
        .is_some_and(|minor| minor > MINOR)
}

fn fixtures() -> Project {
    fixtures_called("")
}

/// Those whose names begin with this.
fn fixtures_called(prefix: &str) -> Project {
    let project = Project::new();
    for entry in fs::read_dir(repository().join("fixtures/mcdc")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if name.starts_with(prefix) && !is_for_newer(name) {
            project.file(name, fs::read(&path).unwrap());
        }
    }
    project
}

/// The decisions that ran and that should have been measured.
fn unexplained(comparison: &Comparison) -> Vec<&String> {
    let explained = |decision: &String| {
        // Python 3.11 compiles the copy of that `finally` for exceptions so that both ways are one.
        MINOR == 11 && decision.starts_with("finally_unhandled.py 5 11 5 25")
            // `c or 1` as an arm: whatever `c` is, control goes on in one way.
            || decision.starts_with("ternary_arms_end_with_constants.py")
                && decision.ends_with("is the same whether it is true or false\"")
    };
    comparison.not_measurable.iter().filter(|decision| !explained(decision)).collect()
}

#[test]
fn every_construct_is_judged_as_by_an_independent_judge() {
    let project = fixtures();
    let judged = judged_each_way(&project);
    for core in CORES {
        for (chains, comparison) in compare(&project, core, &judged) {
            assert!(comparison.decisions > 200, "only {} decisions", comparison.decisions);
            comparison.assert_none();
            assert_eq!(unexplained(&comparison), Vec::<&String>::new(), "core {core}, {chains:?}");
        }
    }
}

/// Switches contexts within evaluations that began before any context was known.
const SWITCHING: &str = "\
try:
    from minicov import switch_context
except ImportError:
    switch_context = print
def g():
    while True:
        yield 1 if ((yield 'a') or (yield 'b')) and (yield 'c') else 0
def begun(*sent):
    one = g()
    next(one)
    for value in sent:
        one.send(value)
    return one
begun(1, 1), begun(0, 0)
by_a, in_b, at_c = begun(1), begun(0), begun(1)
switch_context('first')
by_a.send(0)
begun(0, 1)
in_b.send(1)
switch_context('second')
at_c.send(1)
in_b.send(0)
begun(0, 1, 1)
";

#[test]
fn decisions_are_judged_alike_where_contexts_change() {
    let project = fixtures_called("tree_until_");
    project.file("switching.py", SWITCHING);
    let judged = judged_each_way(&project);
    for core in CORES {
        for (chains, comparison) in compare_with(&["--contexts=test"], &project, core, &judged) {
            comparison.assert_none();
            assert_eq!(unexplained(&comparison), Vec::<&String>::new(), "core {core}, {chains:?}");
        }
        // Contexts that only the program knows of.
        project.run(core, &["--mcdc", "--erase", "switching.py"]).success();
        for (chains, judged) in &judged {
            let mut comparison = Comparison::default();
            let ours = &reported(&project, *chains)["switching.py"];
            comparison.file("switching.py", ours, &judged["switching.py"]);
            comparison.assert_none();
            assert_eq!(comparison.decisions, 2);
        }
    }
}

/// A tree and a chain of diamonds with more conditions than a machine word has bits, or a stack has room for.
#[test]
fn thousands_of_conditions_are_judged() {
    let project = Project::new();
    let flat: Vec<String> = (0..10_000).map(|number| format!("v[{number}]")).collect();
    let pairs: Vec<String> =
        (0..100).map(|number| format!("(v[{}] or v[{}])", 2 * number, 2 * number + 1)).collect();
    let tree = "f([0] * 10000); f([0] * 9999 + [1]); f([1])";
    let diamonds = "g([1, 0] * 100); g([0, 1] * 100); g([0, 0]); g([1, 0] * 99 + [0, 0])";
    let program = format!(
        "def f(v):\n    return 1 if {} else 0\ndef g(v):\n    return 1 if {} else 0\n{tree}\n{diamonds}\n",
        flat.join(" or "),
        pairs.join(" and ")
    );
    project.file("many.py", program);
    project.run(CORES[0], &["--mcdc", "many.py"]).success();
    let reported = reported(&project, Chains::Whole);
    let decisions = reported["many.py"]["mcdc"]["decisions"].as_array().unwrap();
    let shown = |decision: &Value| -> Vec<usize> {
        let conditions = decision["conditions"].as_array().unwrap();
        (0..conditions.len()).filter(|number| conditions[*number]["masking"] == true).collect()
    };
    assert_eq!(shown(&decisions[0]), [0, 9999]);
    // The last pair was seen true and false with all before it true, and so was the first.
    assert_eq!(shown(&decisions[1]), [0, 1, 198, 199]);
    assert_eq!(decisions[1]["vectors"].as_array().unwrap().len(), 4);
}

/// How many random programs run in one process.
const BATCH: usize = 250;

/// Random programs. `MINICOV_MCDC_PROGRAMS=SEED:COUNT` for other ones and more, `SEED:` for ever new ones until a difference
/// is found; `SEED:COUNT:CORE` for one core only.
#[test]
#[expect(clippy::disallowed_methods, reason = "a variable of the test, not of the product")]
fn random_programs_are_judged_as_by_an_independent_judge() {
    let wanted = std::env::var("MINICOV_MCDC_PROGRAMS").unwrap_or_else(|_| "1:40".to_owned());
    let (seed, count) = wanted.split_once(':').unwrap();
    let (count, only) = count.split_once(':').unwrap_or((count, ""));
    let mut left = if count.is_empty() { usize::MAX } else { count.parse().unwrap() };
    let mut number = 0;
    while left > 0 {
        let count = left.min(BATCH);
        random_batch(&format!("{seed}.{number}"), count, |core| only.is_empty() || core == only);
        left -= count;
        number += 1;
    }
}

fn random_batch(seed: &str, count: usize, is_wanted: impl Fn(&str) -> bool) {
    let project = Project::new();
    write_random(&project, seed, &count.to_string());
    let judged = judged_each_way(&project);
    for core in CORES.iter().filter(|core| is_wanted(core)) {
        for (chains, comparison) in compare(&project, core, &judged) {
            eprintln!(
                "{core} {seed}: {} programs, chains {chains:?}, {} decisions, not measurable: {:?}",
                comparison.programs, comparison.decisions, comparison.not_measurable
            );
            assert!(comparison.programs * 20 >= count * 19, "only {} programs", comparison.programs);
            comparison.assert_none();
            // Constants in odd places.
            let unexplained = unexplained(&comparison);
            assert!(unexplained.len() * 100 <= comparison.decisions, "{unexplained:?}");
        }
    }
}

fn write_random(project: &Project, seed: &str, count: &str) {
    let writer = repository().join("tests/oracles/mcdc_programs.py");
    let folder: &Path = project.root();
    let words = ["-W", "ignore", writer.to_str().unwrap(), seed, count, folder.to_str().unwrap()];
    project.command(build_python()).args(words).run().success();
}
