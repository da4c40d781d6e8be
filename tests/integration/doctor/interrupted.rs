//! Ctrl-C in an examination: what was written is removed.

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use transship::serve::{Action, Fault};

use super::was_emptied;
use crate::{
    embedded::Embedded,
    operator::{Ended, Operator},
};

#[tokio::test]
async fn what_was_written_until_ctrl_c_is_removed() {
    let (operator, registry) = (Operator::new(), Embedded::start().await);
    let hangs = Fault::on(Method::PATCH, "/blobs/uploads/", Action::Hang).unwrap();
    let hanging = registry.server.faults().add(hangs);
    let address = registry.address();
    let arguments = ["doctor", &address, "--push", "--timeout", "600"];
    let process = operator.command(&arguments).spawn().unwrap();
    hanging.hit_times(1).await;
    let id = i32::try_from(process.id().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::INT).unwrap();
    let ended = Ended::from(process.wait_with_output().await.unwrap());
    hanging.release();
    let said = &ended.expect(3).stdout;
    assert!(said.contains("  ok    cleanup     "), "{said}");
    was_emptied(&registry);
}
