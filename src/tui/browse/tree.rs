//! An image as a tree: index, platforms, config, layers in the order they were made, referrers.
//!
//! Pure: rows follow from what is open and what is known. Invariant: a node keeps its id as long as the
//! manifest above it is the same.

use super::{
    cache::{Cache, Slot},
    model::Viewed,
};
use crate::{
    inspect::{Config, Referrers, RepositoryId, Step, steps},
    oci::{Descriptor, Digest, Manifest, ManifestContent, Version},
};

/// The way from the root.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct NodeId(Vec<Edge>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Edge {
    Child(usize),
    Config,
    Step(usize),
    Referrers,
}

#[derive(Clone, Debug)]
pub struct Row {
    pub id: NodeId,
    /// Whether it is open; none for what cannot be.
    pub open: Option<bool>,
    pub what: What,
}

#[derive(Clone, Debug)]
pub enum What {
    Manifest {
        role: Role,
        version: Version,
        /// What the index or the list of referrers says of it.
        descriptor: Option<Descriptor>,
        found: Slot<Manifest>,
    },
    Config {
        descriptor: Descriptor,
        found: Slot<Config>,
    },
    Step {
        step: Step,
        layer: Option<Descriptor>,
    },
    Referrers {
        /// The manifest they refer to.
        of: Digest,
        found: Slot<Referrers>,
    },
    /// An index entry that is no manifest (quirk 49).
    Blob(Descriptor),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Root,
    Child,
    Referrer,
}

/// Referrers of referrers and nested indexes end somewhere.
const DEEPEST: usize = 12;

impl NodeId {
    pub fn root() -> Self {
        Self::default()
    }

    pub fn referrers(&self) -> Self {
        self.below(Edge::Referrers)
    }

    pub fn depth(&self) -> usize {
        self.0.len()
    }

    pub fn parent(&self) -> Option<Self> {
        let (_, parent) = self.0.split_last()?;
        Some(Self(parent.to_vec()))
    }

    fn below(&self, edge: Edge) -> Self {
        let mut path = self.0.clone();
        path.push(edge);
        Self(path)
    }
}

/// The rows of everything that is open.
pub fn rows(viewed: &Viewed, cache: &Cache) -> Vec<Row> {
    let mut tree = Tree {
        viewed,
        cache,
        place: RepositoryId::of(&viewed.reference),
        rows: Vec::new(),
    };
    tree.manifest(NodeId::root(), Role::Root, viewed.reference.version(), None);
    tree.rows
}

struct Tree<'a> {
    viewed: &'a Viewed,
    cache: &'a Cache,
    place: RepositoryId,
    rows: Vec<Row>,
}

impl Tree<'_> {
    fn push(&mut self, id: NodeId, opens: bool, what: What) -> bool {
        let opens = opens && id.depth() < DEEPEST;
        let open = opens && self.viewed.open.contains(&id);
        self.rows.push(Row {
            id,
            open: opens.then_some(open),
            what,
        });
        open
    }

    fn manifest(
        &mut self,
        id: NodeId,
        role: Role,
        version: Version,
        descriptor: Option<Descriptor>,
    ) {
        let found = self.cache.manifest(&self.place, &version);
        let manifest = found.ready().cloned();
        let what = What::Manifest {
            role,
            version,
            descriptor,
            found,
        };
        let open = self.push(id.clone(), true, what);
        if let (true, Some(manifest)) = (open, manifest) {
            self.content(&id, &manifest);
            self.referrers(&id, &manifest);
        }
    }

    fn content(&mut self, id: &NodeId, manifest: &Manifest) {
        match &manifest.content {
            ManifestContent::Index(children) => {
                for (at, child) in children.iter().enumerate() {
                    let id = id.below(Edge::Child(at));
                    self.descriptor(id, Role::Child, child);
                }
            }
            ManifestContent::Image { config, layers, .. } => {
                let mut history = Vec::new();
                if let Some(descriptor) = config.as_deref() {
                    let found = self.cache.config(&self.place, descriptor);
                    let image = found.ready().and_then(|config| config.image.as_ref());
                    if let Some(image) = image {
                        history.clone_from(&image.history);
                    }
                    let descriptor = descriptor.clone();
                    let what = What::Config { descriptor, found };
                    self.push(id.below(Edge::Config), false, what);
                }
                for (at, step) in steps(layers.len(), &history).into_iter().enumerate() {
                    let layer = step.layer.and_then(|layer| layers.get(layer)).cloned();
                    let what = What::Step { step, layer };
                    self.push(id.below(Edge::Step(at)), false, what);
                }
            }
        }
    }

    fn referrers(&mut self, id: &NodeId, manifest: &Manifest) {
        let id = id.referrers();
        let found = self.cache.referrers(&self.place, &manifest.digest);
        let referrers = found.ready().cloned();
        let none = (referrers.as_ref()).is_some_and(|referrers| referrers.entries.is_empty());
        let of = manifest.digest.clone();
        let open = self.push(id.clone(), !none, What::Referrers { of, found });
        if let (true, Some(referrers)) = (open, referrers) {
            for (at, referrer) in referrers.entries.iter().enumerate() {
                self.descriptor(id.below(Edge::Child(at)), Role::Referrer, referrer);
            }
        }
    }

    fn descriptor(&mut self, id: NodeId, role: Role, descriptor: &Descriptor) {
        match descriptor.media_type.is_manifest() {
            true => {
                let version = Version::Digest(descriptor.digest.clone());
                self.manifest(id, role, version, Some(descriptor.clone()));
            }
            false => {
                self.push(id, false, What::Blob(descriptor.clone()));
            }
        }
    }
}
