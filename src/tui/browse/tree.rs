//! An image as a tree: index, platforms, config, history with layers, referrers.
//!
//! A pure function of the open nodes and the cache. Invariant: a node keeps its id while the manifest above it is the
//! same.

use std::collections::HashSet;

use super::cache::{Cache, Slot};
use crate::{
    inspect::{Config, ContentStore, Referrers, Step, steps},
    oci::{Descriptor, Digest, Location, Manifest, ManifestContent},
};

/// The path from the root.
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
pub struct TreeRow {
    pub id: NodeId,
    /// Whether it is open; none for a leaf.
    pub open: Option<bool>,
    pub node: Node,
}

#[derive(Clone, Debug)]
pub enum Node {
    Manifest {
        role: ManifestRole,
        /// `None` for the one that the location of the image names.
        digest: Option<Digest>,
        /// Its entry in the index or in the list of referrers.
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
        /// The manifest that they refer to.
        of: Digest,
        found: Slot<Referrers>,
    },
    /// An index entry that is not a manifest (quirk 49, see registry/quirks.md): build caches have them.
    Blob(Descriptor),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestRole {
    Root,
    Child,
    Referrer,
}

/// Limits nested indexes and referrers of referrers, which a registry could nest without end.
const MAX_DEPTH: usize = 12;

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

/// The rows of an image of which these nodes are open.
pub fn rows(image: &Location, open: &HashSet<NodeId>, cache: &Cache) -> Vec<TreeRow> {
    let mut tree = Tree {
        open,
        cache,
        content: ContentStore::of(image),
        rows: Vec::new(),
    };
    let root = Node::Manifest {
        role: ManifestRole::Root,
        digest: None,
        descriptor: None,
        found: cache.root(image),
    };
    tree.manifest(NodeId::root(), root);
    tree.rows
}

struct Tree<'a> {
    open: &'a HashSet<NodeId>,
    cache: &'a Cache,
    content: ContentStore,
    rows: Vec<TreeRow>,
}

impl Tree<'_> {
    fn push(&mut self, id: NodeId, opens: bool, node: Node) -> bool {
        let opens = opens && id.depth() < MAX_DEPTH;
        let open = opens && self.open.contains(&id);
        self.rows.push(TreeRow {
            id,
            open: opens.then_some(open),
            node,
        });
        open
    }

    fn manifest(&mut self, id: NodeId, node: Node) {
        let manifest = match &node {
            Node::Manifest { found, .. } => found.ready().cloned(),
            _ => None,
        };
        let open = self.push(id.clone(), true, node);
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
                    self.descriptor(id, ManifestRole::Child, child);
                }
            }
            ManifestContent::Image { config, layers, .. } => {
                let mut history = Vec::new();
                if let Some(descriptor) = config.as_deref() {
                    let found = self.cache.config(&self.content, descriptor);
                    let image = found.ready().and_then(|config| config.image.as_ref());
                    if let Some(image) = image {
                        history.clone_from(&image.history);
                    }
                    let descriptor = descriptor.clone();
                    let node = Node::Config { descriptor, found };
                    self.push(id.below(Edge::Config), false, node);
                }
                for (at, step) in steps(layers.len(), &history).into_iter().enumerate() {
                    let layer = step.layer.and_then(|layer| layers.get(layer)).cloned();
                    let node = Node::Step { step, layer };
                    self.push(id.below(Edge::Step(at)), false, node);
                }
            }
        }
    }

    fn referrers(&mut self, id: &NodeId, manifest: &Manifest) {
        let id = id.referrers();
        let found = self.cache.referrers(&self.content, &manifest.digest);
        let referrers = found.ready().cloned();
        let none = (referrers.as_ref()).is_some_and(|referrers| referrers.entries.is_empty());
        let of = manifest.digest.clone();
        let open = self.push(id.clone(), !none, Node::Referrers { of, found });
        if let (true, Some(referrers)) = (open, referrers) {
            for (at, referrer) in referrers.entries.iter().enumerate() {
                self.descriptor(id.below(Edge::Child(at)), ManifestRole::Referrer, referrer);
            }
        }
    }

    fn descriptor(&mut self, id: NodeId, role: ManifestRole, descriptor: &Descriptor) {
        match descriptor.media_type.is_manifest() {
            true => {
                let node = Node::Manifest {
                    role,
                    found: self.cache.manifest(&self.content, &descriptor.digest),
                    digest: Some(descriptor.digest.clone()),
                    descriptor: Some(descriptor.clone()),
                };
                self.manifest(id, node);
            }
            false => {
                self.push(id, false, Node::Blob(descriptor.clone()));
            }
        }
    }
}
