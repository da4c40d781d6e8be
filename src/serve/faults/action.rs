//! What a fault does to a request.
//!
//! Decides nothing about which requests it hits; that is [`super::Fault`]. Invariant: an action describes what happens
//! on the wire, never what a client should make of it.

/// Byte counts are of the body, not of the message.
#[derive(Clone, Debug)]
pub enum Action {
    /// Answers this instead of carrying out the request; see [`Action::answer`].
    Answer {
        status: u16,
        headers: Vec<(String, String)>,
        body: String,
    },
    /// Sends `after` bytes of the response body, then cuts the connection.
    CutResponse { after: u64 },
    /// Reads `after` bytes of the request body, then cuts the connection. A request without a body is
    /// cut at once.
    CutRequest { after: u64 },
    /// Carries out the request and cuts the connection without answering.
    LoseAnswer,
    /// Sends `after` bytes of the response body, then nothing until the fault is released.
    StallResponse { after: u64 },
    /// Reads `after` bytes of the request body, then nothing until the fault is released.
    StallRequest { after: u64 },
    /// Waits until the fault is released, then carries out the request.
    Hang,
    /// Both bodies pass at `rate` bytes a second until the fault is released.
    Drip { rate: u64 },
    /// Sends another kind of `Location` than a path.
    Location(OddLocation),
    /// Removes the upload session of the request.
    LoseSession,
    /// Drops what the upload session of the request has received and acknowledged after the first `to` bytes, or the
    /// second half.
    RollBack { to: Option<u64> },
    /// Sends another byte than the one at this position of the response body.
    OtherByte { at: u64 },
    /// Answers a range request with the whole blob.
    IgnoreRange,
    /// Redirects to `base` followed by the path and query of the request.
    Redirect { status: u16, base: String },
    /// Opens a session where a mount was asked for.
    IgnoreMount,
    /// Expires all tokens before the request is authorized.
    ExpireTokens,
    /// Issues a token for the first scope only, as some token servers do.
    FirstScopeOnly,
    /// Answers `status` to a body longer than `bytes`, or of a length that is not announced.
    BodyCap { bytes: u64, status: u16 },
    /// Answers 400 to a body whose length is not announced.
    RequireLength,
    /// Announces `OCI-Chunk-Min-Length`, and answers 416 to what follows a shorter chunk.
    ChunkMinimum { bytes: u64 },
    /// Sends this header instead of its own, or in addition.
    SetHeader { name: String, value: String },
    /// Does not send this header. Without `Content-Length` the body is sent in chunks.
    DropHeader { name: String },
    /// Carries out the request and answers another status.
    ReplaceStatus { status: u16 },
}

/// Forms of `Location` that registries and the proxies before them send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OddLocation {
    /// `http://host/v2/...`, also when the request came by HTTPS.
    Absolute,
    /// `//host/v2/...`
    Schemeless,
    /// Relative to the path of the request.
    Relative,
    /// With a `_state` in the query that must come back byte for byte, and only once.
    OpaqueState,
}

impl Action {
    /// Answers with `status` and an error body; add headers with [`Action::header`].
    #[must_use]
    pub fn answer(status: u16) -> Self {
        Self::Answer {
            status,
            headers: Vec::new(),
            body: r#"{"errors":[{"code":"UNKNOWN","message":"scripted","detail":null}]}"#
                .to_owned(),
        }
    }

    /// Adds a header to an answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Replaces the body of an answer.
    #[must_use]
    pub fn body(mut self, text: &str) -> Self {
        if let Self::Answer { body, .. } = &mut self {
            text.clone_into(body);
        }
        self
    }

    /// Whether no other action comes after this one.
    pub(super) fn answers(&self) -> bool {
        matches!(self, Self::Answer { .. } | Self::Redirect { .. })
    }
}
