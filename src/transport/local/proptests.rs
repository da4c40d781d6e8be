//! Properties of the readers of archives. `PROPTEST_CASES` sets the number of cases.

use std::{collections::BTreeMap, io::Write, path::Path};

use proptest::prelude::*;
use serde_json::json;

use super::{layout::Layout, store_files::StoreFiles, tar_index::TarIndex};
use crate::oci::{Digest, MediaType};

const BLOCK: usize = 512;
/// The bytes of a header that hold its own checksum.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// A change of an archive.
#[derive(Clone, Debug)]
enum Mutation {
    /// Bytes anywhere.
    Bytes(prop::sample::Index, Vec<u8>),
    /// Bytes of a header, whose checksum is made right again.
    Header(prop::sample::Index, usize, Vec<u8>),
    Cut(prop::sample::Index),
    /// Blocks that are there twice.
    Repeat(prop::sample::Index, prop::sample::Index),
}

fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<prop::sample::Index>;
    let bytes = || prop::collection::vec(any::<u8>(), 1..12);
    // Sizes, kinds and names are what a reader acts on.
    let field = prop_oneof![Just(124_usize), Just(156), Just(157), Just(0), 0..500_usize];
    let text = prop::sample::select(vec![
        "77777777777",
        "00000000000",
        "../../../x",
        "/etc/passwd",
        "1",
        "2",
        "L",
        "x",
        "S",
    ]);
    let value = prop_oneof![text.prop_map(|text| text.as_bytes().to_vec()), bytes()];
    prop_oneof![
        2 => (at(), bytes()).prop_map(|(at, bytes)| Mutation::Bytes(at, bytes)),
        4 => (at(), field, value).prop_map(|(at, field, value)| Mutation::Header(at, field, value)),
        1 => at().prop_map(Mutation::Cut),
        1 => (at(), at()).prop_map(|(from, to)| Mutation::Repeat(from, to)),
    ]
}

fn apply(archive: &mut Vec<u8>, mutation: &Mutation) {
    if archive.len() < BLOCK {
        return;
    }
    match mutation {
        Mutation::Bytes(at, bytes) => {
            let at = at.index(archive.len());
            overwrite(archive, at, bytes);
        }
        Mutation::Header(at, field, bytes) => {
            let start = at.index(archive.len() / BLOCK) * BLOCK;
            let header = &mut archive[start..start + BLOCK];
            overwrite(header, *field, bytes);
            header[CHECKSUM].fill(b' ');
            let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
            overwrite(header, CHECKSUM.start, format!("{sum:06o}\0 ").as_bytes());
        }
        Mutation::Cut(at) => archive.truncate(at.index(archive.len())),
        Mutation::Repeat(from, to) => {
            let blocks = archive.len() / BLOCK;
            let from = from.index(blocks) * BLOCK;
            let repeated = archive[from..].to_vec();
            let to = to.index(blocks) * BLOCK;
            archive.splice(to..to, repeated);
        }
    }
}

fn overwrite(target: &mut [u8], at: usize, bytes: &[u8]) {
    let places = target.iter_mut().skip(at);
    places.zip(bytes).for_each(|(place, byte)| *place = *byte);
}

/// An archive with an index, an image, and a link.
fn valid() -> Vec<u8> {
    let layer = b"layer".as_slice();
    let blob = |media_type: &str, content: &[u8]| {
        let (digest, size) = (Digest::of(content), content.len());
        json!({"mediaType": media_type, "digest": digest, "size": size})
    };
    let manifest = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": blob(MediaType::OCI_EMPTY, b"{}"), "layers": [blob("text/plain", layer)]});
    let manifest = manifest.to_string();
    let index = json!({"schemaVersion": 2,
        "manifests": [blob(MediaType::OCI_MANIFEST, manifest.as_bytes())]});
    let mut files = BTreeMap::from([
        (
            "oci-layout".to_owned(),
            br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec(),
        ),
        ("index.json".to_owned(), index.to_string().into_bytes()),
    ]);
    for content in [layer, b"{}", manifest.as_bytes()] {
        let name = format!("blobs/sha256/{}", Digest::of(content).hex());
        files.insert(name, content.to_vec());
    }
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, name, &*content).unwrap();
    }
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    builder
        .append_link(&mut header, "link", "oci-layout")
        .unwrap();
    builder.into_inner().unwrap()
}

/// Reads all that the archive offers; how many manifests were read.
fn read_all(archive: &[u8]) -> usize {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(archive).unwrap();
    let Ok(tar) = TarIndex::read(file, Path::new("a.tar")) else {
        return 0;
    };
    for name in tar.names() {
        assert!(!name.starts_with('/') && !name.split('/').any(|part| part == ".."));
        if let Ok(Some(section)) = tar.file(name) {
            let length = section.remaining();
            let content = section.read_limited(archive.len()).unwrap();
            assert_eq!(content.len() as u64, length);
        }
    }
    let Ok(layout) = Layout::open(StoreFiles::Archive(tar)) else {
        return 0;
    };
    let mut read = 0;
    for image in layout.images().unwrap_or_default() {
        let Some(manifest) = image
            .manifest
            .and_then(|image| layout.manifest(&image).ok())
        else {
            continue;
        };
        read += 1;
        for blob in manifest.blobs() {
            if let Ok(section) = layout.open_blob(&blob.digest) {
                assert!(section.remaining() <= archive.len() as u64);
            }
        }
        let _ = layout.referrers(&manifest.digest);
    }
    read
}

#[test]
fn the_archive_that_is_mutated_is_read_completely() {
    assert_eq!(read_all(&valid()), 1);
}

proptest! {
    #[test]
    fn no_archive_makes_a_reader_panic_or_read_outside_of_it(
        mutations in prop::collection::vec(mutation(), 1..6),
    ) {
        let mut archive = valid();
        for mutation in &mutations {
            apply(&mut archive, mutation);
        }
        read_all(&archive);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
        read_all(&bytes);
    }
}
