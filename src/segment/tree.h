#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <hikyaku/segment/condition.h>

#include "moment.h"
#include "operators.h"

namespace hikyaku::segment
{

/// A comparison, ready to run. Only the operand vector of the field's type is filled.
struct leaf
{
    std::string field;
    field_ref at;
    op which = op::eq;
    /// Normalised. Of a list: sorted, each once.
    std::vector<std::string> texts;
    /// Of a list: sorted.
    std::vector<decimal> numbers;
    std::vector<moment> moments;
    bool truth = false;
    /// The value as canonical JSON; empty when the operator takes none.
    std::string shown;
};

enum class node_kind
{
    all,
    any,
    negation,
    leaf,
};

struct node
{
    node_kind kind = node_kind::all;
    /// Index past the last node of this subtree.
    std::uint32_t end = 0;
    /// Index into tree::leaves (kind leaf only).
    std::uint32_t leaf = 0;
};

/// Pre-order: the children of node i start at i + 1, the next sibling of child c is nodes[c].end.
/// Invariant: nodes is not empty, nodes[0].end == nodes.size(), a negation has one child.
struct tree
{
    std::vector<node> nodes;
    std::vector<leaf> leaves;
    /// Applied to the texts of rows when set.
    normalizer normalize_rows;
};

} // namespace hikyaku::segment
