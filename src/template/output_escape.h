#pragma once

#include <string>
#include <string_view>

#include <hikyaku/template/program.h>

namespace hikyaku::tmpl
{

/// Appends `text` with & < > " ' as entities.
void append_html(std::string& out, std::string_view text);
/// Appends `text` so that it fits into one header field: see escape_mode::header.
void append_header(std::string& out, std::string_view text);
/// Appends `text` as `mode` says.
void append_escaped(std::string& out, std::string_view text, escape_mode mode);

} // namespace hikyaku::tmpl
