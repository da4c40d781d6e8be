//! The files in `samples/`, each in the form that its tool documents: what they are recognized as, the list that is
//! written, and the images that it has.

use std::fs;

use transship::{
    convert::{self, Conversion, Converted, Kind},
    list::{Answers, List, Question},
};

/// Every sample and its kind.
const SAMPLES: [(&str, Kind); 11] = [
    ("skopeo-sync.yaml", Kind::SkopeoSync),
    ("regsync.yaml", Kind::Regsync),
    ("image-syncer.yaml", Kind::ImageSyncer),
    ("image-syncer.json", Kind::ImageSyncer),
    ("dregsy.yaml", Kind::Dregsy),
    ("oc-mirror.txt", Kind::Mapping),
    ("hangar.txt", Kind::Mapping),
    ("references.txt", Kind::References),
    ("docker-images.txt", Kind::DockerImages),
    ("compose.yaml", Kind::Compose),
    ("kubernetes.yaml", Kind::Kubernetes),
];

fn text(name: &str) -> String {
    fs::read_to_string(format!("tests/integration/convert/samples/{name}")).unwrap()
}

fn converted(name: &str, kind: Kind) -> Converted {
    let to = "harbor.example.com/mirror".parse().unwrap();
    let converted = convert::convert(Conversion {
        input: name,
        text: &text(name),
        kind: None,
        to: (!kind.has_destinations()).then_some(&to),
    });
    converted.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The images of a list whose repositories all have these tags.
fn images(list: &List) -> Vec<String> {
    let tags = [
        "1.13.1-alpine",
        "1.26.1-musl",
        "1.31.2",
        "3.13.1",
        "4.2",
        "2.4",
        "5.0.1",
        "latest",
        "v1.5-rc1",
        "v3",
    ];
    let mut answers = Answers::default();
    for question in list.questions(&answers) {
        let Question::Tags(registry, repository) = question else {
            panic!("{question:?}");
        };
        let tags = tags.map(ToOwned::to_owned).to_vec();
        answers.tags.insert((registry, repository), tags);
    }
    let images = list.expand(&answers).unwrap().images;
    let images = images.iter().map(|image| {
        let spec = &image.spec;
        let platforms = spec.platforms.iter().map(|platform| format!(" {platform}"));
        let platforms: String = platforms.collect();
        format!("{} -> {}{platforms}", spec.source, spec.destination)
    });
    images.collect()
}

#[test]
fn every_sample_becomes_the_list_that_is_meant() {
    for (name, kind) in SAMPLES {
        let converted = converted(name, kind);
        assert_eq!(converted.kind, kind, "{name}");
        let list = List::parse(name, &converted.text).unwrap();
        let images = images(&list).join("\n");
        insta::assert_snapshot!(name, format!("{}\n== images\n{images}", converted.text));
    }
}

#[test]
fn no_secret_reaches_a_list() {
    let mut with_secrets = 0;
    for (name, kind) in SAMPLES {
        let input = text(name);
        let is_secret = |text: &str| text.contains("swordfish") || text.contains("eyJ1c2Vy");
        with_secrets += usize::from(is_secret(&input));
        assert!(!is_secret(&converted(name, kind).text), "{name}");
    }
    assert_eq!(with_secrets, 4);
}

#[test]
fn a_destination_is_given_exactly_when_the_input_has_none() {
    let to = "b.example".parse().unwrap();
    for (name, kind) in SAMPLES {
        let result = convert::convert(Conversion {
            input: name,
            text: &text(name),
            kind: None,
            to: kind.has_destinations().then_some(&to),
        });
        let error = result.unwrap_err().to_string();
        assert!(error.contains("--to"), "{name}: {error}");
    }
}
