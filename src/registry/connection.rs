//! Connections that cannot be made, or break.
//!
//! Decides from the kinds of errors, never from their text. Invariant: no part of the URL, which may hold secrets, is in
//! the result.

use std::{error::Error, io};

use super::error::ErrorCause;

/// Whether the connection broke before an answer came, so that the request may succeed on another one.
pub(super) fn is_broken(error: &reqwest::Error) -> bool {
    let mut source: Option<&dyn Error> = Some(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<hyper::Error>() {
            return error.is_parse() || error.is_incomplete_message() || error.is_canceled();
        }
        if let Some(error) = cause.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
            );
        }
        source = cause.source();
    }
    false
}

/// The cause of a request whose connection could not be made, or broke.
pub(super) fn network(error: reqwest::Error) -> ErrorCause {
    let error = error.without_url();
    let text = match error.is_timeout() {
        true => "timed out".into(),
        false => system_text(innermost(&error)),
    };
    match error.is_connect() {
        true => ErrorCause::Unreachable {
            why: text,
            again: None,
        },
        false => ErrorCause::Network(text),
    }
}

/// The first error of a type in the chain of `error`.
pub(super) fn find<'a, E: Error + 'static>(mut error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    loop {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        error = below(error)?;
    }
}

/// The root cause.
fn innermost<'a>(mut error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    while let Some(inner) = below(error) {
        error = inner;
    }
    error
}

/// The next error in the chain. `source` skips the inner error of an I/O error.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    let held = error
        .downcast_ref::<io::Error>()
        .and_then(|error| error.get_ref());
    match held {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

/// The text of an error; of a system error without its number.
fn system_text(error: &(dyn Error + 'static)) -> String {
    let text = error.to_string();
    let number = error
        .downcast_ref::<io::Error>()
        .and_then(io::Error::raw_os_error);
    match number.and_then(|number| text.strip_suffix(&format!(" (os error {number})"))) {
        Some(text) => text.to_ascii_lowercase(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use std::{future::Future, net::SocketAddr, sync::Arc};

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::{TcpListener, TcpStream},
    };

    use super::*;
    use crate::registry::{
        Proxy, TlsSettings, http_clients::http_client, private_network::SystemResolver,
        tls::client_config,
    };

    async fn get(url: &str) -> reqwest::Error {
        let registry = "registry.invalid".parse().unwrap();
        let (config, _) = client_config(&registry, &TlsSettings::default()).unwrap();
        let client = http_client(config, &Proxy::None, Arc::new(SystemResolver)).unwrap();
        let answer = client.get(url).send().await;
        match answer {
            Ok(answer) => answer.bytes().await.unwrap_err(),
            Err(error) => error,
        }
    }

    /// The error of a request whose connection `answer` serves.
    async fn failed<F: Future>(answer: impl FnOnce(TcpStream) -> F) -> String {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}/secret", listener.local_addr().unwrap());
        let answering = async { answer(listener.accept().await.unwrap().0).await };
        let (error, _) = tokio::join!(get(&url), answering);
        network(error).to_string()
    }

    #[test]
    fn a_tls_error_is_found_at_any_depth() {
        let tls = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        let error = io::Error::other(io::Error::other(tls.clone()));
        assert_eq!(find(&error), Some(&tls));
        assert_eq!(find::<rustls::Error>(&io::Error::other("reset")), None);
    }

    #[tokio::test]
    async fn a_refused_connection_has_the_text_of_the_system() {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let cause = network(get(&format!("http://{address}/secret")).await);
        assert!(matches!(cause, ErrorCause::Unreachable { .. }));
        assert_eq!(cause.to_string(), "cannot be reached: connection refused");
    }

    #[tokio::test]
    async fn an_end_before_the_answer_and_one_within_it_are_cuts() {
        let silent = failed(async |mut connection| {
            connection.read_u8().await.unwrap();
        });
        assert!(silent.await.starts_with("broke off: connection "));
        let short = failed(async |mut connection| {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort";
            connection.write_all(answer).await.unwrap();
            let mut request = [0; 4096];
            let _ = connection.read(&mut request).await;
        });
        let short = short.await;
        assert!(short.starts_with("broke off: "), "{short}");
        assert!(!short.contains("error decoding"), "{short}");
    }
}
