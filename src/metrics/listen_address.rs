//! The address of the endpoint, as an operator writes it: `9464`, `:9464`, `127.0.0.1:9464`, `[::1]:9464`.
//!
//! Invariant: without a host only this machine can connect.

use std::{
    net::{Ipv4Addr, SocketAddr},
    str::FromStr,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress(pub SocketAddr);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address to listen at; write a port such as 9464, or an IP address with a port such as 0.0.0.0:9464"
)]
pub struct ListenAddressError(String);

impl FromStr for ListenAddress {
    type Err = ListenAddressError;

    fn from_str(text: &str) -> Result<Self, ListenAddressError> {
        let wrong = || ListenAddressError(text.to_owned());
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let port = match text.rsplit_once(':') {
            Some(("" | "localhost", port)) => port,
            Some(_) => return Err(wrong()),
            None => text,
        };
        // `parse` alone would also take "+9464".
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse::<u16>().ok().filter(|_| is_number);
        let port = port.ok_or_else(wrong)?;
        Ok(Self((Ipv4Addr::LOCALHOST, port).into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_host_it_is_loopback_and_nothing_else_is_guessed() {
        for (text, address) in [
            ("9464", "127.0.0.1:9464"),
            (":9464", "127.0.0.1:9464"),
            ("localhost:0", "127.0.0.1:0"),
            ("0.0.0.0:9464", "0.0.0.0:9464"),
            ("[::1]:9464", "[::1]:9464"),
        ] {
            let parsed: ListenAddress = text.parse().unwrap();
            assert_eq!(parsed.0.to_string(), address, "{text}");
        }
        for text in [
            "",
            ":",
            "+9464",
            "65536",
            "a.example:9464",
            "127.0.0.1",
            "::1:9464",
            "http://:9464",
        ] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }
}
