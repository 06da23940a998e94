#include <hikyaku/template/render_json.h>
#include <hikyaku/template/renderer.h>

#include "machine.h"

#include <boost/json/object.hpp>

namespace hikyaku::tmpl
{

renderer::renderer(render_limits limits) : machine_(std::make_unique<machine>(limits)) {}
renderer::renderer(renderer&&) noexcept = default;
renderer& renderer::operator=(renderer&&) noexcept = default;
renderer::~renderer() = default;

result<void, source_error> renderer::render(const program& program, std::span<const value> slots,
                                            const render_clock& clock, std::string& out)
{
    return machine_->render(program.code(), slots, clock, out);
}

result<std::string, source_error> render_json(std::string_view source, const json::value& data,
                                              escape_mode mode, const render_clock& now)
{
    const auto* const object = data.if_object();
    if (object == nullptr)
    {
        return source_error{1, 1, "the data is not a JSON object"};
    }
    slot_table slots;
    std::vector<value> values;
    for (const auto& member : *object)
    {
        (void)slots.obtain(member.key());
        values.push_back(value::from_json(member.value()));
    }
    const auto compiled = compile(source, mode, slots);
    if (!compiled)
    {
        return compiled.error();
    }
    std::string out;
    const auto rendered = renderer().render(*compiled, values, now, out);
    if (!rendered)
    {
        return rendered.error();
    }
    return out;
}

} // namespace hikyaku::tmpl
