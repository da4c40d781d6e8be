//! Checks destinations with skopeo, which shares no code with this program.

use std::{path::PathBuf, process::Stdio};

use futures_util::{StreamExt as _, stream};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::installed;

/// Asked at once.
const AT_ONCE: usize = 4;

pub struct Skopeo(PathBuf);

impl Skopeo {
    /// Nothing, with a printed line, when the program is not installed.
    pub fn find() -> Option<Self> {
        installed::program("skopeo").map(Self)
    }

    /// `skopeo inspect --raw IMAGE | sha256sum` of each image, in order.
    pub async fn digests(&self, images: &[String]) -> Vec<String> {
        stream::iter(images)
            .map(|image| self.digest(image))
            .buffered(AT_ONCE)
            .collect()
            .await
    }

    async fn digest(&self, image: &str) -> String {
        let inspected = Command::new(&self.0)
            .args(["inspect", "--raw", "--tls-verify=false"])
            .arg(format!("docker://{image}"))
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&inspected.stderr);
        assert!(inspected.status.success(), "{image}: {said}");
        let mut sum = Command::new("sha256sum")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = sum.stdin.take().unwrap();
        input.write_all(&inspected.stdout).await.unwrap();
        drop(input);
        let sum = sum.wait_with_output().await.unwrap();
        let sum = String::from_utf8(sum.stdout).unwrap();
        format!("sha256:{}", sum.split(' ').next().unwrap())
    }
}
