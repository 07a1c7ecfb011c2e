//! A walk through a tree in pre-order, of any depth: nothing recurses.

/// The way from the root to the node that a walk has come to, each node with a value.
#[derive(Debug)]
pub struct Path<T>(Vec<(u32, T)>);

impl<T> Default for Path<T> {
    fn default() -> Path<T> {
        Path(Vec::new())
    }
}

impl<T> Path<T> {
    /// Goes on to the next node. What does not lead to it is left.
    pub fn enter(&mut self, node: u32, parent: u32, value: T) {
        while self.leave(parent).is_some() {}
        self.0.push((node, value));
    }

    /// Leaves the innermost node and tells its value, unless it is the parent of the next node.
    pub fn leave(&mut self, parent: u32) -> Option<T> {
        self.0.pop_if(|&mut (node, _)| node != parent).map(|(_, value)| value)
    }

    /// The values on the way, the outermost first.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leads_to_each_node_in_turn() {
        let mut path = Path::default();
        let nodes = [(0, 'r'), (0, 'a'), (1, 'b'), (1, 'c'), (0, 'd')];
        let ways = (0..).zip(nodes).map(|(node, (parent, name))| {
            path.enter(node, parent, name);
            path.values().collect::<String>()
        });
        assert_eq!(ways.collect::<Vec<_>>(), ["r", "ra", "rab", "rac", "rd"]);
    }
}
