//! Compresses the layers of a Docker archive with this program and with skopeo, and prints what each needed.
//!
//! `cargo bench --bench compress -- [FILE.tar]`: a Docker archive of one image; without one, an archive is made of this
//! machine's libraries. Both write to a directory of skopeo's format or to a spool, so that no registry and no network is
//! measured. Invariant: both read the same file and check its diff ids.

use std::{
    fs::{self, File},
    io::{Seek as _, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::json;
use transship::{
    oci::{Digest, LocalStore, Transport},
    registry::{ImageBudget, Limits},
    transport::{Codec, DockerArchiveStore, LayerFormat, LayerSpool, OpenStore as _, Selector},
};

/// What the archive is made of.
const LIBRARIES: &str = "/usr/lib";
const LAYER_BYTES: u64 = 400 << 20;
const ROUNDS: usize = 3;

struct Measured {
    wall: Duration,
    /// User and system time.
    processor: Duration,
    /// Compressed layers, in bytes.
    size: u64,
}

fn main() -> Result<()> {
    let room = tempfile::tempdir_in(std::env::current_dir()?)?;
    let mut arguments = std::env::args()
        .skip(1)
        .filter(|text| !text.starts_with("--"));
    let archive = match arguments.next() {
        Some(path) => PathBuf::from(path),
        None => make_archive(room.path())?,
    };
    let plain = fs::metadata(&archive)?.len() as f64 / 1e6;
    println!("an archive of {plain:.0} MB; best of {ROUNDS} rounds");
    println!("\n| | wall s | processor s | compressed MB |");
    println!("|---|--:|--:|--:|");
    let ours = |compression| {
        let (archive, room) = (archive.as_path(), room.path());
        move || compress(archive, room, compression)
    };
    print_best("transship, gzip", ours(Codec::Gzip))?;
    print_best("transship, zstd", ours(Codec::Zstd))?;
    print_best("skopeo, gzip", || skopeo(&archive, room.path()))
}

fn print_best(name: &str, run: impl Fn() -> Result<Measured>) -> Result<()> {
    let rounds: Vec<Measured> = (0..ROUNDS).map(|_| run()).collect::<Result<_>>()?;
    let best = rounds.into_iter().min_by_key(|measured| measured.wall);
    let best = best.context("no rounds")?;
    println!(
        "| {name} | {:.2} | {:.2} | {:.1} |",
        best.wall.as_secs_f64(),
        best.processor.as_secs_f64(),
        best.size as f64 / 1e6
    );
    Ok(())
}

fn compress(archive: &Path, room: &Path, compression: Codec) -> Result<Measured> {
    let spool = Arc::new(LayerSpool::new(room.join("spool")));
    let place = archive.to_str().context("a path that is no text")?;
    let store = LocalStore::new(Transport::DockerArchive, place);
    let store = DockerArchiveStore::new(store, Limits::default(), Arc::clone(&spool));
    let runtime = tokio::runtime::Runtime::new()?;
    let measured = measure(UsageWho::RUSAGE_SELF, || {
        runtime.block_on(async {
            let format = LayerFormat::Compressed(compression);
            let source = Arc::new(store).source(None, format).await?;
            let budget = ImageBudget::new(|| ());
            let manifest = source.manifest(Selector::Image, &budget).await?;
            Ok(manifest.blobs().skip(1).map(|layer| layer.size).sum())
        })
    })?;
    spool.clear()?;
    Ok(measured)
}

fn skopeo(archive: &Path, room: &Path) -> Result<Measured> {
    let directory = room.join("skopeo");
    let measured = measure(UsageWho::RUSAGE_CHILDREN, || {
        let status = Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--dest-compress"])
            .arg(format!("docker-archive:{}", archive.display()))
            .arg(format!("dir:{}", directory.display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .context("start skopeo")?;
        ensure!(status.success(), "skopeo failed");
        let mut size = 0;
        for entry in fs::read_dir(&directory)? {
            size += entry?.metadata()?.len();
        }
        Ok(size)
    })?;
    fs::remove_dir_all(directory)?;
    Ok(measured)
}

fn measure(who: UsageWho, work: impl FnOnce() -> Result<u64>) -> Result<Measured> {
    let before = processor(who)?;
    let began = Instant::now();
    let size = work()?;
    Ok(Measured {
        wall: began.elapsed(),
        processor: processor(who)? - before,
        size,
    })
}

fn processor(who: UsageWho) -> Result<Duration> {
    let usage = getrusage(who).context("ask for the processor time")?;
    let time = |time: nix::sys::time::TimeVal| {
        let microseconds = time.tv_sec() * 1_000_000 + time.tv_usec();
        Duration::from_micros(u64::try_from(microseconds).unwrap_or(0))
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// An archive of one image with one layer.
fn make_archive(room: &Path) -> Result<PathBuf> {
    let layer = room.join("layer.tar");
    let mut builder = tar::Builder::new(File::create_new(&layer)?);
    builder.follow_symlinks(false);
    add_files(&mut builder, Path::new(LIBRARIES), &mut LAYER_BYTES.clone())?;
    builder.into_inner()?.sync_all()?;
    let mut hasher = Digest::of(b"").hasher();
    let mut file = File::open(&layer)?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        match std::io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            read => hasher.update(&buffer[..read]),
        }
    }
    file.rewind()?;
    let config = json!({"os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [hasher.finish()]}});
    let list = json!([{"Config": "config.json", "RepoTags": ["bench:1"], "Layers": ["layer.tar"]}]);
    let path = room.join("archive.tar");
    let mut archive = tar::Builder::new(File::create_new(&path)?);
    for (name, content) in [("config.json", config), ("manifest.json", list)] {
        let content = content.to_string();
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        archive.append_data(&mut header, name, content.as_bytes())?;
    }
    archive.append_file("layer.tar", &mut file)?;
    archive.into_inner()?.flush()?;
    fs::remove_file(layer)?;
    Ok(path)
}

/// Adds the files below `directory`, in the order of their names, as long as bytes are left.
fn add_files(builder: &mut tar::Builder<File>, directory: &Path, left: &mut u64) -> Result<()> {
    let entries = fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    let mut paths: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    paths.sort();
    for path in paths {
        let metadata = path.symlink_metadata()?;
        if metadata.is_dir() {
            add_files(builder, &path, left)?;
        } else if metadata.is_file() && metadata.len() <= *left {
            *left -= metadata.len();
            let name = path.strip_prefix("/").context("a path below the root")?;
            builder.append_file(name, &mut File::open(&path)?)?;
        }
    }
    Ok(())
}
