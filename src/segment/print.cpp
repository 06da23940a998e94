#include <hikyaku/segment/condition.h>

#include <algorithm>

#include "tree.h"

namespace hikyaku::segment
{

namespace
{

void print_leaf(const leaf& l, std::string& out)
{
    out += "{\"field\":" + to_json_text(json::value(l.field)) + ",\"op\":\"";
    out += row_of(l.which).name;
    out += '"';
    out += l.shown.empty() ? "" : ",\"value\":" + l.shown;
    out += '}';
}

// At most depth_max calls deep.
void print_node(const tree& t, std::size_t at, std::string& out)
{
    const node& self = t.nodes[at];
    switch (self.kind)
    {
    case node_kind::leaf:
        print_leaf(t.leaves[self.leaf], out);
        return;
    case node_kind::negation:
        out += "{\"not\":";
        print_node(t, at + 1, out);
        out += '}';
        return;
    case node_kind::all:
    case node_kind::any:
        break;
    }
    out += self.kind == node_kind::all ? "{\"all\":[" : "{\"any\":[";
    for (std::size_t child = at + 1; child < self.end; child = t.nodes[child].end)
    {
        out += child == at + 1 ? "" : ",";
        print_node(t, child, out);
    }
    out += "]}";
}

} // namespace

std::string canonical_json(const condition& c)
{
    std::string out;
    print_node(c.compiled(), 0, out);
    return out;
}

std::vector<std::uint32_t> slots_of(const condition& c)
{
    std::vector<std::uint32_t> slots;
    for (const leaf& l : c.compiled().leaves)
    {
        slots.push_back(l.at.slot);
    }
    std::ranges::sort(slots);
    const auto same = std::ranges::unique(slots);
    slots.erase(same.begin(), same.end());
    return slots;
}

} // namespace hikyaku::segment
