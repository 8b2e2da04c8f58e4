//! Opening a file: what it is, and its bytes with any compression undone.
//!
//! The one idea: formats are told by a file's first bytes, its name only breaks ties. Deliberately
//! absent: archives of several files, which would need a choice.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::str::FromStr;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;

use crate::DataError;

/// A stream of bytes that may be handed to another thread.
pub(crate) type Input = Box<dyn Read + Send>;

/// What separates the cells of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delimiter {
    /// One character of ASCII, such as a comma or a tab.
    Byte(u8),
    /// `::`, of MovieLens' `ratings.dat`.
    DoubleColon,
    /// Any run of spaces and tabs.
    Blanks,
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Byte(b'\t') => f.write_str("tabs"),
            Self::Byte(byte) => write!(f, "'{}'", char::from(*byte)),
            Self::DoubleColon => f.write_str("'::'"),
            Self::Blanks => f.write_str("blanks"),
        }
    }
}

/// The format of a file of data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Text, a row a line, compressed or not.
    Delimited(Delimiter),
    /// Apache Parquet.
    Parquet,
}

impl FromStr for Format {
    type Err = DataError;

    fn from_str(name: &str) -> Result<Self, DataError> {
        Ok(match name {
            "csv" | "," | "comma" => Self::Delimited(Delimiter::Byte(b',')),
            "tsv" | "\t" | "tab" => Self::Delimited(Delimiter::Byte(b'\t')),
            "semicolon" | ";" => Self::Delimited(Delimiter::Byte(b';')),
            "pipe" | "|" => Self::Delimited(Delimiter::Byte(b'|')),
            "space" | " " => Self::Delimited(Delimiter::Blanks),
            "::" | "dat" => Self::Delimited(Delimiter::DoubleColon),
            "parquet" => Self::Parquet,
            _ => {
                return Err(DataError::UnknownFormat {
                    name: name.to_owned(),
                });
            }
        })
    }
}

/// What a file's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text, or compressed text.
    Text,
    /// Apache Parquet.
    Parquet,
}

impl From<Kind> for Format {
    fn from(kind: Kind) -> Self {
        match kind {
            // The delimiter is told from the first lines, later.
            Kind::Text => Self::Delimited(Delimiter::Byte(b',')),
            Kind::Parquet => Self::Parquet,
        }
    }
}

#[derive(Clone, Copy)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

/// Opens a regular file for reading.
pub(crate) fn open(path: &Path) -> Result<File, DataError> {
    let file = File::open(path).map_err(|e| DataError::from_read(path, e))?;
    let kind = file
        .metadata()
        .map_err(|e| DataError::from_read(path, e))?
        .file_type();
    let not_a_file = |what| DataError::NotAFile {
        path: path.to_path_buf(),
        what,
    };
    if kind.is_dir() {
        return Err(not_a_file("a directory"));
    }
    if !kind.is_file() {
        return Err(not_a_file("a pipe or a device"));
    }
    Ok(file)
}

/// Tells text from Parquet, and refuses what is neither.
pub(crate) fn kind(path: &Path) -> Result<Kind, DataError> {
    let mut head = Vec::new();
    open(path)?
        .take(8)
        .read_to_end(&mut head)
        .map_err(|e| DataError::from_read(path, e))?;
    let unsupported = |detail: &str| {
        Err(DataError::Unsupported {
            path: path.to_path_buf(),
            detail: detail.to_owned(),
        })
    };
    match head.as_slice() {
        [] => Err(DataError::Empty {
            path: path.to_path_buf(),
        }),
        [b'P', b'A', b'R', b'1', ..] => Ok(Kind::Parquet),
        [b'P', b'K', 3, 4, ..] => {
            unsupported("a zip archive (or a spreadsheet) is not read; unpack it first")
        }
        [b'B', b'Z', b'h', ..] => unsupported("bzip2 is not read; compress with gzip or zstd"),
        [0xfd, b'7', b'z', b'X', ..] => unsupported("xz is not read; compress with gzip or zstd"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
            unsupported("UTF-16 is not read; convert it by: iconv -f UTF-16 -t UTF-8")
        }
        _ if path.extension().is_some_and(|e| e == "parquet") => Err(DataError::Damaged {
            path: path.to_path_buf(),
            detail: "it is named as Parquet but does not begin with PAR1".to_owned(),
        }),
        _ => Ok(Kind::Text),
    }
}

/// Opens a text file, decompressing as it is read.
pub(crate) fn open_text(path: &Path) -> Result<Input, DataError> {
    const CAPACITY: usize = 1 << 17;
    let mut reader = BufReader::with_capacity(CAPACITY, open(path)?);
    let head = reader
        .fill_buf()
        .map_err(|e| DataError::from_read(path, e))?;
    let compression = match head {
        [0x1f, 0x8b, ..] => Compression::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
        _ => Compression::None,
    };
    Ok(match compression {
        // Whoever reads this buffers: a second buffer would only copy.
        Compression::None => Box::new(open(path)?),
        Compression::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Compression::Zstd => Box::new(ZstdFrames {
            state: Some(Frame::Between(reader)),
        }),
    })
}

/// A file of one zstd frame after another, which the decoder takes one at a time.
struct ZstdFrames {
    /// `None` after an error.
    state: Option<Frame>,
}

enum Frame {
    Between(BufReader<File>),
    Inside(Box<StreamingDecoder<BufReader<File>, ruzstd::decoding::FrameDecoder>>),
}

impl Read for ZstdFrames {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.state.take() {
                None => return Err(damaged("an earlier frame could not be read")),
                Some(Frame::Between(mut reader)) => {
                    if reader.fill_buf()?.is_empty() {
                        self.state = Some(Frame::Between(reader));
                        return Ok(0);
                    }
                    let decoder = StreamingDecoder::new(reader).map_err(damaged)?;
                    self.state = Some(Frame::Inside(Box::new(decoder)));
                }
                Some(Frame::Inside(mut decoder)) => {
                    let n = decoder.read(out).map_err(damaged)?;
                    if n > 0 || out.is_empty() {
                        self.state = Some(Frame::Inside(decoder));
                        return Ok(n);
                    }
                    self.state = Some(Frame::Between(decoder.into_inner()));
                }
            }
        }
    }
}

fn damaged(reason: impl fmt::Display) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("its zstd stream breaks off ({reason})"),
    )
}
