//! Whole stores, patterns of repositories and patterns of files, given what there is.

use super::parse;
use crate::{
    list::{Answers, Catalogue, Expansion, List, Mistakes, Question},
    oci::{Location, StoredName},
};

/// What there is: repositories with their tags in every registry, images in every local store, files for every pattern.
#[derive(Default)]
struct World {
    repositories: &'static [(&'static str, &'static [&'static str])],
    images: &'static [&'static str],
    files: &'static [&'static str],
    no_catalogue: bool,
}

impl World {
    fn expand(&self, list: &List) -> Result<Expansion, Mistakes> {
        let mut answers = Answers::default();
        for _ in 0..2 {
            for question in list.questions(&answers) {
                self.answer(question, &mut answers);
            }
        }
        assert!(list.questions(&answers).is_empty());
        list.expand(&answers)
    }

    fn answer(&self, question: Question, answers: &mut Answers) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match question {
            Question::Files(pattern) => {
                answers.files.insert(pattern, owned(self.files));
            }
            Question::Repositories(registry) => {
                let names = self.repositories.iter().map(|(name, _)| (*name).to_owned());
                let catalogue = match self.no_catalogue {
                    true => Catalogue::None("said 404".into()),
                    false => Catalogue::Listed(names.collect()),
                };
                answers.repositories.insert(registry, catalogue);
            }
            Question::Tags(registry, repository) => {
                let mut repositories = self.repositories.iter();
                let (_, tags) = repositories
                    .find(|(name, _)| *name == repository.as_str())
                    .unwrap();
                answers.tags.insert((registry, repository), owned(tags));
            }
            Question::Images(store) => {
                let names = self.images.iter().map(|name| name.parse().unwrap());
                answers
                    .images
                    .insert(store, names.collect::<Vec<StoredName>>());
            }
        }
    }

    /// As `source -> destination`.
    fn jobs(&self, text: &str) -> Vec<String> {
        let images = self.expand(&parse(text).unwrap()).unwrap().images;
        let specs = images.iter().map(|image| &image.spec);
        specs
            .map(|spec| format!("{} -> {}", spec.source, spec.destination))
            .collect()
    }
}

const REGISTRY: World = World {
    repositories: &[
        ("team/api", &["1.0.0", "2.0.0", "latest"]),
        ("team/sub/web", &["1.0.0"]),
        ("base", &["3.0.0", "sha256:x"]),
        ("Not Valid", &[]),
    ],
    images: &[],
    files: &[],
    no_catalogue: false,
};

fn from_registry(images: &str) -> String {
    format!(
        "version = 1\n{images}\n[source]\nregistry = \"r.example\"\n[destination]\noci = \"estate\"\n"
    )
}

#[test]
fn a_star_is_the_whole_registry_with_all_tags() {
    let list = parse(&from_registry("images = [\"*\"]")).unwrap();
    let expansion = REGISTRY.expand(&list).unwrap();
    let destinations: Vec<String> = (expansion.images.iter())
        .map(|image| image.spec.destination.to_string())
        .collect();
    assert_eq!(
        destinations,
        [
            "oci:estate:team/api:1.0.0",
            "oci:estate:team/api:2.0.0",
            "oci:estate:team/api:latest",
            "oci:estate:team/sub/web:1.0.0",
            "oci:estate:base:3.0.0",
        ]
    );
    let warnings: Vec<String> = expansion.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].contains("1 invalid repositories, such as \"Not Valid\""));
}

#[test]
fn a_pattern_asks_only_for_the_tags_of_what_it_matches() {
    let list = parse(&from_registry("images = [\"team/*\"]")).unwrap();
    let mut answers = Answers::default();
    let questions = list.questions(&answers);
    assert_eq!(
        questions,
        [Question::Repositories("r.example".parse().unwrap())].into()
    );
    REGISTRY.answer(questions.into_iter().next().unwrap(), &mut answers);
    let tags = |repository: &str| {
        Question::Tags("r.example".parse().unwrap(), repository.parse().unwrap())
    };
    assert_eq!(
        list.questions(&answers),
        [tags("team/api"), tags("team/sub/web")].into()
    );
}

#[test]
fn tags_filters_and_rewrites_apply_to_what_a_pattern_matches() {
    let jobs = |images: &str| {
        let jobs = REGISTRY.jobs(&from_registry(images));
        let jobs = jobs.iter().filter_map(|job| job.strip_prefix("r.example/"));
        jobs.map(|job| job.replace(" -> oci:estate:", " "))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        jobs("images = [\"team/*:latest\"]"),
        ["team/api:latest team/api:latest"]
    );
    assert_eq!(
        jobs("images = [{ name = \"*\", latest = 1, semver = \"<3\" }]"),
        [
            "team/api:2.0.0 team/api:2.0.0",
            "team/sub/web:1.0.0 team/sub/web:1.0.0"
        ]
    );
    assert_eq!(
        jobs(
            "images = [{ name = \"team/???\", tags = [\"2.0.0\", \"9\"] }]\n[[rewrite]]\nfrom = \"^team\"\nto = \"crew\""
        ),
        ["team/api:2.0.0 crew/api:2.0.0"]
    );
    assert_eq!(
        jobs("images = [\"team/*\"]\n[defaults]\ntag-pattern = '2.*'"),
        ["team/api:2.0.0 team/api:2.0.0"]
    );
    // What is listed by its name and matched as well is copied once.
    assert_eq!(jobs("images = [\"base:3.0.0\", \"b*\"]").len(), 1);
}

#[test]
fn a_pattern_is_below_the_prefix_of_its_side() {
    let text = from_registry("images = [\"*\"]")
        .replace("[destination]", "prefix = \"team\"\n[destination]");
    let jobs = REGISTRY.jobs(&text);
    assert_eq!(jobs.len(), 4);
    assert_eq!(
        jobs[3],
        "r.example/team/sub/web:1.0.0 -> oci:estate:sub/web:1.0.0"
    );
}

#[test]
fn a_pattern_that_selects_nothing_is_told_why() {
    let told = |world: &World, images: &str| {
        let list = parse(&from_registry(images)).unwrap();
        world.expand(&list).unwrap_err()
    };
    let no_catalogue = World {
        no_catalogue: true,
        ..REGISTRY
    };
    insta::assert_snapshot!(told(&no_catalogue, "images = [\"*\", \"quay.io/team/*\"]"));
    insta::assert_snapshot!(told(
        &REGISTRY,
        "images = [\"none/*\", \"team/*:9\", \"docker-archive:exports/*.tar\", \"oci:estate:*\"]"
    ));
}

#[test]
fn patterns_are_checked_with_the_list() {
    insta::assert_snapshot!(super::told(
        r#"
[[images]]
names = ["*.io/team/x", "team/*:1.*", "Team/*", "team/a**", "docker://quay.io/*//x", "oci:e:Te*", "dir:[*"]
[[images]]
name = "team/*"
to = "x"
[[images]]
name = "team/*:1"
latest = 1
[[images]]
name = "docker-archive:x/*.tar"
to = "oci:y:z"
"#
    ));
}

#[test]
fn a_whole_local_store_is_copied_by_its_names() {
    let world = World {
        images: &[
            "team/api:1",
            "docker.io/library/nginx:1.27",
            "v2",
            "@3",
            "Über",
        ],
        ..World::default()
    };
    let text = "version = 1\nimages = [\"*\"]\n[source]\noci = \"a/estate\"\n[destination]\nregistry = \"r.example\"\nprefix = \"p\"\n";
    let list = parse(text).unwrap();
    let expansion = world.expand(&list).unwrap();
    assert_eq!(
        world.jobs(text),
        [
            "oci:a/estate:team/api:1 -> r.example/p/team/api:1",
            "oci:a/estate:docker.io/library/nginx:1.27 -> r.example/p/library/nginx:1.27",
            "oci:a/estate:v2 -> r.example/p/estate:v2",
            "oci:a/estate:@3 -> r.example/p/estate:latest",
        ]
    );
    assert!(
        expansion.warnings[0]
            .to_string()
            .contains("1 images of oci:a/estate are left out, such as oci:a/estate:Über")
    );
    let only = text.replace(
        "\"*\"",
        "\"library/*\", \"docker.io/*\", \"oci:a/estate:t*\"",
    );
    assert_eq!(world.jobs(&only).len(), 2);
}

#[test]
fn files_are_copied_with_the_names_in_them_or_by_their_own() {
    let exports = |images| World {
        images,
        files: &["exports/api-1.2.tar", "exports/web.tar.gz"],
        ..World::default()
    };
    let text = from_registry("images = [\"docker-archive:exports/*\"]");
    let one = exports(&["localhost:5000/team/api:1"]);
    let list = parse(&text).unwrap();
    let conflict = one.expand(&list).unwrap_err();
    assert!(
        conflict
            .to_string()
            .contains("two different images go to oci:estate:team/api:1"),
        "{conflict}"
    );
    assert_eq!(
        exports(&[]).jobs(&text),
        [
            "docker-archive:exports/api-1.2.tar -> oci:estate:api-1.2:latest",
            "docker-archive:exports/web.tar.gz -> oci:estate:web:latest",
        ]
    );
    let single = from_registry("images = [\"docker-archive:x.tar\"]");
    assert_eq!(
        exports(&["localhost:5000/team/api:1", "b:2"]).jobs(&single),
        [
            "docker-archive:x.tar:localhost:5000/team/api:1 -> oci:estate:team/api:1",
            "docker-archive:x.tar:b:2 -> oci:estate:b:2",
        ]
    );
}

#[test]
fn a_file_that_no_location_can_name_is_told() {
    let world = World {
        files: &["exports/a:b.tar"],
        ..World::default()
    };
    let list = parse(&from_registry("images = [\"oci-archive:exports/*\"]")).unwrap();
    let told = world.expand(&list).unwrap_err().to_string();
    assert!(
        told.contains("the path \"exports/a:b.tar\" has a ':'"),
        "{told}"
    );
}

#[test]
fn a_store_of_a_hundred_thousand_images_is_expanded() {
    let list = parse(&from_registry("images = [\"oci:big:*\"]").replace("\"estate\"", "\"other\""))
        .unwrap();
    let mut answers = Answers::default();
    let store: Location = "oci:big:x".parse().unwrap();
    let names =
        (0..100_000).map(|n| StoredName::Name(format!("team/app-{}:{}", n % 1000, n / 1000)));
    answers
        .images
        .insert(store.local().unwrap().store.clone(), names.collect());
    assert_eq!(list.expand(&answers).unwrap().images.len(), 100_000);
}
