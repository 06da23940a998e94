#include <hikyaku/shaping/text_pattern.h>

#include <re2/re2.h>

namespace hikyaku::shaping
{
namespace
{

RE2::Options options()
{
    RE2::Options o;
    o.set_case_sensitive(false);
    o.set_never_capture(true);
    o.set_log_errors(false);
    o.set_max_mem(text_pattern::memory_bytes_max);
    return o;
}

} // namespace

struct text_pattern::machine
{
    explicit machine(std::string_view expression)
        : source(expression), re(re2::StringPiece(source.data(), source.size()), options())
    {
    }
    [[nodiscard]] bool matches(std::string_view text) const
    {
        const re2::StringPiece piece(text.data(), text.size());
        return re.Match(piece, 0, piece.size(), RE2::UNANCHORED, nullptr, 0);
    }

    std::string source;
    RE2 re;
};

text_pattern::text_pattern(std::unique_ptr<machine> m) noexcept : machine_(std::move(m)) {}
text_pattern::text_pattern(text_pattern&&) noexcept = default;
text_pattern& text_pattern::operator=(text_pattern&&) noexcept = default;
text_pattern::~text_pattern() = default;

result<text_pattern, failure> text_pattern::compile(std::string_view expression)
{
    if (expression.empty() || expression.size() > pattern_bytes_max)
    {
        return failure{"a pattern has 1 to 1000 bytes"};
    }
    auto made = std::make_unique<machine>(expression);
    if (!made->re.ok())
    {
        const std::string& part = made->re.error_arg();
        return failure{"not a regular expression (RE2): " + made->re.error() +
                       (part.empty() ? "" : " at '" + part.substr(0, 64) + "'")};
    }
    if (made->matches(""))
    {
        return failure{"this pattern matches every text"};
    }
    return text_pattern(std::move(made));
}

bool text_pattern::matches(std::string_view text) const noexcept
{
    return machine_->matches(text);
}

const std::string& text_pattern::expression() const noexcept
{
    return machine_->source;
}

} // namespace hikyaku::shaping
