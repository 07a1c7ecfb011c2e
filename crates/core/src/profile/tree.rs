//! A call tree that is put together path by path, for files that hold stacks and for merging.

use std::hash::Hash;

use foldhash::HashMap;
use foldhash::fast::RandomState;

/// Nodes in the order in which they were added; 0 is the root.
#[derive(Debug)]
pub struct Tree<K> {
    /// What tells a node from its siblings; the root has none.
    pub keys: Vec<Option<K>>,
    /// The caller of each node; the root's is itself.
    pub parents: Vec<u32>,
    /// Seeded: whoever writes a file chooses which keys meet under which parents.
    children: HashMap<(u32, K), u32>,
}

impl<K: Copy + Eq + Hash> Tree<K> {
    /// The root, with room for so many nodes.
    pub fn with_capacity(nodes: usize) -> Tree<K> {
        let children = HashMap::with_capacity_and_hasher(nodes, RandomState::default());
        Tree { keys: vec![None], parents: vec![0], children }
    }

    /// The child of that key, added if it is new.
    pub fn child(&mut self, parent: u32, key: K) -> u32 {
        *self.children.entry((parent, key)).or_insert_with(|| {
            self.keys.push(Some(key));
            self.parents.push(parent);
            self.parents.len() as u32 - 1
        })
    }

    /// All nodes, each after its caller and before its caller's next callee, the callees of one
    /// caller in the order in which they were added; and the place of each node in that order.
    pub fn pre_order(&self) -> (Vec<u32>, Vec<u32>) {
        pre_order(&self.parents)
    }
}

/// The same of a tree of which the caller of each node is given; it comes before the node. The root, the
/// first one, is its own.
pub fn pre_order(parents: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let count = parents.len();
    let (first_child, next_sibling) = child_lists(parents.iter().copied());
    let (mut order, mut ranks) = (Vec::with_capacity(count), vec![0; count]);
    let mut pending = vec![0];
    while let Some(node) = pending.pop() {
        ranks[node as usize] = order.len() as u32;
        order.push(node);
        // The sibling has to wait until the whole of this node's tree is through.
        let next = [next_sibling[node as usize], first_child[node as usize]];
        pending.extend(next.iter().filter(|&&next| next > 0));
    }
    (order, ranks)
}

/// The first child of each node and its next sibling, 0 for none: the root, 0, is nobody's child.
/// Each node comes after its parent.
pub fn child_lists(
    parents: impl DoubleEndedIterator<Item = u32> + ExactSizeIterator,
) -> (Vec<u32>, Vec<u32>) {
    let (mut first_child, mut next_sibling) = (vec![0; parents.len()], vec![0; parents.len()]);
    // Backwards, so that the lists come out forwards.
    for (node, parent) in parents.enumerate().skip(1).rev() {
        next_sibling[node] = first_child[parent as usize];
        first_child[parent as usize] = node as u32;
    }
    (first_child, next_sibling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_paths_and_orders_them() {
        let mut tree = Tree::with_capacity(0);
        for path in ["ab", "c", "ad", "cb", "ab"] {
            path.chars().fold(0, |parent, key| tree.child(parent, key));
        }
        let (order, ranks) = tree.pre_order();
        assert!(
            order.iter().enumerate().all(|(rank, &node)| ranks[node as usize] as usize == rank)
        );
        let keys: String = order.iter().filter_map(|&node| tree.keys[node as usize]).collect();
        assert_eq!(keys, "abdcb");
        assert_eq!(order[0], 0);
    }

    #[test]
    fn orders_a_tree_of_any_depth() {
        let mut tree = Tree::with_capacity(0);
        (0..200_000).fold(0, |parent, key| tree.child(parent, key));
        assert!(tree.pre_order().0.into_iter().eq(0..=200_000));
    }
}
