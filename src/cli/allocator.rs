//! When the C library's allocator gives memory back to the system.
//!
//! glibc maps a large buffer on its own and unmaps it when it is freed, but each such buffer raises the size from
//! which it does so, up to 32 MiB. After one page of 14 MB of tags all manifests came from heaps that never shrink, and
//! 24 images at their limits took 109 MB instead of 70. A fixed size stays as it is.

/// Bytes from which a buffer is mapped on its own. Pieces of blobs are smaller (400 KB): mapping each of them took an
/// eighth more processor time.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const LARGE_BUFFER: libc::c_int = 1024 * 1024;

/// Makes large buffers be returned as soon as they are freed. Other systems' allocators do so by themselves.
pub(super) fn return_large_buffers() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: it sets a number of the allocator, and is called before there are other threads.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, LARGE_BUFFER);
    }
}
