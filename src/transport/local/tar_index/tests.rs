//! Archives that are valid, cut, and hostile.

use std::io::Write;

use tar::{Builder, Header};

use super::*;

fn archive(build: impl FnOnce(&mut Builder<Vec<u8>>)) -> Result<TarIndex, String> {
    let mut builder = Builder::new(Vec::new());
    build(&mut builder);
    index(&builder.into_inner().unwrap())
}

fn index(bytes: &[u8]) -> Result<TarIndex, String> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    TarIndex::read(file, Path::new("a.tar")).map_err(|error| error.to_string())
}

fn add(builder: &mut Builder<Vec<u8>>, name: &str, content: &[u8]) {
    let mut header = Header::new_gnu();
    header.set_size(content.len() as u64);
    // The crate would refuse what a hostile archive says.
    header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_cksum();
    builder.append(&header, content).unwrap();
}

fn link(builder: &mut Builder<Vec<u8>>, name: &str, target: &str) {
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    header.as_gnu_mut().unwrap().linkname[..target.len()].copy_from_slice(target.as_bytes());
    builder
        .append_data(&mut header, name, [].as_slice())
        .unwrap();
}

fn content(index: &TarIndex, name: &str) -> Vec<u8> {
    index.file(name).unwrap().unwrap().read_limited(99).unwrap()
}

#[test]
fn files_are_found_by_name_and_through_links() {
    let index = archive(|archive| {
        add(archive, "./a/layer.tar", b"content");
        link(archive, "b/layer.tar", "../a/layer.tar");
        add(archive, "end", b"last");
    });
    let index = index.unwrap();
    assert_eq!(content(&index, "a/layer.tar"), b"content");
    assert_eq!(content(&index, "b/layer.tar"), b"content");
    assert_eq!(content(&index, "end"), b"last");
    assert!(index.file("c").unwrap().is_none());
}

#[test]
fn names_and_links_that_lead_out_of_the_archive_are_refused() {
    for name in ["/etc/passwd", "../up", "a/../../up"] {
        let error = archive(|archive| add(archive, name, b"x")).unwrap_err();
        assert_eq!(
            error,
            format!("the entry {name:?} leads out of the archive")
        );
    }
    for target in ["/etc/passwd", "../../etc/passwd", ".."] {
        let error = archive(|archive| link(archive, "a", target)).unwrap_err();
        assert_eq!(error, r#"the link "a" leads out of the archive"#);
    }
}

#[test]
fn a_name_that_stands_for_two_files_is_refused() {
    let twice = archive(|archive| {
        add(archive, "manifest.json", b"[]");
        add(archive, "./manifest.json", b"[1]");
    });
    assert_eq!(twice.unwrap_err(), r#"it has "manifest.json" twice"#);
}

#[test]
fn links_in_circles_and_into_nothing_are_errors() {
    let index = archive(|archive| {
        link(archive, "a", "b");
        link(archive, "b", "a");
        link(archive, "c", "gone");
    });
    let index = index.unwrap();
    let problem = |name| index.file(name).unwrap_err().to_string();
    assert_eq!(problem("a"), r#"the link "a" leads in circles"#);
    assert_eq!(
        problem("c"),
        r#"the link "c" leads to "gone", which is not in the archive"#
    );
}

#[test]
fn an_archive_that_was_cut_is_refused() {
    let mut builder = Builder::new(Vec::new());
    add(&mut builder, "layer", &[7; 5000]);
    let whole = builder.into_inner().unwrap();
    for length in [700, 512 + 4000] {
        let error = index(&whole[..length]).unwrap_err();
        assert!(error.contains(r#"ends within "layer""#), "{error}");
    }
    let error = index(&whole[..300]).unwrap_err();
    assert!(error.contains("not a complete tar archive"), "{error}");
    let error = index(b"this is no archive at all").unwrap_err();
    assert!(error.contains("not a complete tar archive"), "{error}");
    // What another file says is not repeated.
    let error = index(&b"secret".repeat(500)).unwrap_err();
    assert_eq!(error, "it is not a complete tar archive");
}

#[test]
fn a_size_that_lies_is_refused() {
    for size in [u64::MAX, u64::MAX / 2, 1 << 40] {
        let mut header = Header::new_gnu();
        header.set_path("layer").unwrap();
        header.set_size(size);
        header.set_cksum();
        let mut raw = header.as_bytes().to_vec();
        raw.extend([0; 1024]);
        assert!(index(&raw).is_err(), "{size}");
    }
}

#[test]
fn a_name_of_megabytes_is_refused_before_it_is_read() {
    let error = archive(|archive| {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(8 << 20);
        header.set_cksum();
        archive.append(&header, &*vec![b'a'; 8 << 20]).unwrap();
        add(archive, "a", b"x");
    });
    let error = error.unwrap_err();
    assert!(error.contains("headers of more than 1048576"), "{error}");
}

#[test]
fn as_many_entries_as_a_large_archive_has_are_indexed_and_more_are_refused() {
    let many = |count: usize| {
        archive(|archive| {
            for number in 0..count {
                add(archive, &number.to_string(), b"");
            }
        })
    };
    assert_eq!(many(100_000).unwrap().names().count(), 100_000);
    let error = many(MAX_ENTRIES + 1).unwrap_err();
    assert!(error.contains("more than 200000 entries"), "{error}");
}
