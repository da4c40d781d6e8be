//! Small files on web servers that are no registries, such as stored signatures.
//!
//! Decides how one is fetched: without credentials, through the proxy of the environment, and without following
//! redirects. Invariant: no answer is read beyond a limit or waited for without end.

use std::{sync::Arc, time::Duration};

use url::Url;

use super::{
    Proxy, TlsSettings, error::ErrorCause, http_clients::http_client,
    private_network::SystemResolver, tls::client_config,
};
use crate::{batch::FailureClass, oci::Registry};

/// For one file, with the connection.
const MAX_TIME: Duration = Duration::from_secs(60);

/// Why a file was not fetched. The text fits after its URL.
#[derive(Debug, thiserror::Error)]
#[error("{problem}")]
pub struct FileError {
    pub problem: String,
    pub class: FailureClass,
}

impl FileError {
    fn rejected(problem: impl ToString) -> Self {
        Self {
            problem: problem.to_string(),
            class: FailureClass::Rejected,
        }
    }

    fn transient(problem: impl ToString) -> Self {
        Self {
            problem: problem.to_string(),
            class: FailureClass::Transient {
                retry_after_ms: None,
            },
        }
    }
}

/// The files of web servers.
#[derive(Debug)]
pub struct PlainFiles {
    client: reqwest::Client,
}

impl PlainFiles {
    /// A client for the server of `url`, with the certificates that registries of this name have.
    ///
    /// # Errors
    /// If certificates cannot be read.
    pub fn of_server(url: &Url) -> Result<Self, FileError> {
        let host = url.host_str().unwrap_or_default();
        let port = url.port_or_known_default().unwrap_or(443);
        let name: Registry = format!("{host}:{port}")
            .parse()
            .map_err(FileError::rejected)?;
        let configured = client_config(&name, &TlsSettings::default()).and_then(|(config, _)| {
            http_client(config, &Proxy::Environment, Arc::new(SystemResolver))
        });
        match configured {
            Ok(client) => Ok(Self { client }),
            Err(error) => Err(FileError::rejected(error)),
        }
    }

    /// The bytes of a file; `None` if it does not exist.
    ///
    /// # Errors
    /// If it has more than `limit` bytes, or the server does not give it.
    pub async fn get(&self, url: &Url, limit: usize) -> Result<Option<Vec<u8>>, FileError> {
        let fetched = tokio::time::timeout(MAX_TIME, self.fetch(url, limit)).await;
        fetched.unwrap_or_else(|_| {
            let seconds = MAX_TIME.as_secs();
            Err(FileError::transient(format!(
                "took longer than {seconds} s"
            )))
        })
    }

    async fn fetch(&self, url: &Url, limit: usize) -> Result<Option<Vec<u8>>, FileError> {
        // The URL is in the message already.
        let network = |error: reqwest::Error| {
            FileError::transient(ErrorCause::Network(error.without_url().to_string()))
        };
        let mut answer = self.client.get(url.clone()).send().await.map_err(network)?;
        match answer.status().as_u16() {
            200 => {}
            404 => return Ok(None),
            status @ (429 | 500..) => {
                return Err(FileError::transient(format!(
                    "the server answered {status}"
                )));
            }
            status => return Err(FileError::rejected(format!("the server answered {status}"))),
        }
        let mut content = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(network)? {
            if content.len() + chunk.len() > limit {
                let problem = format!("has more than {} KiB", limit >> 10);
                return Err(FileError::rejected(problem));
            }
            content.extend_from_slice(&chunk);
        }
        Ok(Some(content))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// What a server's answer is taken for.
    async fn fetch(answer: &'static str) -> Result<Option<Vec<u8>>, FileError> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let read = connection.read(&mut request).await.unwrap();
            assert!(read > 0);
            connection.write_all(answer.as_bytes()).await.unwrap();
        });
        let url = format!("http://{address}/a/signature-1").parse().unwrap();
        let fetched = PlainFiles::of_server(&url).unwrap().get(&url, 5).await;
        server.await.unwrap();
        fetched
    }

    #[tokio::test]
    async fn only_what_is_not_there_counts_as_absent() {
        let file = fetch("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello").await;
        assert_eq!(file.unwrap().unwrap(), b"hello");
        let absent = fetch("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await;
        assert!(absent.unwrap().is_none());
        let long = fetch("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhello!").await;
        assert_eq!(long.unwrap_err().class, FailureClass::Rejected);
        let moved = "HTTP/1.1 302 Found\r\nlocation: /b\r\ncontent-length: 0\r\n\r\n";
        let moved = fetch(moved).await.unwrap_err();
        assert_eq!(moved.to_string(), "the server answered 302");
        let busy = fetch("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n").await;
        let passing = FailureClass::Transient {
            retry_after_ms: None,
        };
        assert_eq!(busy.unwrap_err().class, passing);
        let cut = fetch("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhe").await;
        assert_eq!(cut.unwrap_err().class, passing);
    }
}
