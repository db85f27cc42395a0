//! coverage.py's JSON report (format 3), whoever wrote it.

use std::collections::BTreeSet;

use serde_json::Value;

/// A parsed report.
#[derive(Debug)]
pub(crate) struct CoverageJson(pub(crate) Value);

/// Two texts to compare, ours first. Where edges are complete (3.14 and newer), a JSON report of ours says more than
/// coverage.py's of each file: then both are read, and that is left out.
pub(crate) fn comparable(ours: &str, theirs: &str) -> [String; 2] {
    let texts = [ours, theirs];
    if ours.starts_with('{') && ours.contains("\"minicov\": {") {
        texts.map(|text| CoverageJson::parse(text).normalised())
    } else {
        texts.map(str::to_owned)
    }
}

impl CoverageJson {
    #[track_caller]
    pub(crate) fn parse(text: &str) -> Self {
        match serde_json::from_str(text) {
            Ok(value) => Self(value),
            Err(error) => panic!("no JSON: {error}\n{text}"),
        }
    }

    /// The report as text without what differs by its nature: who wrote it, and when.
    pub(crate) fn normalised(mut self) -> String {
        // What coverage.py's report does not have.
        for file in self.0["files"].as_object_mut().unwrap().values_mut() {
            for key in ["minicov", "mcdc"] {
                file.as_object_mut().unwrap().shift_remove(key);
            }
        }
        self.0["totals"].as_object_mut().unwrap().shift_remove("mcdc");
        for key in ["version", "timestamp"] {
            self.0["meta"][key] = Value::from("*");
        }
        serde_json::to_string_pretty(&self.0).unwrap()
    }

    pub(crate) fn files(&self) -> Vec<String> {
        self.0["files"].as_object().unwrap().keys().cloned().collect()
    }

    /// A list of lines of a file: `executed_lines`, `missing_lines`, `excluded_lines`.
    #[track_caller]
    pub(crate) fn lines(&self, file: &str, key: &str) -> Vec<u32> {
        let value = &self.0["files"][file][key];
        assert!(value.is_array(), "no {key} of {file}; there are {:?}", self.files());
        lines(value)
    }

    /// A list of branches of a file: `executed_branches`, `missing_branches`.
    #[track_caller]
    pub(crate) fn ways(&self, file: &str, key: &str) -> BTreeSet<(u32, i64)> {
        let value = &self.0["files"][file][key];
        let ways =
            value.as_array().unwrap_or_else(|| panic!("no {key} of {file}; there are {:?}", self.files()));
        ways.iter().map(|way| (way[0].as_u64().unwrap() as u32, way[1].as_i64().unwrap())).collect()
    }

    /// A list of any kind of a file, each item as it stands in the report: `executed_branches` and the like, too.
    #[track_caller]
    pub(crate) fn items(&self, file: &str, key: &str) -> BTreeSet<String> {
        let value = &self.0["files"][file][key];
        let items =
            value.as_array().unwrap_or_else(|| panic!("no {key} of {file}; there are {:?}", self.files()));
        items.iter().map(Value::to_string).collect()
    }
}

/// A JSON list of line numbers.
pub(crate) fn lines(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|line| line.as_u64().unwrap() as u32).collect()
}
