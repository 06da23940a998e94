#pragma once

#include "machine.h"

// Every filter of filter_table.cpp: replaces `v`, false after machine.fail().
namespace hikyaku::tmpl::filters
{

#define HK_FILTER(name) bool name(machine& m, value& v, const filter_arguments& a)

// filters_text.cpp
HK_FILTER(upcase);
HK_FILTER(downcase);
HK_FILTER(capitalize);
HK_FILTER(append);
HK_FILTER(prepend);
HK_FILTER(strip);
HK_FILTER(lstrip);
HK_FILTER(rstrip);
HK_FILTER(strip_newlines);
HK_FILTER(truncate);
HK_FILTER(truncatewords);
HK_FILTER(slice);
HK_FILTER(size);
HK_FILTER(default_value);

// filters_replace.cpp
HK_FILTER(replace);
HK_FILTER(replace_first);
HK_FILTER(replace_last);
HK_FILTER(remove);
HK_FILTER(remove_first);
HK_FILTER(remove_last);
HK_FILTER(split);

// filters_markup.cpp
HK_FILTER(escape);
HK_FILTER(escape_once);
HK_FILTER(newline_to_br);
HK_FILTER(strip_html);
HK_FILTER(url_encode);
HK_FILTER(url_decode);

// filters_number.cpp
HK_FILTER(plus);
HK_FILTER(minus);
HK_FILTER(times);
HK_FILTER(divided_by);
HK_FILTER(modulo);
HK_FILTER(abs);
HK_FILTER(ceil);
HK_FILTER(floor);
HK_FILTER(round);
HK_FILTER(at_least);
HK_FILTER(at_most);
HK_FILTER(number);

// filters_array.cpp
HK_FILTER(join);
HK_FILTER(first);
HK_FILTER(last);
HK_FILTER(sort);
HK_FILTER(uniq);
HK_FILTER(reverse);
HK_FILTER(map);
HK_FILTER(where);
HK_FILTER(compact);
HK_FILTER(concat);

// filters_date.cpp
HK_FILTER(date);

#undef HK_FILTER

} // namespace hikyaku::tmpl::filters
