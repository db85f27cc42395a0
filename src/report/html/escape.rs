//! Text of unknown origin as HTML: shown, never obeyed.
//!
//! Characters that nobody can see, or that change the order of what stands round them (CVE-2021-42574, "Trojan Source"),
//! are shown by their names.

use std::fmt::Write;

/// Adds `text` as the content of an element.
pub(super) fn push_text(html: &mut String, text: &str) {
    let mut plain = 0;
    for (at, character) in text.char_indices() {
        // Most text is ASCII that needs nothing.
        if matches!(character, ' '..='~' if !matches!(character, '&' | '<' | '>')) || character == '\t' {
            continue;
        }
        let Some(spelling) = Spelling::of(character) else { continue };
        html.push_str(&text[plain..at]);
        plain = at + character.len_utf8();
        match spelling {
            Spelling::Entity(entity) => html.push_str(entity),
            Spelling::Odd => push_odd(html, character),
        }
    }
    html.push_str(&text[plain..]);
}

/// The text as the content of an element.
pub(super) fn text(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    push_text(&mut html, text);
    html
}

/// The text with what cannot be seen by its names, for where there is no markup: a title.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match Spelling::of(character) {
            Some(Spelling::Odd) => shown.push_str(&name_of_odd(character)),
            Some(Spelling::Entity(_)) | None => shown.push(character),
        }
    }
    shown
}

/// How a character is written that cannot stand for itself.
enum Spelling {
    Entity(&'static str),
    /// It can't be seen.
    Odd,
}

impl Spelling {
    fn of(character: char) -> Option<Self> {
        match character {
            '&' => Some(Self::Entity("&amp;")),
            '<' => Some(Self::Entity("&lt;")),
            '>' => Some(Self::Entity("&gt;")),
            '\t' => None,
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{200b}' | '\u{feff}' => {
                Some(Self::Odd)
            }
            character if is_bidi(character) => Some(Self::Odd),
            _ => None,
        }
    }
}

/// Whether a character changes the order in which others are shown (Unicode 16, UAX #9, section 2).
pub(super) fn is_bidi(character: char) -> bool {
    matches!(character, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn push_odd(html: &mut String, character: char) {
    let _ = write!(
        html,
        "<span class=odd title=U+{:04X}>{}</span>",
        u32::from(character),
        name_of_odd(character)
    );
}

/// The picture of a control character, the number of any other.
fn name_of_odd(character: char) -> String {
    let code = u32::from(character);
    // Control pictures stand in the order of the control characters.
    let picture = if code < 0x20 { char::from_u32(0x2400 + code) } else { None };
    picture.map_or_else(|| format!("U+{code:04X}"), String::from)
}

/// JSON for a `<script>` element: no `<`, so that nothing in it ends the element.
pub(super) fn script_json(value: &impl serde::Serialize) -> String {
    let json = serde_json::to_string(value);
    debug_assert!(json.is_ok(), "plain data with string keys: {json:?}");
    json.unwrap_or_default().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_obeyed() {
        for (plain, html) in [
            ("a < b && c > d", "a &lt; b &amp;&amp; c &gt; d"),
            ("</script><!--", "&lt;/script&gt;&lt;!--"),
            ("é\t😀", "é\t😀"),
            ("\u{c}x\u{1b}", "<span class=odd title=U+000C>␌</span>x<span class=odd title=U+001B>␛</span>"),
            ("a\u{202e}b", "a<span class=odd title=U+202E>U+202E</span>b"),
        ] {
            assert_eq!(text(plain), html);
        }
        assert_eq!(visible("<a\n\u{2066}>"), "<a␊U+2066>");
        assert_eq!(script_json(&"</script>"), r#""\u003c/script>""#);
    }
}
