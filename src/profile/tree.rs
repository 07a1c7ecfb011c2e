//! A call tree that is put together path by path, for files that hold stacks and for merging.

use std::collections::HashMap;
use std::hash::Hash;

/// Nodes in the order in which they were added; 0 is the root.
#[derive(Debug)]
pub struct Tree<K> {
    /// What tells a node from its siblings; the root has none.
    pub keys: Vec<Option<K>>,
    /// The caller of each node; the root's is itself.
    pub parents: Vec<u32>,
    children: HashMap<(u32, K), u32>,
}

impl<K: Copy + Eq + Hash> Default for Tree<K> {
    fn default() -> Tree<K> {
        Tree { keys: vec![None], parents: vec![0], children: HashMap::new() }
    }
}

impl<K: Copy + Eq + Hash> Tree<K> {
    /// The child of that key, added if it is new.
    pub fn child(&mut self, parent: u32, key: K) -> u32 {
        *self.children.entry((parent, key)).or_insert_with(|| {
            self.keys.push(Some(key));
            self.parents.push(parent);
            self.parents.len() as u32 - 1
        })
    }

    /// All nodes, each after its caller and before its caller's next callee; the callees of one
    /// caller in the order in which they were added.
    pub fn pre_order(&self) -> Vec<u32> {
        let count = self.parents.len();
        // The children of each node as a list; the root, 0, is nobody's child. Nodes come after
        // their callers, so backwards makes the lists come out forwards.
        let (mut first_child, mut next_sibling) = (vec![0; count], vec![0; count]);
        for node in (1..count).rev() {
            let parent = self.parents[node] as usize;
            next_sibling[node] = first_child[parent];
            first_child[parent] = node;
        }
        let mut order = Vec::with_capacity(count);
        let mut pending = vec![0];
        while let Some(node) = pending.pop() {
            order.push(node as u32);
            // The sibling has to wait until the whole of this node's tree is through.
            pending
                .extend([next_sibling[node], first_child[node]].iter().filter(|&&next| next > 0));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_paths_and_orders_them() {
        let mut tree = Tree::default();
        for path in ["ab", "c", "ad", "cb", "ab"] {
            path.chars().fold(0, |parent, key| tree.child(parent, key));
        }
        let order = tree.pre_order();
        let keys: String = order.iter().filter_map(|&node| tree.keys[node as usize]).collect();
        assert_eq!(keys, "abdcb");
        assert_eq!(order[0], 0);
    }

    #[test]
    fn orders_a_tree_of_any_depth() {
        let mut tree = Tree::default();
        (0..200_000).fold(0, |parent, key| tree.child(parent, key));
        assert!(tree.pre_order().into_iter().eq(0..=200_000));
    }
}
