#include <hikyaku/template/program.h>

#include <hikyaku/text/utf8.h>

#include "code.h"
#include "compiler.h"

namespace hikyaku::tmpl
{
namespace
{

std::size_t first_invalid(std::string_view source) noexcept
{
    std::size_t at = 0;
    while (at < source.size())
    {
        const auto point = text::first_code_point(source.substr(at));
        if (!point.valid)
        {
            break;
        }
        at += point.size;
    }
    return at;
}

} // namespace

program::program(std::shared_ptr<const program_code> code) noexcept : code_(std::move(code)) {}

std::span<const std::uint32_t> program::slots() const noexcept
{
    return code_->slots;
}

escape_mode program::mode() const noexcept
{
    return code_->mode;
}

bool program::reads_any_slot() const noexcept
{
    return code_->reads_any_slot;
}

result<program, source_error> compile(std::string_view source, escape_mode mode, slot_table& slots,
                                      const compile_limits& limits)
{
    // Positions are 32 bits wide.
    const auto bytes_max =
        std::min<std::size_t>(limits.source_bytes_max, std::size_t{no_index} / 4);
    if (source.size() > bytes_max)
    {
        return source_error{1, 1,
                            "the template has more than " + std::to_string(bytes_max) +
                                " bytes (limit source_bytes_max)"};
    }
    if (!text::is_valid_utf8(source))
    {
        return error_at(source, first_invalid(source), "the template is not UTF-8");
    }
    auto code = std::make_shared<program_code>();
    code->mode = mode;
    code->source = source;
    try
    {
        compiler(*code, slots, limits).run();
    }
    catch (const syntax_failure& failure)
    {
        return error_at(source, failure.position, failure.text);
    }
    return program(std::move(code));
}

} // namespace hikyaku::tmpl
