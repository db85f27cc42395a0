//! What the label of a context says of a test.

use super::project::is_python;

/// What pytest's phases add to a test's id.
const PHASES: [&str; 3] = ["|setup", "|run", "|teardown"];

/// The test that a context belongs to; none for what ran outside any.
pub(super) fn of_context(label: &str) -> Option<&str> {
    let phase = PHASES.iter().find(|phase| label.ends_with(**phase));
    let test = &label[..label.len() - phase.map_or(0, |phase| phase.len())];
    (!test.is_empty()).then_some(test)
}

/// The file that a test is in, as its id says: pytest's ids begin with a path.
pub(super) fn file(test: &str) -> Option<&str> {
    let (file, _) = test.split_once("::")?;
    (!file.is_empty()).then_some(file)
}

/// The id without parameters: that of all tests which one function makes.
pub(super) fn function(test: &str) -> &str {
    match test.split_once("::") {
        Some((file, rest)) => match rest.find('[') {
            Some(at) => &test[..file.len() + 2 + at],
            None => test,
        },
        None => test,
    }
}

/// Whether the test is a docstring, as far as its id tells: `pkg/module.py::pkg.module.function`. What doctest calls its tests
/// and unittest its own cannot be told apart.
pub(super) fn may_be_docstring(test: &str) -> bool {
    let Some((file, name)) = test.split_once("::") else { return true };
    let stem = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".py");
    let name = name.split('[').next().unwrap_or(name);
    name.contains('.') || name == stem || !is_python(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_pytests() {
        assert_eq!(of_context("tests/a.py::t[x|y]|run"), Some("tests/a.py::t[x|y]"));
        assert_eq!(of_context(""), None);
        assert_eq!(file("tests/a.py::C::t[b::c]"), Some("tests/a.py"));
        assert_eq!(file("mine"), None);
        assert_eq!(function("tests/a.py::C::t[b::c]"), "tests/a.py::C::t");
        assert_eq!(function("t[1]/a.py::t"), "t[1]/a.py::t");
        assert!(may_be_docstring("a/b.py::a.b.c") && may_be_docstring("README.rst::README.rst"));
        assert!(may_be_docstring("a.b.c") && !may_be_docstring("a/b.py::C::t[1.5]"));
    }
}
