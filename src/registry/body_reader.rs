//! The body of an answer, read chunk by chunk.
//!
//! Decides when reading fails: no byte for too long, too few bytes a second, or more bytes than its reader
//! allows. Invariant: no more is kept than was allowed before.

use bytes::Bytes;
use reqwest::Response;
use tokio::time::{Instant, timeout};

use super::{
    ImageBudget, MinThroughput, Timeouts, connection::network, error::ErrorCause,
    image_budget::Charge,
};

pub(super) struct BodyReader {
    response: Response,
    timeouts: Timeouts,
    throughput: MinThroughput,
}

impl BodyReader {
    pub(super) fn new(response: Response, timeouts: Timeouts) -> Self {
        Self {
            response,
            timeouts,
            throughput: MinThroughput::default(),
        }
    }

    /// The next bytes, or `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, ErrorCause> {
        let begun = Instant::now();
        let chunk = timeout(self.timeouts.byte, self.response.chunk())
            .await
            .map_err(|_| ErrorCause::Stalled(self.timeouts.byte))?
            .map_err(network)?;
        if let Some(chunk) = &chunk {
            let (bytes, waited) = (chunk.len() as u64, begun.elapsed());
            self.throughput.moved(bytes, waited, &self.timeouts)?;
        }
        Ok(chunk)
    }

    /// The whole body. `admit` gets the length so far before more bytes are kept; [`Charge::Crowded`] ends with `None`.
    pub(super) async fn read_all(
        mut self,
        mut admit: impl FnMut(usize) -> Result<Charge, ErrorCause>,
    ) -> Result<Option<Bytes>, ErrorCause> {
        let mut body = Vec::new();
        while let Some(chunk) = self.next().await? {
            match admit(body.len() + chunk.len())? {
                Charge::Taken => body.extend_from_slice(&chunk),
                Charge::Crowded => return Ok(None),
            }
        }
        // It may be kept for as long as its image.
        body.shrink_to_fit();
        Ok(Some(body.into()))
    }

    /// The whole body of at most `limit` bytes, charged to `budget`. `None` if the image has to wait first.
    pub(super) async fn read_within(
        self,
        limit: u64,
        budget: &ImageBudget<'_>,
    ) -> Result<Option<Bytes>, ErrorCause> {
        let (mut reading, mut length) = (budget.reading(), 0);
        let admit = |body: usize| {
            if body as u64 > limit {
                return Err(ErrorCause::TooLong(limit));
            }
            let more = body - std::mem::replace(&mut length, body);
            Ok(reading.add(more as u64)?)
        };
        let body = self.read_all(admit).await?;
        if body.is_some() {
            reading.keep();
        }
        Ok(body)
    }
}
