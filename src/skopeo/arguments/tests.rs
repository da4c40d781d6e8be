use super::*;
use crate::skopeo::{Certificate, Login};

fn request(source: &str, destination: &str) -> CopyRequest {
    CopyRequest::new(source.parse().unwrap(), destination.parse().unwrap())
}

fn line(request: &CopyRequest) -> String {
    let line = copy(
        request,
        &request.source,
        &request.destination,
        "/private",
        &[],
    );
    line.unwrap().join(" ")
}

#[test]
fn a_copy_between_registries_names_its_files_and_no_secret() {
    let mut request = request("a.example/team/app:1", "b.example:5000/app:1");
    request.access = vec![
        RegistryAccess {
            login: Some(Login {
                username: "me".into(),
                password: "secret".into(),
            }),
            certificates: vec![Certificate {
                name: "ca.crt".into(),
                content: Vec::new(),
            }],
            ..RegistryAccess::anonymous("a.example".parse().unwrap())
        },
        RegistryAccess {
            tls_verify: Some(false),
            ..RegistryAccess::anonymous("b.example:5000".parse().unwrap())
        },
    ];
    request.format = Some(ManifestFormat::Docker);
    request.compression = Some(Compression::Zstd);
    assert_eq!(
        line(&request),
        "copy --authfile=/private/auth/auth.json --digestfile=/dev/stdout --all --format=v2s2 \
         --dest-compress-format=zstd --src-cert-dir=/private/source --dest-tls-verify=false \
         docker://a.example/team/app:1 docker://b.example:5000/app:1"
    );
}

#[test]
fn an_image_that_is_not_converted_keeps_its_digest() {
    let keeps = |from: &str, to: &str| line(&request(from, to)).contains(" --preserve-digests ");
    assert!(keeps("a.example/app:1", "b.example/app:1"));
    assert!(keeps("oci:/srv/layout:app", "b.example/app:1"));
    assert!(keeps("a.example/app:1", "dir:/srv/app"));
    assert!(!keeps("docker-archive:/srv/app.tar", "b.example/app:1"));
    // A layout holds OCI manifests only.
    assert!(!keeps("a.example/app:1", "oci:/srv/layout:app"));
    let mut converted = request("a.example/app:1", "b.example/app:1");
    converted.compression = Some(Compression::Zstd);
    assert!(!line(&converted).contains("--preserve-digests"));
}

#[test]
fn one_platform_is_an_override_and_no_index_is_asked_for() {
    let mut request = request("a.example/app:1", "docker-archive:/srv/app.tar:app:1");
    assert!(!line(&request).contains("--all"));
    request.destination = "oci:/srv/layout:app".parse().unwrap();
    assert!(line(&request).contains("--all"));
    request.platform = Some("linux/arm/v7".parse().unwrap());
    let line = line(&request);
    let overrides = "--override-os=linux --override-arch=arm --override-variant=v7 copy ";
    assert!(line.starts_with(overrides), "{line}");
    assert!(!line.contains("--all"), "{line}");
}

#[test]
fn images_are_spelled_as_skopeo_reads_them() {
    let digest = format!("sha256:{}", "0".repeat(64));
    for (location, name) in [
        ("nginx", "docker://docker.io/library/nginx:latest".into()),
        (
            &*format!("r.example/a:1@{digest}"),
            format!("docker://r.example/a@{digest}"),
        ),
        ("oci:/srv/l:app:1", "oci:/srv/l:app:1".into()),
        ("docker-archive:a.tar:@2", "docker-archive:a.tar:@2".into()),
        (
            "docker-daemon:[unix:///p.sock]team/app",
            "docker-daemon:team/app:latest".into(),
        ),
        ("docker-daemon:app:1", "docker-daemon:app:1".into()),
        (
            "containers-storage:localhost/app:1",
            "containers-storage:localhost/app:1".into(),
        ),
    ] {
        assert_eq!(image_name(&location.parse().unwrap()), name);
    }
    let line = line(&request(
        "docker-daemon:[unix:///p.sock]app:1",
        "dir:/srv/app",
    ));
    assert!(line.contains("--src-daemon-host=unix:///p.sock"), "{line}");
}

#[test]
fn plain_layers_cannot_be_pushed() {
    let mut request = request("oci:/srv/l:app", "r.example/app:1");
    request.compression = Some(Compression::None);
    let (source, destination) = (&request.source, &request.destination);
    assert!(copy(&request, source, destination, "/private", &[]).is_err());
    request.destination = "dir:/srv/app".parse().unwrap();
    assert!(line(&request).contains(" --dest-decompress "));
}

#[test]
fn a_question_gets_the_global_options_only() {
    let request = ImageRequest::new("r.example/app:1".parse().unwrap());
    let extra = [
        "--policy",
        "p.json",
        "--retry-times=3",
        "--insecure-policy",
        "--sign-by",
        "me",
    ];
    let extra = extra.map(str::to_owned);
    let command = ["inspect", "--raw"];
    let line = about_image(&command, &request, &request.image, "/private", &extra);
    assert_eq!(
        line.join(" "),
        "inspect --raw --authfile=/private/auth/auth.json --policy p.json --insecure-policy \
         docker://r.example/app:1"
    );
}
