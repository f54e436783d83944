//! Archives, recognised by their magic bytes and read to the end of their last member, stream or frame.
//!
//! `logrotate`, `pigz` and `cat a.gz b.gz` make archives of several members; stopping at the first would lose the rest in
//! silence. What cannot be read is named with its cure. Extensions are not looked at.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How an input is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// The .xz file format 1.2.
    Xz,
    /// Blocks that begin with `BZh`.
    Bzip2,
    /// The LZ4 frame format 1.6.
    Lz4,
    /// Recognised only to be named.
    Zip,
}

const MAGIC: &[(&[u8], Packing)] = &[
    (&[0x1f, 0x8b], Packing::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Packing::Zstd),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Packing::Xz),
    (b"BZh", Packing::Bzip2),
    (&[0x04, 0x22, 0x4d, 0x18], Packing::Lz4),
    (b"PK\x03\x04", Packing::Zip),
];

impl Packing {
    /// The packing of something that begins with these bytes.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        // A skippable frame, which zstd allows first.
        if matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
            return Packing::Zstd;
        }
        MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map_or(Packing::Plain, |(_, packing)| *packing)
    }

    /// Its usual name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Packing::Plain => "plain",
            Packing::Gzip => "gzip",
            Packing::Zstd => "zstd",
            Packing::Xz => "xz",
            Packing::Bzip2 => "bzip2",
            Packing::Lz4 => "lz4",
            Packing::Zip => "zip",
        }
    }
}

/// Counts the bytes that pass, for progress and for the place where an archive breaks.
pub(crate) struct Counted<R> {
    inner: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// An opened input, unpacked while it is read.
pub struct Unpacked {
    reader: Box<dyn Read + Send>,
    /// How it was packed.
    pub packing: Packing,
    /// How many bytes of the packed input were read so far.
    pub consumed: Arc<AtomicU64>,
}

/// Why an input cannot be unpacked at all.
pub enum Refusal {
    /// It could not be read.
    Io(io::Error),
    /// This build does not read such archives; what to do instead.
    Unsupported(Packing, &'static str),
}

const BUFFER: usize = 64 * 1024;

/// Recognises the packing and begins to read.
///
/// # Errors
/// If the first bytes cannot be read, or the archive is of a kind that is not read here.
pub fn unpack(raw: Box<dyn Read + Send>) -> Result<Unpacked, Refusal> {
    let consumed = Arc::new(AtomicU64::new(0));
    let counted = Counted { inner: raw, count: Arc::clone(&consumed) };
    let mut buffered = BufReader::with_capacity(BUFFER, counted);
    let packing = Packing::of(buffered.fill_buf().map_err(Refusal::Io)?);
    let reader = match packing {
        Packing::Plain => Box::new(buffered),
        Packing::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(buffered)) as Box<dyn Read + Send>,
        Packing::Bzip2 => Box::new(bzip2::bufread::MultiBzDecoder::new(buffered)),
        Packing::Lz4 => Box::new(Lz4Frames { decoder: Some(lz4_flex::frame::FrameDecoder::new(buffered)), began: false }),
        Packing::Zstd => zstd(buffered)?,
        Packing::Xz => xz(buffered)?,
        Packing::Zip => return Err(Refusal::Unsupported(packing, "unpack it, or pipe it: unzip -p FILE | laggard report -")),
    };
    Ok(Unpacked { reader, packing, consumed })
}

#[cfg(feature = "zstd")]
fn zstd(buffered: BufReader<Counted<Box<dyn Read + Send>>>) -> Result<Box<dyn Read + Send>, Refusal> {
    // Reads frame after frame to the end.
    Ok(Box::new(zstd::stream::read::Decoder::with_buffer(buffered).map_err(Refusal::Io)?))
}

#[cfg(not(feature = "zstd"))]
fn zstd(_: BufReader<Counted<Box<dyn Read + Send>>>) -> Result<Box<dyn Read + Send>, Refusal> {
    Err(Refusal::Unsupported(Packing::Zstd, "build laggard with its feature `zstd`, or pipe it: zstd -dc FILE | laggard report -"))
}

#[cfg(feature = "xz")]
fn xz(buffered: BufReader<Counted<Box<dyn Read + Send>>>) -> Result<Box<dyn Read + Send>, Refusal> {
    Ok(Box::new(liblzma::bufread::XzDecoder::new_multi_decoder(buffered)))
}

#[cfg(not(feature = "xz"))]
fn xz(_: BufReader<Counted<Box<dyn Read + Send>>>) -> Result<Box<dyn Read + Send>, Refusal> {
    Err(Refusal::Unsupported(Packing::Xz, "build laggard with its feature `xz`, or pipe it: xz -dc FILE | laggard report -"))
}

impl Read for Unpacked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer)
    }
}

/// Frame after frame; the decoder stops behind each and must be told to go on.
struct Lz4Frames<R: BufRead> {
    decoder: Option<lz4_flex::frame::FrameDecoder<R>>,
    began: bool,
}

impl<R: BufRead> Read for Lz4Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let Some(decoder) = self.decoder.as_mut() else { return Ok(0) };
            let read = decoder.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                self.began |= read > 0;
                return Ok(read);
            }
            let rest = decoder.get_mut().fill_buf()?;
            if rest.is_empty() {
                // The decoder takes an end inside a frame's header for the end of the frames.
                let whole = self.began;
                self.decoder = None;
                return if whole { Ok(0) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
            let inner = self.decoder.take().map(lz4_flex::frame::FrameDecoder::into_inner);
            self.decoder = inner.map(lz4_flex::frame::FrameDecoder::new);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn packed(packing: Packing, text: &[u8]) -> Vec<u8> {
        match packing {
            Packing::Gzip => {
                let mut to = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                to.write_all(text).expect("to memory");
                to.finish().expect("to memory")
            }
            Packing::Bzip2 => {
                let mut to = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
                to.write_all(text).expect("to memory");
                to.finish().expect("to memory")
            }
            Packing::Lz4 => {
                let mut to = lz4_flex::frame::FrameEncoder::new(Vec::new());
                to.write_all(text).expect("to memory");
                to.finish().expect("to memory")
            }
            Packing::Zstd => zstd::stream::encode_all(text, 1).expect("to memory"),
            Packing::Xz => {
                let mut to = liblzma::write::XzEncoder::new(Vec::new(), 1);
                to.write_all(text).expect("to memory");
                to.finish().expect("to memory")
            }
            Packing::Plain | Packing::Zip => text.to_vec(),
        }
    }

    const ARCHIVES: [Packing; 5] = [Packing::Gzip, Packing::Bzip2, Packing::Lz4, Packing::Zstd, Packing::Xz];

    fn read(bytes: Vec<u8>) -> (Packing, Vec<u8>, Option<io::Error>) {
        let Ok(mut unpacked) = unpack(Box::new(io::Cursor::new(bytes))) else { panic!("refused") };
        let mut text = Vec::new();
        let error = unpacked.read_to_end(&mut text).err();
        (unpacked.packing, text, error)
    }

    #[test]
    fn archives_are_read_to_their_last_member() {
        for packing in ARCHIVES {
            let bytes = [packed(packing, b"one\n"), packed(packing, b"two\n"), packed(packing, b"three\n")].concat();
            let (found, text, error) = read(bytes);
            assert_eq!((found, String::from_utf8_lossy(&text).as_ref(), error.is_none()), (packing, "one\ntwo\nthree\n", true));
        }
    }

    #[test]
    fn an_archive_that_is_cut_gives_what_it_has_and_an_error() {
        let text: Vec<u8> = (0..200_000u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
        for packing in ARCHIVES {
            let whole = packed(packing, &text);
            let (_, read, error) = read(whole[..whole.len() * 2 / 3].to_vec());
            assert!(error.is_some(), "{packing:?}");
            assert!(text.starts_with(&read), "{packing:?}");
        }
    }
}
