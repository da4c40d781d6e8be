//! What promtool says about the configuration and the alerts.

use std::{collections::BTreeMap, fs, process::Command};

use crate::installed;

const ASSETS: &str = "assets/monitoring";

#[track_caller]
fn accepts(arguments: &[&str]) {
    let Some(promtool) = installed::program("promtool") else {
        return;
    };
    let output = Command::new(promtool)
        .args(arguments)
        .current_dir(ASSETS)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8(said).unwrap();
    assert!(output.status.success(), "{said}");
    assert!(said.contains("SUCCESS"), "{said}");
}

#[test]
fn the_configuration_is_valid_and_its_rules_are_found() {
    accepts(&[
        "check",
        "config",
        "--lint=all",
        "--lint-fatal",
        "prometheus.yml",
    ]);
}

#[test]
fn the_alerts_are_valid() {
    accepts(&["check", "rules", "--lint=all", "--lint-fatal", "alerts.yml"]);
}

#[test]
fn the_alerts_fire_when_they_should() {
    accepts(&["test", "rules", "alerts.test.yml"]);
}

#[test]
fn every_alert_is_tested_when_it_fires_and_when_it_does_not() {
    let read = |name| fs::read_to_string(format!("{ASSETS}/{name}")).unwrap();
    let alerts = read("alerts.yml");
    let names = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut tested: BTreeMap<&str, [bool; 2]> = names.map(|name| (name, [false; 2])).collect();
    assert!(!tested.is_empty());
    let tests = read("alerts.test.yml");
    for case in tests.split("- eval_time:").skip(1) {
        let name = case
            .lines()
            .find_map(|line| line.trim().strip_prefix("alertname: "));
        let fires = case.contains("exp_alerts:");
        tested.get_mut(name.unwrap()).unwrap()[usize::from(fires)] = true;
    }
    for (name, both) in tested {
        assert_eq!(both, [true; 2], "{name}");
    }
}
