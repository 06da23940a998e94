#include <hikyaku/template/render_json.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace tmpl = hikyaku::tmpl;

namespace
{

const hikyaku::json::value& data()
{
    static const auto value =
        hikyaku::parse_json(R"({"a":[3,"x",null,[1,2.5],{"k":"v"}],"o":{"k":{"l":[1]},"size":9},
            "s":"a <b>\r\n日本\u2028","n":-7,"d":12.345,"big":1e300,"t":true,"e":"",
            "date":"2026-03-01T10:20:30+09:00","氏名":"山田"})")
            .value();
    return value;
}

bool has_line_break(std::string_view text)
{
    return text.find_first_of("\r\n") != std::string_view::npos ||
           text.find("\xC2\x85") != std::string_view::npos ||
           text.find("\xE2\x80\xA8") != std::string_view::npos;
}

} // namespace

/// First byte: the escape mode. The rest: a template, rendered with fixed data and small limits.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size)
{
    if (size == 0)
    {
        return 0;
    }
    const std::string_view source(reinterpret_cast<const char*>(bytes) + 1, size - 1);
    const auto mode = static_cast<tmpl::escape_mode>(bytes[0] % 3);
    tmpl::slot_table slots;
    std::vector<tmpl::value> values;
    for (const auto& m : data().get_object())
    {
        (void)slots.obtain(m.key());
        values.push_back(tmpl::value::from_json(m.value()));
    }
    const auto program = tmpl::compile(source, mode, slots);
    if (!program)
    {
        return 0;
    }
    tmpl::render_limits limits;
    limits.loop_iterations_max = 2'000;
    limits.output_bytes_max = 64u << 10;
    limits.scratch_bytes_max = 1u << 20;
    limits.work_bytes_max = 1u << 20;
    std::string out = "kept";
    tmpl::renderer renderer(limits);
    const auto rendered = renderer.render(*program, values, {}, out);
    const bool sound = out.starts_with("kept") && (rendered || out == "kept") &&
                       out.size() <= limits.output_bytes_max + 4 &&
                       (mode != tmpl::escape_mode::header || !has_line_break(out));
    if (!sound)
    {
        std::abort();
    }
    return 0;
}
