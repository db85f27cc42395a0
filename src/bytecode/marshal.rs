//! Code objects as CPython writes them to `.pyc` files: its `marshal` format, versions 4 to 6 (CPython 3.11 to 3.15,
//! `Python/marshal.c`, `r_object`).
//!
//! Must not know: files, time stamps. Invariant: from any bytes, what CPython would read from them or an error; what is
//! none of a code object's own fields is passed over.

use std::str;

use crate::model::CodeShape;

/// Set on objects that later ones may refer to.
const FLAG_REF: u8 = 0x80;

/// How deep objects may lie in each other. CPython stops at 2000 (`MAX_MARSHAL_STACK_DEPTH`); no program comes near this.
const MAX_DEPTH: usize = 400;

/// What is no marshalled code object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no marshalled code object: trouble at byte {at}")]
pub(crate) struct MarshalError {
    at: usize,
}

/// Reads a module's code object, with those nested in it.
pub(crate) fn unmarshal(bytes: &[u8]) -> Result<CodeShape, MarshalError> {
    let mut reader = Reader { bytes, at: 0, depth: 0, references: Vec::new() };
    match reader.object() {
        Some(Object::Code(shape)) => Ok(*shape),
        Some(_) | None => Err(MarshalError { at: reader.at }),
    }
}

/// An object, as far as code objects need to know it.
#[derive(Clone)]
enum Object<'a> {
    Bytes(&'a [u8]),
    /// Undecoded.
    Text(&'a [u8]),
    Code(Box<CodeShape>),
    /// The code objects directly in a tuple.
    Tuple(Vec<CodeShape>),
    Other,
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// By their numbers; `Other` while an object is still being read.
    references: Vec<Object<'a>>,
}

impl<'a> Reader<'a> {
    /// `None`: the bytes are no such object.
    fn object(&mut self) -> Option<Object<'a>> {
        let code = self.byte()?;
        // Numbers are given in the order in which objects begin.
        let number = (code & FLAG_REF != 0).then(|| {
            self.references.push(Object::Other);
            self.references.len() - 1
        });
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let object = self.object_of_type(code & !FLAG_REF)?;
        self.depth -= 1;
        if let Some(number) = number {
            self.references[number] = object.clone();
        }
        Some(object)
    }

    fn object_of_type(&mut self, code: u8) -> Option<Object<'a>> {
        match code {
            // None, False, True, StopIteration, Ellipsis.
            b'N' | b'F' | b'T' | b'S' | b'.' => {}
            b'i' => self.skip(4)?,
            b'I' | b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            b'l' => {
                let digits = self.long()?.unsigned_abs();
                self.skip(digits as usize * 2)?;
            }
            // Floats and complex numbers as text.
            b'f' | b'x' => {
                for _ in 0..if code == b'f' { 1 } else { 2 } {
                    let length = self.byte()?;
                    self.skip(length.into())?;
                }
            }
            b's' => {
                let length = self.length()?;
                return self.take(length).map(Object::Bytes);
            }
            b't' | b'u' | b'a' | b'A' => {
                let length = self.length()?;
                return self.take(length).map(Object::Text);
            }
            b'z' | b'Z' => {
                let length = self.byte()?;
                return self.take(length.into()).map(Object::Text);
            }
            b'r' => {
                let number = self.length()?;
                return self.references.get(number).cloned();
            }
            b'(' => {
                let length = self.length()?;
                return self.tuple(length);
            }
            b')' => {
                let length = self.byte()?;
                return self.tuple(length.into());
            }
            b'[' | b'<' | b'>' => {
                for _ in 0..self.length()? {
                    self.object()?;
                }
            }
            // A slice: start, stop and step.
            b':' => {
                for _ in 0..3 {
                    self.object()?;
                }
            }
            b'c' => return self.code(),
            _ => return None,
        }
        Some(Object::Other)
    }

    fn tuple(&mut self, length: usize) -> Option<Object<'a>> {
        let mut children = Vec::new();
        for _ in 0..length {
            if let Object::Code(shape) = self.object()? {
                children.push(*shape);
            }
        }
        Some(Object::Tuple(children))
    }

    fn code(&mut self) -> Option<Object<'a>> {
        // Numbers of arguments of three kinds, and the size of the stack.
        self.skip(4 * 4)?;
        let flags = self.long()?.cast_unsigned();
        let Object::Bytes(code) = self.object()? else { return None };
        let Object::Tuple(children) = self.object()? else { return None };
        // Names, names of variables and their kinds, and the name of the file.
        for _ in 0..4 {
            self.object()?;
        }
        let (Object::Text(name), Object::Text(qualname)) = (self.object()?, self.object()?) else {
            return None;
        };
        let first_line = self.long()?;
        let (Object::Bytes(line_table), Object::Bytes(exception_table)) = (self.object()?, self.object()?)
        else {
            return None;
        };
        Some(Object::Code(Box::new(CodeShape {
            name: text(name),
            qualname: text(qualname),
            first_line,
            flags,
            code: code.to_vec(),
            line_table: line_table.to_vec(),
            exception_table: exception_table.to_vec(),
            children,
        })))
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn long(&mut self) -> Option<i32> {
        let bytes = self.take(4)?;
        bytes.try_into().ok().map(i32::from_le_bytes)
    }

    /// A number of bytes or objects. Those that follow are at least as many bytes.
    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.long()?).ok()
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..)?.get(..length)?;
        self.at += length;
        Some(taken)
    }

    fn skip(&mut self, length: usize) -> Option<()> {
        self.take(length).map(|_| ())
    }
}

/// A name. Surrogates, which CPython lets pass, are no text here, as when they come out of a living code object.
fn text(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes).into_owned(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes: Vec<u8>) {
            let _ = unmarshal(&bytes);
        }

        // Letters of types make objects likely.
        #[test]
        fn no_objects_are_too_odd(bytes in prop::collection::vec(
            prop::sample::select(&b"c)(r[{<:szilNc\xe3\xa9\xf3\0\x01\x02\xff"[..]), 0..400)
        ) {
            let _ = unmarshal(&bytes);
        }
    }

    #[test]
    fn what_lies_too_deep_or_reaches_too_far_is_refused() {
        assert!(unmarshal(&[b"c".as_slice(), &[0; 20], &[b')', 1].repeat(100_000)].concat()).is_err());
        assert!(unmarshal(b"(\xff\xff\xff\x7f").is_err());
        assert!(unmarshal(b"s\xff\xff\xff\xff").is_err());
        assert!(unmarshal(b"r\x00\x00\x00\x00").is_err());
        assert!(unmarshal(b"N").is_err());
    }
}
