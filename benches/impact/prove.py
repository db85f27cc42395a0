"""The mutation proof; README.md says what is done."""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path

import edits

HERE = Path(__file__).resolve().parent
LIMIT = 60
SEED = 8

DATA_TESTS = """
import json
from pathlib import Path

HERE = Path(__file__).parent


def test_numbers():
    assert json.loads((HERE / "proof_data" / "numbers.json").read_text()) == [12345678, 90123456]


def test_words():
    with open(HERE / "proof_data" / "words.txt") as file:
        assert file.read() == "one 1 two 2 three 3 four 4 five 5\\n"
"""

PACKAGES = {
    "toolz-1.2.0": {"source": "toolz,tlz", "tests": "toolz/tests", "path": "", "code": ["toolz", "tlz"]},
    "pluggy-1.7.0": {"source": "src/pluggy,testing", "tests": "testing", "path": "src", "code": ["src/pluggy", "testing"]},
}


class Package:
    def __init__(self, name, arguments, work):
        self.settings, self.name, self.arguments = PACKAGES[name], name, arguments
        self.root = work / name
        shutil.copytree(Path(arguments.packages) / name, self.root)
        tests = self.root / self.settings["tests"]
        (tests / "test_proof_data.py").write_text(DATA_TESTS)
        (tests / "proof_data").mkdir()
        (tests / "proof_data" / "numbers.json").write_text("[12345678, 90123456]\n")
        (tests / "proof_data" / "words.txt").write_text("one 1 two 2 three 3 four 4 five 5\n")
        # The packages' own settings for coverage.py stay out of it.
        (work / "empty.ini").write_text("")
        # A file made in the run's own second would be taken for the program's work.
        time.sleep(1.1)
        code = [path for folder in self.settings["code"] for path in sorted((self.root / folder).rglob("*.py"))]
        code = [str(path.relative_to(self.root)) for path in code if "proof_data" not in path.name]
        self.sources = [name for name in code if "sandbox" not in name]
        base = self.settings["tests"] + "/proof_data/"
        self.data_files = [base + "numbers.json", base + "words.txt"]

    def environment(self, **more):
        inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        venv = str(Path(self.arguments.python).parent.parent)
        path = os.pathsep.join(str(part) for part in (self.root / self.settings["path"], HERE))
        fixed = {"PYTHONPATH": path, "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "VIRTUAL_ENV": venv}
        return inherited | fixed | more

    def run(self, *words, limit=None, **environment):
        return subprocess.run(
            words, cwd=self.root, env=self.environment(**environment), capture_output=True, text=True, timeout=limit
        )

    def pytest(self, *words, plugins=()):
        """What came of the suite; None if it did not end."""
        out = self.root.parent / "outcomes.json"
        out.unlink(missing_ok=True)
        command = [self.arguments.python, "-m", "pytest", "-q", "--tb=no", "-p", "outcomes_plugin", *plugins]
        try:
            self.run(*command, *words, self.settings["tests"], limit=LIMIT, OUTCOMES=str(out))
        except subprocess.TimeoutExpired:
            return None
        return json.loads(out.read_text()) if out.exists() else {"ran": [], "failed": [], "broken": [""]}

    def record(self):
        minicov = [self.arguments.minicov, "run", "--rcfile", "../empty.ini", "--contexts=test"]
        source = ["--source", self.settings["source"], "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        done = self.run(*minicov, *source, self.settings["tests"])
        assert done.returncode == 0, done.stdout + done.stderr
        plain = self.pytest("-p", "no:cacheprovider")
        assert not plain["failed"] and not plain["broken"], plain
        self.known = set(plain["ran"])
        done = self.run(self.arguments.minicov, "impact", "--rcfile", "../empty.ini", "--json")
        said = json.loads(done.stdout)
        assert not said["tests"], said["tests"][:3]
        if self.arguments.testmon:
            self.pytest("--testmon")
            shutil.copy(self.root / ".testmondata", self.root.parent / "testmondata")

    def selected(self):
        done = self.run(self.arguments.minicov, "impact", "--rcfile", "../empty.ini", "--json")
        said = json.loads(done.stdout)
        tests = {test["id"] for test in said["tests"]}
        files = {unit["name"] for unit in said["run"] if unit["whole_file"]}
        return {test for test in self.known if test in tests or test.split("::")[0] in files}

    def run_by_testmon(self):
        for path in self.root.glob(".testmondata*"):
            path.unlink()
        shutil.copy(self.root.parent / "testmondata", self.root / ".testmondata")
        return self.pytest("--testmon", "--testmon-nocollect")


def failing(package, outcome):
    """The tests that fail; all of a file that breaks, and all where pytest itself does."""
    failed = set(outcome["failed"])
    for file in outcome["broken"]:
        failed |= {test for test in package.known if not file or test.startswith(file.split("::")[0])}
    if not outcome["ran"] and not outcome["broken"]:
        failed |= package.known
    return failed & package.known


def prove(package, drawn, log):
    figures = Counter()
    for number, edit in enumerate(drawn):
        path = package.root / edit.path
        before = path.read_text()
        path.write_text(edit.text)
        try:
            selected = package.selected()
            is_all = selected == package.known and not package.arguments.testmon
            # Where everything would run, nothing can be missed.
            outcome = {"ran": [], "failed": [], "broken": ["-"]} if is_all else package.pytest("-p", "no:cacheprovider")
            if outcome is None:
                figures["did not end"] += 1
                continue
            failed = failing(package, outcome)
            missed = failed - selected
            figures["edits"] += 1
            figures["edits of kind " + edit.kind] += 1
            figures["edits that select everything"] += is_all
            figures["edits with failures, of the others"] += bool(failed)
            figures["failures"] += len(failed)
            figures["missed by minicov"] += len(missed)
            figures["edits missed by minicov"] += bool(missed)
            figures["selected by minicov"] += len(selected)
            figures["known"] += len(package.known)
            record = {"number": number, "package": package.name, "kind": edit.kind, "path": edit.path, "line": edit.line,
                      "before": edit.before, "after": edit.after, "failed": None if is_all else len(failed), "selected": len(selected),
                      "known": len(package.known), "missed": sorted(missed)}
            if package.arguments.testmon:
                theirs = package.run_by_testmon()
                if theirs is None:
                    figures["testmon did not end"] += 1
                else:
                    ran = set(theirs["ran"]) | failing(package, theirs)
                    missed = failed - ran
                    figures["missed by testmon"] += len(missed)
                    figures["edits missed by testmon"] += bool(missed)
                    figures["run by testmon"] += len(ran & package.known)
                    record |= {"ran_by_testmon": len(ran & package.known), "missed_by_testmon": sorted(missed)}
            log.write(json.dumps(record) + "\n")
            log.flush()
        finally:
            path.write_text(before)
    return figures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minicov", required=True)
    parser.add_argument("--python", required=True)
    parser.add_argument("--packages", required=True)
    parser.add_argument("--only", choices=sorted(PACKAGES))
    parser.add_argument("--edits", type=int, default=160, help="of each package")
    parser.add_argument("--testmon", action="store_true")
    parser.add_argument("--log", default="proof.jsonl")
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else sorted(PACKAGES):
        with tempfile.TemporaryDirectory(prefix="minicov-proof-") as work, open(arguments.log, "a") as log:
            package = Package(name, arguments, Path(work))
            package.record()
            drawn = edits.draw(package.root, package.sources, package.data_files, arguments.edits, SEED)
            figures = prove(package, drawn, log)
            print(name, json.dumps(figures, indent=1), flush=True)


if __name__ == "__main__":
    main()
