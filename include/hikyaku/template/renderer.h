#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include <hikyaku/base/time.h>
#include <hikyaku/template/limits.h>
#include <hikyaku/template/program.h>
#include <hikyaku/template/value.h>

namespace hikyaku::tmpl
{

/// "now" for {{ 'now' | date }}, and the zone that times without one are in.
struct render_clock
{
    wall_time now{};
    /// Minutes east of UTC.
    int offset_minutes = 0;
    /// For %Z, "JST". Empty: "UTC" or "+09:00".
    std::string_view zone_name{};
};

class machine;

/// Renders programs; its scratch memory is kept between renderings, so that a usual one allocates
/// nothing. One per thread.
class renderer
{
public:
    explicit renderer(render_limits limits = {});
    renderer(renderer&&) noexcept;
    renderer& operator=(renderer&&) noexcept;
    ~renderer();

    /// Appends the rendering to `out`. A slot that `slots` does not reach is nil.
    /// @error what Liquid calls an error (division by zero, 'a' < 1, a limit that is no integer,
    ///        ...) and exceeded limits; `out` is then as it was before.
    [[nodiscard]] result<void, source_error> render(const program& program,
                                                    std::span<const value> slots,
                                                    const render_clock& clock, std::string& out);

private:
    std::unique_ptr<machine> machine_;
};

} // namespace hikyaku::tmpl
