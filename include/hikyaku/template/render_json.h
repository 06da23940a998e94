#pragma once

#include <string>
#include <string_view>

#include <hikyaku/base/json.h>
#include <hikyaku/template/program.h>
#include <hikyaku/template/renderer.h>

namespace hikyaku::tmpl
{

/// Compiles and renders once; the members of `data` are the root names. For previews and the
/// command line. @error as compile() and render(); `data` is not an object
[[nodiscard]] result<std::string, source_error> render_json(std::string_view source,
                                                            const json::value& data,
                                                            escape_mode mode,
                                                            const render_clock& now);

} // namespace hikyaku::tmpl
