#include "text_matcher.h"

#include <array>

#include <re2/filtered_re2.h>
#include <re2/re2.h>

namespace hikyaku::bounce
{
namespace
{

RE2::Options options()
{
    RE2::Options o;
    o.set_never_capture(true);
    o.set_log_errors(false);
    o.set_max_mem(text_matcher::memory_bytes_max);
    return o;
}

re2::StringPiece piece_of(std::string_view text)
{
    return {text.data(), text.size()};
}

} // namespace

struct text_matcher::machine
{
    static constexpr std::size_t buckets = 1u << 13;

    machine() : filtered(atom_bytes_min) {}

    /// Of the first atom_bytes_min bytes.
    static std::size_t bucket_of(const char* p) noexcept
    {
        const auto byte = [p](int i) { return std::uint32_t{static_cast<unsigned char>(p[i])}; };
        const std::uint32_t three = byte(0) | (byte(1) << 8) | (byte(2) << 16);
        return (three * 2654435761u) >> (32 - 13);
    }

    re2::FilteredRE2 filtered;
    std::vector<std::string> atoms;
    /// First atom of each bucket, and the one behind each atom; -1 ends.
    std::array<int, buckets> first{};
    std::vector<int> next;
};

text_matcher::text_matcher() : machine_(std::make_unique<machine>()) {}
text_matcher::~text_matcher() = default;

result<std::size_t, failure> text_matcher::add(std::string_view expression)
{
    const RE2 alone(piece_of(expression), options());
    if (!alone.ok())
    {
        const std::string& part = alone.error_arg();
        return failure{"not a regular expression (RE2): " + alone.error() +
                       (part.empty() ? "" : " at '" + part.substr(0, 64) + "'")};
    }
    if (RE2::PartialMatch("", alone))
    {
        return failure{"this expression matches every text"};
    }
    int id = 0;
    (void)machine_->filtered.Add(piece_of(expression), options(), &id);
    return static_cast<std::size_t>(id);
}

void text_matcher::compile()
{
    machine& m = *machine_;
    m.first.fill(-1);
    if (m.filtered.NumRegexps() == 0)
    {
        return;
    }
    m.filtered.Compile(&m.atoms);
    m.next.resize(m.atoms.size(), -1);
    for (std::size_t i = 0; i < m.atoms.size(); ++i)
    {
        int& head = m.first[machine::bucket_of(m.atoms[i].data())];
        m.next[i] = head;
        head = static_cast<int>(i);
    }
}

void text_matcher::find_candidates(std::string_view text, std::vector<int>& out) const
{
    const machine& m = *machine_;
    out.clear();
    if (m.filtered.NumRegexps() == 0)
    {
        return;
    }
    std::vector<int> found;
    for (std::size_t i = 0; i + atom_bytes_min <= text.size(); ++i)
    {
        for (int a = m.first[machine::bucket_of(text.data() + i)]; a >= 0;
             a = m.next[static_cast<std::size_t>(a)])
        {
            if (text.substr(i).starts_with(m.atoms[static_cast<std::size_t>(a)]))
            {
                found.push_back(a);
            }
        }
    }
    m.filtered.AllPotentials(found, &out);
}

bool text_matcher::matches(std::size_t number, std::string_view text) const
{
    const RE2& re = machine_->filtered.GetRE2(static_cast<int>(number));
    const auto piece = piece_of(text);
    return re.Match(piece, 0, piece.size(), RE2::UNANCHORED, nullptr, 0);
}

} // namespace hikyaku::bounce
