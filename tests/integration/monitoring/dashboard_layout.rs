//! The dashboard without data: grid, references, variables and units.

use std::collections::BTreeSet;

use super::dashboard::{Dashboard, DataSource, EVERYTHING, GridPosition};

/// Panels that every Grafana has.
const BUILT_IN: [&str; 6] = ["row", "stat", "gauge", "bargauge", "timeseries", "heatmap"];

fn overlap(one: GridPosition, other: GridPosition) -> bool {
    one.x < other.x + other.w
        && other.x < one.x + one.w
        && one.y < other.y + other.h
        && other.y < one.y + one.h
}

#[test]
fn it_can_be_imported_into_a_current_grafana() {
    let dashboard = Dashboard::read();
    assert_eq!(
        (&*dashboard.uid, &*dashboard.title),
        ("transship", "transship")
    );
    // Grafana 10 writes 38, Grafana 12 writes 41. Older ones are converted.
    assert!((38..=41).contains(&dashboard.schema_version));
    for panel in &dashboard.panels {
        assert!(
            BUILT_IN.contains(&&*panel.kind),
            "{}: {}",
            panel.title,
            panel.kind
        );
    }
}

#[test]
fn it_has_a_row_for_each_topic() {
    let dashboard = Dashboard::read();
    let rows = dashboard.panels.iter().filter(|panel| panel.kind == "row");
    let titles: Vec<_> = rows.map(|row| &*row.title).collect();
    assert_eq!(titles, ["Overview", "Registries", "Failures", "Blobs"]);
}

#[test]
fn panels_have_different_ids_and_do_not_overlap() {
    let dashboard = Dashboard::read();
    let ids: BTreeSet<_> = dashboard.panels.iter().map(|panel| panel.id).collect();
    assert_eq!(ids.len(), dashboard.panels.len());
    for (position, panel) in dashboard.panels.iter().enumerate() {
        let at = panel.grid_pos;
        assert!(at.w > 0 && at.h > 0 && at.x + at.w <= 24, "{}", panel.title);
        for other in &dashboard.panels[..position] {
            let both = (&panel.title, &other.title);
            assert!(!overlap(at, other.grid_pos), "{both:?}");
        }
    }
}

#[test]
fn every_panel_has_a_unit_and_asks_the_chosen_data_source() {
    let dashboard = Dashboard::read();
    for panel in dashboard.panels.iter().filter(|panel| panel.kind != "row") {
        let chosen =
            |source: &DataSource| source.kind == "prometheus" && source.uid == "${datasource}";
        assert!(
            panel.datasource.as_ref().is_some_and(chosen),
            "{}",
            panel.title
        );
        assert!(!panel.targets.is_empty(), "{}", panel.title);
        assert!(
            panel
                .targets
                .iter()
                .all(|target| chosen(&target.datasource))
        );
        // An axis of a heatmap has its own unit.
        let unit = panel.field_config.pointer("/defaults/unit");
        assert!(panel.kind == "heatmap" || unit.is_some(), "{}", panel.title);
        let references: BTreeSet<_> = panel.targets.iter().map(|target| &target.ref_id).collect();
        assert_eq!(references.len(), panel.targets.len(), "{}", panel.title);
        assert!(
            panel
                .targets
                .iter()
                .all(|target| target.instant != target.range)
        );
    }
}

#[test]
fn every_query_is_limited_to_the_chosen_instances_and_batches() {
    for (panel, target) in Dashboard::read().targets() {
        for choice in [r#"instance=~"$instance""#, r#"batch=~"$batch""#] {
            assert!(
                target.expr.contains(choice),
                "{}: {}",
                panel.title,
                target.expr
            );
        }
    }
}

#[test]
fn every_variable_is_used() {
    let dashboard = Dashboard::read();
    let names: Vec<_> = dashboard.variables().iter().map(|one| &*one.name).collect();
    assert_eq!(names, ["datasource", "instance", "batch", "registry"]);
    for variable in dashboard.variables() {
        let used = |text: &str| text.contains(&format!("${}", variable.name));
        let is_used = match &*variable.kind {
            "datasource" => dashboard
                .targets()
                .any(|(_, target)| target.datasource.uid == "${datasource}"),
            _ => dashboard.targets().any(|(_, target)| used(&target.expr)),
        };
        assert!(is_used, "{}", variable.name);
        let all = variable.label_values().map(|_| EVERYTHING);
        assert_eq!(variable.all_value.as_deref(), all, "{}", variable.name);
    }
}
