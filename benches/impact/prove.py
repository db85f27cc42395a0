"""The mutation proof; README.md says what is done."""

import argparse
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import edits

HERE = Path(__file__).resolve().parent
LIMIT = 120
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

    def pytest(self, *words, limit=LIMIT):
        """What came of the suite; None if it did not end."""
        out = self.root.parent / "outcomes.json"
        out.unlink(missing_ok=True)
        command = [self.arguments.python, "-m", "pytest", "-q", "--tb=no", "-p", "outcomes_plugin"]
        try:
            self.run(*command, *words, self.settings["tests"], limit=limit, OUTCOMES=str(out))
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
            theirs = self.pytest("--testmon", limit=None)
            assert set(theirs["ran"]) == self.known and not theirs["failed"], theirs
            shutil.copy(self.root / ".testmondata", self.root.parent / "testmondata")
            theirs = self.run_by_testmon()
            assert theirs == {"ran": [], "failed": [], "broken": []}, theirs

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


def of_broken_files(package, outcome):
    """A file that can't be imported fails all of its tests; where pytest itself breaks, all do."""
    files = [file.split("::")[0] for file in outcome["broken"]]
    return {test for test in package.known if any(not file or test.startswith(file) for file in files)}


def outcomes(package):
    """Which tests fail, and which pytest-testmon does not run: nothing that minicov has a part in."""
    outcome = package.pytest("-p", "no:cacheprovider")
    if outcome is None:
        return {"ended": False}
    failed = set(outcome["failed"]) & package.known | of_broken_files(package, outcome)
    if not outcome["ran"] and not outcome["broken"]:
        failed = package.known
    record = {"ended": True, "known": len(package.known), "failed": sorted(failed)}
    if package.arguments.testmon:
        theirs = package.run_by_testmon()
        record["testmon_ended"] = theirs is not None
        if theirs is not None:
            ran = set(theirs["ran"]) & package.known | of_broken_files(package, theirs)
            record |= {"ran_by_testmon": len(ran), "missed_by_testmon": sorted(failed - ran)}
    return record


def prove(package, drawn, log):
    known = {json.dumps(record["edit"]): record for record in read(log)}
    with log.open("a") as lines:
        for number, edit in enumerate(drawn):
            key = {"package": package.name, "number": number, "kind": edit.kind, "path": edit.path, "line": edit.line,
                   "before": edit.before, "after": edit.after}
            record = known.get(json.dumps(key))
            if record and not package.arguments.again:
                continue
            path = package.root / edit.path
            before = path.read_text()
            path.write_text(edit.text)
            try:
                record = record or {"edit": key} | outcomes(package)
                if record["ended"]:
                    selected = package.selected()
                    record |= {"selected": len(selected), "missed": sorted(set(record["failed"]) - selected)}
            finally:
                path.write_text(before)
            lines.write(json.dumps(record) + "\n")
            lines.flush()


def read(log):
    """What is known of each edit, the last of it."""
    lines = log.read_text().splitlines() if log.exists() else []
    return list({json.dumps(record["edit"]): record for record in map(json.loads, lines)}.values())


def table(records):
    """Rows for README.md: of each package, of each kind, and of all."""
    groups = {name: [record for record in records if record["edit"]["package"] == name] for name in sorted(PACKAGES)}
    groups |= {kind: [record for record in records if record["edit"]["kind"] == kind] for kind in edits.KINDS}
    groups["all"] = records
    yield "| edits | number | with failures | failures | missed by minicov | selected by minicov | missed by pytest-testmon | run by pytest-testmon |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for name, group in groups.items():
        group = [record for record in group if record["ended"]]
        if not group:
            continue
        theirs = [record for record in group if record.get("testmon_ended")]

        def missed(records, key):
            tests = [len(record[key]) for record in records]
            return f"{sum(tests)} (after {sum(map(bool, tests))} edits)" if sum(tests) else "0"

        def share(records, key):
            return f"{sum(record[key] for record in records) / sum(record['known'] for record in records):.1%}"

        cells = [name, len(group), sum(bool(record["failed"]) for record in group), sum(len(record["failed"]) for record in group),
                 missed(group, "missed"), share(group, "selected")]
        cells += [missed(theirs, "missed_by_testmon"), share(theirs, "ran_by_testmon")] if theirs else ["", ""]
        yield "| " + " | ".join(map(str, cells)) + " |"
    yield f"\nLeft out, because the suite did not end: {sum(not record['ended'] for record in records)}."
    yield f"pytest-testmon did not end: {sum(not record.get('testmon_ended', True) for record in records)}."


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minicov")
    parser.add_argument("--python")
    parser.add_argument("--packages")
    parser.add_argument("--only", choices=sorted(PACKAGES))
    parser.add_argument("--edits", type=int, default=160, help="of each package")
    parser.add_argument("--testmon", action="store_true")
    parser.add_argument("--log", type=Path, default=Path("proof.jsonl"))
    parser.add_argument("--again", action="store_true", help="ask minicov once more, and keep what the suites said")
    parser.add_argument("--table", action="store_true", help="print what the log has, and run nothing")
    arguments = parser.parse_args()
    if not arguments.table and not (arguments.minicov and arguments.python and arguments.packages):
        parser.error("--minicov, --python and --packages are needed")
    for name in [] if arguments.table else [arguments.only] if arguments.only else sorted(PACKAGES):
        with tempfile.TemporaryDirectory(prefix="minicov-proof-") as work:
            package = Package(name, arguments, Path(work))
            package.record()
            drawn = edits.draw(package.root, package.sources, package.data_files, arguments.edits, SEED)
            prove(package, drawn, arguments.log)
    print(*table(read(arguments.log)), sep="\n")


if __name__ == "__main__":
    main()
