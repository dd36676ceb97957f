//! A directed graph of sibling modules.

use std::collections::{BTreeMap, BTreeSet};

/// Edges between named modules, each with the first place that needs it.
#[derive(Default)]
pub(super) struct Graph {
    edges: BTreeMap<String, BTreeMap<String, String>>,
}

impl Graph {
    pub(super) fn add(&mut self, from: &str, to: &str, place: String) {
        self.edges.entry(from.to_owned()).or_default().entry(to.to_owned()).or_insert(place);
    }

    /// One shortest cycle for each group of modules that reach each other.
    pub(super) fn cycles(&self) -> Vec<String> {
        let mut done = BTreeSet::new();
        let mut cycles = Vec::new();
        for start in self.edges.keys() {
            if done.contains(start) {
                continue;
            }
            if let Some(cycle) = self.shortest_cycle(start) {
                done.extend(cycle.iter().cloned());
                cycles.push(self.describe(&cycle));
            }
        }
        cycles
    }

    /// Breadth-first search for the way back to a module.
    fn shortest_cycle(&self, start: &str) -> Option<Vec<String>> {
        let mut paths = vec![vec![start.to_owned()]];
        let mut seen = BTreeSet::new();
        while !paths.is_empty() {
            let mut longer = Vec::new();
            for path in paths {
                let last = path.last().expect("no path is empty");
                for next in self.edges.get(last).into_iter().flat_map(BTreeMap::keys) {
                    if next == start {
                        return Some(path);
                    }
                    if seen.insert(next.clone()) {
                        longer.push(path.iter().cloned().chain([next.clone()]).collect());
                    }
                }
            }
            paths = longer;
        }
        None
    }

    fn describe(&self, cycle: &[String]) -> String {
        let following = cycle.iter().skip(1).chain(cycle.first());
        let steps = cycle.iter().zip(following).map(|(from, to)| format!("{from} -> {to} ({})", self.edges[from][to]));
        steps.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Graph {
        let mut graph = Graph::default();
        for (from, to) in edges {
            graph.add(from, to, format!("{from}.rs:1"));
        }
        graph
    }

    #[test]
    fn cycles_are_empty_for_an_acyclic_graph() {
        assert!(graph(&[("a", "b"), ("b", "c"), ("a", "c")]).cycles().is_empty());
    }

    #[test]
    fn cycles_name_each_step_and_its_place() {
        let cycles = graph(&[("a", "b"), ("b", "c"), ("c", "a")]).cycles();
        assert_eq!(cycles, ["a -> b (a.rs:1), b -> c (b.rs:1), c -> a (c.rs:1)"]);
    }
}
