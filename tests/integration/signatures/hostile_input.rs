//! Changed and cut signatures and keys.

use std::time::SystemTime;

use transship::signature::{Keyring, SecretKeyFile};

use super::gnupg::Gnupg;
use crate::operator::Operator;

#[test]
fn no_changed_or_cut_message_is_accepted_as_another_text() {
    let operator = Operator::new();
    let Some(gnupg) = Gnupg::of(&operator) else {
        return;
    };
    let key = gnupg.make_key("me", "ed25519", &[]);
    let text = operator.path("text");
    std::fs::write(&text, b"a text").unwrap();
    let keys = gnupg.public_keys(&["me"]);
    let keyring = Keyring::parse(&keys).unwrap();
    for compression in ["none", "zip"] {
        let sign = ["--compress-algo", compression, "--local-user", &key];
        let to = ["--output", "-", "--sign", text.to_str().unwrap()];
        let message = gnupg.run(&[sign, to].concat());
        let verify = |message: &[u8]| keyring.verify(message, SystemTime::now());
        assert_eq!(&*verify(&message).unwrap().text, b"a text");
        // Some bits mean nothing: the name of the file, and what follows the end of compressed data.
        let check = |message: &[u8]| match verify(message) {
            Ok(signed) => assert_eq!(&*signed.text, b"a text"),
            Err(refused) => assert_ne!(refused.to_string(), ""),
        };
        for at in 0..message.len() {
            check(&message[..at]);
            for bit in [0x01, 0x80] {
                let mut changed = message.clone();
                changed[at] ^= bit;
                check(&changed);
            }
        }
        check(&[&message[..], &message].concat());
        verify(&message[..message.len() / 2]).unwrap_err();
    }
    let binary = gnupg.run(&["--export", "me"]);
    for at in 0..binary.len() {
        let _ = Keyring::parse(&binary[..at]);
        let mut changed = binary.clone();
        changed[at] ^= 0x10;
        let _ = Keyring::parse(&changed);
        let _ = SecretKeyFile::parse(&changed);
    }
}

#[test]
fn a_message_that_grows_without_bound_is_refused() {
    let operator = Operator::new();
    let Some(gnupg) = Gnupg::of(&operator) else {
        return;
    };
    let key = gnupg.make_key("me", "ed25519", &[]);
    let text = operator.path("text");
    std::fs::write(&text, vec![b' '; 64 << 20]).unwrap();
    let sign = ["--compress-algo", "zip", "--local-user", &key];
    let to = ["--output", "-", "--sign", text.to_str().unwrap()];
    let message = gnupg.run(&[sign, to].concat());
    assert!(message.len() < 1 << 20);
    let keyring = Keyring::parse(&gnupg.public_keys(&["me"])).unwrap();
    let refused = keyring.verify(&message, SystemTime::now()).unwrap_err();
    assert_eq!(refused.to_string(), "it is larger than 1 MiB");
}
