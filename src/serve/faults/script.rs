//! The faults of one server.
//!
//! Decides the order in which faults act, and that a fault which proves nothing fails its test. Invariant: every fault
//! that fits a request acts on it, in the order they were added, until one answers it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::request::Parts;

use super::{active_fault::ActiveFault, fault::Fault};

/// The faults of one server, changeable while it runs. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<ActiveFault>>>);

impl Faults {
    /// Adds a fault that must take effect. [`Faults::clear`] and the end of the server panic if it did not.
    pub fn add(&self, fault: Fault) -> ActiveFault {
        self.push(ActiveFault::new(fault, true))
    }

    /// Adds a fault that may never take effect.
    pub fn add_optional(&self, fault: Fault) -> ActiveFault {
        self.push(ActiveFault::new(fault, false))
    }

    /// Ends all faults; what stalls goes on.
    ///
    /// # Panics
    /// A fault that had to take effect did not.
    pub fn clear(&self) {
        let ended = std::mem::take(&mut *self.faults());
        for fault in &ended {
            fault.release();
        }
        assert_effects(&ended);
    }

    /// Panics if a fault that had to take effect did not.
    pub(crate) fn assert_effects(&self) {
        let active = self.faults().clone();
        assert_effects(&active);
    }

    /// The faults that hit this request, each counted.
    pub(crate) fn hit(&self, request: &Parts) -> Vec<ActiveFault> {
        let mut hits = Vec::new();
        for fault in self.faults().iter() {
            if fault.hit(request) {
                hits.push(fault.clone());
                if fault.action().answers() {
                    break;
                }
            }
        }
        hits
    }

    fn push(&self, fault: ActiveFault) -> ActiveFault {
        self.faults().push(fault.clone());
        fault
    }

    fn faults(&self) -> MutexGuard<'_, Vec<ActiveFault>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A test that fails already fails for a better reason.
fn assert_effects(faults: &[ActiveFault]) {
    if !std::thread::panicking() {
        let unmet: Vec<_> = faults.iter().filter_map(ActiveFault::unmet).collect();
        assert!(unmet.is_empty(), "{}", unmet.join("\n"));
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{Method, Request};

    use super::{super::Action, *};

    fn request(method: Method, target: &str) -> Parts {
        let request = Request::builder().method(method).uri(target).body(());
        request.unwrap().into_parts().0
    }

    #[test]
    fn a_fault_hits_the_requests_it_is_for_and_counts_them() {
        let faults = Faults::default();
        let fault = Fault::on(Method::GET, r"/blobs/\w+:", Action::LoseAnswer).unwrap();
        let fault = faults.add(
            fault
                .in_repository(&"team/app".parse().unwrap())
                .after(1)
                .times(2),
        );
        let blob = |repository: &str| format!("/v2/{repository}/blobs/sha256:{}", "0".repeat(64));
        for (method, target, hits) in [
            (Method::GET, blob("team/app"), 0),
            (Method::HEAD, blob("team/app"), 0),
            (Method::GET, blob("team/other"), 0),
            (Method::GET, blob("team/app"), 1),
            (Method::GET, blob("team/app"), 2),
            (Method::GET, blob("team/app"), 2),
        ] {
            faults.hit(&request(method, &target));
            assert_eq!(fault.hits(), hits);
        }
    }

    #[test]
    fn the_first_fault_that_answers_is_the_last_to_act() {
        let faults = Faults::default();
        let slow = faults.add(Fault::on_any("", Action::Drip { rate: 1 }).unwrap());
        let refuse = faults.add(Fault::on_any("", Action::answer(503)).unwrap());
        let never = faults.add(Fault::on_any("", Action::answer(500)).unwrap());
        faults.hit(&request(Method::GET, "/v2/"));
        assert_eq!([slow.hits(), refuse.hits(), never.hits()], [1, 1, 0]);
    }

    #[test]
    #[should_panic(expected = "a fault took no effect (1 requests hit)")]
    fn a_fault_that_hit_a_request_without_effect_fails_its_test() {
        let faults = Faults::default();
        faults.add(Fault::on_any("", Action::CutRequest { after: 1000 }).unwrap());
        faults.hit(&request(Method::PUT, "/v2/"));
        faults.clear();
    }

    #[test]
    fn a_fault_that_took_effect_or_need_not_lets_its_test_pass() {
        let faults = Faults::default();
        faults.add_optional(Fault::on_any("", Action::Hang).unwrap());
        let hung = faults.add(Fault::on_any("", Action::Hang).unwrap());
        hung.effect().mark();
        faults.clear();
    }
}
