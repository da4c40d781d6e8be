//! Stores of this machine, read and written: layouts, archives, image directories.

mod archives;
mod directories;
mod layouts;
mod sample_layout;
mod skopeo;
mod trouble;
mod walk;
