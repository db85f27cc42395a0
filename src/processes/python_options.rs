//! What Python's command line says to the bootstrap.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// The option that keeps a Python from importing `sitecustomize` from `PYTHONPATH`: `-I`, `-E` or `-S` (CPython 3.9–3.15,
/// `Python/getopt.c` and `Python/initconfig.c`). `arguments` are those behind the interpreter's name.
pub(crate) fn keeps_bootstrap_out(arguments: &[OsString]) -> Option<char> {
    let mut words = arguments.iter().map(|word| word.as_bytes());
    while let Some(word) = words.next() {
        if word == b"--check-hash-based-pycs" {
            words.next();
            continue;
        }
        let letters = word.strip_prefix(b"-").filter(|letters| !letters.is_empty() && letters[0] != b'-')?;
        for (place, letter) in letters.iter().enumerate() {
            match letter {
                b'I' | b'E' | b'S' => return Some(char::from(*letter)),
                b'c' | b'm' => return None,
                // Their value follows, in the same word or in the next.
                b'W' | b'X' => {
                    if place + 1 == letters.len() {
                        words.next();
                    }
                    break;
                }
                _ => (),
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_end_where_the_program_begins() {
        for (words, expected) in [
            (&["-I", "x.py"][..], Some('I')),
            (&["-uE", "x.py"], Some('E')),
            (&["-X", "dev", "-Wignore", "-S", "x.py"], Some('S')),
            (&["-X", "-I", "x.py"], None),
            (&["-WI", "x.py"], None),
            (&["x.py", "-I"], None),
            (&["-m", "mod", "-I"], None),
            (&["-mI"], None),
            (&["-uc", "print(1)", "-E"], None),
            (&["--check-hash-based-pycs", "never", "-E", "x"], Some('E')),
            (&["-", "-I"], None),
            (&["--", "-I"], None),
            (&[], None),
        ] {
            let arguments: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert_eq!(keeps_bootstrap_out(&arguments), expected, "{words:?}");
        }
    }
}
