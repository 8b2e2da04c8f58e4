//! The order in which groups become nodes.
//!
//! The one idea: groups whose instances need each other, as in a recursion over time, are the cycles
//! among groups; everything else is in order, a group at a time.

use super::number::Number;
use super::{Column, Group, Kind, Trace, narrow};

/// Groups that are made together.
#[derive(Debug)]
pub(super) struct Component {
    pub(super) groups: Vec<u32>,
    /// Whether instances need instances of the same component.
    pub(super) is_cyclic: bool,
}

/// The groups that `roots` need, each component after those that it needs (Tarjan's algorithm).
pub(super) fn components(groups: &[Group], roots: impl Iterator<Item = u32>) -> Vec<Component> {
    let mut search = Search {
        needs: vec![None; groups.len()],
        number: vec![0; groups.len()],
        low: vec![0; groups.len()],
        on_stack: vec![false; groups.len()],
        stack: Vec::new(),
        count: 0,
        done: Vec::new(),
    };
    for root in roots {
        search.from(groups, root);
    }
    search.done
}

struct Search {
    /// What each group needs; filled when it is met.
    needs: Vec<Option<Vec<u32>>>,
    /// The order of meeting, from 1; 0 before.
    number: Vec<usize>,
    low: Vec<usize>,
    on_stack: Vec<bool>,
    stack: Vec<u32>,
    count: usize,
    done: Vec<Component>,
}

impl Search {
    fn meet(&mut self, groups: &[Group], group: u32) {
        let g = group as usize;
        self.count += 1;
        self.number[g] = self.count;
        self.low[g] = self.count;
        self.on_stack[g] = true;
        self.stack.push(group);
        self.needs[g] = Some(needs(&groups[g]));
    }

    fn from(&mut self, groups: &[Group], root: u32) {
        if self.number[root as usize] > 0 {
            return;
        }
        // Groups on the way, and how many of their needs are done. A recursion of the program can make
        // the way long, so it is a list and no recursion here.
        let mut way = vec![(root, 0)];
        self.meet(groups, root);
        while let Some((group, next)) = way.last_mut() {
            let g = *group as usize;
            let need = self.needs[g].as_ref().and_then(|n| n.get(*next)).copied();
            let Some(need) = need else {
                if self.low[g] == self.number[g] {
                    self.finish(*group);
                }
                let low = self.low[g];
                way.pop();
                if let Some((above, _)) = way.last() {
                    let above = *above as usize;
                    self.low[above] = self.low[above].min(low);
                }
                continue;
            };
            *next += 1;
            let n = need as usize;
            if self.number[n] == 0 {
                self.meet(groups, need);
                way.push((need, 0));
            } else if self.on_stack[n] {
                self.low[g] = self.low[g].min(self.number[n]);
            }
        }
    }

    fn finish(&mut self, first: u32) {
        let at = self
            .stack
            .iter()
            .rposition(|g| *g == first)
            .expect("a group that is finished was met");
        let groups = self.stack.split_off(at);
        for group in &groups {
            self.on_stack[*group as usize] = false;
        }
        let itself = |group: &u32| {
            self.needs[*group as usize]
                .as_ref()
                .is_some_and(|needs| needs.contains(group))
        };
        let is_cyclic = groups.len() > 1 || groups.iter().any(itself);
        self.done.push(Component { groups, is_cyclic });
    }
}

/// The groups whose entries are arguments of a group, each once.
fn needs(group: &Group) -> Vec<u32> {
    let mut needs = Vec::new();
    let mut last = None;
    let mut see = |number: Number| {
        if let Number::Symbol(symbol) = number
            && last != Some(symbol.group)
        {
            last = Some(symbol.group);
            if !needs.contains(&symbol.group) {
                needs.push(symbol.group);
            }
        }
    };
    for column in &group.args {
        match column {
            Column::Numbers(numbers) => numbers.iter().copied().for_each(&mut see),
            Column::Values(values) => values
                .iter()
                .flat_map(super::Operand::numbers)
                .for_each(&mut see),
        }
    }
    needs
}

impl Trace {
    /// The places of random numbers, those that no other random number depends on first: each list
    /// depends on the lists before alone. `None` if a place depends on itself, as in a random walk.
    pub(crate) fn random_stages(&self) -> Option<Vec<Vec<u32>>> {
        let all = 0..narrow(self.groups.len());
        let is_random = |group: u32| matches!(self.groups[group as usize].kind, Kind::Random);
        let mut stage = vec![0; self.groups.len()];
        let mut stages: Vec<Vec<u32>> = Vec::new();
        for component in components(&self.groups, all) {
            let needs = component
                .groups
                .iter()
                .flat_map(|g| needs(&self.groups[*g as usize]));
            let here = needs.map(|g| stage[g as usize]).max().unwrap_or(0);
            for group in &component.groups {
                stage[*group as usize] = here;
            }
            if !component.groups.iter().any(|g| is_random(*g)) {
                continue;
            }
            if component.is_cyclic {
                return None;
            }
            let group = component.groups[0];
            stage[group as usize] = here + 1;
            if stages.len() <= here {
                stages.resize(here + 1, Vec::new());
            }
            stages[here].push(group);
        }
        Some(stages)
    }

    /// The numbers of a place together.
    pub(crate) fn entries(&self, group: u32) -> usize {
        let g = &self.groups[group as usize];
        g.instances() * g.out.len()
    }
}
