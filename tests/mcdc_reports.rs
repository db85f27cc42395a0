//! What reports show of MC/DC, at the user's edge: whole outputs.

use crate::harness::Project;

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
