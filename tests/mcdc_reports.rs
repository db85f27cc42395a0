//! What reports show of MC/DC, at the user's edge: whole outputs.

use std::fs;

use serde_json::{Value, json};

use crate::harness::{Project, repository};

/// A decision of which two conditions are shown, one that never runs, and one with coupled conditions.
const PROGRAM: &str = "\
def pay(member, total, coupon):
    if (member or total > 10) and not coupon:
        return 1
    return 0


def never(a, b):
    return 1 if a and b else 0


def coupled(a, b, c):
    return 1 if a and b or a and c else 0


pay(True, 5, False)
pay(False, 5, False)
pay(False, 20, False)
coupled(True, True, False)
";

fn project() -> Project {
    let project =
        Project::with(&[("shop.py", PROGRAM), ("plain.py", "x = 1\n"), ("run.py", "import plain, shop\n")]);
    project.minicov(&["run", "--mcdc", "--source", ".", "run.py"]).run().success().stdout("").stderr("");
    project
}

#[test]
fn the_tables_have_columns_and_name_what_is_not_shown() {
    let project = project();
    project.minicov(&["report", "-m"]).run().success().stderr("").stdout(
        "\
Name       Stmts   Miss Branch BrPart  Conds  Shown  MC/DC  Cover   Missing
---------------------------------------------------------------------------
plain.py       1      0      0      0      0      0      -   100%
run.py         1      0      0      0      0      0      -   100%
shop.py       12      1      2      0      9      2    22%    93%   8
---------------------------------------------------------------------------
TOTAL         14      1      2      0      9      2    22%    94%

shop.py:2: `coupon` of `(member or total > 10) and not coupon` not shown
shop.py:12: `a` (condition 1), `b`, `a` (condition 3), `c` of `a and b or a and c` not shown
",
    );
    let words =
        ["report", "--format=markdown", "-m", "--skip-covered", "--mcdc=unique-cause", "--precision=1"];
    project.minicov(&words).run().success().stderr("").stdout(
        "\
| Name      |    Stmts |     Miss |   Branch |   BrPart |    Conds |    Shown |     MC/DC |     Cover |   Missing |
|---------- | -------: | -------: | -------: | -------: | -------: | -------: | --------: | --------: | --------: |
| shop.py   |       12 |        1 |        2 |        0 |        9 |        2 |     22.2% |     92.9% |         8 |
| **TOTAL** |   **14** |    **1** |    **2** |    **0** |    **9** |    **2** | **22.2%** | **93.8%** |           |

- shop.py:2: `coupon` of `(member or total > 10) and not coupon` not shown
- shop.py:12: `a` \\(condition 1\\), `b`, `c` of `a and b or a and c` not shown
- shop.py:12: `a` \\(condition 3\\) of `a and b or a and c` cannot be shown

2 files skipped due to complete coverage.
",
    );
    project.minicov(&["report", "--format=total"]).run().success().stderr("").stdout("94\n");
    let sorted = project.minicov(&["report", "--sort=-mcdc"]).run();
    sorted.success();
    let names: Vec<&str> = sorted.stdout.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(names[2..5], ["run.py", "plain.py", "shop.py"]);
}

/// Which tests brought about which evaluations, of a decision that edges tell of and of one whose evaluations are recorded.
#[test]
fn evaluations_name_their_contexts() {
    let program = "\
import sys


def f(a, b, c):
    first = 1 if a and b and c else 0
    return 1 if (a or b) and c else first


for letters in sys.argv[1:]:
    f(*(letter == 'T' for letter in letters))
";
    let project = Project::with(&[("code.py", program)]);
    let runs = [("one", "TTT"), ("two", "TTT TFF"), ("three", "FFT TFF"), ("", "FTT")];
    for (context, calls) in runs {
        let mut words = vec!["run", "--mcdc"];
        if !context.is_empty() {
            words.extend(["--context", context]);
        }
        words.push("code.py");
        words.extend(calls.split(' '));
        project.minicov(&words).run().success();
    }
    let json = |words: &[&str]| -> Value {
        let outcome = project.minicov(&[&["json", "-q", "-o", "-"][..], words].concat()).run();
        serde_json::from_str(&outcome.success().stdout).unwrap()
    };
    // A judge of its own: the conditions that Python evaluates, and what follows.
    let tree = |a: bool, b: bool, c: bool| json!([a, a.then_some(b), (a && b).then_some(c), a && b && c]);
    let diamond =
        |a: bool, b: bool, c: bool| json!([a, (!a).then_some(b), (a || b).then_some(c), (a || b) && c]);
    let told = json(&["--show-contexts"]);
    let decisions = told["files"]["code.py"]["mcdc"]["decisions"].as_array().unwrap();
    assert_eq!(decisions.len(), 2);
    let judges: [&dyn Fn(bool, bool, bool) -> Value; 2] = [&tree, &diamond];
    for (decision, judge) in decisions.iter().zip(judges) {
        let rows = decision["vectors"].as_array().unwrap();
        assert_eq!(rows.len(), 4 - usize::from(decision["line"] == 5), "{decision}");
        for (row, contexts) in rows.iter().zip(decision["contexts"].as_array().unwrap()) {
            let ran = |calls: &&str| {
                let truths: Vec<bool> = calls.chars().map(|letter| letter == 'T').collect();
                judge(truths[0], truths[1], truths[2]) == *row
            };
            let mut expected: Vec<&str> = runs
                .iter()
                .filter(|(_, calls)| calls.split(' ').any(|calls| ran(&calls)))
                .map(|(context, _)| *context)
                .collect();
            expected.sort_unstable();
            assert_eq!(*contexts, json!(expected), "{row}");
        }
    }
    // Of the contexts that are selected alone, and not where nobody asks.
    let told = json(&["--show-contexts", "--contexts=two"]);
    for decision in told["files"]["code.py"]["mcdc"]["decisions"].as_array().unwrap() {
        assert_eq!(decision["contexts"], json!([["two"], ["two"]]), "{decision}");
    }
    assert_eq!(json(&[])["files"]["code.py"]["mcdc"]["decisions"][0].get("contexts"), None);
    // On the terminal.
    let listed = project.minicov(&["mcdc", "code.py:6", "--show-contexts"]).run().success().stdout.clone();
    let lines: Vec<&str> = listed.lines().filter(|line| line.contains(": seen in ")).collect();
    assert_eq!(
        lines,
        [
            "  row 1: seen in three",
            "  row 2: seen in (no context)",
            "  row 3: seen in three, two",
            "  row 4: seen in one, two"
        ],
        "{listed}"
    );
    assert!(!project.minicov(&["mcdc", "code.py:6"]).run().success().stdout.contains("seen in"));
}

#[test]
fn demands_on_mcdc_are_judged_as_other_totals_are() {
    let project = project();
    let report = |words: &[&str]| project.minicov(&["report", "--format=total"]).args(words).run();
    report(&["--fail-under-mcdc=22"]).success().stderr("").stdout("94\n");
    // 2 of 9 are 22.22 %.
    report(&["--fail-under-mcdc=22.3"])
        .code(2)
        .stderr("minicov: error: coverage failure: MC/DC of 22.2 is less than fail-under-mcdc=22.3\n");
    project.file("pyproject.toml", "[tool.minicov.thresholds]\n'shop.py' = { mcdc = 50 }\n");
    report(&[])
        .code(2)
        .stderr("minicov: error: coverage failure: MC/DC of shop.py is 22, less than its threshold of 50\n");
    project.file("pyproject.toml", "");
    project.minicov(&["run", "--erase", "--source", ".", "run.py"]).run().success();
    for words in [&["--fail-under-mcdc=1"][..], &["--mcdc"]] {
        report(words).code(1).stderr(
            "minicov: error: there is no data on MC/DC\nminicov: hint: record it with minicov run --mcdc\n",
        );
    }
    report(&["--sort=conds"]).code(1).stderr(
        "minicov: error: can't sort by MC/DC, because it was not measured\n\
         minicov: hint: measure it with minicov run --mcdc\n",
    );
}

#[test]
fn decisions_are_listed_with_what_a_test_must_do() {
    let project = project();
    let all = project.minicov(&["mcdc", "--missing"]).run();
    all.success().stderr("").stdout(
        "\
shop.py:2:8-44
  if: (member or total > 10) and not coupon

  1  member      ✓ shown by rows 1 and 3
  2  total > 10  ✓ shown by rows 1 and 2
  3  coupon      ✗ not shown: needs w1, with row 2

  row  1  2  3  outcome  shows
  1    F  F  –  F        1, 2
  2    F  T  F  T        2
  3    T  –  F  T        1
  w1   T  –  T  F        3

  w1: a test must make `member` true and `coupon` true

shop.py:8:17-23
  ifexp: a and b

  1  a  ✗ not shown: needs w1 and w2
  2  b  ✗ not shown: needs w1 and w3

  row  1  2  outcome  shows
  w1   T  T  T        1, 2
  w2   F  –  F        1
  w3   T  F  F        2

  w1: a test must make `a` true and `b` true
  w2: a test must make `a` false
  w3: a test must make `a` true and `b` false

shop.py:12:17-34
  ifexp: a and b or a and c

  1  a  ✗ not shown: needs w1, with row 1
  2  b  ✗ not shown: needs w2, with row 1
  3  a  ✗ not shown: needs w3 and w1
  4  c  ✗ not shown: needs w3 and w2

  row  1  2  3  4  outcome  shows
  1    T  T  –  –  T
  w1   F  –  F  –  F        1, 3
  w2   T  F  T  F  F        2, 4
  w3   T  F  T  T  T        3, 4

  w1: a test must make `a` false
  w2: a test must make `a` true, `b` false and `c` false
  w3: a test must make `a` true, `b` false and `c` true

2 of 9 conditions in 3 decisions shown, 22% (masking MC/DC)
",
    );
    // A line, in another form: no row differs from row 1 in one of them only.
    let outcome = project.minicov(&["mcdc", "--form=unique-cause", "shop.py:12"]).run();
    outcome.success();
    assert!(outcome.stdout.contains("\n  3  a  ✗ cannot be shown\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.ends_with("\n0 of 4 conditions in 1 decision shown, 0% (unique-cause MC/DC)\n"));

    let proof = "1 and 3 are the same expression; of the 4 evaluations there can be, it decides in T F T T when true and \
                 in F – F – when false, and between these 1 changes as well";
    assert!(outcome.stdout.contains(&format!("\n  3: {proof}\n")), "{}", outcome.stdout);
    let json = project.minicov(&["mcdc", "--form=unique-cause", "--json", "shop.py:12"]).run();
    let list: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(list["files"]["shop.py"]["decisions"][0]["proofs"], json!([null, null, proof, null]));
    // It is still told where it does not count.
    project.file("pyproject.toml", "[tool.minicov]\nexclude_infeasible = true\n");
    let outcome = project.minicov(&["mcdc", "--form=unique-cause", "shop.py:12"]).run();
    assert!(outcome.stdout.contains("\n  3  a  ✗ cannot be shown\n"), "{}", outcome.stdout);
    assert!(outcome.stdout.ends_with("\n0 of 3 conditions in 1 decision shown, 0% (unique-cause MC/DC)\n"));
    project.file("pyproject.toml", "");

    // For tools: what the JSON report has, and what is wanted.
    let outcome = project.minicov(&["mcdc", "--json", "shop.py:2"]).run();
    outcome.success().stderr("");
    let list: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let mut decision = list["files"]["shop.py"]["decisions"][0].clone();
    assert_eq!(decision["wanted"], json!([[true, null, true, false]]));
    assert_eq!(decision["plans"], json!([null, null, [3, 1]]));
    assert_eq!(decision["text"], "(member or total > 10) and not coupon");
    let members = decision.as_object_mut().unwrap();
    for own in ["wanted", "plans", "proofs", "text"] {
        members.remove(own);
    }
    let report = project.minicov(&["json", "-o", "-"]).run();
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert_eq!(decision, report["files"]["shop.py"]["mcdc"]["decisions"][0]);
}

#[test]
fn what_is_not_measurable_is_listed_with_the_reason() {
    let program = "def f(a, b):\n    if a:\n        assert a and b\n    return 1\n\n\nf(1, 1)\n";
    let project = Project::with(&[("odd.py", program)]);
    project.minicov(&["run", "--mcdc", "-O", "odd.py"]).run().success();
    project.minicov(&["mcdc", "--missing"]).run().success().stdout(
        "\
odd.py:3:16-22
  assert: a and b
  not measurable: the code that ran was compiled otherwise: pytest rewrites assertions, and python -O leaves them out

  1  a  ? not measurable
  2  b  ? not measurable

0 of 0 conditions in 1 decision shown, 100% (masking MC/DC); 1 decision not measurable
",
    );
    project.minicov(&["report", "-m"]).run().success().stdout(
        "\
Name     Stmts   Miss Branch BrPart  Conds  Shown  MC/DC  Cover   Missing
-------------------------------------------------------------------------
odd.py       5      1      2      1      0      0      -    71%   3
-------------------------------------------------------------------------
TOTAL        5      1      2      1      0      0      -    71%

1 decision not measurable: minicov mcdc --missing tells why.
",
    );
}

#[test]
fn decisions_that_are_not_there_are_refused_with_what_is() {
    let project = project();
    for (words, told) in [
        (&["shp.py"][..], "there is no data on shp.py\nminicov: hint: did you mean shop.py?"),
        (
            &["absent/x.py"],
            "there is no data on absent/x.py\nminicov: hint: minicov report lists the files there is data on",
        ),
        (
            &["plain.py:1"],
            "plain.py:1: no decision with several conditions is there\nminicov: hint: plain.py has none at all",
        ),
        (
            &["shop.py:4"],
            "shop.py:4: no decision with several conditions is there\nminicov: hint: the nearest begin on 2, 8, 12",
        ),
        (
            &["shop.py:0"],
            "shop.py:0: no decision with several conditions is there\nminicov: hint: the nearest begin on 2, 8, 12",
        ),
    ] {
        let outcome = project.minicov(&["mcdc"]).args(words).run();
        outcome.code(1).stdout("").stderr(&format!("minicov: error: {told}\n"));
    }
    project
        .minicov(&["mcdc", "plain.py"])
        .run()
        .success()
        .stdout("0 of 0 conditions in 0 decisions shown, 100% (masking MC/DC)\n");
}

/// What JSON says of a project as halves: conditions twice, and how often they are shown.
fn shown_in_json(project: &Project) -> (u64, u64) {
    let report = project.minicov(&["json", "-o", "-"]).run();
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    let of = |key: &str| report["totals"]["mcdc"][key].as_u64().unwrap();
    (of("num_conditions"), of("covered_conditions"))
}

#[test]
fn the_tracefile_has_records_of_mcdc() {
    let project = project();
    project.minicov(&["lcov", "-q"]).run().success();
    let tracefile = fs::read_to_string(project.path("coverage.lcov")).unwrap();
    let records: Vec<&str> = tracefile.lines().filter(|line| line.starts_with("MC")).collect();
    assert_eq!(
        records[..8],
        [
            "MCDC:2,3,f,1,0,member",
            "MCDC:2,3,t,1,0,member",
            "MCDC:2,3,f,1,1,total > 10",
            "MCDC:2,3,t,1,1,total > 10",
            "MCDC:2,3,f,1,2,coupon",
            "MCDC:2,3,t,0,2,coupon",
            "MCDC:8,2,f,0,0,a",
            "MCDC:8,2,t,0,0,a",
        ]
    );
    assert_eq!(records[records.len() - 2..], ["MCF:18", "MCH:7"]);
    let (conditions, shown) = shown_in_json(&project);
    let halves = records.iter().filter(|record| record.starts_with("MCDC:"));
    assert_eq!(halves.count() as u64, 2 * conditions);
    // Where conditions are shown as a pair only, a half is nothing.
    project.minicov(&["lcov", "-q", "--mcdc=unique-cause"]).run().success();
    let tracefile = fs::read_to_string(project.path("coverage.lcov")).unwrap();
    assert!(tracefile.contains(&format!("\nMCF:18\nMCH:{}\n", 2 * shown)), "{tracefile}");

    // LCOV of 2.2 or newer reads it. Its check of consistency knows no `def` lines, which run before their functions do.
    let genhtml = |words: &[&str]| project.command("genhtml").args(words).run();
    if std::process::Command::new("genhtml").arg("--version").output().is_err()
        || !genhtml(&["--help"]).stdout.contains("--mcdc-coverage")
    {
        eprintln!("skipped: no genhtml that knows MC/DC is installed");
        return;
    }
    let words =
        ["--mcdc-coverage", "--ignore-errors", "inconsistent,inconsistent", "-o", "html", "coverage.lcov"];
    let outcome = genhtml(&words);
    outcome.success();
    assert!(outcome.stdout.contains(&format!("({} of 18 MC/DCs)", 2 * shown)), "{}", outcome.stdout);
}

#[test]
fn conditions_of_one_line_are_one_group() {
    let program = "def f(a, b, c):\n    return (1 if a and b else 2) if b and c else (\n        3 if a\n        or b else 4)\n\n\nf(1, 1, 0)\n";
    let project = Project::with(&[("line.py", program)]);
    project.minicov(&["run", "--mcdc", "line.py"]).run().success();
    let tracefile = project.minicov(&["lcov", "-o", "-"]).run().stdout.clone();
    let records: Vec<&str> = tracefile.lines().filter(|line| line.starts_with("MCDC:")).collect();
    assert_eq!(records.len(), 12);
    for (number, record) in records.iter().enumerate() {
        let sense = ["f", "t"][number % 2];
        assert!(record.starts_with(&format!("MCDC:2,6,{sense},")), "{record}");
        assert!(record.contains(&format!(",{},", number / 2)), "{record}");
    }
}

#[test]
fn the_xml_has_conditions_that_cobertura_knows() {
    let project = project();
    let xml = project.minicov(&["xml", "-q", "-o", "-"]).run().stdout.clone();
    let line = xml.split("<line number=\"2\"").nth(1).unwrap().split("</line>").next().unwrap();
    assert_eq!(
        line.replace('\t', ""),
        " hits=\"1\" branch=\"true\" condition-coverage=\"100% (2/2)\">\n\
         <conditions>\n\
         <condition number=\"0\" type=\"mcdc\" coverage=\"100%\"/>\n\
         <condition number=\"1\" type=\"mcdc\" coverage=\"100%\"/>\n\
         <condition number=\"2\" type=\"mcdc\" coverage=\"50%\"/>\n\
         </conditions>\n"
    );
    assert_eq!(xml.matches("<condition ").count() as u64, shown_in_json(&project).0);
    project.file("plain.xml", xml);
    let dtd = repository().join("fixtures/readers/coverage-04.dtd");
    if std::process::Command::new("xmllint").arg("--version").output().is_ok() {
        let words = ["--noout", "--dtdvalid", dtd.to_str().unwrap(), "plain.xml"];
        project.command("xmllint").args(words).run().success().stderr("");
    }
}

/// With one comment behind the decision that lacks `coupon`, and one before it.
fn justified(behind: &str, before: &str) -> Project {
    let program = PROGRAM
        .replace("not coupon:\n", &format!("not coupon:  # {behind}\n"))
        .replace("    if (member", &format!("    # {before}\n    if (member"));
    let project = Project::with(&[("shop.py", &*program)]);
    project.minicov(&["run", "--mcdc", "shop.py"]).run().success();
    project
}

#[test]
fn justified_conditions_are_shown_as_such() {
    let project = justified("pragma: mcdc justified(c3): coupons are gone", "plain");
    let outcome = project.minicov(&["mcdc", "shop.py:3"]).run();
    outcome.success().stderr("");
    assert!(
        outcome.stdout.contains("\n  3  coupon      ○ justified: coupons are gone\n"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains("w1"), "no test is asked for: {}", outcome.stdout);
    assert!(
        outcome.stdout.ends_with("2 of 3 conditions in 1 decision shown, 67% (masking MC/DC); 1 justified\n"),
        "{}",
        outcome.stdout
    );
    let table = project.minicov(&["report", "-m"]).run();
    let line =
        "\nshop.py:3: `coupon` of `(member or total > 10) and not coupon` justified: coupons are gone\n";
    assert!(table.stdout.contains(line), "{}", table.stdout);
    let lcov = project.minicov(&["lcov", "-o", "-"]).run();
    assert!(
        lcov.stdout.contains("\nMCDC:3,3,t,0,2,coupon (justified: coupons are gone)\n"),
        "{}",
        lcov.stdout
    );
    let json = |project: &Project| -> Value {
        serde_json::from_str(&project.minicov(&["json", "-o", "-"]).run().stdout).unwrap()
    };
    let report = json(&project);
    let decision = &report["files"]["shop.py"]["mcdc"]["decisions"][0];
    assert_eq!(
        (&decision["missing"], &decision["conditions"][2]["justified"]),
        (&json!([]), &json!("coupons are gone"))
    );
    let summary = |report: &Value| {
        let summary = &report["totals"]["mcdc"];
        json!([summary["num_conditions"], summary["covered_conditions"], summary["justified_conditions"]])
    };
    assert_eq!(summary(&report), json!([9, 2, 1]));
    project.file("pyproject.toml", "[tool.minicov]\nexclude_justified = true\n");
    assert_eq!(summary(&json(&project)), json!([8, 2, 1]));
    assert!(!project.minicov(&["lcov", "-o", "-"]).run().stdout.contains("coupon"));
    let outcome = project.minicov(&["mcdc", "shop.py:3"]).run();
    assert!(outcome.stdout.contains("○ justified: coupons are gone\n"), "{}", outcome.stdout);
}

#[test]
fn a_file_of_justifications_has_authors_and_dates() {
    let project = project();
    let entry = |decision: &str, condition: &str| {
        format!(
            "[[justified]]\nfile = 'shop.py'\ndecision = '{decision}'\nconditions = ['{condition}']\n\
             reason = 'coupons are gone'\nauthor = 'Ada'\ndate = 2026-11-23\n"
        )
    };
    let decision = "(member or total > 10)  and not coupon";
    project.file("pyproject.toml", "[tool.minicov]\njustifications = 'reviewed.toml'\n");
    project.file("reviewed.toml", entry(decision, "c3"));
    let outcome = project.minicov(&["mcdc", "shop.py:2"]).run();
    outcome.success().stderr("");
    assert!(
        outcome.stdout.contains("○ justified: coupons are gone (Ada, 2026-11-23)\n"),
        "{}",
        outcome.stdout
    );

    for (entry, told) in [
        (entry(decision, "c1"), "shop.py:2: the justification is for c1 (member), which is shown"),
        (
            entry("member and coupon", "c1"),
            "reviewed.toml:1: the justification is for `member and coupon`, which shop.py has no more",
        ),
        (entry(decision, "c9"), "reviewed.toml:1: the justification names c9, and the decision has c1 to c3"),
        (
            entry(decision, "c3").replace("shop.py", "gone.py"),
            "reviewed.toml:1: the justification is for gone.py, which is not there",
        ),
    ] {
        project.file("reviewed.toml", entry);
        let outcome = project.minicov(&["report", "--format=total"]).run();
        outcome.success().stderr(&format!("minicov: warning: {told} [stale-justification]\n"));
    }

    project.file("reviewed.toml", entry(decision, "c3").replace("author", "autor"));
    project.minicov(&["report"]).run().code(1).stderr(
        "minicov: error: reviewed.toml:6: there is no key autor: did you mean author?\n\
         minicov: hint: an entry is a table [[justified]] with the keys file, decision, conditions, reason, author, date\n",
    );
}

#[test]
fn justifications_that_are_of_no_use_are_told() {
    for (behind, before, told) in [
        (
            "pragma: mcdc justified(c2): why",
            "plain",
            "shop.py:3: the justification is for c2 (total > 10), which is shown",
        ),
        (
            "plain",
            "pragma: mcdc justified(c4): why",
            "shop.py:2: the justification names c4, and the decision has c1 to c3",
        ),
        ("PRAGMA: MCDC JUSTIFIED(c3)", "plain", "shop.py:3: the justification has no reason behind a colon"),
    ] {
        let project = justified(behind, before);
        project
            .minicov(&["report", "--format=total"])
            .run()
            .success()
            .stderr(&format!("minicov: warning: {told} [stale-justification]\n"));
    }
    let project = Project::with(&[(
        "a.py",
        "def f(a, b):\n    return 1 if a and b else 0\n\n\n# pragma: mcdc justified: why\n\nf(1, 0)\n",
    )]);
    project.minicov(&["run", "--mcdc", "a.py"]).run().success();
    project.minicov(&["report", "--format=total"]).run().success().stderr(
        "minicov: warning: a.py:5: the justification stands at no decision of several conditions [stale-justification]\n",
    );
}

/// A chain that makes a diamond, one that is a decision only where it is split, and one that is a value.
const CHAINS: &str = "\
def within(low, x, high, force):
    if low <= x < high or force:
        return x == low
    if low < (high) < x:
        return low <= high <= x
    return None


within(0, 1, 2, False)
within(0, -1, 2, False)
within(0, 3, 2, False)
";

#[test]
fn chained_comparisons_are_split_by_option_after_the_run() {
    let project = Project::with(&[("chains.py", CHAINS)]);
    project.minicov(&["run", "--mcdc", "chains.py"]).run().success();
    project.minicov(&["mcdc"]).run().success().stderr("").stdout(
        "\
chains.py:2:8-31
  if: low <= x < high or force

  1  low <= x < high  ✓ shown by rows 1 and 2
  2  force            ✗ not shown: needs w1, with row 1

  row  1  2  outcome  shows
  1    F  F  F        1
  2    T  –  T        1
  w1   F  T  T        2

  w1: a test must make `low <= x < high` false and `force` true

1 of 2 conditions in 1 decision shown, 50% (masking MC/DC)
",
    );
    let split = "\
chains.py:2:8-31
  if: low <= x < high or force

  1  low <= x  ✓ shown by rows 1 and 3
  2  x < high  ✓ shown by rows 2 and 3
  3  force     ✗ not shown: needs w1, with row 1

  row  1  2  3  outcome  shows
  1    F  –  F  F        1
  2    T  F  F  F        2
  3    T  T  –  T        1, 2
  w1   T  F  T  T        3

  w1: a test must make `low <= x` true, `x < high` false and `force` true

chains.py:4:8-23
  if: low < (high) < x

  1  low < (high)  ✗ not shown: needs w1, with row 2
  2  (high) < x    ✓ shown by rows 1 and 2

  row  1  2  outcome  shows
  1    T  F  F        2
  2    T  T  T        2
  w1   F  –  F        1

  w1: a test must make `low < (high)` false

chains.py:5:16-31
  value: low <= high <= x

  1  low <= high  ✗ not shown: needs w1, with row 1
  2  high <= x    – not tested

  row  1  2  outcome    shows
  1    T  –  its value
  w1   F  –  F          1

  w1: a test must make `low <= high` false

3 of 6 conditions in 3 decisions shown, 50% (masking MC/DC)
";
    project.minicov(&["mcdc", "--split-chained-comparisons"]).run().success().stderr("").stdout(split);
    // As a setting, of every report.
    project.file("pyproject.toml", "[tool.minicov]\nsplit_chained_comparisons = true\n");
    project.minicov(&["mcdc"]).run().success().stderr("").stdout(split);
    let report = project.minicov(&["report", "-m", "--format=console"]).run();
    let gaps = "
chains.py:2: `force` of `low <= x < high or force` not shown
chains.py:4: `low < (high)` of `low < (high) < x` not shown
chains.py:5: `low <= high` of `low <= high <= x` not shown
";
    assert!(report.stdout.contains(" 6      3    50%   100%\n"), "{}", report.stdout);
    assert!(report.stdout.ends_with(gaps), "{}", report.stdout);
    let json = project.minicov(&["json", "-o", "-"]).run();
    let json: Value = serde_json::from_str(&json.stdout).unwrap();
    let file = &json["files"]["chains.py"];
    let place = |condition: &Value| {
        ["line", "col", "end_line", "end_col"].map(|key| condition[key].as_u64().unwrap())
    };
    let decisions = file["mcdc"]["decisions"].as_array().unwrap();
    let places: Vec<_> = decisions[1]["conditions"].as_array().unwrap().iter().map(place).collect();
    assert_eq!(places, [[4, 7, 4, 19], [4, 13, 4, 23]]);
    assert_eq!(
        decisions[0]["vectors"],
        json!([[false, null, false, false], [true, false, false, false], [true, true, null, true]])
    );
    let seen = file["minicov"]["conditions"].as_array().unwrap();
    let texts: Vec<&str> = seen.iter().map(|condition| condition["text"].as_str().unwrap()).collect();
    assert_eq!(
        texts,
        ["low <= x", "x < high", "force", "low < (high)", "(high) < x", "low <= high", "high <= x"]
    );
    let lcov = project.minicov(&["lcov", "-o", "-"]).run();
    let records: Vec<&str> = lcov.stdout.lines().filter(|line| line.starts_with("MC")).collect();
    assert_eq!(
        records[6..10],
        [
            "MCDC:4,2,f,0,0,low < (high)",
            "MCDC:4,2,t,1,0,low < (high)",
            "MCDC:4,2,f,1,1,(high) < x",
            "MCDC:4,2,t,1,1,(high) < x"
        ]
    );
    assert_eq!(records[12..], ["MCF:12", "MCH:9"]);
    project.minicov(&["html", "--single-file", "-q"]).run().success();
    let pages = fs::read_to_string(project.path("htmlcov/index.html")).unwrap();
    let marked = "<mark title=\"never false\">low &lt; (high)</mark> &lt; x:";
    assert!(pages.contains(marked), "{pages}");
}
