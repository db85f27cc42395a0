//! Names of files as they may stand in a report.

use std::borrow::Cow;

use crate::ui::is_printable;

/// The name with `?` for each character that could act on a terminal, break a format of lines or make XML malformed, or doesn't show.
pub(super) fn printable(name: &str) -> Cow<'_, str> {
    if name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().map(|c| if is_printable(c) { c } else { '?' }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_act_on_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\r\u{202e}\u{a0}\u{2028}b"), "a?[31m????b");
        assert_eq!(printable("пример 'é\u{301}\\\"字.py"), "пример 'é\u{301}\\\"字.py");
    }
}
